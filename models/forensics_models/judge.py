"""What a judge of windows has to offer, and what it may: the contract between models and all that ask them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics_models.judgement import PictureJudgement, WindowJudgement

if TYPE_CHECKING:
    from forensics_models.cnn import NetworkOutputs


class Judge(ABC):
    """A calibrated judge of windows over `forensics_models.classes.FINE_CLASSES`.

    `look` may run while the features are measured, since it takes the pixels alone; what it gives is handed to `judge`
    as `seen`. A judge that needs no pixels leaves both alone.

    Attributes
    ----------
    card : dict
        The model card: data manifest hash, recipe, thresholds, validation figures, limits.
    evidence : dict of str to dict
        For each feature the range seen on uncompressed validation windows: `low` (0.5 %), `median`, `high` (99.5 %).
    feature_names : tuple of str or None
        The columns it was trained on; None for a judge that takes any.
    features_version : int
        Version of the extractors that gave them; 0 for a judge that takes any.
    needs_patches : bool
        Whether it judges pixels, and `judge` needs them or what `look` made of them.
    """

    card: dict[str, Any]
    evidence: dict[str, dict[str, float]]
    feature_names: tuple[str, ...] | None = None
    features_version: int = 0
    needs_patches: bool = False

    @abstractmethod
    def judge(
        self, features: np.ndarray, patches: Sequence[np.ndarray] = (), seen: NetworkOutputs | None = None
    ) -> WindowJudgement:
        """Judge windows.

        Parameters
        ----------
        features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
            One row a window.
        patches : sequence of np.ndarray [shape=(height, width[, 3]), dtype=uint8]
            The same windows' pixels.
        seen : NetworkOutputs, optional
            What `look` gave for them.
        """

    @abstractmethod
    def combine(self, windows: WindowJudgement) -> PictureJudgement:
        """One judgement from a picture's windows."""

    def look(self, patches: Sequence[np.ndarray]) -> NetworkOutputs | None:
        """What can be made of the windows' pixels before their features are known; None for a judge of features
        alone.
        """
        return None

    @property
    def of_features(self) -> Judge:
        """The part of the judge that judges features alone; itself where that is all."""
        return self

    def candidates(self, probabilities: Mapping[str, float]) -> tuple[str, ...]:
        """The classes that cannot be excluded, most probable first; empty for a judge that does not say."""
        return ()
