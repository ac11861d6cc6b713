"""The one root of everything this package raises on purpose."""

from __future__ import annotations


class ForensicsError(Exception):
    """Root of all deliberate errors. The message is one line: the rule that was broken and the value given."""


def install_extra(extra: str) -> str:
    """A command that installs what an extra of this package holds: its packages by name, as the installation states
    them, so that it works from anywhere; this package itself is asked of no index.

    Examples
    --------
    >>> from forensics.errors import install_extra
    >>> install_extra("no such extra")
    "pip install '.[no such extra]' in the folder of this toolkit's source"
    """
    from importlib.metadata import PackageNotFoundError, requires

    try:
        stated = requires("compression-forensics") or []
    except PackageNotFoundError:
        stated = []
    ends = tuple(f"extra == {quote}{extra}{quote}" for quote in "'\"")
    names = [line.split(";")[0].strip() for line in stated if line.rstrip().endswith(ends)]
    if not names:
        return f"pip install '.[{extra}]' in the folder of this toolkit's source"
    return "pip install " + " ".join(f"'{name}'" for name in names)


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
