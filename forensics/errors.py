"""The one root of everything this package raises on purpose."""

from __future__ import annotations


class ForensicsError(Exception):
    """Root of all deliberate errors. The message is one line: the rule that was broken and the value given."""


class UsageError(ForensicsError):
    """The caller asked for something that does not exist or does not fit together."""


class PictureError(ForensicsError):
    """An input is not a picture that can be analysed."""


class CodecError(ForensicsError):
    """An encoder or decoder refused its input or failed on it."""


class CodecUnavailable(CodecError):
    """The encoder or decoder is not present on this machine; the message says what is missing."""


class UnreachableTarget(CodecError):
    """A ratio, SSIM or size cannot be reached by this codec; the message says the range that can."""
