"""The ordered list of codecs: find one by name or by class, and recognise a file by its first bytes.

A codec's module is imported when the codec is first asked for. That a library or a command is absent does not hide a
codec: it stays in the list and its `availability()` says what is missing.
"""

from __future__ import annotations

from functools import cache

from forensics.codecs.base import Codec
from forensics.codecs.built_in import BUILT_IN, built_in
from forensics.errors import UsageError

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


@cache
def _commands() -> dict[str, Codec]:
    from forensics.codecs.commands import command_codecs

    return {codec.name: codec for codec in command_codecs()}


def names() -> tuple[str, ...]:
    """Names of all codecs in registry order: one for each class first, then the further encoders.

    Examples
    --------
    >>> from forensics.codecs import registry
    >>> registry.names()[:4]
    ('jpeg', 'jpeg2000', 'jpegxr', 'bpg')
    """
    return (*BUILT_IN, *_commands())


def get(name: str) -> Codec:
    """The codec of that registry name; raises `UsageError` naming all there are.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.codecs import registry
    >>> jpeg = registry.get("jpeg")
    >>> data = jpeg.encode(np.full((64, 64, 3), 120, np.uint8), quality=90)
    >>> jpeg.decode(data).shape
    (64, 64, 3)
    """
    if name in BUILT_IN:
        return built_in(name)
    if name in _commands():
        return _commands()[name]
    raise UsageError(f"there is no codec {name!r}; there are {', '.join(names())}")


def codecs_of(codec_class: str) -> list[Codec]:
    """All codecs whose pictures belong to a class of `forensics_models.classes.CLASSES`, in registry order.

    Raises `UsageError` for a class that no codec writes.

    Examples
    --------
    >>> from forensics.codecs import registry
    >>> registry.codecs_of("webp")[0].name
    'webp'
    """
    found = [codec for codec in map(get, names()) if codec.codec == codec_class]
    if not found:
        classes = ", ".join(dict.fromkeys(get(name).codec for name in names()))
        raise UsageError(f"no codec writes the class {codec_class!r}; the classes are {classes}")
    return found


def sniff(data: bytes) -> str | None:
    """Registry name of the codec whose container starts `data`, or None when it is none of them.

    Only the signature is read: ITU-T T.81 B.1.1 (SOI), T.800 A.4.1 and I.5.1, T.832 Annex A, RFC 9649, ISO/IEC 23008-12
    and the AVIF specification (file type brands), ISO/IEC 18181-2, and the BPG specification 3.

    Examples
    --------
    >>> from forensics.codecs import registry
    >>> registry.sniff(bytes.fromhex("ffd8ffe0"))
    'jpeg'
    """
    head = bytes(data[:12])
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\xff\x4f\xff\x51") or head == b"\x00\x00\x00\x0cjP  \r\n\x87\n":
        return "jpeg2000"
    if head.startswith((b"II\xbc\x00", b"II\xbc\x01")):
        return "jpegxr"
    if head.startswith(b"BPG\xfb"):
        return "bpg"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "webp"
    if head.startswith(b"\xff\x0a") or head == b"\x00\x00\x00\x0cJXL \r\n\x87\n":
        return "jpegxl"
    return _sniff_brands(data) if head[4:8] == b"ftyp" else None


def _sniff_brands(data: bytes) -> str | None:
    """AVIF or HEIC from the brands of an ISO base media file type box: the major one, then the compatible ones."""
    size = min(int.from_bytes(data[:4], "big"), len(data), 4096)
    brands = [bytes(data[8:12]), *(bytes(data[i : i + 4]) for i in range(16, size - 3, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "avif"
        if brand in _HEIC_BRANDS:
            return "heic"
    return None
