"""The block-exact map of a former JPEG in a report: its figure, and what is said of it.

Nothing here decides anything: `forensics.localisation.exact_map` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from forensics.errors import ForensicsError
from forensics.pictures.opened import Picture
from forensics.report.figures import preview


@dataclass(frozen=True)
class ExactBlocks:
    """What a page shows of an exact map.

    Attributes
    ----------
    lines : tuple of str
        The result as `forensics map --exact jpeg` says it, a sentence each; or why there is none.
    changed : int
        Blocks that no JPEG decoder gives.
    figure : bytes or None
        The overlay as PNG, reduced as the page's picture is; None where there is no map.
    """

    lines: tuple[str, ...]
    changed: int = 0
    figure: bytes | None = None

    @property
    def departure(self) -> str | None:
        """The sentence for the top of the page; None where no block was changed."""
        if not self.changed:
            return None
        blocks = "One block" if self.changed == 1 else f"{self.changed:,} blocks"
        return f"{blocks} of 8x8 pixels cannot have come out of the JPEG decoder that the rest came out of."


def exact_blocks(picture: Picture) -> ExactBlocks:
    """The map of a picture; one that cannot be drawn leaves its reason."""
    from forensics.localisation.exact_map import IMPOSSIBLE, exact_map
    from forensics.localisation.exact_outputs import overlay, text

    try:
        found = exact_map(picture)
    except ForensicsError as error:
        return ExactBlocks((f"No exact map: {error}.",))
    _, *lines = text(found, picture.name).split("\n")
    sentences = tuple(" ".join(line.split()) for line in lines)
    return ExactBlocks(sentences, int((found.kinds == IMPOSSIBLE).sum()), preview(overlay(picture.pixels, found)))
