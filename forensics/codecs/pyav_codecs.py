"""Which of FFmpeg's codecs the installed PyAV has."""

from __future__ import annotations

from typing import Literal


def lacking(*codecs: tuple[str, Literal["r", "w"]]) -> str:
    """What keeps codecs from working here, or an empty string.

    Parameters
    ----------
    codecs : (str, str)
        FFmpeg's name of each, with `r` for decoding and `w` for encoding.

    Examples
    --------
    >>> from forensics.codecs.pyav_codecs import lacking
    >>> "lacks" in lacking(("no-such-codec", "w")) or "not installed" in lacking(("no-such-codec", "w"))
    True
    """
    try:
        import av
    except ImportError as error:
        return f"PyAV is not installed ({error})"
    try:
        for name, mode in codecs:
            av.codec.Codec(name, mode)
    except ValueError as error:
        return f"this build of PyAV {av.__version__} lacks a codec ({error})"
    return ""
