"""Formats of pictures that people hold and that are not read: each is named by its signature, with what to do.

Signatures are those of the formats' own specifications, as Linux's magic(5) database lists them too.
"""

from __future__ import annotations

import re

_CONVERT = "save it as PNG or TIFF first"
_DEEP = "it holds floating-point samples; save it with 8 or 16 bits a sample"
_DEVELOP = "develop it to TIFF or PNG first; a preview JPEG inside can be analysed once it is taken out"
_DRAWING = "it holds drawings, not pixels"
_UNPACK = "unpack it first, or give it to `forensics survey`"
_TEXTURE = "transcode it to PNG first"

_SIGNATURES: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"8BPS", "a Photoshop document (PSD)", _CONVERT),
    (0, b"gimp xcf", "a GIMP document (XCF)", _CONVERT),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture", _DEEP),
    (0, b"#?RADIANCE", "a Radiance picture (HDR)", _DEEP),
    (0, b"#?RGBE", "a Radiance picture (HDR)", _DEEP),
    (0, b"FUJIFILMCCD-RAW", "a raw photograph (Fujifilm RAF)", _DEVELOP),
    (0, b"IIRO", "a raw photograph (Olympus ORF)", _DEVELOP),
    (0, b"IIRS", "a raw photograph (Olympus ORF)", _DEVELOP),
    (0, b"MMOR", "a raw photograph (Olympus ORF)", _DEVELOP),
    (0, b"IIU\0", "a raw photograph (Panasonic RW2)", _DEVELOP),
    (0, b"FOVb", "a raw photograph (Sigma X3F)", _DEVELOP),
    (0, b"\0MRM", "a raw photograph (Minolta MRW)", _DEVELOP),
    (6, b"HEAPCCDR", "a raw photograph (Canon CRW)", _DEVELOP),
    (4, b"ftypcrx ", "a raw photograph (Canon CR3)", _DEVELOP),
    (0, b"\xff\x10\xff\x50", "a JPEG XS picture", _CONVERT),
    (0, b"\0\0\0\x0cJXS ", "a JPEG XS picture", _CONVERT),
    (0, b"FLIF", "a FLIF picture", _CONVERT),
    (0, b"AT&TFORM", "a DjVu document", "draw its pages into PNG first"),
    (0, b"FORM", "an IFF file", _CONVERT),
    (0, b"icns", "an Apple icon (ICNS)", _CONVERT),
    (0, b"SIMPLE  =", "a FITS picture", _CONVERT),
    (0, b"\x59\xa6\x6a\x95", "a Sun raster picture", _CONVERT),
    (0, b"/* XPM */", "an XPM picture", _CONVERT),
    (0, b"SDPX", "a DPX picture", _CONVERT),
    (0, b"XPDS", "a DPX picture", _CONVERT),
    (0, b"\x80\x2a\x5f\xd7", "a Cineon picture", _CONVERT),
    (0, b"\xabKTX 11\xbb\r\n\x1a\n", "a KTX 1 texture", _TEXTURE),
    (0, b"PKM 10", "an ETC1 texture (PKM)", _TEXTURE),
    (0, b"PKM 20", "an ETC2 texture (PKM)", _TEXTURE),
    (0, b"\x13\xab\xa1\x5c", "an ASTC texture", _TEXTURE),
    (0, b"PVR\x03", "a PowerVR texture", _TEXTURE),
    (0, b"sB\x10\0", "a Basis Universal texture", _TEXTURE),
    (0, b"sB\x13\0", "a Basis Universal texture", _TEXTURE),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS document", "draw it into PNG first"),
    (0, b"%!PS", "a PostScript document", "draw it into PNG first"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)", _DRAWING),
    (40, b" EMF", "a Windows metafile (EMF)", _DRAWING),
    (0, b"\x8aMNG", "an MNG animation", "take a frame out as PNG first"),
    (0, b"\x8bJNG", "a JNG picture", _CONVERT),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", "take its pictures out first"),
    (0, b"CDF\x01", "a NetCDF file", "take its pictures out first"),
    (0, b"CDF\x02", "a NetCDF file", "take its pictures out first"),
    (344, b"n+1\0", "a NIfTI volume", "take its slices out first"),
    (0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (257, b"ustar", "a TAR archive", _UNPACK),
    (0, b"\x1f\x8b", "a gzip file", "unpack it first"),
    (0, b"BZh", "a bzip2 file", "unpack it first"),
    (0, b"\xfd7zXZ\0", "an xz file", "unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (0, b"Rar!\x1a\x07", "a RAR archive", "unpack it first"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE document", "take its pictures out first"),
)  # fmt: skip
"""Offset, bytes, what the file is, what can be done."""
_SVG = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL)
_XBM = re.compile(rb"\s*(/\*.*?\*/\s*)?#define\s+\w*width\s+\d+", re.DOTALL)


def named(data: bytes) -> str:
    """What a file is that cannot be read, and what to do; empty for none of those known.

    Examples
    --------
    >>> from forensics.pictures.unread import named
    >>> named(b"8BPS" + bytes(22))
    'it is a Photoshop document (PSD), which is not read: save it as PNG or TIFF first'
    """
    for offset, signature, name, advice in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return f"it is {name}, which is not read: {advice}"
    head = bytes(data[:4096])
    if _SVG.match(head):
        return f"it is an SVG picture, which is not read: {_DRAWING}"
    if _XBM.match(head):
        return f"it is an XBM picture, which is not read: {_CONVERT}"
    return ""
