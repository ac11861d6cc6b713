"""Chroma spectrum: was chroma stored at half the resolution, and which kernel brought it back?

Interpolated samples obey an exact linear relation at every other place (`forensics_features.chroma.RELATIONS`): the
residual of the relation's annihilator is then rounding noise at one parity and not at the other. Per column (or row) of
chroma the share of places with a residual under `SMALL`, among those where chroma changes, is measured, less the same
share in luma: what the whole picture shows, because it was enlarged or demosaicked, is no trace of chroma subsampling.

Null model: even and odd columns are exchangeable; Welch's t over columns. Hypotheses: relations, axes, parities. A
camera's colour filter array and a colour conversion of a subsampled scan leave such chroma without a codec: the trace
says what happened to chroma, not why.

References
----------
.. [1] B. Lorch, C. Riess, "Image forensics from chroma subsampling of high-quality JPEG images", Proc. ACM IH&MMSec,
       2019,
   doi:10.1145/3335203.3335722.
.. [2] A. C. Popescu, H. Farid, "Exposing digital forgeries by detecting traces of resampling", IEEE Trans. Signal
       Processing 53(2), 2005,
   doi:10.1109/TSP.2004.839932.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from forensics_features.chroma import ACTIVITY, RELATIONS
from forensics_features.planes import Planes

from forensics.history.traces.sample import Sample
from forensics.results.a_contrario import log10_nfa, log10_student_tail, welch
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import percentage

NAME = "chroma_spectrum"
SPEAKS_FOR = ("jpeg", "webp", "avif", "bpg", "heic", "jpegxr")
SMALL = 0.75
"""Residuals under this are rounding noise of RGB and of 8-bit chroma, in levels, for annihilators of unit energy."""
LEAST_PLACES = 8
"""A column counts where chroma changes at this many places."""
LEAST_SHARE = 0.6
"""The relation holds where this share of the places obeys it; less is an alternation, not an interpolation."""
LEAST_CONTRAST = 0.1
"""And at this much more of them than at the other parity."""
BLOCK = 8
"""Columns are distinguished by their place in blocks of so many: each place of a parity has to keep the contrast.
Quantised blocks of whole chroma are flat at their centres, which is one place of eight."""
SPECTRUM = 128
"""Samples of one segment of the spectra."""
_AXES = ("x", "y")
_TESTS = 2 * 2 * len(RELATIONS) * len(_AXES)
_KERNELS = {
    "repeat": "repeated samples",
    "linear": "co-sited linear interpolation",
    "triangle": "centred linear interpolation (3, 1) / 4",
    "cubic": "centred cubic interpolation",
    "seven_tap": "a centred 7-tap kernel",
    "eight_tap": "a co-sited 8-tap kernel",
}
SUBSAMPLINGS: dict[tuple[bool, ...], str] = {(True, True): "4:2:0", (True, False): "4:2:2", (False, True): "4:4:0"}
"""Names by whether width and height are halved."""


class _Outcome(NamedTuple):
    kernel: str
    axis: int
    share: float
    other: float
    log10_nfa: float


def chroma_spectrum(sample: Sample) -> Trace:
    """Test six interpolation kernels on both axes; where chroma obeys none, red and blue against green, which
    HEVC and AV1 with identity matrix store at half the resolution in their 4:2:0.

    Returns
    -------
    Trace
        `statistic`: difference of the share of places that obey the relation between the parities, 0..1; 0 for a grey
        picture, with a NaN rate. `parameters`: `subsampling` (`4:2:0`, `4:2:2`, `4:4:0`; an axis along which chroma
        hardly changes shows nothing and counts as whole), `planes` (`chroma`, `red and blue`), `kernel`,
        `bandwidth_x`, `bandwidth_y` (chroma's energy above a quarter of the sampling rate over luma's, each relative to
        its total, in dB). `series`: `frequency` (cycles a pixel), `luma_x`, `chroma_x`, `luma_y`, `chroma_y`, power
        spectral densities in dB.
    """
    spectra = _spectra(sample)
    if sample.grey:
        parameters = {"subsampling": None, "planes": None, "kernel": None, "bandwidth_x": None, "bandwidth_y": None}
        return Trace(NAME, 0.0, float("nan"), (), parameters, "The picture is grey: it has no chroma.", spectra)
    planes, outcomes = "chroma", _outcomes(sample.regions)
    if min(outcome.log10_nfa for outcome in outcomes) > FOUND_BELOW:
        others = _outcomes(tuple(_red_and_blue(region) for region in sample.regions))
        if min(outcome.log10_nfa for outcome in others) <= FOUND_BELOW:
            planes, outcomes = "red and blue", others
    nfa = min(outcome.log10_nfa for outcome in outcomes)
    # Of kernels that chroma obeys the one it obeys most: a smooth picture nearly obeys its neighbours too.
    obeyed = [outcome for outcome in outcomes if outcome.log10_nfa <= FOUND_BELOW]
    best = max(obeyed or outcomes, key=lambda outcome: outcome.share - outcome.other)
    seen = tuple(any(o.axis == axis and o.log10_nfa <= FOUND_BELOW for o in outcomes) for axis in (0, 1))
    found = nfa <= FOUND_BELOW
    band = {f"bandwidth_{axis}": _bandwidth(spectra, axis) for axis in _AXES}
    subsampling = SUBSAMPLINGS.get((seen[0], seen[1]))
    return Trace(
        name=NAME,
        statistic=max(0.0, best.share - best.other),
        log10_nfa=nfa,
        speaks_for=() if not found else SPEAKS_FOR if planes == "chroma" else ("heic", "avif"),
        parameters={
            "subsampling": subsampling,
            "planes": planes if found else None,
            "kernel": best.kernel if found else None,
            **band,
        },
        sentence=_sentence(best, seen, planes, nfa, band),
        series=spectra,
    )


def _outcomes(regions: tuple[Planes, ...]) -> list[_Outcome]:
    return [_outcome(regions, kernel, axis) for axis in (0, 1) for kernel in RELATIONS]


def _red_and_blue(region: Planes) -> Planes:
    """Blue and red in the place of chroma, green in that of luma."""
    red, green, blue = np.moveaxis(region.rgb.astype(np.float32), 2, 0)
    return region._replace(y=green, cb=blue, cr=red)


def _outcome(regions: tuple[Planes, ...], kernel: str, axis: int) -> _Outcome:
    """The better parity of one relation along one axis."""
    taps = RELATIONS[kernel]
    limit = -1.0 if kernel == "repeat" else ACTIVITY
    parts: list[tuple[np.ndarray, ...]] = []
    for region in regions:
        planes = [plane.T if axis else plane for plane in (region.cb, region.cr, region.y)]
        cb, cr, luma = (_obeying(plane, taps, limit) for plane in planes)
        small, active = cb[0] + cr[0], cb[1] + cr[1]
        share = small / np.maximum(active, 1)
        control = np.where(luma[1] >= LEAST_PLACES, luma[0] / np.maximum(luma[1], 1), np.nan)
        control = np.where(np.isnan(control), np.nanmean(control) if np.isfinite(control).any() else 0.0, control)
        used = active >= LEAST_PLACES
        columns = np.flatnonzero(used)
        parts.append((share[used], (share - control)[used], columns % 2, columns % BLOCK))
    share, surplus, parity, place = (np.concatenate(part) for part in zip(*parts, strict=True))
    odd = parity == 1
    if min(odd.sum(), (~odd).sum()) < 2:
        return _Outcome(kernel, axis, 0.0, 0.0, log10_nfa(0.0, _TESTS))
    if surplus[odd].mean() < surplus[~odd].mean():
        odd = ~odd
    mean, other = float(share[odd].mean()), float(share[~odd].mean())
    worst = min(float(share[odd & (place == k)].mean()) for k in np.unique(place[odd]))
    if mean < LEAST_SHARE or worst - other < LEAST_CONTRAST:
        return _Outcome(kernel, axis, mean, other, log10_nfa(0.0, _TESTS))
    tail = max(log10_student_tail(*welch(part[odd], part[~odd])) for part in (share, surplus))
    return _Outcome(kernel, axis, mean, other, log10_nfa(tail, _TESTS))


def _obeying(plane: np.ndarray, taps: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Places that change and obey the relation, and places that change, by the column where the relation starts."""
    columns = plane.shape[1] - len(taps) + 1
    residual = np.zeros((plane.shape[0], columns), np.float32)
    for k, tap in enumerate(taps):
        if tap:
            residual += np.float32(tap) * plane[:, k : k + columns]
    low = max(len(taps) // 2 - 2, 0)
    high = min(low + 3, len(taps) - 1)
    active = np.abs(plane[:, high : high + columns] - plane[:, low : low + columns]) > limit
    return (active & (np.abs(residual) < SMALL)).sum(axis=0), active.sum(axis=0)


def _spectra(sample: Sample) -> dict[str, np.ndarray]:
    length = min(SPECTRUM, *(min(region.y.shape) for region in sample.regions)) // 2 * 2
    out: dict[str, np.ndarray] = {"frequency": np.fft.rfftfreq(length)}
    for index, axis in enumerate(_AXES):
        planes = [
            [plane.T if index else plane for plane in (region.y, region.cb, region.cr)] for region in sample.regions
        ]
        luma, cb, cr = (_power(list(part), length) for part in zip(*planes, strict=True))
        chroma = cb + cr
        out[f"luma_{axis}"], out[f"chroma_{axis}"] = 10 * np.log10(luma + 1e-3), 10 * np.log10(chroma / 2 + 1e-3)
    return out


def _power(planes: list[np.ndarray], length: int) -> np.ndarray:
    """Mean power spectral density along rows, Hann segments of `length` samples, in squared levels a cycle a pixel."""
    window = np.hanning(length)
    total, count = np.zeros(length // 2 + 1), 0
    for plane in planes:
        for start in range(0, plane.shape[1] - length + 1, length):
            part = plane[:, start : start + length]
            part = (part - part.mean(axis=1, keepdims=True)) * window
            total += (np.abs(np.fft.rfft(part, axis=1)) ** 2).sum(axis=0)
            count += len(part)
    return total / (count * (window**2).sum())


def _bandwidth(spectra: dict[str, np.ndarray], axis: str) -> float:
    high = spectra["frequency"] > 0.25
    shares = []
    for plane in ("chroma", "luma"):
        power = 10 ** (spectra[f"{plane}_{axis}"] / 10)
        shares.append(float(power[high].sum() / power[1:].sum()))
    return round(10 * float(np.log10(shares[0] / shares[1])), 2)


def _sentence(best: _Outcome, seen: tuple[bool, ...], planes: str, nfa: float, band: dict[str, float]) -> str:
    energy = (
        f"chroma's share of energy above a quarter of the sampling rate is {band['bandwidth_x']:+.1f} dB against "
        f"luma's along rows, "
        f"{band['bandwidth_y']:+.1f} dB along columns"
    )
    if nfa > FOUND_BELOW:
        return (
            f"Chroma obeys no interpolation at every other pixel more than by chance (expected in {chance(nfa)}); "
            f"{energy}."
        )
    halved = " and ".join(name for name, axis in zip(("width", "height"), seen, strict=True) if axis)
    who, whole, were = ("Chroma obeys", "luma does", "it was")
    if planes != "chroma":
        who, whole, were = ("Red and blue obey", "green does", "they were")
    return (
        f"{who} {_KERNELS[best.kernel]} at {percentage(best.share, 0)} of every other "
        f"{('column', 'row')[best.axis]} and {percentage(best.other, 0)} of those "
        f"between, {whole} not: {were} stored at half the {halved}. Chance gives this in {chance(nfa)}; {energy}."
    )
