"""Blockiness: how pixel differences vary with the position in a block, at periods of 4 to 64 pixels, along each axis.

Every mean is taken per column (or row) over the whole picture and folded at 64; the discrete Fourier transform of the fold separates
the periods (harmonics of 64/p belong to period p) and its magnitude does not depend on the crop. A deblocking filter removes the step at a block
edge but leaves its own trace: a dip of the second and third differences next to the edge and runs of equal pixels; these
are measured beside the first difference.

References
----------
.. [1] Z. Fan, R. L. de Queiroz, IEEE Trans. Image Processing 12(2), 2003, doi:10.1109/TIP.2002.807361 (block-edge evidence).
.. [2] M. Tagliasacchi, S. Tubaro, "Blind estimation of the QP parameter in H.264/AVC decoded video", WIAMIS 2010.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel
from forensics_features.family import Family
from forensics_features.planes import Planes

FOLD = 64
PERIODS = (4, 8, 16, 32, 64)
_CAP = 12.0
"""Differences are capped here, in grey levels, so that edges of the scene do not drown the grid."""
_MEASURES = ("step", "curvature", "jump", "equal")


@fast_kernel
def _column_profiles(plane: np.ndarray, cap: float, out: np.ndarray) -> None:
    """Sums over rows, by column j of the edge between j and j + 1: capped |first|, |second|, |third| difference and equality."""
    limit = np.float32(cap)
    for i in range(plane.shape[0]):
        for j in range(1, plane.shape[1] - 2):
            before, left, right, after = plane[i, j - 1], plane[i, j], plane[i, j + 1], plane[i, j + 2]
            first = abs(right - left)
            second = abs(before - left - right + after)
            third = abs(after - before + np.float32(3) * (left - right))
            out[0, j] += min(first, limit)
            out[1, j] += min(second, limit)
            out[2, j] += min(third, limit)
            out[3, j] += np.float32(first < np.float32(0.5))


def column_profiles(plane: np.ndarray) -> np.ndarray:
    """Mean difference measures at each vertical pixel boundary.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]

    Returns
    -------
    np.ndarray [shape=(4, width - 3), dtype=float32]
        Capped absolute first, second and third difference, in grey levels, and the share of equal neighbours, at the boundary between columns
        j + 1 and j + 2.
    """
    sums = np.zeros((4, plane.shape[1]), np.float32)
    _column_profiles(np.ascontiguousarray(plane), _CAP, sums)
    return sums[:, 1:-2] / np.float32(plane.shape[0])


def fold_profile(profile: np.ndarray, period: int = FOLD) -> np.ndarray:
    """Mean of a profile at each position modulo `period`, `np.ndarray [shape=(period,), dtype=float64]`; absent positions take the mean."""
    position = np.arange(len(profile)) % period
    count = np.bincount(position, minlength=period)
    total = np.bincount(position, weights=profile, minlength=period)
    return np.where(count > 0, total / np.maximum(count, 1), profile.mean())


def _period_strengths(profile: np.ndarray) -> list[float]:
    """Amplitude of each period of `PERIODS` in a profile, relative to its mean, less what the non-harmonic rest suggests."""
    detrended = profile - np.convolve(np.pad(profile, 8, mode="reflect"), np.full(17, 1 / 17), mode="valid")
    spectrum = np.abs(np.fft.rfft(fold_profile(detrended)))[1:] / (FOLD * (float(profile.mean()) + 0.05))
    harmonic = np.arange(1, FOLD // 2 + 1)
    strengths = []
    for period in PERIODS:
        base = FOLD // period
        own = harmonic % base == 0
        if period > 4:
            own &= harmonic % (base * 2) != 0
        strengths.append(float(np.sqrt(np.mean(spectrum[own] ** 2))))
    floor = strengths[-1] + 1e-4
    return [*strengths[:-1], strengths[-1], float(np.log2((strengths[1] + 1e-4) / floor)), float(np.log2((strengths[0] + 1e-4) / floor))]


_STRENGTH_NAMES = (*(f"period_{p}" for p in PERIODS), "eight_over_rest", "four_over_rest")


def _edge_shape(profiles: np.ndarray) -> tuple[list[float], int]:
    """The profile around the strongest boundary of period 8, symmetrised: positions 0 (the boundary) to 4, relative to their mean."""
    jump = fold_profile(profiles[2], 8)
    at = int(jump.argmax())
    middle = float(np.median(jump)) + 0.02
    shape: list[float] = [float(jump[at]) / middle, float(np.sort(jump)[-2]) / middle]
    for profile in (profiles[0], profiles[2]):
        turned = np.roll(fold_profile(profile, 8), -at)
        both = 0.5 * (turned[1:4] + turned[:4:-1])
        shape += ([turned[0], *both, turned[4]] / (profile.mean() + 0.02)).tolist()
    return shape, at


_SHAPE_NAMES = (
    "edge_jump", "second_jump", *(f"edge_step_{k}" for k in range(5)), *(f"edge_third_{k}" for k in range(5)),
)  # fmt: skip


def _deep_edges(profiles: np.ndarray, at: int) -> list[float]:
    """Third difference at boundaries of period 16, 32 and 64 that lie on the 8-pixel grid at `at`, over the other grid boundaries."""
    facts = []
    for period in (16, 32, 64):
        values = fold_profile(profiles[2], period)[at::8]
        facts.append(float(values.max() / (np.median(values) + 0.02)))
    return facts


_DEEP_NAMES = ("deep_16", "deep_32", "deep_64")


def _axis_facts(plane: np.ndarray) -> tuple[np.ndarray, int]:
    profiles = column_profiles(plane)
    strengths = [value for profile in profiles for value in _period_strengths(profile)]
    shape, at = _edge_shape(profiles)
    return np.array([*strengths, *shape, *_deep_edges(profiles, at)]), at


_AXIS_NAMES = (*(f"{m}_{s}" for m in _MEASURES for s in _STRENGTH_NAMES), *_SHAPE_NAMES, *_DEEP_NAMES)
_CHROMA_AXIS = tuple(f"chroma_{m}_{s}" for m in ("step", "jump") for s in _STRENGTH_NAMES)


def _chroma_facts(plane: np.ndarray) -> np.ndarray:
    profiles = column_profiles(plane)
    return np.array([value for k in (0, 2) for value in _period_strengths(profiles[k])])


def _compute(planes: Planes) -> np.ndarray:
    luma = np.rint(planes.y)
    across, _ = _axis_facts(luma)
    down, _ = _axis_facts(luma.T)
    if planes.grey:
        chroma = np.full((2, len(_CHROMA_AXIS)), np.nan)
    else:
        chroma = np.array([
            0.5 * (_chroma_facts(planes.cb) + _chroma_facts(planes.cr)),
            0.5 * (_chroma_facts(planes.cb.T) + _chroma_facts(planes.cr.T)),
        ])  # fmt: skip
    pairs = np.concatenate([np.stack([across, down], axis=1), chroma.T])
    return np.concatenate([pairs.mean(axis=1), np.abs(pairs[:, 0] - pairs[:, 1])]).astype(np.float32)


FAMILY = Family(
    "blockiness",
    (*_AXIS_NAMES, *_CHROMA_AXIS, *(f"{name}_asymmetry" for name in (*_AXIS_NAMES, *_CHROMA_AXIS))),
    _compute,
)


def blockiness(pixels: np.ndarray) -> dict[str, float]:
    """Block-edge evidence at periods 4, 8, 16, 32 and 64, whatever the crop.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8 or uint16]
        At least 64 pixels a side; see `planes.as_planes`.

    Returns
    -------
    dict of str to float
        `<measure>_period_<p>`: amplitude of period p (harmonics of smaller periods of the list left out) relative to the measure's mean, 0 without a
        grid; measures are the capped first (`step`), second (`curvature`) and third (`jump`) difference and the share of equal
        neighbours (`equal`), of luma and (`chroma_*`, NaN for a grey picture) chroma. `*_over_rest`: log2 against the
        aperiodic rest. `edge_*`: the folded profile 0 to 4 pixels from the boundary over its mean. `deep_<p>`: the strongest
        boundary of period p over the median boundary of the 8-pixel grid. All are means over both axes; `*_asymmetry` is the absolute difference between them.

    Raises
    ------
    TypeError, ValueError
        See `planes.as_planes`.
    """
    return FAMILY.named(pixels)
