"""Near-duplicates in a folder: pictures whose perceptual hashes differ in few bits, by the library ImageHash."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from forensics.errors import ForensicsError, UsageError, install_extra
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit
from forensics.progress import Progress
from forensics.results.wording import printable

ALIKE_BITS = 10
"""Most bits of 64 in which two hashes of one picture differ; the value that its authors recommend for pHash."""


def near_duplicates(
    paths: Sequence[str], *, bits: int = ALIKE_BITS, progress: bool = False
) -> tuple[list[list[str]], list[tuple[str, str]]]:
    """Groups of at least two pictures that look alike, and (name, reason) of what could not be opened;
    `progress` shows how far it is, on standard error.

    Raises
    ------
    UsageError
        ImageHash is not installed.
    """
    hashes, failed = [], []
    imagehash = _library()
    from PIL import Image

    with Progress("hashes", len(paths), stream=None if progress else io.StringIO()) as line:
        for path in paths:
            line.advance(note=printable(path))
            try:
                pixels = eight_bit(open_picture(path).pixels)
            except ForensicsError as error:
                failed.append((path, str(error)))
                continue
            hashes.append((path, imagehash.phash(Image.fromarray(pixels))))
    groups: list[list[tuple[str, Any]]] = []
    for path, value in hashes:
        near = [group for group in groups if any(value - other <= bits for _, other in group)]
        merged = [member for group in near for member in group] + [(path, value)]
        groups = [group for group in groups if group not in near] + [merged]
    return [sorted(path for path, _ in group) for group in groups if len(group) > 1], failed


def _library() -> Any:
    try:
        import imagehash
    except ImportError:
        raise UsageError(f"comparing a folder needs ImageHash: {install_extra('compare')}") from None
    return imagehash
