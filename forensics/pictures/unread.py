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


_SPOILT: tuple[tuple[bytes, str], ...] = (
    (
        rb"\x89PNG(\n\x1a\n|\r\n\x1a\r\n|\r\r\n\x1a\r\n|\r\x1a\r)",
        "a PNG whose line ends were converted, as a transfer of text does",
    ),
    (rb"\xef\xbf\xbdPNG|\xc2\x89PNG", "a PNG that was stored as text in UTF-8"),
    (rb"(\xef\xbf\xbd){3,4}.{0,12}(JFIF|Exif)|\xc3\xbf\xc3\x98\xc3\xbf", "a JPEG that was stored as text in UTF-8"),
    (rb"GIF8[79]a\xef\xbf\xbd", "a GIF that was stored as text in UTF-8"),
)
"""Signatures that a transfer has changed, after which no byte can be trusted."""
_TEXTS: tuple[tuple[bytes, str], ...] = (
    (rb"\s*(<!doctype html|<html)", "it is a web page, not a picture: what was asked for was not downloaded"),
    (
        rb"\s*(data:image/[\w.+-]+;base64,|iVBORw0KGgo|/9j/|R0lGOD|UklGR|Qk[012])",
        "it is a picture in Base64: decode it first",
    ),
    (rb"\s*[{\[]\s*[\"{\]\[]", "it is a JSON document, not a picture"),
    (rb"\s*<\?xml", "it is an XML document, not a picture"),
)
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8")
_MAC_HEAD, _MARK = 128, b"\xef\xbb\xbf"
"""Bytes of the head that MacBinary puts before a file; the byte order mark of UTF-8."""


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
    for pattern, name in _SPOILT:
        if re.match(pattern, head, re.DOTALL):
            return f"the file is damaged: it is {name}; fetch it again as it was"
    if data[_MAC_HEAD : _MAC_HEAD + 8].startswith(_STARTS) and data[:1] == b"\0":
        return f"a picture starts {_MAC_HEAD} bytes into the file (MacBinary): take these bytes off first"
    if head.startswith(_MARK) and head[len(_MARK) :].startswith(_STARTS):
        return "a picture starts behind a byte order mark of text: take these 3 bytes off first"
    for pattern, said in _TEXTS:
        if re.match(pattern, head, re.IGNORECASE) and not _SVG.match(head):
            return said
    if head and not any(data):
        return "the file holds nothing but zero bytes"
    if _SVG.match(head):
        return f"it is an SVG picture, which is not read: {_DRAWING}"
    if _XBM.match(head):
        return f"it is an XBM picture, which is not read: {_CONVERT}"
    return ""
