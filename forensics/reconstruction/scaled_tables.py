"""Tables that files are known to have: of all families, standard ones at every scale, and a picture editor's.

libjpeg scales the tables of T.81 Annex K by whole per cents and rounds. Others scale by any real number, and some drop
the fraction; where a step changes next, the scale can be computed. So all tables that can come out are known: some
6,000 of luma each way up to 2.5 times Annex K's. Photoshop's presets come from Pillow, which lists them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES
from forensics.history.jpeg.steps import candidates

_SMALLEST, _LARGEST = 0.015, 2.5
"""Scales: libjpeg's of qualities 99 (0.02) and 20 (2.5), a little finer at the fine end."""

_RARE = 0.1
"""Prior probability of all tables but those of the known families at qualities in quarters, as in
`forensics.history.jpeg.steps.log_prior`."""


@cache
def of_every_scale(plane: int) -> np.ndarray:
    """Standard tables of luma (0) or chroma (1) at every scale, `np.ndarray [shape=(n, 64), dtype=int64]`, finest
    first.
    """
    base = TABLE_FAMILIES["standard"][plane].ravel().astype(np.int64)
    found = []
    for added in (0.5, 0.0):
        changes = np.concatenate([(np.arange(1, int(_LARGEST * step) + 2) - added) / step for step in np.unique(base)])
        changes = np.unique(np.clip(changes, _SMALLEST, _LARGEST))
        between = (changes[:-1] + changes[1:]) / 2
        found.append(np.maximum(np.floor(between[:, None] * base + added), 1).astype(np.int64))
    tables = np.unique(np.concatenate(found), axis=0)
    return tables[np.argsort(tables.sum(axis=1), kind="stable")]


class Known(NamedTuple):
    """Tables of one plane, `np.ndarray [shape=(n, 64), dtype=int64]`, each once, and the natural logarithms of how
    common they are, `np.ndarray [shape=(n,)]`, the commonest first.
    """

    tables: np.ndarray
    log_prior: np.ndarray


@cache
def known_tables(plane: int) -> Known:
    """Of luma (0) or chroma (1)."""
    from PIL.JpegPresets import presets

    listed = [np.array(preset["quantization"], np.int64) for preset in presets.values()]
    edited = np.array([tables[min(plane, len(tables) - 1)] for tables in listed])
    others = np.concatenate([edited, of_every_scale(plane)])
    tables = np.concatenate([candidates().tables[:, plane], others])
    rare = np.full(len(others), np.log(_RARE / len(others)))
    prior = np.concatenate([candidates().log_prior + np.log(1 - _RARE), rare])
    order = np.argsort(-prior, kind="stable")
    first = order[np.sort(np.unique(tables[order], axis=0, return_index=True)[1])]
    return Known(tables[first], prior[first])
