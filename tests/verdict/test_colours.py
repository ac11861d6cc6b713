"""A decoder's colours alone are no codec: planes of luma and small chroma that no codec ever saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from forensics_models.open_judge import PROCESS_NAMES
from PIL import Image
from scipy import ndimage

from forensics import analyze
from forensics.pixels import luma
from forensics.verdict import colours, doubt

SAMPLES = Path(__file__).parents[2] / "examples"


def crops() -> Iterator[np.ndarray]:
    pixels = np.asarray(Image.open(SAMPLES / "uncompressed.png").convert("RGB"))
    yield pixels[3:-5, 5:-3].copy()
    yield pixels[::-1].copy()


def through_planes(rgb: np.ndarray, layout: str, blur: int = 1) -> np.ndarray:
    """To planes by FFmpeg's swscale in limited range, each blurred by a box of `blur` samples a side, and back."""
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=layout)
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size).copy()
        used = rows[:, : plane.width].astype(float)
        rows[:, : plane.width] = np.rint(ndimage.uniform_filter(used, blur, mode="nearest"))
        plane.update(rows.tobytes())
    return frame.reformat(format="rgb24").to_ndarray()


@pytest.mark.parametrize(("layout", "blur"), [("yuv420p", 3), ("yuv411p", 1), ("yuv410p", 1)])
def test_filtered_planes_and_small_chroma_are_no_codec(layout: str, blur: int) -> None:
    for rgb in crops():
        assert analyze(through_planes(rgb, layout, blur)).verdict in ("uncompressed", "inconclusive")


def test_what_is_withheld_says_why() -> None:
    result = analyze(through_planes(next(crops()), "yuv411p"))
    assert result.verdict == "inconclusive"
    assert result.limits[0] in (colours.note("other-lossy"), doubt.note("other-lossy"))
    assert result.best != "other-lossy"


@pytest.mark.parametrize("name", ["avif", "heic", "bpg"])
def test_codecs_of_luma_and_chroma_keep_their_names(name: str) -> None:
    assert analyze(SAMPLES / f"{name}.png").verdict == name


def shares(**given: float) -> dict[str, float]:
    return dict.fromkeys(PROCESS_NAMES, 0.0) | {name.replace("_", "-"): p for name, p in given.items()}


def test_luma_shows_a_family_by_all_its_members() -> None:
    seen = shares(heic=0.4, bpg=0.3, uncompressed=0.3)
    assert colours.shown_in_luma("heic", seen)
    assert not colours.shown_in_luma("avif", seen)
    assert not colours.shown_in_luma("video-hevc", seen)  # a frame is to show more
    assert colours.shown_in_luma("video-hevc", shares(heic=0.95, uncompressed=0.05))


def test_another_lossy_process_is_shown_where_luma_was_compressed_by_something() -> None:
    assert colours.shown_in_luma("other-lossy", shares(jpeg=0.5, video_vp9=0.4, uncompressed=0.1))
    assert not colours.shown_in_luma("other-lossy", shares(video_vp9=0.7, uncompressed=0.3))


def test_other_lossy_in_doubt_leaves_nothing_to_any_of_its_processes() -> None:
    less = doubt.lessened(shares(video_vp9=0.5, wsq=0.2, jpeg=0.3), "other-lossy")
    assert less["jpeg"] == 0.3
    assert less["uncompressed"] == pytest.approx(0.7 * (1 - doubt.LEAST_LEFT))


def test_luma_of_a_window() -> None:
    rgb = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]], np.uint8)
    assert luma(rgb).tolist() == [[76, 150], [29, 18]]


def test_a_jpeg_that_was_thinned_out_is_no_hevc() -> None:
    """Every second pixel of a fine JPEG: its colours, and nothing of its grid."""
    from io import BytesIO

    stream = BytesIO()
    Image.open(SAMPLES / "uncompressed.png").convert("RGB").save(stream, "JPEG", quality=92, subsampling=0)
    thinned = np.asarray(Image.open(stream))[::2, ::2]
    assert analyze(np.ascontiguousarray(thinned)).verdict in ("jpeg", "inconclusive")


@pytest.mark.parametrize(("nothing", "asked"), [(0.2, True), (0.8, False)])
def test_hevc_intra_of_a_changed_picture_is_asked_of_luma(
    nothing: float, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(doubt, "log_odds", lambda *given: 5.0)
    reading = SimpleNamespace(
        verdict="hevc-intra",
        probabilities=shares(heic=0.9, bpg=0.05, uncompressed=0.05),
        opened=SimpleNamespace(afterwards={"nothing": nothing}),
    )
    pieces = [next(crops())]
    assert colours.may_rest_on_them(reading, object(), pieces) is asked  # type: ignore[arg-type]
