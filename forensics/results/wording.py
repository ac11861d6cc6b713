"""How classes, verdicts and probabilities are written for people, in every report alike."""

from __future__ import annotations

from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE, NO_CONTENT

AFTERWARDS_TITLES = {
    "nothing": "nothing since",
    "resampled": "resized or rotated since",
    "filtered": "blurred, sharpened or median-filtered since",
    "recoloured": "colours or brightness changed since",
    "grey": "made grey since",
    "palette": "reduced to a palette since",
    "noise": "noise added since",
    "composited": "something pasted or drawn on it since",
    "several": "several steps since",
}
"""What happened after the last lossy step, by the names of `forensics_models.open_judge.GROUPS`."""


class _Titles(dict[str, str]):
    """Titles by name; a process that another package adds is written by its name."""

    def __missing__(self, name: str) -> str:
        return name


TITLES = _Titles(
    {
        "uncompressed": "uncompressed",
        "jpeg": "JPEG",
        "jpeg2000": "JPEG 2000",
        "jpegxr": "JPEG XR",
        "bpg": "BPG",
        "webp": "WebP",
        "avif": "AVIF",
        "heic": "HEIC",
        "jpegxl": "JPEG XL",
        HEVC_FAMILY: "HEVC intra (BPG or HEIC)",
        "vp8": "VP8 (WebP or a video frame)",
        "av1": "AV1 (AVIF or a video frame)",
        "video-h264": "H.264 video frame",
        "video-hevc": "HEVC video frame",
        "video-mpeg2": "MPEG-2 video frame",
        "video-mpeg4": "MPEG-4 part 2 video frame",
        "video-vp8": "VP8 video frame",
        "video-vp9": "VP9 video frame",
        "video-av1": "AV1 video frame",
        "video-mjpeg": "Motion JPEG frame",
        "texture-bc": "BC1 to BC5 block texture",
        "texture-etc": "ETC block texture",
        "palette": "palette",
        "wsq": "WSQ",
        "jpeg-ls-near": "near-lossless JPEG-LS",
        "webp-near-lossless": "near-lossless WebP",
        "lerc": "LERC",
        "other-lossy": "another lossy process",
        NO_CONTENT: "too little content",
        INCONCLUSIVE: "inconclusive",
    }
)
"""Title of every class of `forensics_models.classes.CLASSES`, of the processes beyond them, and of the further
verdicts.
"""


def percent(probability: float) -> str:
    """A probability in per cent, never rounded to certainty.

    Examples
    --------
    >>> from forensics.results.wording import percent
    >>> percent(0.5), percent(0.99999)
    ('50.0 %', '> 99.9 %')
    """
    if probability > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


def percentage(part: float, digits: int = 1) -> str:
    """A measured share in per cent: all and none are said only where it is all or none.

    Examples
    --------
    >>> from forensics.results.wording import percentage
    >>> percentage(0.2384), percentage(0.99999), percentage(1.0), percentage(0.001, 0)
    ('23.8 %', '> 99.9 %', '100 %', '< 1 %')
    """
    if part in (0.0, 1.0):
        return f"{100 * part:.0f} %"
    least = 10.0**-digits
    if 100 * part >= 100 - least / 2:
        return f"> {100 - least:.{digits}f} %"
    return f"< {least:.{digits}f} %" if 100 * part < least / 2 else f"{100 * part:.{digits}f} %"


def printable(text: str) -> str:
    """Text without control characters and undecodable bytes: they are shown as escapes, so a file name cannot steer a
    terminal.

    Examples
    --------
    >>> from forensics.results.wording import printable
    >>> print(printable("red" + chr(27) + "[31m"))
    red\\x1b[31m
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


_CAPITALS = {
    name.lower(): name
    for name in (
        "DCT",
        "ICC",
        "EXIF",
        "SSIM",
        "QP",
        "CTU",
        "NFA",
        "QF",
        "YCbCr",
        "JPEG",
        "HEVC",
        "PSNR",
        "AC",
        "DC",
        "HL",
        "LH",
        "HH",
        "RGB",
        "ETC",
        "BC",
        "LS",
        "LERC",
        "WSQ",
        "WebP",
    )
}

_TITLED = {"coding_again": "recompression", "beside": "on other grids"}
"""Traces and parameters whose title is another word than their name, which tables and JSON keep."""


def words(name: str) -> str:
    """A snake-case name as words, the field's abbreviations in their own spelling; a dotted front part as a title with
    a colon.
    """
    if name in _TITLED:
        return _TITLED[name]
    front, dot, rest = name.rpartition(".")
    spelled = " ".join(_CAPITALS.get(word, word) for word in rest.split("_"))
    return f"{TITLES.get(front, front)}: {spelled}" if dot else spelled
