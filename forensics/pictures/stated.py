"""What the header of any picture file states, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stated:
    """What a file's header states.

    Attributes
    ----------
    width, height : int
        In pixels, as stored (before any orientation).
    bit_depth : int
        Bits of a sample; 0 when the header does not say.
    colour : str
        `grey`, `rgb`, `ycbcr`, `palette`, `bilevel`, `cmyk` or another name of a colour space; empty when not known.
    alpha : bool
        Whether there is an alpha channel.
    pages : int
        Pictures in the file.
    lossy : bool or None
        Whether the coding named by the header is a lossy one; None when the header cannot tell.
    orientation : int
        EXIF orientation, 1 for as stored.
    facts : dict
        Further facts by name, JSON-ready.
    notes : list of str
        What a reader of the result must know of the header.
    """

    width: int
    height: int
    bit_depth: int = 0
    colour: str = ""
    alpha: bool = False
    pages: int = 1
    lossy: bool | None = None
    orientation: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
