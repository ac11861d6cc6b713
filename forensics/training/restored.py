"""Training of the judge of restored pictures: whole pictures of validation sources are coded or not, resized, rotated
or cropped, judged in memory by the shipped models and, where those leave them open, restored by the likeliest guesses.

All that is stated is cross-fitted, as of the judge of recompression.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import by_family
from forensics_models.recompression import FAMILIES, OTHER, logarithms_of
from forensics_models.restored import CARD_FILE, KINDS, borne_out, may_be_named, stored, surest, values_of
from forensics_models.storage import write_atomically

from forensics.training.block_phases import UNTOUCHED
from forensics.training.drawing import dealt
from forensics.training.softmaxes import cross_fitted, softmax, threshold, truth_and_folds
from forensics.training.whole_pictures import (
    ShippedModels,
    Task,
    changed,
    coded_part,
    cut,
    draw_beyond,
    drawn_or,
    loaded,
    of_split,
    tried,
    trimmed,
)

DRAWS = 29
"""Pictures drawn of every source."""
_SHARES = {"resized": 14 / 29, "rotated": 8 / 29, "cropped": 7 / 29}
"""Shares that are drawn for each kind."""
_CODECS = {
    "avif": 0.23, "heic": 0.15, "bpg": 0.12, "webp": 0.11, "jpegxl": 0.11, "jpeg": 0.12, "jpeg2000": 0.05,
    "jpegxr-1": 0.02, "uncompressed": 0.09,
}  # fmt: skip
"""What codes them, as of the judge of recompression."""
_SINCE = {
    "resized": {"reduced": 0.62, "enlarged": 0.14, "several": 0.14, "rotated": 0.04, "blurred": 0.03, "noise": 0.03},
    "rotated": {"rotated": 0.74, "several": 0.1, "reduced": 0.05, "blurred": 0.05, "noise": 0.06},
    "cropped": {
        "noise": 0.26,
        "median": 0.2,
        "blurred": 0.2,
        "sharpened": 0.1,
        "recoloured": 0.08,
        "grey": 0.08,
        "several": 0.04,
        "nothing": 0.04,
    },
}
"""What happens since where each kind is looked for: other steps, too, after which nothing is to be
restored."""
_UNTOUCHED = 0.2
"""Pictures that were never coded, of kinds of untouched ones, for each that is drawn beside: chroma that was quartered
and brought back has blocks of two samples. Without them four of 135 such pictures, rotated and the like, were HEVC or
AV1 by blocks (0.54 to 0.63)."""
_OF_ITSELF = ("enlarged", "reduced", "rotated", "blurred", "sharpened", "noise", "recoloured", "palette", "grey",
              "composited")  # fmt: skip
"""Untouched kinds that are changes themselves, and left out."""
_CHROMA_TIMES = 3
"""Kinds of chroma that was brought back are drawn so many times as often as others."""
_DRAWN = 0.08
"""Share that is made of drawings, whose edges lie at multiples of some pixels."""
_LEAST_SIDE = 128
"""Smallest side, in pixels: of a smaller picture too little is left to be restored."""
WRONG_SHARE = 0.02
"""Largest share of wrong ones among the names of a kind, cross-fitted, as of the judge of recompression."""
LOWEST = 0.7
"""Thresholds are never lower. Of 49 open validation pictures, resized and the like, with 0.7 to 0.87 by the softmax and
0.6 by block phases, 46 are right: what block phases have to hold makes names surer than the softmax by itself knows."""
FEWEST = 20
"""Names of a kind of which a share of wrong ones says something."""


@dataclass(frozen=True)
class Row:
    """An open picture and its surest guess.

    Attributes
    ----------
    source : str
        File name of the source.
    made : str
        What coded it and what happened since.
    truth : str
        The family of its last lossy process.
    families : mapping of str to float
        The open judge's probabilities of the picture as it is, by family.
    kind : str
        One of `forensics_models.restored.KINDS`.
    phases : np.ndarray [shape=(len(FAMILIES),)]
        Logarithms of the judge of block phases, of the restored picture.
    strength : float
    luma : np.ndarray [shape=(len(FAMILIES),)] or None
        The same logarithms of its luma alone; None where that was not measured: such a picture is named only if sure.
    """

    source: str
    made: str
    truth: str
    families: dict[str, float]
    kind: str
    phases: np.ndarray
    strength: float
    luma: np.ndarray | None = None


def _rows(task: Task) -> Iterator[list[Row]]:
    source, numbers = loaded(task.path, task.seed)
    counts = {kind: round(task.draws * share) for kind, share in _SHARES.items()}
    yield [row for kind in KINDS for row in _of_kind(source, task, kind, counts[kind], numbers)]


def _of_kind(source: np.ndarray, task: Task, kind: str, count: int, numbers: np.random.Generator) -> Iterator[Row]:
    from forensics.windows.restored import guesses

    models = ShippedModels.loaded()
    plan = list(zip(dealt(_CODECS, count, numbers), dealt(_SINCE[kind], count, numbers), strict=True))
    plan += [(UNTOUCHED, one) for one in dealt(_SINCE[kind], math.ceil(count * _UNTOUCHED), numbers)]
    for fine, since in [*plan, (OTHER, next(iter(_SINCE[kind])))] if count else []:
        drawing = partial(_drawn, drawn_or(source, _DRAWN, numbers), fine, since, kind, task.encoders, numbers)
        made = tried(drawing, _LEAST_SIDE)
        if made is None:
            continue
        reading, _ = models.read(made[0])
        assert reading.opened is not None
        if reading.verdict != INCONCLUSIVE:
            continue
        found = [(guess, guess.phases(models.open_judge.folder)) for guess in guesses(kind, made[0])]
        if found:
            guess, phases = found[surest([of for _, of in found], [one.strength for one, _ in found])]
            families = by_family(reading.opened.processes)
            luma = guess.phases_of_luma(models.open_judge.folder)
            yield Row(task.path.name, f"{fine} {since}", made[1], families, kind, phases, guess.strength, luma)


def _drawn(
    source: np.ndarray, fine: str, since: str, kind: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    if fine == OTHER:
        return draw_beyond(source, numbers, kind=since)
    made = untouched(source, numbers) if fine == UNTOUCHED else coded_part(source, fine, encoders, numbers)
    if made is None:
        return None
    pixels = np.ascontiguousarray(changed(made[0], since, numbers))
    return (trimmed(pixels, numbers, 1) if kind == "cropped" else pixels), made[1]


def untouched(source: np.ndarray, numbers: np.random.Generator) -> tuple[np.ndarray, str]:
    """A part of a source of a random untouched kind, that was never coded."""
    from forensics.dataset import preparation, random_afterwards

    kinds = [kind for kind in random_afterwards.UNTOUCHED if kind not in _OF_ITSELF]
    weights = np.array([_CHROMA_TIMES if kind.startswith("chroma") else 1 for kind in kinds], float)
    pixels = cut(source, numbers)
    height, width = pixels.shape[:2]
    kind = str(numbers.choice(kinds, p=weights / weights.sum()))
    return preparation.apply(random_afterwards.draw_untouched(kind, height, width, numbers), pixels), "uncompressed"


def train_restored(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train the judge of restored pictures; writes its card into `out`.

    Parameters
    ----------
    sources : Path
        Folder of lossless pictures with a folder `val`.
    out : Path
    seed : int
        Decides what is drawn.
    jobs : int
        Processes that draw.
    draws : int, optional
        Pictures drawn of every source; `DRAWS` when not given.
    progress : callable
        Gets sources done and in all.

    Returns
    -------
    dict
        The card: figures on validation sources, cross-fitted, and what they rest on.

    Raises
    ------
    UsageError
        The split has no sources, or too few pictures are left open.
    """
    rows = of_split(_rows, sources, "val", seed=seed, jobs=jobs, draws=draws or DRAWS, progress=progress)
    return fit(rows, out, seed=seed)


def fit(rows: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Weights and thresholds of rows that were drawn; as `train_restored`."""
    softmaxes, said_from, sure_from, figures = {}, {}, {}, {}
    for kind in KINDS:
        its = [row for row in rows if row.kind == kind]
        truth, parts = truth_and_folds(its)
        logs, phases = np.stack([logarithms_of(row.families) for row in its]), np.stack([row.phases for row in its])
        values = np.stack([values_of(row.strength) for row in its])
        found = cross_fitted(logs, phases, values, truth, parts)
        best, top = found.argmax(axis=1), found.max(axis=1)
        may = [may_be_named(kind, FAMILIES[at], row.families, row.phases) for at, row in zip(best, its, strict=True)]
        right, allowed = best == truth, np.array(may)
        sure = allowed & _borne_out(its, sure=True)
        sure_from[kind] = threshold(top, right, sure, FEWEST, WRONG_SHARE)
        sure &= top >= sure_from[kind]
        probable = allowed & _borne_out(its, sure=False) & ~sure
        said_from[kind] = min(
            sure_from[kind], threshold(top, right, probable, FEWEST, WRONG_SHARE, lowest=LOWEST, before=sure)
        )
        softmaxes[kind] = softmax(logs, phases, values, truth)
        said = sure | (probable & (top >= said_from[kind]))
        figures[kind] = {
            "open": len(its),
            "uncompressed": int((truth == 0).sum()),
            "likeliest by the models": int((logs.argmax(axis=1) == truth).sum()),
            "likeliest": int(right.sum()),
            "right": int((said & right).sum()),
            "wrong": int((said & ~right).sum()),
        }
    card = {"seed": seed, "validation": figures}
    out.mkdir(parents=True, exist_ok=True)
    made = stored(softmaxes, said_from, sure_from, card)
    write_atomically(out / CARD_FILE, json.dumps(made, indent=1, allow_nan=False).encode())
    return card


def _borne_out(rows: Sequence[Row], sure: bool) -> np.ndarray:
    """Where luma bears a name out, `np.ndarray [shape=(n,), dtype=bool]`; where it was not measured, those that are
    sure."""
    return np.array([sure if row.luma is None else borne_out(row.luma, sure) for row in rows])
