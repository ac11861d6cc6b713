"""From planes to RGB in the ways that decoders differ in: the chroma filter, where it takes chroma to lie, and the
arithmetic.

A format fixes the planes; programs enlarge chroma by repetition, by a triangle, by a cubic or by a windowed sinc, take
it to lie between the luma samples or on the even ones, and multiply by matrices of 6 to 16 fractional bits or in
floating point, with or without rounding. `draw` picks one such way, so that a data set holds more of them than there
are libraries at hand. `as_libheif` is the way of one library, for pictures whose planes it would read but whose codec
the build at hand leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forensics.codecs.bpg import colour as bpg_colour
from forensics.codecs.decoders.planes import CodedPlanes
from forensics.errors import CodecError

_TAPS = np.arange(-3, 4)
"""Chroma samples around the one at hand that the widest kernel reaches."""


def cubic(distance: np.ndarray, slope: float) -> np.ndarray:
    """The cubic convolution of Keys (doi:10.1109/TASSP.1981.1163711) with `slope` at distance 1."""
    near = (slope + 2) * distance**3 - (slope + 3) * distance**2 + 1
    far = slope * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def _soft_cubic(distance: np.ndarray) -> np.ndarray:
    """The cubic of Mitchell and Netravali with B = C = 1/3 (doi:10.1145/54852.378514)."""
    near = (7 * distance**3 - 12 * distance**2 + 16 / 3) / 6
    far = (-7 / 3 * distance**3 + 12 * distance**2 - 20 * distance + 32 / 3) / 6
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


KERNELS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "nearest": lambda distance: (distance <= 0.5).astype(np.float64),
    "bilinear": lambda distance: np.maximum(1 - distance, 0.0),
    "cubic-sharp": lambda distance: cubic(distance, -0.75),
    "cubic-soft": lambda distance: cubic(distance, -0.3),
    "mitchell": _soft_cubic,
    "lanczos": lambda distance: np.where(distance < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0),
}
"""Interpolation kernels by the distance to a sample, in samples. The cubic with slope -1/2 is left to `planes.FILTERS`.
"""

_LIBHEIF_GAINS = np.array([1.1689, 1.1429, 1.1429], np.float32)
"""What libheif multiplies luma and chroma of limited range by; 255/219 and 255/224 would be 1.1644 and 1.1384."""

FRACTION_BITS = (0, 6, 8, 10, 13, 14, 16)
"""Fractional bits of the colour matrix; 0 stands for floating point."""


@dataclass(frozen=True)
class Conversion:
    """One way from planes to 8-bit RGB.

    Attributes
    ----------
    kernel : str
        One of `KERNELS`.
    cosited : tuple of (bool, bool)
        Whether decimated chroma is taken to lie on the even luma rows and on the even columns, not between them.
    whole_chroma : bool
        Whether enlarged chroma is rounded to whole numbers before the matrix.
    eight_bits_first : bool
        Whether deeper samples are rounded to 8 bits before everything else.
    fraction_bits : int
        One of `FRACTION_BITS`.
    rounded : bool
        Whether the matrix's sums are rounded; they are cut off otherwise.
    """

    kernel: str
    cosited: tuple[bool, bool]
    whole_chroma: bool
    eight_bits_first: bool
    fraction_bits: int
    rounded: bool


_LIBHEIF = Conversion(
    "nearest", (False, False), whole_chroma=True, eight_bits_first=False, fraction_bits=0, rounded=True
)


def draw(numbers: np.random.Generator) -> Conversion:
    """A random conversion; what common decoders do is frequent."""
    return Conversion(
        kernel=str(numbers.choice(list(KERNELS), p=[0.2, 0.4, 0.12, 0.12, 0.06, 0.1])),
        cosited=[(False, False), (False, True), (True, True)][int(numbers.choice(3, p=[0.6, 0.3, 0.1]))],
        whole_chroma=bool(numbers.random() < 0.75),
        eight_bits_first=bool(numbers.random() < 0.5),
        fraction_bits=int(numbers.choice(FRACTION_BITS, p=[0.25, 0.15, 0.15, 0.1, 0.1, 0.1, 0.15])),
        rounded=bool(numbers.random() < 0.85),
    )


def to_picture(planes: CodedPlanes, conversion: Conversion) -> np.ndarray:
    """RGB, `np.ndarray [shape=(height, width, 3), dtype=uint8]`, or grey without a third axis."""
    bit_depth, samples = planes.bit_depth, planes.samples
    if conversion.eight_bits_first and bit_depth > 8:
        samples, bit_depth = tuple(_to_eight_bits(plane, bit_depth) for plane in samples), 8
    luma, *chroma = samples
    if not chroma:
        return bpg_colour.plane_to_grey(luma, bit_depth, planes.limited)
    matrix, levels = bpg_colour.rgb_matrix(planes.colour_space, bit_depth, planes.limited)
    return _through(samples, bit_depth, matrix, levels, conversion)


def _through(
    samples: Sequence[np.ndarray], bit_depth: int, matrix: np.ndarray, levels: np.ndarray, conversion: Conversion
) -> np.ndarray:
    """RGB of luma and two chroma planes by an exact matrix, which takes `levels` off first, in the conversion's
    arithmetic.
    """
    luma, *chroma = samples
    wide = [_enlarged(plane, luma.shape, conversion, bit_depth) for plane in chroma]
    if conversion.fraction_bits:
        matrix = np.rint(matrix * 2.0**conversion.fraction_bits) / 2.0**conversion.fraction_bits
    rgb = (np.stack([luma.astype(np.float64), *wide], axis=-1) - levels) @ matrix.T
    return np.clip(np.floor(rgb + (0.5 if conversion.rounded else 1e-9)), 0, 255).astype(np.uint8)


def as_libheif(planes: CodedPlanes) -> np.ndarray:
    """RGB as recent libheif makes it, the library of libvips and many programs.

    Chroma is repeated. 4:2:0 of full range goes by integers of 8 fractional bits, everything else by floating point
    (version 1.15 took floating point throughout).

    Parameters
    ----------
    planes : CodedPlanes
        8-bit samples; grey, or a YCbCr colour space.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
        Grey pictures come without the third axis, as they are stored.

    Raises
    ------
    CodecError
        Deeper samples, RGB planes.
    """
    if planes.bit_depth != 8 or planes.colour_space == "rgb":
        raise CodecError(f"libheif's conversion of {planes.bit_depth}-bit {planes.colour_space} is not known here")
    if len(planes.samples) == 1:
        return planes.samples[0].copy()
    matrix, levels = bpg_colour.rgb_matrix(planes.colour_space, 8, limited=False)
    if planes.limited:
        levels = np.array([16, *levels[1:]])
        matrix = matrix * _LIBHEIF_GAINS
    integers = planes.subsampling == "4:2:0" and not planes.limited
    return _through(planes.samples, 8, matrix, levels, replace(_LIBHEIF, fraction_bits=8 if integers else 0))


def _to_eight_bits(plane: np.ndarray, bit_depth: int) -> np.ndarray:
    shift = bit_depth - 8
    return np.minimum((plane.astype(np.uint32) + (1 << shift - 1)) >> shift, 255).astype(np.uint16)


def _enlarged(plane: np.ndarray, shape: Sequence[int], conversion: Conversion, bit_depth: int) -> np.ndarray:
    """A chroma plane at the size of luma, float64."""
    wide = plane.astype(np.float64)
    for axis, cosited in enumerate(conversion.cosited):
        if plane.shape[axis] != shape[axis]:
            wide = _doubled(wide, KERNELS[conversion.kernel], cosited, axis)
    wide = np.clip(wide[: shape[0], : shape[1]], 0, (1 << bit_depth) - 1)
    return np.floor(wide + 0.5) if conversion.whole_chroma else wide


def _doubled(plane: np.ndarray, kernel: Callable[[np.ndarray], np.ndarray], cosited: bool, axis: int) -> np.ndarray:
    across = np.moveaxis(plane, axis, 0)
    padded = np.pad(across, ((3, 3), (0, 0)), mode="edge")
    doubled = np.empty((2 * len(across), across.shape[1]))
    for parity, place in enumerate((0.0, 0.5) if cosited else (-0.25, 0.25)):
        weights = kernel(np.abs(_TAPS - place))
        if cosited and kernel is KERNELS["nearest"]:
            weights = (_TAPS == 0).astype(np.float64)  # half-way between two samples: the one before
        weights = weights / weights.sum()
        doubled[parity::2] = sum(w * padded[k : k + len(across)] for k, w in enumerate(weights) if w)
    return np.moveaxis(doubled, 0, axis)
