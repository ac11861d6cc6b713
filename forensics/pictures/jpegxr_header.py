"""What the header of a JPEG XR codestream states of its lossiness: scaling, bands, flexbits and quantiser indices.

References
----------
ITU-T T.832 8.3 (image header) and 8.4 (image plane header); the names are those of its syntax tables.
"""

from __future__ import annotations

SIGNATURE = b"WMPHOTO\0"
_YUV420, _YUV422, _YUV444, _YUVK, _N_COMPONENT = 1, 2, 3, 4, 6
"""Values of `INTERNAL_CLR_FMT` (ITU-T T.832 8.4)."""
_ALL_BANDS = 0
"""Value of `BANDS_PRESENT` (ITU-T T.832 8.4) where none was left out."""
_STEPS_OF_ONE = 4
"""Largest quantiser index that stands for a step of one without scaled arithmetic (ITU-T T.832 9.8): from index 5 on
values are lost."""


class _Bits:
    """Reads bits, the first being the most significant."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise IndexError("the header is cut short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)


def is_lossy(codestream: bytes) -> bool | None:
    """Whether a codestream was coded with loss; None where its header leaves it open, as where tiles have quantisers of
    their own.

    Parameters
    ----------
    codestream : bytes
        From its signature on; the first few hundred bytes are enough.

    Examples
    --------
    >>> import imagecodecs, numpy as np
    >>> from forensics.pictures.jpegxr_header import SIGNATURE, is_lossy
    >>> file = imagecodecs.jpegxr_encode(np.zeros((64, 64, 3), np.uint8), level=0.8)
    >>> is_lossy(file[file.find(SIGNATURE):])
    True
    """
    if codestream[:8] != SIGNATURE:
        return None
    try:
        return _read(_Bits(codestream[8 : 8 + (1 << 12)]))
    except IndexError:
        return None


def _read(bits: _Bits) -> bool | None:
    bits.take(8)
    tiled, _, _, _, _ = (bits.take(count) for count in (1, 1, 3, 1, 2))
    short, _, windowed, trimmed, _ = (bits.take(count) for count in (1, 1, 1, 1, 4))
    shown, depth = bits.take(4), bits.take(4)
    bits.take(32 if short else 64)
    if tiled:
        across, down = bits.take(12), bits.take(12)
        bits.take((across + down) * (8 if short else 16))
    if windowed:
        bits.take(24)
    inside, scaled, bands = bits.take(3), bits.take(1), bits.take(4)
    components = _components(bits, inside)
    if depth in (2, 3, 6):
        bits.take(8)  # SHIFT_BITS
    elif depth == 7:
        bits.take(16)  # LEN_MANTISSA, EXP_BIAS
    if bands != _ALL_BANDS or trimmed or (inside in (_YUV420, _YUV422) and shown == 7):
        return True
    indices: list[int] = []
    for kind in range(3):
        if kind:
            bits.take(1)
        if not bits.take(1):  # quantisers that differ between tiles stand in the tiles
            return None
        indices += _indices(bits, components)
    if max(indices) > _STEPS_OF_ONE:
        return True
    return (True if max(indices) else None) if scaled else (None if max(indices) else False)


def _components(bits: _Bits, inside: int) -> int:
    if inside in (_YUV420, _YUV422, _YUV444):
        bits.take(8)
        return 3
    if inside == _N_COMPONENT:
        count = bits.take(4) + 1
        if count == 16:
            return bits.take(12) + 16
        bits.take(4)
        return count
    return 4 if inside == _YUVK else 1


def _indices(bits: _Bits, components: int) -> list[int]:
    """Quantiser indices of one band: one for all components, one for luma and one for chroma, or one for each."""
    mode = bits.take(2) if components > 1 else 0
    return [bits.take(8) for _ in range((1, 2, components, components)[mode])]
