"""The convolutional network at run time: pixels in, calibrated judgements out.

It runs on NumPy and a few kernels (`cnn_forward`), so that using it needs neither Keras nor TensorFlow nor an engine,
and executes nothing from the artefact, an ONNX model that other programs can run as well.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics_models.calibration import SizedScaling
from forensics_models.judgement import PictureJudgement, WindowJudgement, combine_windows, score_to_ssim
from forensics_models.storage import read_card

if TYPE_CHECKING:
    from forensics_models.cnn_forward import Network

NETWORK_FILE = "cnn.onnx.gz"
KERAS_FILE = "cnn.keras"
CARD_FILE = "cnn.json"

SMALLEST = 64
"""Smallest height and width of a patch in pixels."""

LOG2_RATIOS = (0.0, 9.5)
"""Estimates of the ratio end there, at 1 and at the largest of training: on nearly flat patches, whose spectra are
noise, the network says anything.
"""


@dataclass(frozen=True)
class NetworkOutputs:
    """What the network says of n patches before calibration.

    Attributes
    ----------
    margins : np.ndarray [shape=(n, 11), dtype=float32]
        Scores over `FINE_CLASSES`.
    log2_ratio, ssim_score : np.ndarray [shape=(n, 3), dtype=float32]
        5, 50 and 95 % quantiles; SSIM on the scale of `forensics_models.judgement.ssim_to_score`.
    embedding : np.ndarray [shape=(n, 64), dtype=float32]
        The layer that the heads read.
    log2_pixels : np.ndarray [shape=(n,), dtype=float64]
        Size of each patch.
    """

    margins: np.ndarray
    log2_ratio: np.ndarray
    ssim_score: np.ndarray
    embedding: np.ndarray
    log2_pixels: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[NetworkOutputs]) -> NetworkOutputs:
        """Outputs of several batches of patches as those of one; at least one."""
        return cls(**{name: np.concatenate([getattr(one, name) for one in parts]) for name in cls.__dataclass_fields__})

    def strengths(self) -> np.ndarray:
        """Both strengths' quantiles in order, ratios within `LOG2_RATIOS`, `np.ndarray [shape=(n, 2, 3),
        dtype=float64]`, as `Baseline.strengths` has them.
        """
        return np.sort(
            np.stack([np.clip(self.log2_ratio, *LOG2_RATIOS), self.ssim_score], axis=1).astype(np.float64), axis=2
        )


class Cnn:
    """A trained network.

    Attributes
    ----------
    card : dict
        The model card: data manifest hash, recipe, seed, package versions, validation figures, limits.
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self._folder = folder
        self.card: dict[str, Any] = stored["card"]
        calibration = stored["calibration"]
        self.scaling = SizedScaling(**{**calibration["scaling"], "bias": tuple(calibration["scaling"]["bias"])})
        self._dependence: float = calibration["window_dependence"]
        self._widen = (calibration["log2_ratio_offset"], calibration["ssim_offset"])

    @classmethod
    def shipped(cls) -> Cnn:
        """The model that came with the package."""
        return cls(files("forensics_models") / "artefacts")

    @cached_property
    def _network(self) -> Network:
        from forensics_models.cnn_forward import Network  # with its kernels, where it is asked

        return Network.read(gzip.decompress((self._folder / NETWORK_FILE).read_bytes()))

    def outputs(self, patches: Sequence[np.ndarray]) -> NetworkOutputs:
        """All that the network gives.

        Parameters
        ----------
        patches : sequence of np.ndarray [shape=(height, width, 3), dtype=uint8]
            RGB, each side at least 64 pixels; shapes may differ.

        Raises
        ------
        ValueError
            No patch, or one of another dtype, another number of axes or channels, or too small.
        """
        shapes = [_checked(patch) for patch in patches]
        if not shapes:
            raise ValueError("no patch to judge")
        found = [self._network.run(patch) for patch in patches]
        margins, log2_ratio, ssim_score, embedding = (
            np.stack([one[name] for one in found]) for name in ("margins", "log2_ratio", "ssim_score", "embedding")
        )
        return NetworkOutputs(
            margins, log2_ratio, ssim_score, embedding, np.log2([height * width for height, width in shapes])
        )

    def margins(self, patches: Sequence[np.ndarray]) -> np.ndarray:
        """Uncalibrated scores over `FINE_CLASSES`, `np.ndarray [shape=(n, 11), dtype=float32]`; patches as for
        `outputs`.
        """
        return self.outputs(patches).margins

    def embed(self, patches: Sequence[np.ndarray]) -> np.ndarray:
        """The embedding of each patch, `np.ndarray [shape=(n, 64), dtype=float32]`; patches as for `outputs`."""
        return self.outputs(patches).embedding

    def judge(self, patches: Sequence[np.ndarray]) -> WindowJudgement:
        """Judge patches, which are as for `outputs`."""
        return self.calibrated(self.outputs(patches))

    def calibrated(self, outputs: NetworkOutputs) -> WindowJudgement:
        """The judgement that outputs come to: probabilities by patch size, intervals of 90 %."""
        probabilities = self.scaling.probabilities(outputs.margins, outputs.log2_pixels)
        ends = []
        for quantiles, offset in zip(outputs.strengths().transpose(1, 0, 2), self._widen):
            ends.append(np.sort(quantiles + np.array([-offset, 0.0, offset]), axis=1))
        return WindowJudgement(probabilities, np.maximum(ends[0], 0.0), score_to_ssim(ends[1]))

    def combine(self, windows: WindowJudgement) -> PictureJudgement:
        """One judgement from a picture's windows; see `forensics_models.judgement.combine_windows`."""
        return combine_windows(windows, self._dependence)


def _checked(patch: np.ndarray) -> tuple[int, int]:
    """Height and width of a patch that can be judged."""
    if patch.dtype != np.uint8 or patch.ndim != 3 or patch.shape[2] != 3:
        raise ValueError(f"a patch is uint8 of shape (height, width, 3), not {patch.dtype} of shape {patch.shape}")
    if min(patch.shape[:2]) < SMALLEST:
        raise ValueError(f"a patch has sides of {SMALLEST} pixels or more, not {patch.shape[1]}x{patch.shape[0]}")
    return patch.shape[0], patch.shape[1]
