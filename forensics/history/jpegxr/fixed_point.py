"""Confirmation by idempotence: re-encode with the recovered parameters through jxrlib, and see how much of the picture
stays.

Coefficients that already are multiples of the step pass the quantiser unchanged, so that a second encoding at the same
phase, overlap mode, subsampling and quantiser changes next to nothing, while one pixel off it the same encoder
changes most pixels.
"""

from __future__ import annotations

import numpy as np
from forensics_features.planes import to_rgb8

from forensics.history.fixed_point import FixedPoint, aligned, compare
from forensics.history.jpegxr.explained import parameter as explained_samples
from forensics.history.jpegxr.findings import JpegxrHistory
from forensics.results.history import RATIO, Parameter, compression_ratio

_MACROBLOCK = 16
"""Side of a macroblock in pixels (ITU-T T.832 clause 3)."""
_ENCODER = "jpegxr-jxrlib"
_STABLE = 0.7
"""Share of samples that recompression has to leave unchanged for its size to be that of the file."""
_BANDS_APART = 2
"""Most that the indices of high pass and low pass may differ for the same: the command has one index for all bands."""
_RATIO_INTERVAL = (0.95, 1.14)
"""Ends of the 90 % interval against recompression, from 55 validation files."""


def fixed_point(pixels: np.ndarray, history: JpegxrHistory) -> FixedPoint | None:
    """Re-encode with the history's parameters; None where one that the encoder needs is missing, or the encoder is.

    jxrlib's command has one quantiser for all bands: the high-pass index is used, so that a picture whose bands have
    others is changed more.
    """
    from forensics.codecs import registry

    codec = registry.get(_ENCODER)
    if (
        history.overlap is None
        or history.high_pass is None
        or history.chroma_subsampling is None
        or history.phase is None
    ):
        return None
    if history.period != _MACROBLOCK or not codec.availability().encode:
        return None
    picture = to_rgb8(pixels)
    options: dict[str, str | int] = {
        "quantizer": history.high_pass.quantizer, "overlap": history.overlap,
        "subsampling": "4:4:4" if history.chroma_subsampling == "grey" else history.chroma_subsampling,
    }  # fmt: skip
    results = []
    for shift in (0, 1):
        part = aligned(picture[shift:, shift:], history.phase, _MACROBLOCK)
        if min(part.shape[:2]) < 4 * _MACROBLOCK:
            return None
        data = codec.encode(part, **options)
        results.append((*compare(part, codec.decode(data), _MACROBLOCK), part.size / len(data)))
    (unchanged, psnr, ratio), (unchanged_control, psnr_control, _) = results
    return FixedPoint(unchanged, unchanged_control, psnr, psnr_control, ratio)


def _one_index(history: JpegxrHistory) -> bool:
    high, low = history.high_pass, history.low_pass
    return high is not None and low is not None and abs(high.quantizer - low.quantizer) <= _BANDS_APART


def confirmation(pixels: np.ndarray, history: JpegxrHistory) -> tuple[Parameter, ...]:
    """The fixed point and the compression ratio that recompression shows, and the share of samples that the lattice
    explains, each with a reason where there is none.
    """
    return *_recompressed(pixels, history), explained_samples(pixels, history)


def _recompressed(pixels: np.ndarray, history: JpegxrHistory) -> tuple[Parameter, Parameter]:
    from forensics.codecs import registry

    names = ("fixed_point", RATIO)
    point = fixed_point(pixels, history) if history.found else None
    if point is None:
        encoder = registry.get(_ENCODER).availability()
        reason = history.reason or encoder.reason or "not tested: a parameter that the encoder needs was not read"
        return Parameter(names[0], None, reason=reason), Parameter(names[1], None, reason=reason)
    basis = (
        f"share of samples unchanged by recompression with the recovered parameters ({point.psnr:.1f} dB); one pixel "
        f"off the grid "
        f"{point.unchanged_control:.4f} ({point.psnr_control:.1f} dB)"
    )
    found = Parameter(names[0], round(point.unchanged, 4), basis=basis)
    if point.unchanged < _STABLE or not _one_index(history):
        return found, Parameter(
            names[1],
            None,
            reason="recompression changes the picture, or bands differ, so that its size need not be the file's",
        )
    return found, compression_ratio(point.ratio, *_RATIO_INTERVAL, "the recovered parameters")
