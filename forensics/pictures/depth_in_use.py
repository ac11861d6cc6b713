"""Samples that use fewer bits than their 16: scaled to the range in use, so that rounding to 8 bits keeps what is
there.

Cameras, scanners and medical devices store 10, 12 or 14 bits at the lower or upper end of 16. Rounded as they are, some
16 of 256 levels would be left of a picture of 12 bits. Values that are 257 times 8-bit ones use the full range already.
"""

from __future__ import annotations

import numpy as np

from forensics.pictures.samples import scale_to_sixteen

_DEPTHS = (8, 10, 12, 14)
"""Depths that devices have; the range is taken up to the next of them."""
_FULL = 16
"""Bits of a sample."""


def used_bits(samples: np.ndarray) -> tuple[int, int]:
    """Bits in use and low bits that are always zero, of uint16 samples; (16, 0) where the full range is used.

    The largest value decides between depths of `_DEPTHS`; zeros below it count only if 8 bits or more are left above
    them.
    """
    top = int(samples.max(initial=0)).bit_length()
    upper = next((depth for depth in _DEPTHS if top <= depth), _FULL)
    if top == 0 or (upper == _FULL and is_eight_bit(samples)):
        return _FULL, 0
    union = int(np.bitwise_or.reduce(samples, axis=None))
    zeros = (union & -union).bit_length() - 1
    if zeros < 2 or upper - zeros < 8:
        zeros = 0
    return upper - zeros, zeros


def is_eight_bit(samples: np.ndarray) -> bool:
    """Whether samples, of shape (height, width[, channels]) and uint16, are all 257 times a value of 8 bits."""
    flat = samples.reshape(-1)
    return all(not (flat[start : start + (1 << 20)] % 257).any() for start in range(0, flat.size, 1 << 20))


def scaled(samples: np.ndarray) -> tuple[np.ndarray, str | None]:
    """uint16 samples brought to the full range, and what to say of it; unchanged with None where they use it
    already.
    """
    bits, zeros = used_bits(samples)
    if bits == _FULL:
        return samples, None
    note = f"{bits} of 16 bits are in use: the samples were scaled to the full range"
    return scale_to_sixteen(samples >> np.uint16(zeros), (1 << bits) - 1), note


def spread(samples: np.ndarray, bits: int) -> np.ndarray:
    """Samples of `bits` stated bits (9 to 16) at the full range of 16; low bits that are zero in all of them are taken
    off first.

    Eight-bit samples that were moved up within 12 bits then come out as exactly the 8-bit samples they were.
    """
    if bits == _FULL:
        return samples.astype(np.uint16, copy=False)
    union = int(np.bitwise_or.reduce(samples, axis=None)) if samples.size else 0
    zeros = (union & -union).bit_length() - 1 if union else 0
    zeros = zeros if bits - zeros >= 8 else 0
    return scale_to_sixteen(samples >> samples.dtype.type(zeros), (1 << (bits - zeros)) - 1)
