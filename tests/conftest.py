"""A judge and an extractor of known behaviour, for tests of what stands around the real ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Before NumPy is loaded: as the command line does. Encoders of AV1 may give the thread that calls them a real-time
# priority, under which it starves the threads of OpenBLAS that it waits for.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES
from forensics_models.judge import Judge
from forensics_models.judgement import PictureJudgement, WindowJudgement
from PIL import Image

FEATURES = (
    "picture.grey",
    "block_dct.comb_best",
    "wavelet.97_y_hl1_comb",
    "wavelet.97_y_hl1_step",
    "lattice.bt601_full_share",
)


class FakeExtractor:
    """Gives the mean, and fixed values for four features; remembers what it was given."""

    version = 7

    def __init__(self, row: Sequence[float] = (0, 0.4, 0.01, 1.0, 0.99)) -> None:
        self.feature_names = FEATURES
        self.row, self.given = row, []

    def transform(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        pieces = list(pictures)
        self.given += pieces
        return np.tile(np.float32(self.row), (len(pieces), 1))


class FakeJudge(Judge):
    """Says the same of every window."""

    def __init__(self, **probabilities: float) -> None:
        self.card: dict[str, Any] = {
            "model": "fake",
            "manifest_sha256": "0123456789abcdef",
            "inconclusive_below": 0.6,
            "limits": ["a fake limit"],
        }
        span = {"low": 0.0, "median": 0.05, "high": 0.1}
        self.evidence = {name: dict(span) for name in FEATURES}
        self.evidence["lattice.bt601_full_share"] = {"low": 0.1, "median": 0.2, "high": 0.3}
        given = {name.replace("_", "-"): p for name, p in probabilities.items()}
        rest = (1 - sum(given.values())) / (len(FINE_CLASSES) - len(given))
        self.fine = np.array([given.get(name, rest) for name in FINE_CLASSES])

    def judge(self, features: np.ndarray, patches=(), seen=None) -> WindowJudgement:
        count = len(features)
        return WindowJudgement(
            np.tile(self.fine, (count, 1)),
            np.tile([2.0, 3.0, 4.0], (count, 1)),
            np.tile([0.9, 0.95, 0.97], (count, 1)),
        )

    def combine(self, windows: WindowJudgement) -> PictureJudgement:
        return PictureJudgement(windows.fine_probabilities.mean(axis=0), (4.0, 8.0, 16.0), (0.9, 0.95, 0.97))


@pytest.fixture
def fake_extractor() -> FakeExtractor:
    """An extractor whose rows are known."""
    return FakeExtractor()


@pytest.fixture
def fake_judge() -> type[FakeJudge]:
    """The class: `fake_judge(jpeg=0.9)` makes a judge that says so."""
    return FakeJudge


@pytest.fixture
def shipped_fakes(monkeypatch: pytest.MonkeyPatch) -> FakeExtractor:
    """Fakes in the place of the shipped model (JPEG at 0.97) and of the shipped extractor."""
    from forensics import batch, kernels, measure
    from forensics.verdict import analysis
    from forensics.windows import judges

    extractor, judge = FakeExtractor(), FakeJudge(jpeg=0.97)
    for module in (analysis, batch, judges, kernels, measure):
        monkeypatch.setattr(module, "shipped_extractor", lambda: extractor)
    for module in (analysis, judges):
        monkeypatch.setattr(module, "shipped_judge", lambda mode=None: judge)
    monkeypatch.setattr(kernels, "kernels_compiled", lambda: True)  # the fakes have none, whatever else was loaded
    return extractor


@pytest.fixture
def scene() -> np.ndarray:
    """A smooth coloured scene with some noise, uint8 RGB, 90 x 110."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:90, :110]
    waves = np.stack([np.sin(x / 9 + k) + np.cos(y / (7 + k)) for k in range(3)], axis=2)
    return np.clip(128 + 45 * waves + rng.normal(0, 4, waves.shape), 0, 255).astype(np.uint8)


TINY_ENCODERS = ("jpeg", "jpeg2000", "jpegxr", "webp")


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set of six synthetic sources, four in `train` and two in `val`, about thirty files of 128 px a side
    and more.
    """
    from PIL import Image

    from forensics.codecs import registry
    from forensics.dataset.build import build
    from forensics.dataset.plan import Settings
    from forensics.dataset.synthetic import synthesise

    root = tmp_path_factory.mktemp("tiny")
    for index, kind in enumerate(("texture", "shapes", "text", "texture", "shapes", "texture")):
        source = root / "sources" / ("train" if index < 4 else "val") / f"made-{kind}__{index}.png"
        source.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthesise(kind, 136, 144, index)).save(source)
    versions = {name: registry.get(name).version() for name in TINY_ENCODERS}
    build(root / "sources", root / "built", Settings("quick", 5, 1, versions))
    return root / "built"


@pytest.fixture(scope="session")
def tiny_training(tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A model trained for four rounds on the tiny data set: its folder and its card."""
    from forensics.training.trees import train_baseline

    folder = tmp_path_factory.mktemp("tiny_model") / "baseline"
    return folder, train_baseline([tiny_dataset], folder, jobs=1, seed=3, rounds=4)


@pytest.fixture(scope="session")
def coded_sample() -> Callable[[str, float], np.ndarray]:
    """480x480 pixels of the uncompressed example, as a codec at a strength leaves them; skips where it does not run."""

    def made(name: str, strength: float) -> np.ndarray:
        from forensics.codecs import registry

        codec = registry.get(name)
        able = codec.availability()
        if not (able.encode and able.decode):
            pytest.skip(able.reason)
        source = np.asarray(Image.open("examples/uncompressed.png").convert("RGB"))
        large = np.ascontiguousarray(np.tile(source, (2, 2, 1))[:480, :480])
        return codec.decode(codec.encode(large, **{codec.strength.parameter: strength}))

    return made
