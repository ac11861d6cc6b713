"""AVIF files by libavif, and why it refuses one.

Pillow's libavif says in a word or two that it refuses a file; that of imagecodecs names the rule that the file breaks,
and reads some files that Pillow's does not, such as those whose alpha plane states no size of its own.
"""

from __future__ import annotations

import re

import numpy as np

from forensics.codecs import registry
from forensics.errors import CodecError, PictureError
from forensics.pictures import avif_associations, coded_end
from forensics.pictures.samples import ENDS_CHECKED, Samples, damaged

_SAID = re.compile(r"returned '([^']*)'(?: \(([^)]*)\))?")
_WORDS = {
    "BMFF parsing failed": "its boxes break a rule of the format, or are damaged",
    "Truncated data": "the data are truncated",
    "Not implemented": "it uses a feature that libavif does not read",
    "Decoding of color planes failed": "the data are damaged",
    "Decoding of alpha plane failed": "the data are damaged",
}
"""libavif's results in plain words; its other ones are plain."""


def decode(data: bytes, codec: str) -> Samples:
    """Samples of an AVIF file's first picture at 8 bits, alpha last.

    Parameters
    ----------
    data : bytes
    codec : str
        Registry name of the codec that reads it.

    Raises
    ------
    PictureError
        No reader at hand takes it; with the rule that it breaks, where that is said. Or its data end elsewhere than
        their decoder does.
    CodecUnavailable
        No libavif is at hand.
    """
    facts = {"integrity": ENDS_CHECKED}
    joined = avif_associations.joined(data)
    notes = (
        [] if joined is data else ["its items' properties stand in several boxes, where AVIF has one: all were read"]
    )
    whole = avif_associations.without_groups(joined)
    try:
        samples = registry.get(codec).decode(whole)
    except CodecError as error:
        samples = _second(whole, error)
        notes.append("it leaves out what AVIF demands, and was read by a reader that does not insist")
    if problem := coded_end.of_heif(whole, b"av01"):
        raise damaged(problem)
    return Samples(samples, notes=notes, facts=facts)


def _second(data: bytes, first: CodecError) -> np.ndarray:
    """Samples by imagecodecs, as deep as they are kept, brought to 8 bits."""
    try:
        import imagecodecs

        samples = np.asarray(imagecodecs.avif_decode(data, numthreads=1))
    except ImportError:
        raise first from None
    except Exception as error:  # libraries raise what they like on what a file may hold
        raise PictureError(f"the avif decoder refused it: {_words(str(error))}") from None
    if samples.dtype != np.uint8 or samples.ndim not in (2, 3):
        raise first
    return samples


def _words(text: str) -> str:
    """What libavif says, with the rule that it names."""
    said = _SAID.search(" ".join(text.split()))
    if said is None:
        return "the data are damaged"
    result, detail = said.groups()
    words = _WORDS.get(result, result[:1].lower() + result[1:])
    return words if not detail or "->" in detail or "0x" in detail else f"{words}: {detail}"
