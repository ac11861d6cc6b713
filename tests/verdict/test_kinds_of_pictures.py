"""Kinds of pictures that were once called compressed though nothing was, or by the wrong codec: the shipped models'
verdict on each, on pictures made here.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

import forensics
from forensics.results.analysis import Analysis
from tests.verdict.test_fine_hevc import noisy_scene

NEVER_COMPRESSED = ("uncompressed", "inconclusive", "no-content")


def scene(side: int) -> np.ndarray:
    """A square of the noisy scene, mirrored where it is larger than that."""
    small = noisy_scene(2)[:288, :288].round().astype(np.uint8)
    return np.concatenate([np.concatenate([small, small[:, ::-1]], 1)] * 2, 0)[:side, :side]


def repeated(samples: np.ndarray, times: int) -> np.ndarray:
    return samples.repeat(times, 0).repeat(times, 1)


def sprite(height: int, width: int) -> np.ndarray:
    """Rectangles and single pixels of 16 colours."""
    rng = np.random.default_rng(3)
    index = np.zeros((height, width), int)
    for _ in range(60):
        row, column, down, across = (int(rng.integers(0, most)) for most in (height, width, 14, 20))
        index[row : row + down + 2, column : column + across + 2] = rng.integers(0, 16)
    return rng.integers(0, 256, (16, 3), np.uint8)[index]


def coded(samples: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def steps_of(said: Analysis) -> list[str]:
    return [step.name for step in said.steps]


@pytest.mark.parametrize(
    ("native", "times"),
    [
        (scene(144), 4),
        (scene(576)[::4, ::4], 4),
        (scene(72), 8),
        (sprite(72, 96), 8),
        (np.random.default_rng(1).integers(0, 2, (45, 45)).astype(np.uint8) * 255, 8),
    ],
    ids=["part", "thinned", "eight-times", "sprite", "code"],
)
def test_repeated_samples_are_undone_and_no_codec(native, times):
    said = forensics.analyze(repeated(native, times))
    assert said.verdict in NEVER_COMPRESSED
    # The note names the step where too little is left to be judged, the steps where a verdict rests on it.
    assert "repetition" in steps_of(said) or any("repeti" in statement.trace for statement in said.evidence)


def test_a_repeated_picture_has_its_native_verdict():
    native = noisy_scene(4)[:256, :256].round().astype(np.uint8)
    alone, enlarged = forensics.analyze(native), forensics.analyze(repeated(native, 2))
    assert steps_of(enlarged) == ["repetition"]
    assert (enlarged.verdict, enlarged.probability) == (alone.verdict, pytest.approx(alone.probability))


@pytest.mark.parametrize("level", [0, 64, 128, 255])
def test_one_colour_is_no_content(level):
    assert forensics.analyze(np.full((256, 256, 3), level, np.uint8)).verdict == "no-content"


GRADIENTS = {
    "corners": lambda x, y: (1 - x, x * (1 - y), y * (1 - x) + 0.2 * x * y),
    "radial": lambda x, y: tuple(np.hypot(x - centre, y - 0.5) for centre in (0.2, 0.5, 0.8)),
    "sky": lambda x, y: (0.3 + 0.5 * y, 0.5 + 0.4 * y, 0.9 + 0.1 * y),
    "diagonal": lambda x, y: ((x + y) / 2, (x + y) / 2, 1 - (x + y) / 2),
}


@pytest.mark.parametrize("kind", GRADIENTS)
def test_smooth_gradients_are_no_codec(kind):
    y, x = np.mgrid[:512, :512] / 511.0
    planes = np.stack(np.broadcast_arrays(*GRADIENTS[kind](x, y)), 2)
    assert forensics.analyze((planes.clip(0, 1) * 255 + 0.5).astype(np.uint8)).verdict in NEVER_COMPRESSED


def test_a_text_page_in_black_and_white_is_the_jpeg_that_it_was():
    page = Image.new("L", (600, 480), 255)
    pen, rng = ImageDraw.Draw(page), np.random.default_rng(1)
    for top in range(10, 460, 14):
        words = ("".join(chr(97 + letter) for letter in rng.integers(0, 26, rng.integers(2, 9))) for _ in range(14))
        pen.text((20, top), " ".join(words), fill=0)
    assert forensics.analyze(coded(np.asarray(page), 60)).verdict == "jpeg"


def test_twelve_of_sixteen_bits_are_scaled_and_the_jpeg_is_named(tmp_path):
    import imagecodecs

    deep = coded(scene(384), 80).astype(np.uint16) << 4
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(deep))
    said = forensics.analyze(path)
    assert said.verdict == "jpeg"
    assert any("scaled to the full range" in limit for limit in said.limits)


@pytest.mark.parametrize(("quality", "dither"), [(80, 1), (90, 0)])
def test_a_jpeg_in_256_colours_is_no_other_codec(quality, dither):
    paletted = Image.fromarray(coded(scene(384), quality)).quantize(256, dither=dither).convert("RGB")
    assert forensics.analyze(np.asarray(paletted)).verdict in ("jpeg", "palette", "inconclusive")


@pytest.mark.parametrize(
    ("codec", "pixel_format", "options"),
    [
        ("mpeg4", "yuv420p", {"qmin": "5", "qmax": "5"}),
        ("mpeg2video", "yuv420p", {"qmin": "4", "qmax": "4"}),
        ("prores_ks", "yuv422p10le", {}),
    ],
)
def test_frames_of_video_are_none_of_the_eight_codecs(codec, pixel_format, options):
    av = pytest.importorskip("av")
    from forensics_models.classes import CLASSES

    buffer, samples = io.BytesIO(), scene(384)
    with av.open(buffer, "w", format="matroska") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 384, 384, pixel_format
        stream.options = options
        for packet in [*stream.encode(av.VideoFrame.from_ndarray(samples, format="rgb24")), *stream.encode()]:
            file.mux(packet)
    buffer.seek(0)
    with av.open(buffer) as file:
        frame = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert forensics.analyze(frame).verdict not in set(CLASSES) - {"uncompressed"}
