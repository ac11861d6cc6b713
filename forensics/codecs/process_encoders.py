"""Encoders of lossy processes beyond the eight codecs: video frames, block textures, fingerprints, near-lossless
coders.

They are codecs as those of the registry are, encode and decode by real libraries, and make data sets and test material;
the command `compress` does not offer them. Each stands for a process of `forensics_models.classes.PROCESSES`. Several
surrogates share the process `other-lossy`, so that a judge learns what compression by an unknown process looks like;
what tests the answer to unknown processes is never among them (`HELD_OUT`).
"""

from __future__ import annotations

from functools import cache

from forensics.codecs.base import Codec
from forensics.errors import UsageError

HELD_OUT = ("theora", "vc2", "snow", "flv1", "wmv2", "cinepak", "dv", "prores", "jpegxs")
"""Processes that no training draws, by name: they measure the answer to a process that no judge has seen."""


@cache
def _all() -> dict[str, Codec]:
    from forensics.codecs import block_textures, near_lossless, video, wsq

    codecs: list[Codec] = [*video.encoders(), *block_textures.encoders(), *near_lossless.encoders(), wsq.Wsq()]
    return {codec.name: codec for codec in codecs}


def names() -> tuple[str, ...]:
    """Names of all encoders, those that are held out of training among them."""
    return tuple(_all())


def get(name: str) -> Codec:
    """The encoder of that name; raises `UsageError` naming all there are."""
    if name not in _all():
        raise UsageError(f"there is no encoder {name!r}; there are {', '.join(names())}")
    return _all()[name]
