"""JPEG XR files by jxrlib in a process of its own, and whether their coded data reach to the picture's end.

jxrlib fills up what is missing in silence. Bytes that are put behind the data change nothing in a whole file; in one
that was cut, with its stated length adjusted, the decoder takes them for the rest, and the samples change.
"""

from __future__ import annotations

import numpy as np

from forensics.pictures import guarded, tiff_header
from forensics.pictures.samples import LENGTHS_ONLY, Samples, damaged

_OFFSET, _COUNT, _ALPHA = 0xBCC0, 0xBCC1, 0xBCC2
"""Tags of ITU-T T.832 annex A."""
_PADDING = bytes(range(1, 256)) * 3
_END_CHECKED = "the data reach to the picture's end; nothing in this format could tell damage inside them"
"""Of 150 whole files 4 bear other values in their last 16 bytes, so that data which end early are no sign of damage."""


def decode(data: bytes) -> Samples:
    """Samples of a JPEG XR file at 8 bits.

    Raises
    ------
    CodecError
        The decoder refuses it, crashes or hangs.
    PictureError
        The data end before the picture does.
    """
    samples = guarded.decode("jpegxr", data)
    at = tiff_header.Layout("<", False, int.from_bytes(data[4:8], "little"))
    tags = tiff_header.directory(data, at, at.first)
    offset, count = tags.value(_OFFSET), tags.value(_COUNT)
    checked = at.first < offset and _ALPHA not in tags.tags
    if checked and not np.array_equal(samples, guarded.decode("jpegxr", data[: offset + count] + _PADDING)):
        raise damaged("its JPEG XR data end before the picture does")
    integrity = _END_CHECKED if checked else LENGTHS_ONLY
    return Samples(samples, facts={"integrity": integrity})
