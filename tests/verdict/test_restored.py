"""Verdicts by blocks of restored pictures, which models leave open."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import PROCESS_NAMES
from forensics_models.recompression import FAMILIES, Repeats
from forensics_models.restored import KINDS, borne_out, surest
from PIL import Image

from forensics.history.recoding import identification
from forensics.pixels import luma
from forensics.results.analysis import Analysis
from forensics.verdict import restored
from forensics.verdict.analysis import analyze
from forensics.verdict.restated import ranked
from forensics.windows.judges import shipped_open_judge
from forensics.windows.restored import Guess, guesses

PIXELS = np.zeros((200, 240, 3), np.uint8)
JUDGE: Any = SimpleNamespace(folder=None)


def blocks(uncoded: float) -> np.ndarray:
    """Logarithms of block phases that hold a picture uncoded so likely, the rest even."""
    return np.log([uncoded, *[(1 - uncoded) / (len(FAMILIES) - 1)] * (len(FAMILIES) - 1)])


@pytest.fixture(scope="module")
def sample() -> Analysis:
    return analyze("examples/uncompressed.png")


def opened(sample: Analysis, since: dict[str, float], **given: float) -> Analysis:
    others = [name for name in PROCESS_NAMES if name not in given]
    ranking = ranked({name: given.get(name, (1 - sum(given.values())) / len(others)) for name in PROCESS_NAMES})
    return replace(sample, verdict=INCONCLUSIVE, probability=ranking[0][1], ranking=ranking, afterwards=since)


@pytest.fixture
def asked_kinds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets every guess at a rotation show AV1; what was asked is kept."""
    asked: list[str] = []
    found = {name: 0.91 if name == "av1" else 0.01 for name in FAMILIES}

    def given(kind: str, pixels: np.ndarray) -> list[Guess]:
        asked.append(kind)
        return [Guess(PIXELS, 4.0, 300, 250, -2.0 if kind == "rotated" else 0.0, 3, 5)]

    def answer(kind: str, families: Any, phases: np.ndarray, strength: float) -> tuple[str, dict[str, float]]:
        return ("av1" if kind == "rotated" else ""), found

    monkeypatch.setattr(restored, "guesses", given)
    judge = SimpleNamespace(answer=answer, borne_out=lambda kind, probability, luma: borne_out(luma, sure=True))
    monkeypatch.setattr(restored, "restored_judge", lambda folder: judge)
    monkeypatch.setattr(restored, "_in_cells", lambda pixels: False)
    monkeypatch.setattr(identification, "missing", str)
    monkeypatch.setattr(identification, "repeats", lambda pixels: Repeats([0.2] * 5, [5.0, 2.0, 1.0, 1.0, 1.0]))
    monkeypatch.setattr(Guess, "phases_of_luma", lambda self, folder: blocks(0.4))
    monkeypatch.setattr(Guess, "phases", lambda self, folder: np.log(np.full(len(FAMILIES), 0.1)))
    return asked


def test_what_blocks_of_a_restored_picture_tell_is_the_verdict(sample: Analysis, asked_kinds: list[str]) -> None:
    before = opened(sample, {"resampled": 0.9}, avif=0.5, heic=0.3)
    after = restored.with_answer(before, JUDGE, PIXELS, KINDS)
    assert after.verdict == "avif"
    assert after.evidence[0].trace == restored.TRACE
    assert "rotated by 2.0 degrees: restored, blocks" in after.evidence[0].text
    assert asked_kinds == ["resized", "rotated"]
    assert restored.with_answer(before, JUDGE, PIXELS, ["resized"]) is before


def test_nothing_is_restored_without_cause(sample: Analysis, asked_kinds: list[str]) -> None:
    likely = opened(sample, {"resampled": 0.9}, avif=0.5, heic=0.3)
    for spared in (
        sample,
        replace(likely, steps=(SimpleNamespace(),)),
        replace(likely, tone=SimpleNamespace(undone=True)),
    ):
        assert restored.with_answer(spared, JUDGE, PIXELS, KINDS) is spared
    assert restored.with_answer(likely, None, PIXELS, KINDS) is likely
    assert asked_kinds == []
    noisy = replace(likely, afterwards={"resampled": 0.3, "noise": 0.7})
    assert restored.with_answer(noisy, JUDGE, PIXELS, KINDS) is noisy
    assert asked_kinds == ["cropped"]


def test_drawings_in_cells_are_not_named(
    sample: Analysis, asked_kinds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restored, "_in_cells", lambda pixels: True)
    before = opened(sample, {"several": 0.9}, avif=0.5, heic=0.3)
    assert restored.with_answer(before, JUDGE, PIXELS, KINDS) is before
    assert asked_kinds == list(KINDS)


@pytest.mark.parametrize(
    ("own", "verdict"), [(restored.REPEATED_FROM, "avif"), (restored.REPEATED_FROM - 0.1, INCONCLUSIVE)]
)
def test_the_own_encoder_has_to_repeat_the_restored_picture(
    own: float, verdict: str, sample: Analysis, asked_kinds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identification, "repeats", lambda pixels: Repeats([0.2] * 5, [own, 9.0, 9.0, 9.0, 9.0]))
    before = opened(sample, {"resampled": 0.9}, avif=0.5, heic=0.3)
    assert restored.with_answer(before, JUDGE, PIXELS, KINDS).verdict == verdict
    monkeypatch.setattr(identification, "missing", lambda: "no aom")  # then it is not asked
    assert restored.with_answer(before, JUDGE, PIXELS, KINDS).verdict == "avif"


def test_chroma_alone_names_nothing(sample: Analysis, asked_kinds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def given(guess: Guess, folder: Any) -> np.ndarray:
        seen.append(guess.degrees)
        return blocks(0.55)

    monkeypatch.setattr(Guess, "phases_of_luma", given)
    before = opened(sample, {"resampled": 0.9}, avif=0.5, heic=0.3)
    assert restored.with_answer(before, JUDGE, PIXELS, KINDS) is before
    assert seen == [-2.0]  # of the one guess that would be named
    assert asked_kinds == list(KINDS)


def test_small_pictures_have_no_guesses() -> None:
    small = np.random.default_rng(1).integers(0, 256, (90, 90, 3), np.uint8)
    assert [guesses(kind, small) for kind in KINDS] == [[], [], []]


def moved(what: str) -> np.ndarray:
    """The untouched sample as a JPEG of quality 60, moved since."""
    file = io.BytesIO()
    with Image.open("examples/uncompressed.png") as picture:
        picture.convert("RGB").save(file, "JPEG", quality=60)
    with Image.open(file) as jpeg:
        if what == "resized":
            return np.asarray(jpeg.resize((205, 205), Image.Resampling.BICUBIC))
        if what == "rotated":
            return np.asarray(jpeg.rotate(3, Image.Resampling.BICUBIC).crop((30, 30, 226, 226)))
        return np.asarray(jpeg)[3:, 5:]


@pytest.mark.parametrize("what", KINDS)
def test_blocks_of_a_moved_jpeg_show_once_it_is_restored(what: str) -> None:
    folder = shipped_open_judge().folder
    tried = guesses(what, moved(what))
    phases = [guess.phases(folder) for guess in tried]
    at = surest(phases, [guess.strength for guess in tried])
    assert FAMILIES[int(phases[at].argmax())] == "jpeg"
    found = tried[at]
    if what == "resized":
        assert (found.width, found.height) == (256, 256)
    elif what == "rotated":
        assert found.degrees == pytest.approx(3, abs=0.3)
    else:
        assert ((found.row + 3) % 8, (found.column + 5) % 8) == (0, 0)


def test_luma_is_what_a_picture_without_colours_has() -> None:
    folder, pixels = shipped_open_judge().folder, moved("cropped")
    grey = luma(pixels)
    coloured, alone = (Guess(one, 1.0, one.shape[1], one.shape[0]) for one in (pixels, grey))
    np.testing.assert_array_equal(coloured.phases_of_luma(folder), alone.phases(folder))
