"""What was recovered of JPEG XR, and the same as parameters with their uncertainty, basis, or reason for being
missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.history.jpegxr.lattice import Fit, index_step
from forensics.results.history import Parameter

_INDICES = (
    "quantizer_index_high_pass_luma",
    "quantizer_index_low_pass_luma",
    "quantizer_index_dc_luma",
    "quantizer_index_high_pass_u",
    "quantizer_index_high_pass_v",
)
_NAMES = ("overlap_mode", "macroblock_phase", "chroma_subsampling", *_INDICES)
_FEW = "too few coefficients of this band are left outside the zero cell to show their spacing"


@dataclass(frozen=True)
class JpegxrHistory:
    """What JPEG XR's transform domain shows.

    Attributes
    ----------
    found : bool
        Whether the 4x4 grid is there at all; everything else is None or empty where it is not.
    overlap : int or None
        0, 1 or 2; None where the second stage shows nothing and the first has the overlap operator.
    overlap_probability : float
    phase : tuple of int or None
        Row and column of a macroblock's first sample, modulo `period`, in the picture's coordinates.
    period : int
        16, or 4 where only the block grid was found.
    high_pass, low_pass : Fit or None
        Quantiser index of luma's bands.
    dc : int or None
        Quantiser index of luma's DC band.
    chroma_high_pass : tuple of (Fit or None)
        Of U and V.
    chroma_subsampling : str or None
        `4:4:4`, `4:2:2`, `4:2:0` or `grey`.
    lead, low_pass_lead, chroma_lead : float
        Evidence for the block grid, the macroblock grid and the subsampling, in standard errors.
    reason : str
        Why nothing was found; empty otherwise.
    """

    found: bool
    overlap: int | None = None
    overlap_probability: float = 0.0
    phase: tuple[int, int] | None = None
    period: int = 4
    high_pass: Fit | None = None
    low_pass: Fit | None = None
    dc: int | None = None
    chroma_high_pass: tuple[Fit | None, ...] = ()
    chroma_subsampling: str | None = None
    lead: float = 0.0
    low_pass_lead: float = 0.0
    chroma_lead: float = 0.0
    chroma_probability: float = 0.0
    reason: str = ""

    def parameters(self) -> tuple[Parameter, ...]:
        """The same as parameters with their uncertainty, each with its basis or the reason why it is missing."""
        return parameters_of(self)


def parameters_of(history: JpegxrHistory) -> tuple[Parameter, ...]:
    """The parameters of a history; all without a value where nothing was found."""
    if not history.found:
        return tuple(Parameter(name, None, reason=history.reason) for name in _NAMES)
    u, v = (*history.chroma_high_pass, None, None)[:2]
    why = "the picture is grey" if history.chroma_subsampling == "grey" else _FEW
    return (
        _overlap(history),
        _phase(history),
        _subsampling(history),
        _fitted(_INDICES[0], history.high_pass),
        _fitted(_INDICES[1], history.low_pass),
        _dc(history),
        _fitted(_INDICES[3], u, why),
        _fitted(_INDICES[4], v, why),
    )


def _overlap(history: JpegxrHistory) -> Parameter:
    if history.overlap is None:
        reason = (
            "the overlap operator was applied in the first stage (mode 1 or 2); the second stage shows too few "
            "low-pass coefficients to tell"
        )
        return Parameter("overlap_mode", None, low=1, high=2, reason=reason)
    basis = (
        f"coefficients are multiples of a step in this mode alone: the 4x4 grid leads by {history.lead:.0f} standard "
        f"errors, "
        f"the macroblock grid by {history.low_pass_lead:.0f}"
    )
    return Parameter("overlap_mode", history.overlap, probability=history.overlap_probability, basis=basis)


def _phase(history: JpegxrHistory) -> Parameter:
    basis = (
        f"row and column of a macroblock's first sample modulo {history.period}, the phase at which the quantised "
        f"coefficients stand out"
    )
    if history.phase is None:
        return Parameter("macroblock_phase", None, reason="no phase stands out")
    return Parameter("macroblock_phase", history.phase, unit="pixels", basis=basis)


def _subsampling(history: JpegxrHistory) -> Parameter:
    name = "chroma_subsampling"
    if history.chroma_subsampling is None:
        return Parameter(
            name, None, reason="at the phase of luma no subsampling makes the chroma coefficients stand out"
        )
    if history.chroma_subsampling == "grey":
        return Parameter(name, "grey", probability=1.0, basis="the three channels are equal")
    basis = (
        f"chroma coefficients stand out by {history.chroma_lead:.0f} standard errors at this resolution and luma's "
        f"phase"
    )
    return Parameter(name, history.chroma_subsampling, probability=history.chroma_probability, basis=basis)


def _fitted(name: str, fit: Fit | None, why: str = _FEW) -> Parameter:
    if fit is None:
        return Parameter(name, None, reason=why)
    basis = (
        f"{fit.number} coefficients outside the zero cell lie at multiples of {index_step(fit.quantizer):g} grey "
        f"levels (fit {fit.fit:.2f} of at most 1)"
    )
    return Parameter(name, fit.quantizer, fit.low, fit.high, basis=basis)


def _dc(history: JpegxrHistory) -> Parameter:
    if history.dc is None:
        return Parameter(
            _INDICES[2],
            None,
            reason="too few macroblocks, or a step too fine, for the spacing of the DC values to show",
        )
    return Parameter(
        _INDICES[2],
        history.dc,
        history.dc,
        history.dc,
        basis=f"DC values lie at multiples of {index_step(history.dc):g} grey levels",
    )
