"""What was recovered of JPEG 2000, and the same as parameters with their uncertainty, basis, or reason for being
missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.history.jpeg2000.steps import BandStep
from forensics.history.jpeg2000.transform import Wavelet
from forensics.results.history import Parameter

_NAMES = (
    "wavelet",
    "decomposition_levels",
    "colour_transform",
    "quantization",
    "psnr_estimate",
    "tile_size",
    "grid_phase",
)
_TRANSFORMS = {"ict": "irreversible (YCbCr)", "rct": "reversible (YUV)", "none": "none"}
_COLOUR_RIGHT = 0.97
"""Share of right ones among the colour transforms declared, on validation pictures at 128 and 256 pixels."""
_PSNR_ERROR = 3.0
"""Half the width of the 90 % interval of the estimate, in dB."""


@dataclass(frozen=True)
class Jpeg2000History:
    """What the wavelet domain shows.

    Attributes
    ----------
    found : bool
        Whether JPEG 2000's quantisation is there at all; everything else is None or empty where it is not.
    wavelet : str or None
        `9/7` or `5/3`.
    wavelet_probability : float
    colour_transform : str or None
        `ict`, `rct` or `none`; None where it cannot be determined.
    levels : int or None
        Decomposition levels; None where the picture is too small or too finely coded to show the last.
    levels_at_least : int
        Levels that were seen.
    phase : tuple of int
        Row and column of a low-pass sample of the last level seen, modulo 2 ** levels_at_least: where the coded
        picture's or tile's origin lies, in the crop's coordinates.
    parities : tuple of tuple of int
        Row and column parity of the low-pass samples of each level seen, in its own plane.
    base_step : BandStep or None
        Of 9/7, in grey levels of an orthonormal transform; encoders drop bit planes, so it is known up to a power of
        two.
    steps_luma, planes_luma : tuple
        By band, HL, LH, HH of level 1 first: quantisation steps of 9/7, bit planes cut off of 5/3.
    psnr : float or None
        Estimate in dB.
    tile_size : int or None
        Side of the tiles where two of their boundaries are seen.
    lead : float
        Evidence of the first level in standard errors.
    reason : str
        Why nothing was found; empty otherwise.
    """

    found: bool
    wavelet: Wavelet | None = None
    wavelet_probability: float = 0.0
    colour_transform: str | None = None
    levels: int | None = None
    levels_at_least: int = 0
    phase: tuple[int, int] = (0, 0)
    parities: tuple[tuple[int, int], ...] = ()
    base_step: BandStep | None = None
    steps_luma: tuple[float | None, ...] = ()
    planes_luma: tuple[int | None, ...] = ()
    psnr: float | None = None
    tile_size: int | None = None
    lead: float = 0.0
    grey: bool = False
    reason: str = ""

    def parameters(self) -> tuple[Parameter, ...]:
        """The same as parameters with their uncertainty, each with its basis or the reason why it is missing."""
        return parameters_of(self)


def parameters_of(history: Jpeg2000History) -> tuple[Parameter, ...]:
    """The parameters of a history; all without a value where nothing was found."""
    if not history.found:
        return tuple(Parameter(name, None, reason=history.reason) for name in _NAMES)
    return (
        _wavelet(history),
        _levels(history),
        _colour(history),
        *_quantization(history),
        _psnr(history),
        _tiles(history),
        _phase(history),
    )


def _wavelet(history: Jpeg2000History) -> Parameter:
    basis = (
        f"detail coefficients of this wavelet keep to a quantiser's lattice at one parity, {history.lead:.0f} "
        f"standard errors above the others"
    )
    return Parameter("wavelet", history.wavelet, probability=history.wavelet_probability, basis=basis)


def _levels(history: Jpeg2000History) -> Parameter:
    name, least = "decomposition_levels", history.levels_at_least
    if history.levels is None:
        reason = (
            f"{least} levels are seen; beyond them too few coefficients rest on the picture alone, or too few of "
            f"their bits were cut off"
        )
        return Parameter(name, None, low=least, reason=reason)
    basis = (
        "the next level shows no quantised details where it would have to, or this level's low-pass band is "
        "quantised itself"
    )
    return Parameter(name, history.levels, history.levels, history.levels, basis=basis)


def _colour(history: Jpeg2000History) -> Parameter:
    if history.grey:
        return Parameter("colour_transform", None, reason="the picture is grey")
    if history.colour_transform is None:
        reason = "nearly all detail coefficients are zero, which looks the same with the transform and without"
        return Parameter("colour_transform", None, reason=reason)
    basis = "the coefficients outside the zero cell fit a lattice in these components"
    return Parameter("colour_transform", _TRANSFORMS[history.colour_transform], probability=_COLOUR_RIGHT, basis=basis)


def _quantization(history: Jpeg2000History) -> tuple[Parameter, ...]:
    if history.wavelet == "5/3":
        return (_table("truncated_bit_planes_luma", history.planes_luma, "bit planes"),)
    base, name = history.base_step, "quantization_step_orthonormal"
    if base is None:
        first = Parameter(
            name, None, reason="too few detail coefficients are left outside the zero cell to show their spacing"
        )
    else:
        basis = (
            "spacing of the detail coefficients times the norms of the synthesis functions; known up to a power of two"
        )
        low, high = base.step - base.half_width, base.step + base.half_width
        first = Parameter(name, round(base.step, 4), round(low, 4), round(high, 4), unit="grey levels", basis=basis)
    return first, _table("quantization_steps_luma", history.steps_luma, "grey levels")


def _table(name: str, values: tuple[float | int | None, ...], unit: str) -> Parameter:
    if all(value is None for value in values):
        return Parameter(name, None, reason="too few coefficients of any band are left outside the zero cell")
    return Parameter(
        name, values, unit=unit, basis="per band, HL, LH, HH of level 1 first, from the histogram of magnitudes"
    )


def _psnr(history: Jpeg2000History) -> Parameter:
    if history.psnr is None:
        return Parameter("psnr_estimate", None, reason="no band shows its quantisation step")
    low, high = history.psnr - _PSNR_ERROR, history.psnr + _PSNR_ERROR
    basis = "quantisation error of all bands, coefficients taken to be Laplacian before it"
    return Parameter("psnr_estimate", round(history.psnr, 2), round(low, 2), round(high, 2), unit="dB", basis=basis)


def _tiles(history: Jpeg2000History) -> Parameter:
    if history.tile_size is None:
        reason = (
            "fewer than two boundaries of tiles are seen: there are none, or the picture is too small or too "
            "coarse to show them"
        )
        return Parameter("tile_size", None, reason=reason)
    basis = "the wavelet transform breaks off and is reflected along these lines"
    return Parameter("tile_size", history.tile_size, history.tile_size, history.tile_size, unit="pixels", basis=basis)


def _phase(history: Jpeg2000History) -> Parameter:
    period = 1 << history.levels_at_least
    basis = (
        f"row and column of the coded grid's origin modulo {period}, from the parity of each of "
        f"{history.levels_at_least} levels"
    )
    return Parameter("grid_phase", history.phase, unit="pixels", basis=basis)
