"""No name where details of an orthogonal wavelet vanish, whatever it rests on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from forensics_features.rotation import Rotation
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import PROCESS_NAMES
from PIL import Image

from forensics import analyze
from forensics.dataset.shrinkage_steps import Shrink
from forensics.results.analysis import Analysis
from forensics.results.steps import RotationStep
from forensics.verdict import doubt, recompression, shrunk
from forensics.verdict.restated import ranked
from tests.features.test_scaled_grid import photograph

SAMPLES = Path(__file__).parents[2] / "examples"


@cache
def sample() -> Analysis:
    return analyze(SAMPLES / "uncompressed.png")


def noisy() -> np.ndarray:
    added = np.random.default_rng(1).normal(0, 4, (256, 256, 3))
    return np.clip(photograph(256, 1) + added, 0, 255).astype(np.uint8)


@cache
def reduced(wavelet: str) -> np.ndarray:
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    return Shrink(wavelet, 4, 1, "hard", 14.0, colour=0.0).apply(noisy())


def named(verdict: str, process: str = "") -> Analysis:
    others = 0.01 / (len(PROCESS_NAMES) - 1)
    ranking = ranked({name: 0.99 if name == (process or verdict) else others for name in PROCESS_NAMES})
    return replace(sample(), verdict=verdict, probability=0.99, ranking=ranking)


@pytest.mark.parametrize(
    ("verdict", "process", "wavelet"),
    [
        ("jpeg2000", "", "sym8"),
        ("jpegxr", "", "haar"),
        ("hevc-intra", "heic", "db2"),
        ("jpegxl", "", "coif1"),
        ("other-lossy", "", "haar"),
    ],
)
def test_a_name_is_not_given(verdict: str, process: str, wavelet: str) -> None:
    before = named(verdict, process)
    after = shrunk.withheld(before, before, reduced(wavelet))
    assert after.verdict == INCONCLUSIVE
    assert after.ranking[0][0] == "uncompressed"
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert after.evidence[0].trace == shrunk.TRACE
    assert wavelet in after.evidence[0].text
    assert doubt.withheld(after.limits)  # so that nothing later calls it uncompressed, either


@pytest.mark.parametrize(
    ("verdict", "wavelet"), [("jpeg", "haar"), ("other-lossy", "db4"), ("uncompressed", "haar"), ("palette", "haar")]
)
def test_other_names_stay(verdict: str, wavelet: str) -> None:
    before = named(verdict, "jpeg")
    assert shrunk.withheld(before, before, reduced(wavelet)) is before


def test_a_codec_keeps_its_name() -> None:
    for name in ("jpeg2000", "webp"):
        before = named(name)
        assert shrunk.withheld(before, before, np.asarray(Image.open(SAMPLES / f"{name}.png"))) is before


def test_what_was_undone_for_the_name_is_not_told() -> None:
    before = replace(named("jpegxr"), verdict=INCONCLUSIVE)
    undone = replace(named("jpegxr"), steps=(RotationStep(Rotation(1.0, 0.0, 0.0, 9.0), 256, 256, 260, 260),))
    after = shrunk.withheld(undone, before, reduced("haar"))
    assert after.verdict == INCONCLUSIVE
    assert after.steps == ()


def test_whatever_named_it_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompression, "weighed", lambda analysis, said: named("jpegxr"))
    assert analyze(photograph(256, 1)).verdict == "jpegxr"
    assert analyze(reduced("haar")).verdict == INCONCLUSIVE
