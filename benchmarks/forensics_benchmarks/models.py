"""One protocol for everything that judges patches: our models and public peers alike, on the very same pixels.

An adapter is a small frozen object that travels to worker processes; what it loads stays in the process that loaded it.
To add a model: a class with the methods of `Adapter` and an entry in `MODELS`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from forensics_models.classes import FINE_CLASSES
from forensics_models.fused import as_rgb
from forensics_models.judgement import INCONCLUSIVE_BELOW, WindowJudgement

from forensics.errors import UsageError


class PatchBatch(Sequence[np.ndarray]):
    """Patches of one size as contiguous RGB `np.ndarray [shape=(size, size, 3), dtype=uint8]`, and their features,
    measured once for all models.

    Parameters
    ----------
    patches : sequence of np.ndarray
        Grey ones, of two axes, keep them: a model that wants colour repeats them.
    features : np.ndarray, optional
        Features that were measured before, with the seconds that took.
    """

    def __init__(
        self, patches: Sequence[np.ndarray], features: np.ndarray | None = None, feature_seconds: float = 0.0
    ) -> None:
        self._patches = list(patches)
        self._features = features
        self.feature_seconds = feature_seconds

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, index: Any) -> Any:
        return self._patches[index]

    @property
    def measured(self) -> bool:
        """Whether the features are there."""
        return self._features is not None

    def features(self) -> np.ndarray:
        """The full feature vectors, `np.ndarray [shape=(n, d), dtype=float32]`; `feature_seconds` says what measuring
        took.
        """
        if self._features is None:
            from forensics.windows.judges import shipped_extractor

            extractor = shipped_extractor()
            start = time.perf_counter()
            self._features = np.asarray(extractor.transform(self._patches), np.float32)
            self.feature_seconds = time.perf_counter() - start
        return self._features

    def rgb(self) -> Iterator[np.ndarray]:
        """The patches with three channels."""
        return map(as_rgb, self._patches)


@dataclass(frozen=True)
class Judged:
    """What a model says of n patches.

    Attributes
    ----------
    fine_probabilities : np.ndarray [shape=(n, 11), dtype=float64]
        Over `FINE_CLASSES`.
    log2_ratio, ssim : np.ndarray [shape=(n, 3), dtype=float64]
        Lower end, median, upper end; NaN where the model judges no strength.
    quality : np.ndarray [shape=(n,), dtype=float64]
        Estimated JPEG quality, 1..100; NaN where the model gives none.
    seconds : float
        Time the batch took, features included.
    threshold : float
        Probability under which the model gives no verdict.
    compressed_from : float
        Probability of any compression under which the model names no codec.
    """

    fine_probabilities: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    quality: np.ndarray
    seconds: float
    threshold: float = INCONCLUSIVE_BELOW
    compressed_from: float = 0.0


def judged(windows: WindowJudgement, seconds: float, card: Mapping[str, Any]) -> Judged:
    """A model's own judgement of windows in the shape of the table."""
    blank = np.full(len(windows.fine_probabilities), np.nan)
    threshold = float(card.get("inconclusive_below", INCONCLUSIVE_BELOW))
    return Judged(
        windows.fine_probabilities,
        windows.log2_ratio,
        windows.ssim,
        blank,
        seconds,
        threshold,
        float(card.get("compressed_from", 0.0)),
    )


def only_classes(fine_probabilities: np.ndarray, seconds: float, quality: np.ndarray | None = None) -> Judged:
    """The judgement of a model that knows classes alone, or JPEG's quality as well."""
    count = len(fine_probabilities)
    blank = np.full((count, 3), np.nan)
    return Judged(
        np.asarray(fine_probabilities, np.float64),
        blank,
        blank,
        np.full(count, np.nan) if quality is None else quality,
        seconds,
    )


@dataclass(frozen=True)
class Workplace:
    """Where an adapter may train and keep things: a folder, a data set to train on, how much of it, and the seed.

    `windows` is the number of training patches; `report` gets a line of text now and then.
    """

    folder: Path
    train_data: tuple[Path, ...] = ()
    windows: int = 4000
    seed: int = 1
    jobs: int = 1
    report: Callable[[str], None] = field(default=lambda line: None, compare=False)


class Adapter(Protocol):
    """Something that judges patches."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    def prepare(self, place: Workplace) -> Adapter:
        """Load or train, in the parent process; returns what is sent to the workers.

        Raises `UsageError`, `OSError` or `ImportError` with the reason where it cannot run here.
        """

    def key(self) -> str:
        """A short name for everything that decides its judgements, the patches apart."""

    def judge(self, batch: PatchBatch) -> Judged:
        """Judge patches of one size."""


def digest(*parts: object) -> str:
    """Twelve hexadecimal digits that stand for the parts' text or bytes."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part if isinstance(part, bytes) else repr(part).encode())
    return total.hexdigest()[:12]


def _artefacts(folder: Path | None) -> Path | Traversable:
    return folder if folder is not None else files("forensics_models") / "artefacts"


def _contents(folder: Path | None, stem: str) -> list[bytes]:
    """The artefacts whose name begins with `stem`; raises `UsageError` where there is none."""
    home = _artefacts(folder)
    found = sorted((item.name, item) for item in home.iterdir() if item.name.startswith(stem) and item.is_file())
    if not found:
        raise UsageError(f"no artefact of {stem!r} {'is shipped' if folder is None else f'in {str(folder)!r}'}")
    return [item.read_bytes() for _, item in found]


@cache
def _baseline(folder: Path | None) -> Any:
    from forensics.windows.judges import check_match, shipped_extractor, shipped_judge, trained_judge

    model = shipped_judge("baseline") if folder is None else trained_judge(folder, "baseline")
    check_match(model, shipped_extractor())
    return model


@cache
def _cnn(folder: Path | None) -> Any:
    from forensics_models.cnn import Cnn

    return Cnn(_artefacts(folder))


@cache
def _fused(folder: Path | None) -> Any:
    from forensics_models.fused import FusedJudge

    from forensics.windows.judges import check_match, shipped_extractor

    model = FusedJudge(_artefacts(folder))
    check_match(model, shipped_extractor())
    return model


@dataclass(frozen=True)
class BaselineAdapter:
    """The gradient-boosted baseline."""

    folder: Path | None = None
    name: str = "baseline"

    def prepare(self, place: Workplace) -> BaselineAdapter:
        _baseline(self.folder)
        return self

    def key(self) -> str:
        home = _artefacts(self.folder)
        fitted = _contents(self.folder, "fusion") if (home / "fusion.json").is_file() else []
        return digest(*_contents(self.folder, "baseline"), *fitted)

    def judge(self, batch: PatchBatch) -> Judged:
        model = _baseline(self.folder)
        features = batch.features()
        start = time.perf_counter()
        windows = model.judge(features)
        seconds = batch.feature_seconds + time.perf_counter() - start
        return judged(windows, seconds, model.card)


@dataclass(frozen=True)
class CnnAdapter:
    """The convolutional network on raw patches."""

    folder: Path | None = None
    name: str = "cnn"

    def prepare(self, place: Workplace) -> CnnAdapter:
        _contents(self.folder, "cnn")
        _cnn(self.folder)
        return self

    def key(self) -> str:
        return digest(*_contents(self.folder, "cnn"))

    def judge(self, batch: PatchBatch) -> Judged:
        model = _cnn(self.folder)
        patches = list(batch.rgb())
        start = time.perf_counter()
        windows = model.judge(patches)
        return judged(windows, time.perf_counter() - start, model.card)


@dataclass(frozen=True)
class FusedAdapter:
    """Baseline and network in one verdict; its artefacts lie next to theirs."""

    folder: Path | None = None
    name: str = "fused"

    def prepare(self, place: Workplace) -> FusedAdapter:
        _contents(self.folder, "fusion")
        _fused(self.folder)
        return self

    def key(self) -> str:
        return digest(*(content for stem in ("baseline", "cnn", "fusion") for content in _contents(self.folder, stem)))

    def judge(self, batch: PatchBatch) -> Judged:
        model = _fused(self.folder)
        features, patches = batch.features(), list(batch.rgb())
        start = time.perf_counter()
        windows = model.judge(features, patches)
        seconds = batch.feature_seconds + time.perf_counter() - start
        return judged(windows, seconds, model.card)


MODELS: Mapping[str, Callable[[Path | None], Adapter]] = {
    "baseline": BaselineAdapter,
    "cnn": CnnAdapter,
    "fused": FusedAdapter,
}
"""Our models by name; each is made from a folder of artefacts, None for the shipped ones."""


def uniform(count: int) -> np.ndarray:
    """The probabilities of one that knows nothing, `np.ndarray [shape=(count, 11), dtype=float64]`."""
    return np.full((count, len(FINE_CLASSES)), 1.0 / len(FINE_CLASSES))
