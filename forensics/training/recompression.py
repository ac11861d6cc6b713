"""Training of the judge of recompression: whole pictures of validation sources are drawn, coded or not, changed or not,
judged in memory by the shipped models and, where those leave them open, coded again by each encoder.

Three populations: that of the judge of open pictures, whose resized, cropped and uncoded pictures show what chance
gives; one of steps that leave the grid of blocks, with more of the codecs that the models take for each other; and
processes beyond the codecs, video's blocks among them. All that is stated is cross-fitted, as there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import NEVER, by_family
from forensics_models.recompression import (
    CARD_FILE,
    FAMILIES,
    OWN,
    Softmax,
    asked,
    counted,
    may_be_named,
    stored,
    values_of,
)

from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError
from forensics.training.drawing import dealt
from forensics.training.open_pictures import LEAST
from forensics.training.whole_pictures import (
    SHARES,
    ShippedModels,
    Task,
    draw,
    draw_beyond,
    draw_since,
    folds,
    loaded,
    of_validation,
    tried,
)

DRAWS = 50
"""Pictures drawn of every source."""
_POPULATIONS = {"since": 0.48, "open pictures": 0.32, "beyond": 0.2}
"""Steps that leave the grid, what the judge of open pictures is fitted on, and processes beyond the codecs alone."""
_KINDS = {
    "nothing": 0.2, "recoloured": 0.15, "grey": 0.12, "noise": 0.12, "sharpened": 0.1, "median": 0.1,
    "composited": 0.06, "blurred": 0.06, "several": 0.05, "palette": 0.04,
}  # fmt: skip
"""What happens since in the first population."""
_CODECS = {
    "avif": 0.3, "heic": 0.19, "bpg": 0.13, "webp": 0.12, "jpegxl": 0.09, "jpeg": 0.07, "jpeg2000": 0.04,
    "jpegxr-1": 0.02, "uncompressed": 0.04,
}  # fmt: skip
"""What codes the first population."""
_DRAWN = 0.15
"""Share of the first population that is made of drawings: no source of the split `val` is one, and parts that lie at
multiples of some pixels look like a grid of blocks to every encoder alike."""
_DRAWINGS = ("interface", "text", "subpixel-text", "chart", "pixel-art", "shapes", "render", "few-colours")
"""Kinds of `forensics.dataset.synthetic`."""
WRONG_SHARE = 0.01
"""Largest share of wrong ones among the names of a family, cross-fitted. The models leave one picture in three open,
and one in six of those is named here: so few of all pictures that the limit of the open judge hardly moves."""
FEWEST = 20
"""Names of a family, cross-fitted, of which a share of wrong ones says something; a family with fewer takes the
threshold of all families together."""
GAIN_QUANTILE = 0.95
"""Share of the open pictures without a lossy process that gain less by any encoder than is asked for a name."""
_PENALTY = 0.3
"""Of the squared weights, in pictures. Cross-fitted on 405 open validation pictures the log-loss is 0.855 with it,
0.870 with a third of it, 0.860 and 0.871 with three and ten times."""


@dataclass(frozen=True)
class Row:
    """An open picture that was coded again: its source, the true family, the open judge's probabilities by family and
    the gains.
    """

    source: str
    truth: str
    families: dict[str, float]
    gains: np.ndarray


def _drawn_or(source: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """The source, or at times a drawing in its place."""
    if numbers.random() >= _DRAWN:
        return source
    return synthesise(str(numbers.choice(_DRAWINGS)), 640, 640, int(numbers.integers(2**31)))


def _rows(task: Task) -> Iterator[list[Row]]:
    from forensics.history.recoding import identification

    models = ShippedModels.loaded()
    source, numbers = loaded(task.path, task.seed)
    since, usual, beyond = (round(task.draws * share) for share in _POPULATIONS.values())
    plan: list[Callable[[], tuple[np.ndarray, str] | None]] = [
        partial(draw_since, _drawn_or(source, numbers), fine, kind, task.encoders, numbers)
        for fine, kind in zip(dealt(_CODECS, since, numbers), dealt(_KINDS, since, numbers), strict=True)
    ]
    plan += [partial(draw, source, done, task.encoders, numbers) for done in dealt(SHARES, usual, numbers)]
    plan += [partial(draw_beyond, source, numbers) for _ in range(beyond)]
    rows: list[Row] = []
    for drawing in plan:
        made = tried(drawing, identification.LEAST_SIDE)
        if made is None:
            continue
        reading, _ = models.read(made[0])
        assert reading.opened is not None
        families = by_family(reading.opened.processes)
        if reading.verdict != INCONCLUSIVE or not asked(families):
            continue
        gains = identification.gains(made[0])
        assert gains is not None
        rows.append(Row(task.path.name, made[1], families, gains))
    yield rows


def measure(
    sources: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Pictures drawn of the sources of the split `val` that the models leave open, coded again.

    Raises
    ------
    UsageError
        The folder holds no sources of the split, or an encoder is missing.
    """
    from forensics.history.recoding import identification

    if identification.missing():
        raise UsageError(f"pictures cannot be coded again: {identification.missing()}")
    return of_validation(_rows, sources, seed=seed, jobs=jobs, draws=draws or DRAWS, progress=progress)


def train_recompression(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train the judge of recompression; writes its card into `out`.

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
        The split has no sources, an encoder is missing, or too few pictures are left open.
    """
    return fit(measure(sources, seed=seed, jobs=jobs, draws=draws, progress=progress), out, seed=seed)


def fit(rows: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Weights and thresholds of rows that were drawn; as `train_recompression`."""
    from forensics_models.storage import write_atomically

    truth = np.array([FAMILIES.index(row.truth if row.truth in FAMILIES else FAMILIES[-1]) for row in rows])
    parts = folds([row.source for row in rows])
    if len(np.unique(parts)) < 2 or len(np.unique(truth)) < 2:
        raise UsageError("too few pictures are left open to learn from: draw more, or of more sources")
    logs, values = (np.stack(one) for one in zip(*(values_of(row.families, row.gains) for row in rows), strict=True))
    most = np.array([float(np.ptp(np.maximum(counted(row.gains), 0.0))) for row in rows])
    clean = truth == 0
    gain_from = round(float(np.quantile(most[clean], GAIN_QUANTILE)), 2) if clean.any() else float(most.max())
    found = np.zeros((len(rows), len(FAMILIES)))
    for part in np.unique(parts):
        other = parts != part
        found[~other] = np.exp(
            softmax(logs[other], values[other], truth[other]).logarithms(logs[~other], values[~other])
        )
    best, top = found.argmax(axis=1), found.max(axis=1)
    allowed = np.array(
        [may_be_named(FAMILIES[at], row.families, row.gains, gain_from) for at, row in zip(best, rows, strict=True)]
    )
    figures, right = {}, best == truth
    may = {family: (best == FAMILIES.index(family)) & allowed for family in OWN}
    together = _threshold(top, right, np.logical_or.reduce(list(may.values())))
    said_from = {family: _threshold(top, right, here, together) for family, here in may.items()}
    for family, here in may.items():
        its, said = truth == FAMILIES.index(family), here & (top >= said_from[family])
        figures[family] = {
            "open": int(its.sum()),
            "likeliest by the models": int((its & (logs.argmax(axis=1) == truth)).sum()),
            "likeliest": int((its & right).sum()),
            "right": int((said & right).sum()),
            "wrong": int((said & ~right).sum()),
        }
    card = {"pictures": {"open": len(rows), "uncompressed": int(clean.sum())}, "seed": seed, "validation": figures}
    out.mkdir(parents=True, exist_ok=True)
    made = stored(softmax(logs, values, truth), said_from, gain_from, card)
    write_atomically(out / CARD_FILE, json.dumps(made, indent=1, allow_nan=False).encode())
    return card


def _threshold(top: np.ndarray, right: np.ndarray, here: np.ndarray, otherwise: float = NEVER) -> float:
    """The lowest probability from which on the share of wrong ones among the rows `here` keeps to `WRONG_SHARE`;
    `otherwise` where that is of fewer than `FEWEST`.
    """
    for tried_at in np.arange(LEAST, 0.995, 0.01).round(2):
        said = here & (top >= tried_at)
        if said.sum() < FEWEST:
            break
        if (said & ~right).sum() <= WRONG_SHARE * said.sum():
            return float(tried_at)
    return otherwise


def softmax(logs: np.ndarray, values: np.ndarray, truth: np.ndarray) -> Softmax:
    """Weights of least penalised log-loss.

    Parameters
    ----------
    logs : np.ndarray [shape=(n, len(FAMILIES))]
    values : np.ndarray [shape=(n, d)]
        Both as of `forensics_models.recompression.values_of`.
    truth : np.ndarray [shape=(n,), dtype=int]
        Index in `FAMILIES`.
    """
    from scipy.optimize import minimize

    kinds, columns = len(FAMILIES), values.shape[1]
    there = np.arange(len(truth)), truth

    def unpacked(x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return float(x[0]), x[1 : 1 + kinds], x[1 + kinds :].reshape(kinds, columns)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        prior, bias, weights = unpacked(x)
        logarithms = Softmax(prior, bias, weights).logarithms(logs, values)
        slope = np.exp(logarithms)
        slope[there] -= 1
        gradient = [
            [(slope * logs).sum() + _PENALTY * (prior - 1)],
            slope.sum(axis=0) + _PENALTY * bias,
            (slope.T @ values + _PENALTY * weights).ravel(),
        ]
        penalty = (prior - 1) ** 2 + (bias**2).sum() + (weights**2).sum()
        return float(-logarithms[there].sum() + _PENALTY * penalty / 2), np.concatenate(gradient)

    start = np.zeros(1 + kinds + kinds * columns)
    start[0] = 1.0
    prior, bias, weights = unpacked(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x)
    return Softmax(prior, tuple(bias.tolist()), tuple(tuple(row) for row in weights.tolist()))
