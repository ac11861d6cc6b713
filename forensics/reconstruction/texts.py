"""A reconstruction in words, and as a row of a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from forensics.reconstruction.reconstruct import REASONS, Reconstruction, subsampling_name

COLUMNS = (
    "name",
    "decoder",
    "subsampling",
    "quality",
    "blocks",
    "blocks_same",
    "edge_blocks",
    "edge_blocks_same",
    "exact",
    "bytes",
    "out",
    "error",
)
"""Of the table of several pictures."""
_SHOWN = 12
"""Blocks that the text lists; JSON lists all."""


def text(found: Reconstruction, name: str) -> str:
    """Some lines for people."""
    layout, edges = found.layout, ~found.whole
    file = f"{subsampling_name(layout)}, {found.coded.width}x{found.coded.height} pixels, {len(found.data):,} bytes"
    lines = [
        name,
        f"  blocks      {found.blocks_same:,} of {found.blocks:,} bit for bit, {int((edges & found.same).sum())} of "
        f"{int(edges.sum())} at the edges",
        f"  decoder     {found.decoder}",
        f"  tables      nearest to the {found.family} ones at quality {found.quality:g}",
        f"  file        {file}",
    ]
    if found.inset is not None:
        top, left, height, width = found.inset[:4]
        place = f"{width}x{height} pixels at row {top}, column {left}, set into flat surroundings"
        lines.append(f"  inset       {place}; places count from there")
    if layout.left or layout.top:
        lines.append(f"  crop        the picture begins at column {layout.left}, row {layout.top} of the file")
    lines.append("  exact       " + ("every pixel comes out the same" if found.exact else "no, see the blocks"))
    if found.one_of_many:
        lines.append("  told        nothing: hardly any block varies, so many files give this picture; this is one")
    if found.stopped:
        lines.append("  stopped     by the time that was given; what is left may come back in more")
    unmatched = found.unmatched()
    for reason, count in Counter(str(block["reason"]) for block in unmatched).most_common():
        lines.append(f"  {count:<11,} {REASONS[reason]}")
    if unmatched:
        places = ", ".join(f"({block['x']}, {block['y']})" for block in unmatched[:_SHOWN])
        lines.append(f"  at x, y     {places}" + (", ..." if len(unmatched) > _SHOWN else ""))
    return "\n".join(lines) + "\n"


def row(name: str, found: Reconstruction, out: str = "") -> dict[str, Any]:
    """A row of the table, by `COLUMNS`."""
    facts = found.to_dict() | {"name": name, "bytes": len(found.data), "out": out, "error": ""}
    return {column: facts[column] for column in COLUMNS}
