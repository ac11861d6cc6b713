"""The verdict that `forensics analyze` gives: baseline, CNN, or both fused, each calibrated on the same validation
windows.

A mode names the judges that take part. Whatever the mode, features are needed: they carry the evidence. Patches are
needed by the modes with the CNN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.baseline import Baseline
from forensics_models.cnn import Cnn, NetworkOutputs
from forensics_models.conformal import prediction_set
from forensics_models.fusion import Fusion, Ordinary, mixed_quantiles
from forensics_models.judge import Judge
from forensics_models.judgement import PictureJudgement, WindowJudgement, combine_windows, score_to_ssim
from forensics_models.storage import read_card

CARD_FILE = "fusion.json"

MODES = {"baseline": ("baseline",), "cnn": ("cnn",), "fused": ("baseline", "cnn")}
"""Judges by mode."""


@dataclass(frozen=True)
class Outputs:
    """What the judges of a mode say of n windows before fusion.

    Attributes
    ----------
    margins : mapping of str to np.ndarray [shape=(n, 11)]
        By judge.
    strengths : mapping of str to np.ndarray [shape=(n, 2, 3)]
        Quantiles of log2 ratio and of the SSIM score by judge, not widened.
    log2_pixels : np.ndarray [shape=(n,)]
    embedding : np.ndarray [shape=(n, 64)] or None
        Of the CNN.
    """

    margins: Mapping[str, np.ndarray]
    strengths: Mapping[str, np.ndarray]
    log2_pixels: np.ndarray
    embedding: np.ndarray | None

    def log2_ratio(self) -> np.ndarray:
        """The median estimate that the fusion's weights follow: the baseline's where it takes part, else the CNN's."""
        first = self.strengths["baseline"] if "baseline" in self.strengths else self.strengths["cnn"]
        return first[:, 0, 1]


class FusedJudge(Judge):
    """A calibrated judge over features and patches.

    Attributes
    ----------
    mode : str
        One of `MODES`.
    card : dict
        The fusion's card; `model`, `limits`, `inconclusive_below`, validation figures of the mode.
    evidence : dict
        The baseline's; see `Baseline.evidence`.
    feature_names : tuple of str
    """

    feature_names: tuple[str, ...]

    def __init__(self, folder: Path | Traversable, mode: str = "fused") -> None:
        if mode not in MODES:
            raise ValueError(f"a mode is one of {', '.join(MODES)}, not {mode!r}")
        stored = read_card(folder / CARD_FILE)
        fitted = stored["modes"][mode]
        self._folder = folder
        self.mode = mode
        self.needs_patches = "cnn" in MODES[mode]
        self._baseline = Baseline(folder)
        self._cnn = Cnn(folder) if self.needs_patches else None
        self.card: dict[str, Any] = {**self._baseline.card, **stored["card"], **fitted["card"], "model": mode}
        self.evidence = self._baseline.evidence
        self.feature_names = self._baseline.feature_names
        self.features_version = self._baseline.features_version
        self._fusion = Fusion.from_dict(fitted["fusion"])
        self._strength: Mapping[str, float] = fitted["strength"]
        self.window_dependence = float(fitted["window_dependence"])
        self._thresholds: dict[str, float] = fitted["conformal"]["thresholds"]
        self._ordinary = stored.get("ordinary") if self.needs_patches else None

    @classmethod
    def shipped(cls, mode: str = "fused") -> FusedJudge:
        """The judge that came with the package; raises `OSError` where an artefact is missing."""
        return cls(files("forensics_models") / "artefacts", mode)

    @cached_property
    def of_features(self) -> FusedJudge:
        """The judge of the same folder in the mode `baseline`, which shares the trees; itself in a mode without the
        network, and where there are no trees.
        """
        if not self.needs_patches or "baseline" not in MODES[self.mode]:
            return self
        alone = FusedJudge(self._folder, "baseline")
        alone._baseline = self._baseline
        return alone

    def look(self, patches: Sequence[np.ndarray]) -> NetworkOutputs | None:
        """What the network says of windows, None in a mode without it; loads the files of all judges of the mode.

        It needs no features, so it can run in parallel with their measurement. `judge` takes the result; patches are
        as there.
        """
        if self._cnn is None:
            self._baseline.prepare()
            return None
        with ThreadPoolExecutor(1) as pool:  # the trees take as long to load as the network to judge some windows
            loaded = pool.submit(self._baseline.prepare) if "baseline" in MODES[self.mode] else None
            seen = self._cnn.outputs([as_rgb(patch) for patch in patches])
            if loaded is not None:
                loaded.result()
        return seen

    @cached_property
    def _range(self) -> Ordinary | None:
        return Ordinary.from_dict(self._ordinary) if self._ordinary else None

    def outputs(
        self, features: np.ndarray, patches: Sequence[np.ndarray] = (), seen: NetworkOutputs | None = None
    ) -> Outputs:
        """The judges' own outputs for windows; arguments as for `judge`."""
        if seen is None:
            seen = self.look(patches)
        return judges_outputs(self._baseline if "baseline" in MODES[self.mode] else None, seen, features)

    def judge(
        self, features: np.ndarray, patches: Sequence[np.ndarray] = (), seen: NetworkOutputs | None = None
    ) -> WindowJudgement:
        """Judge windows.

        Parameters
        ----------
        features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
        patches : sequence of np.ndarray [shape=(height, width[, 3]), dtype=uint8]
            The same windows' pixels, grey or RGB; may be left out where `needs_patches` is false or `seen` is given.
        seen : NetworkOutputs, optional
            What `look` gave for them.

        Raises
        ------
        ValueError
            Shapes do not fit, or patches are needed and their number is not that of the rows.
        """
        count = len(patches) if seen is None else len(seen.margins)
        if self.needs_patches and count != len(features):
            raise ValueError(f"{len(features)} rows of features come with as many patches, not with {count}")
        given = self.outputs(features, patches, seen)
        strangeness = None
        if self._range is not None and given.embedding is not None:
            strangeness = self._range.strangeness(given.embedding)
        probabilities = self._fusion.probabilities(given.margins, given.log2_pixels, given.log2_ratio(), strangeness)
        ratio, score = (self._interval(given, index) for index in (0, 1))
        trees = None
        if "baseline" in given.margins:
            trees = self._baseline.scaling.probabilities(given.margins["baseline"], given.log2_pixels)
        return WindowJudgement(probabilities, np.maximum(ratio, 0.0), score_to_ssim(score), strangeness, trees)

    def combine(self, windows: WindowJudgement) -> PictureJudgement:
        """One judgement from a picture's windows; see `forensics_models.judgement.combine_windows`."""
        return combine_windows(windows, self.window_dependence)

    def candidates(self, probabilities: Mapping[str, float]) -> tuple[str, ...]:
        """The classes that cannot be excluded at the coverage that the card states, most probable first."""
        return prediction_set(probabilities, self._thresholds)

    def _interval(self, given: Outputs, index: int) -> np.ndarray:
        name = ("ratio", "ssim")[index]
        names = MODES[self.mode]
        first, last = given.strengths[names[0]][:, index], given.strengths[names[-1]][:, index]
        return mixed_quantiles(first, last, self._strength[f"{name}_share"], self._strength[f"{name}_offset"])


def judges_outputs(baseline: Baseline | None, seen: NetworkOutputs | None, features: np.ndarray) -> Outputs:
    """The outputs of the judges that are given, the network's as `FusedJudge.look` gives them, for rows of features; at
    least one judge.
    """
    margins, strengths, embedding, log2_pixels = {}, {}, None, np.zeros(len(features))
    if baseline is not None:
        margins["baseline"], strengths["baseline"] = baseline.margins(features), baseline.strengths(features)
        log2_pixels = baseline.log2_pixels(features)
    if seen is not None:
        margins["cnn"], embedding, log2_pixels = seen.margins, seen.embedding, seen.log2_pixels
        strengths["cnn"] = seen.strengths()
    return Outputs(margins, strengths, log2_pixels, embedding)


def as_rgb(patch: np.ndarray) -> np.ndarray:
    """A patch with three channels, equal ones for a grey picture; contiguous."""
    if patch.ndim == 2:
        patch = np.repeat(patch[:, :, None], 3, axis=2)
    return np.ascontiguousarray(patch)
