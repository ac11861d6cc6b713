"""Training of the judge of innocence: whole pictures of validation sources and of drawn art, coded or not, changed or
not, are judged in memory by the shipped models; those that these leave open are what it learns from.

What is stated and what sets the threshold is cross-fitted, each source's pictures, and those of each collection of art,
judged by pictures of the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from forensics_models import innocence as models
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import NEVER, by_family
from forensics_models.storage import write_atomically

from forensics.errors import UsageError
from forensics.training.drawing import dealt, drawn
from forensics.training.whole_pictures import (
    CODECS,
    ShippedModels,
    Task,
    by_codec,
    changed,
    coded_part,
    draw,
    draw_beyond,
    draw_since,
    drawn_source,
    folds,
    loaded,
    tried,
)
from forensics.windows.choice import MINIMUM_SIDE

if TYPE_CHECKING:
    from forensics.windows.picture_reading import PictureReading

DRAWS = 60
"""Pictures drawn of every source, of drawings beside it among them."""
_SHARES = {
    "since": 0.22, "straight": 0.06, "beyond": 0.06, "untouched": 0.16, "clean": 0.04,
    "drawn": 0.18, "drawn, changed": 0.03, "drawn, coded": 0.25,
}  # fmt: skip
"""What is drawn: photographs coded and changed since, as decoded, by a process beyond the codecs, of the kinds of
untouched pictures, changed but not coded; drawings as they are, changed, coded."""
_SINCE = {
    "blurred": 2 / 15, "reduced": 2 / 15, "noise": 2 / 15, "median": 1 / 15, "rotated": 1 / 15, "enlarged": 1 / 15,
    "sharpened": 1 / 15, "grey": 1 / 15, "recoloured": 1 / 15, "palette": 1 / 15, "composited": 1 / 15,
    "several": 1 / 15,
}  # fmt: skip
"""Steps after a codec; those that hide it best twice as often."""
_DRAWN_AND_CHANGED = 0.45
"""Share of coded drawings that are changed since."""
_LARGEST_DRAWING = 420
"""Side to which drawings are cut, in pixels."""
WRONG = {"photograph": 0.006, "drawing": 0.012}
"""Largest shares of compressed pictures that may be called uncompressed by this judge before exact tests, block
grids, recompression and restored blocks are heard: of the 18 wrong ones of 2,348 compressed pictures that reach 0.82
cross-fitted, seven are left then (three of 1,581 photographs, four of 767 drawings)."""
LEAST = 0.5
"""The threshold is never lower: more likely than not."""
_WIDTH, _PENALTY = 0.015, 0.1
"""Of kernels, in squared standard deviations, and of their squared norm, in pictures. Cross-fitted on 760
open pictures, 512 of them never compressed, of which 31 % are right with these where six photographs and five drawings
are wrong, 29 % with twice the width, 26 % with a width of 0.02 and twice the penalty. On 495 of them a logistic
regression got 25 %, boosted trees 24 to 29 %, extremely randomised ones 36 %, kernels 40 to 47 %."""


@dataclass(frozen=True)
class Row:
    """A picture that was drawn.

    Attributes
    ----------
    source : str
        File name of the source, or the collection of art.
    kind : str
        `photograph` or `drawing`.
    truth : str
        The family of its last lossy process, or `uncompressed`.
    verdict : str
        What the models say.
    values : np.ndarray [shape=(len(innocence.VALUE_NAMES),)] or None
        None where the judge is not asked.
    """

    source: str
    kind: str
    truth: str
    verdict: str
    values: np.ndarray | None


@dataclass(frozen=True)
class _ArtTask(Task):
    art: Path | None = None


def _rows(task: _ArtTask) -> Iterator[list[Row]]:
    models_ = ShippedModels.loaded()
    source, numbers = loaded(task.path, task.seed)
    art = _Art(task.art)
    rows: list[Row] = []
    for done in dealt(_SHARES, task.draws, numbers):
        name, drawing = task.path.name, partial(_photograph, source, done, task.encoders, numbers)
        if done.startswith("drawn"):
            name, piece = art.piece(numbers)
            drawing = partial(_drawing, piece, done, task.encoders, numbers)
        made = tried(drawing, MINIMUM_SIDE)
        if made is not None:
            kind = "drawing" if done.startswith("drawn") else "photograph"
            rows.append(Row(name, kind, made[1], *_judged(models_, made[0])))
    yield rows


class _Art:
    """Drawings: pieces of art as pictures of their own, or generated ones where there is none."""

    def __init__(self, folder: Path | None) -> None:
        from forensics.dataset.drawings import find_art

        self._by_collection = {} if folder is None else find_art(folder)

    def piece(self, numbers: np.random.Generator) -> tuple[str, np.ndarray]:
        """A drawing, and the collection that it is of."""
        from forensics.dataset.drawings import alone

        if not self._by_collection or numbers.random() < 1 / 3:
            return f"generated {int(numbers.integers(100))}", drawn_source(numbers)
        name = str(numbers.choice(list(self._by_collection)))
        return name, alone(self._by_collection[name], numbers)[0]


def _photograph(
    source: np.ndarray, done: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    if done in ("untouched", "clean"):
        return draw(source, done, encoders, numbers)
    if done == "beyond":
        return draw_beyond(source, numbers)
    fine = str(numbers.choice(list(CODECS), p=list(CODECS.values())))
    if done == "straight":
        return coded_part(source, fine, encoders, numbers)
    return draw_since(source, fine, _step(numbers), encoders, numbers)


def _drawing(
    piece: np.ndarray, done: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    pixels, truth = np.ascontiguousarray(piece[:_LARGEST_DRAWING, :_LARGEST_DRAWING]), "uncompressed"
    if done == "drawn, coded":
        made = by_codec(pixels, encoders, numbers)
        if made is None:
            return None
        pixels, truth = made
    if done == "drawn, changed" or (truth != "uncompressed" and numbers.random() < _DRAWN_AND_CHANGED):
        pixels = changed(pixels, _step(numbers), numbers)
    return pixels, truth


def _step(numbers: np.random.Generator) -> str:
    return str(numbers.choice(list(_SINCE), p=list(_SINCE.values())))


def _judged(shipped: ShippedModels, pixels: np.ndarray) -> tuple[str, np.ndarray | None]:
    """What the models say of a picture, and the values of the judge of innocence where it is asked."""
    reading, judged = shipped.read(pixels)
    if reading.verdict != INCONCLUSIVE or by_family(reading.probabilities)["uncompressed"] < models.ASKED_FROM:
        return reading.verdict, None
    assert judged.trees is not None
    return reading.verdict, _values(shipped, reading, judged.trees, pixels)


def _values(shipped: ShippedModels, reading: PictureReading, trees: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    from forensics_features.exactness import exactness
    from forensics_features.planes import to_rgb8
    from forensics_models.open_pictures import values_of

    from forensics.windows.judges import block_phase_logarithms

    assert reading.opened is not None
    family, values = values_of(
        reading.opened.processes,
        reading.opened.windows,
        reading.opened.afterwards,
        reading.judged.fine_probabilities,
        trees,
        pixels.shape[0] * pixels.shape[1],
        lambda _: 0.0,  # doubt is not among the values that are taken
    )
    blocks = block_phase_logarithms(shipped.open_judge.folder, pixels)
    return models.values_of(family, values, blocks, exactness(to_rgb8(pixels)))


def train_innocence(
    sources: Path,
    out: Path,
    *,
    art: Path | None = None,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train the judge of innocence; writes its card and its rows into `out`.

    Parameters
    ----------
    sources : Path
        Folder of lossless pictures with a folder `val`.
    out : Path
    art : Path, optional
        Folder of one folder a collection of drawn art (`forensics.dataset.drawings`); generated drawings alone where
        there is none.
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
    from forensics.dataset.encoders import available

    task = partial(_ArtTask, seed, draws or DRAWS, tuple(available()), art=art)
    rows = drawn(_rows, task, sources, "val", jobs=jobs, progress=progress)
    return fit(rows, out, seed=seed)


def fit(rows: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Kernels and threshold of rows that were drawn; as `train_innocence`."""
    out.mkdir(parents=True, exist_ok=True)
    asked = [row for row in rows if row.values is not None]
    clean = np.array([row.truth == "uncompressed" for row in asked])
    parts = folds([row.source for row in asked]) if asked else np.empty(0)
    if not asked or clean.all() or not clean.any() or len(np.unique(parts)) < 2:
        raise UsageError("too few pictures are left open to learn from: draw more, or of more sources")
    values = np.stack([row.values for row in asked if row.values is not None])
    q = np.zeros(len(asked))
    for part in np.unique(parts):
        other = parts != part
        if clean[other].any() and not clean[other].all():
            q[~other] = kernels_of(values[other], clean[other]).probability(values[~other])
    kinds = np.array([row.kind for row in asked])
    lossy = {kind: sum(row.kind == kind and row.truth != "uncompressed" for row in rows) for kind in WRONG}
    said_from = _threshold(q, [(q[~clean & (kinds == kind)], WRONG[kind] * lossy[kind]) for kind in WRONG])
    said = q >= said_from
    figures = {
        kind: {
            "open": int((kinds == kind).sum()),
            "right": int((said & clean & (kinds == kind)).sum()),
            "of": int((clean & (kinds == kind)).sum()),
            "wrong": int((said & ~clean & (kinds == kind)).sum()),
            "of compressed": lossy[kind],
        }
        for kind in WRONG
    }
    card = {"pictures": len(rows), "seed": seed, "validation": figures}
    write_atomically(out / models.ROWS_FILE, kernels_of(values, clean).to_bytes())
    text = json.dumps(models.stored(said_from, card), indent=1, allow_nan=False)
    write_atomically(out / models.CARD_FILE, text.encode())
    return card


def kernels_of(values: np.ndarray, clean: np.ndarray) -> models.Kernels:
    """Weights of least penalised log-loss, both truths with the same weight.

    Parameters
    ----------
    values : np.ndarray [shape=(n, len(VALUE_NAMES))]
    clean : np.ndarray [shape=(n,), dtype=bool]
        Whether each was never compressed.
    """
    from scipy.optimize import minimize

    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    rows = models.standardised(values, mean, scale)
    near = models.kernels(rows, rows, _WIDTH)
    signs, counts = np.where(clean, 1.0, -1.0), np.where(clean, 0.5 / clean.mean(), 0.5 / (~clean).mean())

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        pulled = near @ x[1:]
        z = signs * (pulled + x[0])
        slope = -signs * counts / (1 + np.exp(np.clip(z, -30, 30)))
        gradient = np.concatenate([[slope.sum()], near @ slope + _PENALTY * pulled])
        return float((counts * np.logaddexp(0, -z)).sum() + _PENALTY / 2 * x[1:] @ pulled), gradient

    x = minimize(loss, np.zeros(len(values) + 1), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    return models.Kernels(mean, scale, rows, x[1:], float(x[0]), _WIDTH)


def _threshold(q: np.ndarray, limits: Sequence[tuple[np.ndarray, float]]) -> float:
    """The lowest threshold that no more of each limit's pictures reach than it says."""
    kept = NEVER
    for tried_ in np.arange(0.99, LEAST - 0.005, -0.01).round(2):
        if any((wrong >= tried_).sum() > most for wrong, most in limits):
            break
        kept = float(tried_)
    return kept if (q >= kept).any() else NEVER
