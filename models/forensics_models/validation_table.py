"""How often a verdict was wrong on validation windows like the one at hand: by verdict, estimated strength and size.

The rows are indexed by what is known when a report is written, the verdict that was given and the ratio that was
*estimated*, never by the true class: a reader asks how often such a verdict is wrong. Table and look-up share the bands
of this module.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np

from forensics_models.classes import CLASSES, FINE_TO_CLASS, HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE
from forensics_models.judgement import decide, merge_fine

RATIO_EDGES = (4, 8, 16, 32, 64)
"""Compression ratios (raw bytes / file bytes) that part the bands of strength."""
SIDE_EDGES = (96, 160, 224, 288)
"""Sides of a square of the window's area, in pixels, that part the bands of size."""


def ratio_band(ratio: float) -> str:
    """Band of a compression ratio: `under 4`, `4 to 8`, ..., `from 64`."""
    return _band(ratio, RATIO_EDGES)


def side_band(side: float) -> str:
    """Band of a window's side in pixels: `under 96`, ..., `from 288`."""
    return _band(side, SIDE_EDGES)


def _band(value: float, edges: tuple[int, ...]) -> str:
    place = bisect_right(edges, value)
    if place == 0:
        return f"under {edges[0]}"
    return f"from {edges[-1]}" if place == len(edges) else f"{edges[place - 1]} to {edges[place]}"


def validation_table(
    fine_probabilities: np.ndarray,
    labels: np.ndarray,
    ratios: np.ndarray,
    sides: np.ndarray,
    threshold: float,
    compressed_from: float = 0.0,
) -> list[dict[str, Any]]:
    """Cases and errors of every combination that the validation windows have.

    Parameters
    ----------
    fine_probabilities : np.ndarray [shape=(n, 11), dtype=float64]
        Calibrated, over `FINE_CLASSES`.
    labels : np.ndarray [shape=(n,), dtype=int]
        True index into `FINE_CLASSES`.
    ratios : np.ndarray [shape=(n,), dtype=float64]
        Estimated compression ratio, as the report shows it.
    sides : np.ndarray [shape=(n,), dtype=float64]
        Square root of the window's pixels.
    threshold : float
        Probability under which no verdict is given.
    compressed_from : float
        Probability of any compression under which no codec is named.

    Returns
    -------
    list of dict
        `class` (the verdict given: a class, `hevc-intra` or `inconclusive`), `ratio_band` (None where the verdict names
        no codec), `side_band`, `cases` and `errors` (the true class was another; for `inconclusive`, than the best
        guess), sorted by the first three.
    """
    counts: dict[tuple[str, str | None, str], list[int]] = {}
    truth = np.asarray(FINE_TO_CLASS)[labels]
    for row, true, ratio, side in zip(merge_fine(fine_probabilities), truth, ratios, sides, strict=True):
        verdict, _ = decide(dict(zip(CLASSES, row.tolist(), strict=True)), threshold, compressed_from)
        coded = verdict not in ("uncompressed", INCONCLUSIVE)
        cell = counts.setdefault((verdict, ratio_band(ratio) if coded else None, side_band(side)), [0, 0])
        cell[0] += 1
        cell[1] += CLASSES[true] not in _allowed(verdict, CLASSES[int(row.argmax())])
    return [
        {"class": name, "ratio_band": ratio, "side_band": side, "cases": cases, "errors": errors}
        for (name, ratio, side), (cases, errors) in sorted(counts.items(), key=lambda item: str(item[0]))
    ]


def _allowed(verdict: str, best: str) -> tuple[str, ...]:
    """True classes for which a verdict is right."""
    if verdict == HEVC_FAMILY:
        return HEVC_INTRA
    return (best,) if verdict == INCONCLUSIVE else (verdict,)
