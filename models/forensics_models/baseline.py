"""The gradient-boosted baseline: feature vectors in, calibrated judgements out.

The trees run in ONNX Runtime, so that using a model needs neither XGBoost nor scikit-learn and executes nothing from
the artefact.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics_models.calibration import SizedScaling
from forensics_models.ensembles import Ensemble, load
from forensics_models.judge import Judge
from forensics_models.judgement import PictureJudgement, WindowJudgement, combine_windows, score_to_ssim
from forensics_models.storage import read_card

if TYPE_CHECKING:
    from forensics_models.cnn import NetworkOutputs

CLASSIFIER_FILE = "baseline_classes.npz"
STRENGTH_FILE = "baseline_strength.npz"
CARD_FILE = "baseline.json"


class Baseline(Judge):
    """A trained baseline.

    Attributes
    ----------
    card : dict
        The model card: data manifest hash, recipe, seed, package versions, validation figures, limits.
    evidence : dict of str to dict
        For each feature the range seen on uncompressed validation windows: `low` (0.5 %), `median`, `high` (99.5 %).
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self._folder = folder
        self.card: dict[str, Any] = stored["card"]
        self.evidence: dict[str, dict[str, float]] = stored["evidence"]
        self.feature_names: tuple[str, ...] = tuple(stored["feature_names"])
        self.features_version: int = stored["features_version"]
        calibration = stored["calibration"]
        self.scaling = SizedScaling(**{**calibration["scaling"], "bias": tuple(calibration["scaling"]["bias"])})
        self._dependence: float = calibration["window_dependence"]
        self._widen = (calibration["log2_ratio_offset"], calibration["ssim_offset"])
        self._size_column = self.feature_names.index("picture.log2_pixels")

    @classmethod
    def shipped(cls) -> Baseline:
        """The model that came with the package."""
        return cls(files("forensics_models") / "artefacts")

    @cached_property
    def _classifier(self) -> Ensemble:
        return load(self._folder / CLASSIFIER_FILE)

    @cached_property
    def _strength(self) -> Ensemble:
        return load(self._folder / STRENGTH_FILE)

    def prepare(self) -> None:
        """Load the trees now; otherwise the first judgement does."""
        _ = self._classifier, self._strength

    def margins(self, features: np.ndarray) -> np.ndarray:
        """Uncalibrated scores over `FINE_CLASSES`, `np.ndarray [shape=(n, 11), dtype=float32]`."""
        return self._classifier.margins(self._checked(features))

    def strengths(self, features: np.ndarray) -> np.ndarray:
        """Quantiles before they are widened, `np.ndarray [shape=(n, 2, 3), dtype=float64]`: log2 ratio, then SSIM as
        `ssim_to_score` has it.
        """
        quantiles = self._strength.margins(self._checked(features))
        return np.sort(quantiles.astype(np.float64).reshape(-1, 2, 3), axis=2)

    def log2_pixels(self, features: np.ndarray) -> np.ndarray:
        """Size of windows from their features, `np.ndarray [shape=(n,)]`."""
        return features[:, self._size_column]

    def judge(
        self, features: np.ndarray, patches: Sequence[np.ndarray] = (), seen: NetworkOutputs | None = None
    ) -> WindowJudgement:
        """Judge windows; their pixels, which other judges take, are not looked at.

        Parameters
        ----------
        features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
            Rows of `forensics_features.FeatureExtractor` of the version in `features_version`.

        Raises
        ------
        ValueError
            The number of columns is not the model's.
        """
        features = self._checked(features)
        probabilities = self.scaling.probabilities(self.margins(features), self.log2_pixels(features))
        quantiles = self.strengths(features)
        for target, offset in enumerate(self._widen):
            quantiles[:, target, 0] -= offset
            quantiles[:, target, 2] += offset
        quantiles = np.sort(quantiles, axis=2)
        log2_ratio, ssim = np.maximum(quantiles[:, 0], 0.0), score_to_ssim(quantiles[:, 1])
        return WindowJudgement(probabilities, log2_ratio, ssim, trees=probabilities)

    def combine(self, windows: WindowJudgement) -> PictureJudgement:
        """One judgement from a picture's windows; see `forensics_models.judgement.combine_windows`."""
        return combine_windows(windows, self._dependence)

    def _checked(self, features: np.ndarray) -> np.ndarray:
        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise ValueError(f"features have shape (n, {len(self.feature_names)}), not {features.shape}")
        return features
