"""Enlargement of one axis of a crop: slope and offset are free; what is measured stands in `enlargement`."""

from __future__ import annotations

import math

import numpy as np

from forensics_features.enlargement_axes import (
    BILINEAR,
    CUBIC,
    ENOUGH,
    FREE,
    HOPELESS,
    KERNELS,
    LANCZOS_3,
    LONGEST,
    MOST,
    RESIDUAL_FLOOR,
    SHARP_CUBIC,
    SHORTEST,
    WHOLE_LINES,
    Axis,
    Kernel,
    log_residuals,
    nearby_medians,
    telling_lines,
    verified,
)

LEAST_CROP = 1.06
"""Smallest factor that is looked for in a crop: a segment of `CROP_SEGMENT` has ten missing dimensions there."""


CROP_SEGMENT, CROP_LINES = 192, 16
"""Samples and lines of the first pass over slopes and offsets of crops."""


CROP_WORTH_A_LOOK = 6.0
"""As `WORTH_A_LOOK`, of crops: of 21 enlarged training crops 19 lie above it, of as many others 4."""


_SLOPE_STEP, _OFFSETS, _CROP_CANDIDATES, _LONGEST_CROP = 0.4, 5, 2, 1024
"""Of crops: step of the slope in samples over a segment, offsets a sample, candidates that are refined, samples of the
longest segment: a bound on work."""


def crop_axis(plane: np.ndarray, near: float | None = None) -> Axis | None:
    """The best slope and offset of rows that are a piece of longer ones; None where nothing stands out on a short
    segment.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width)]
        Samples of 0..255.
    near : float, optional
        A slope; only those within a fiftieth of it are tried.
    """
    new = plane.shape[1]
    if min(plane.shape) < SHORTEST:
        return None
    low, high = (1 / MOST, 1 / LEAST_CROP) if near is None else (near / 1.02, near * 1.02)
    segment = min(new, CROP_SEGMENT)
    samples, _ = telling_lines(plane, CROP_LINES, segment)
    slopes = np.arange(low, high, _SLOPE_STEP / segment)
    depths = []
    for kernel in (BILINEAR, SHARP_CUBIC):
        logs = _centred(samples, kernel, slopes, np.arange(_OFFSETS) / _OFFSETS)
        level = np.median(logs.reshape(len(slopes), -1), axis=1)
        depths.append(_smooth(level)[:, None] - logs)
    depth = np.maximum(*depths) * np.sqrt(np.clip(segment * (1 - slopes) - 4, 0, ENOUGH))[:, None]
    best: Axis | None = None
    for at in np.argsort(-depth.ravel())[:_CROP_CANDIDATES]:
        if depth.ravel()[at] < CROP_WORTH_A_LOOK:
            break
        axis = _refined(plane, float(slopes[at // _OFFSETS]), at % _OFFSETS / _OFFSETS)
        best = axis if best is None or axis.score > best.score else best
    return best


def _centred(samples: np.ndarray, kernel: Kernel, slopes: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Median over lines of the logarithm of the residual, by slope and by phase of the middle sample, (slopes,
    phases).
    """
    middle = (len(samples) - 1) / 2
    pairs = [(slope, 4096 + phase - slope * middle) for slope in slopes for phase in phases]
    first, second = np.array(pairs).T
    logs = np.minimum(log_residuals(samples, 0.0, kernel, first, second), 20.0)
    return np.asarray(np.median(logs, axis=1)).reshape(len(slopes), len(phases))


def _smooth(level: np.ndarray) -> np.ndarray:
    return nearby_medians(level[:, None])[:, 0]


def _refined(plane: np.ndarray, slope: float, phase: float) -> Axis:
    """A slope and a phase made finer on longer and longer segments about the middle, with the kernel that fits."""
    new = plane.shape[1]
    length, kernel = min(new, CROP_SEGMENT), CUBIC
    while True:
        samples, start = telling_lines(plane, CROP_LINES, length)
        for fine in (0.25, 0.1, 0.04):
            tried = []
            slopes = slope + np.arange(-3, 4) * fine / length
            phases = phase + np.arange(-3, 4) * fine / 2
            for kernel in (BILINEAR, CUBIC, SHARP_CUBIC, LANCZOS_3):
                logs = _centred(samples, kernel, slopes, phases)
                at = int(logs.argmin())
                tried.append((float(logs.min()), float(slopes[at // 7]), float(phases[at % 7]), kernel.name))
            _, slope, phase, name = min(tried)
        offset = 4096 + phase - slope * ((length - 1) / 2 + start)
        if length == min(new, _LONGEST_CROP) or (
            length == CROP_SEGMENT and free_axis(samples, start, CUBIC, slope, offset, new).score < HOPELESS
        ):
            break
        length = min(2 * length, new, _LONGEST_CROP)
    kernel = next(one for one in KERNELS if one.name == name)
    lines, start = telling_lines(plane, WHOLE_LINES, LONGEST)
    return verified(lines, start, free_axis(lines, start, kernel, slope, offset - math.floor(offset), new))


def free_axis(samples: np.ndarray, start: int, kernel: Kernel, slope: float, offset: float, new: int) -> Axis:
    """An axis whose inputs begin where its first output does, measured against slopes nearby."""
    steps = np.array([k for j in (3, 5, 7, 9) for k in (j, -j)])
    middle = start + (len(samples) - 1) / 2
    slopes = slope + steps / new
    around = log_residuals(samples, start, kernel, slopes, offset + 0.5 - (slopes - slope) * middle)
    around = np.concatenate([around, log_residuals(samples, start, kernel, slopes, offset - (slopes - slope) * middle)])
    here = log_residuals(samples, start, kernel, np.array([slope]), np.array([offset]))[0]
    around = np.where(np.isfinite(around), around, np.nan)
    known = np.isfinite(around).any(axis=1)
    contrast = (
        float(np.median(np.median(around[known], axis=0) - here)) if known.any() and np.isfinite(here).all() else 0.0
    )
    old = math.floor(slope * (new - 1) + offset) + 1
    missing = max(int(len(samples) * (1 - slope)) - 2 * kernel.radius - 2, 0)
    residual = float(np.median(np.exp(here))) - RESIDUAL_FLOOR
    return Axis(old, new, kernel, FREE, slope, offset, contrast, residual, missing)
