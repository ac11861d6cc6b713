"""A block grid whose period is no whole number: compressed in blocks, then reduced.

Windows are too small to show it, so the whole picture is read (`forensics_features.scaled_grid`), where the models
leave it open or call it uncompressed. A grid that is found speaks against `uncompressed`; together with what the models
hold likely it may name the codec.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.classes import FAMILIES, HEVC_INTRA, INCONCLUSIVE

from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, Statement
from forensics.verdict.agreement import compare

if TYPE_CHECKING:
    from forensics_features.scaled_grid import ScaledGrid
    from forensics_models.scaled_grid import GridJudgement, ScaledGridJudge

NAME = "scaled_grid"
NAMED_FROM = 0.9
"""Probability of a family from which it is named: as certain as verdicts of the models are where nothing happened since
(`Answers.named` of the open judge's card)."""
_LIKE_JPEG = ("jpeg", "video-mjpeg")
"""Processes whose blocks a JPEG's are."""


def with_scaled_grid(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis with what a scaled block grid tells; the very same where the models are sure of a codec, or none is
    found.

    Parameters
    ----------
    analysis : Analysis
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The whole picture as it was judged.
    """
    judge = _shipped()
    if judge is None or analysis.verdict not in ("uncompressed", INCONCLUSIVE):
        return analysis
    from forensics_features import scaled_grid

    grid = scaled_grid.find(eight_bit(pixels))
    judged = None if grid is None else judge.judge(grid.values)
    return analysis if grid is None or judged is None or not judged.found else _compressed(analysis, grid, judged)


@cache
def _shipped() -> ScaledGridJudge | None:
    from forensics_models.scaled_grid import CARD_FILE, ScaledGridJudge

    folder = files("forensics_models") / "artefacts"
    return ScaledGridJudge(folder) if (folder / CARD_FILE).is_file() else None


def _compressed(analysis: Analysis, grid: ScaledGrid, judged: GridJudgement) -> Analysis:
    processes = _weighed(dict(analysis.ranking), judged)
    families: dict[str, float] = {}
    for name, p in processes.items():
        families[FAMILIES.get(name, name)] = families.get(FAMILIES.get(name, name), 0.0) + p
    family = max(families, key=lambda name: families[name])
    best = max(processes, key=lambda name: processes[name])
    jpeg = family in _LIKE_JPEG
    named = family != "uncompressed" and families[family] >= NAMED_FROM and (judged.jpeg or not jpeg)
    verdict = (best if jpeg else family) if named else INCONCLUSIVE
    probability = families[family] if named else processes[best]
    allowed = tuple(name for name in processes if FAMILIES.get(name, name) == family) if named else ()
    return replace(
        analysis,
        verdict=verdict,
        probability=probability,
        best=best,
        compressed=1 - processes["uncompressed"],
        hevc_intra=sum(processes[name] for name in HEVC_INTRA),
        ranking=tuple(sorted(processes.items(), key=lambda item: -item[1])),
        variants=analysis.variants if best == analysis.best else {},
        ratio=None,
        ssim=None,
        candidates=tuple(name for name, p in processes.items() if p >= 0.05 * processes[best]),
        evidence=(_statement(analysis, grid, judged), *_kept(analysis, verdict)),
        agreement=compare(verdict, allowed, probability, analysis.container),
        afterwards=_resampled(analysis, judged),
    )


def _weighed(processes: dict[str, float], judged: GridJudgement) -> dict[str, float]:
    """What the models hold likely, times how much likelier the reading is of each kind of picture than of an equal
    mixture of them; never more than validation carries.
    """
    least = 1 / (judged.tried + 2)
    none, other, jpeg = np.clip(judged.probabilities, least, 1.0)
    weighed = {
        name: p * (none if name == "uncompressed" else jpeg if name in _LIKE_JPEG else other)
        for name, p in processes.items()
    }
    total = sum(weighed.values())
    return {name: p / total for name, p in weighed.items()}


def _resampled(analysis: Analysis, judged: GridJudgement) -> dict[str, float]:
    since = dict(analysis.afterwards or {"resampled": 1.0})
    rest = sum(p for name, p in since.items() if name != "resampled")
    share = max(since.get("resampled", 0.0), 1 - 1 / (judged.tried + 2))
    return {name: share if name == "resampled" else p * (1 - share) / max(rest, 1e-9) for name, p in since.items()}


def _statement(analysis: Analysis, grid: ScaledGrid, judged: GridJudgement) -> Statement:
    width, height = (round(side / grid.scale) for side in (analysis.width, analysis.height))
    text = (
        f"Borders of blocks stand {grid.period:.2f} pixels apart instead of 8: the picture was compressed in blocks of "
        f"8x8 pixels and then reduced to {grid.scale:.3f} of its size, from about {width}x{height} pixels. None of "
        f"{judged.tried:,} pictures that were never compressed shows borders as clear."
    )
    speaks_for = ("jpeg",) if judged.jpeg else ()
    none = float("nan")
    return Statement(NAME, NAME, grid.scale, none, none, none, 1.0, speaks_for, True, text)


def _kept(analysis: Analysis, verdict: str) -> tuple[Statement, ...]:
    """The evidence that still fits: what spoke for the verdict, and steps."""
    return tuple(one for one in analysis.evidence if one.supports and (not one.speaks_for or verdict in one.speaks_for))
