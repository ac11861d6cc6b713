"""Training of the judge of open pictures: whole pictures of validation sources are drawn, coded or not, changed or not,
and judged in memory by the shipped models.

Sources of training are no use: the open judge knows them. What is stated and what sets the thresholds is cross-fitted,
each source's pictures judged by regressions of the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import NEVER

from forensics.errors import UsageError
from forensics.training.drawing import dealt
from forensics.training.whole_pictures import SHARES, ShippedModels, Task, draw, folds, loaded, of_split, tried
from forensics.windows.choice import MINIMUM_SIDE

if TYPE_CHECKING:
    from forensics_models.doubt import DoubtJudge

    from forensics.windows.picture_reading import PictureReading

DRAWS = 60
"""Pictures drawn of every source."""
WRONG_NAMES = 0.003
"""Largest share of pictures with a lossy process that may get a wrong name by this judge: the open judge's own."""
ACCUSED = 0.001
"""Largest share of pictures without a lossy process that may be given a name, as of the open judge's own."""
CALLED_UNCOMPRESSED = 0.008
"""Largest share of pictures with a lossy process that may be called uncompressed by this judge."""
WORTH = 20
"""Right names for each wrong one under which a family is never named: what is left of the limits is no cause. HEVC
intra has 49 to 4 on validation pictures; named with ten to one it had 10 to 4 on test pictures.
"""
LEAST = 0.75
"""Thresholds are never lower: three to one, as `open_judge.MEMBER_SHARE`."""
_PENALTY = 1.0
"""Of the squared weights, in observations. Cross-fitted on 3,920 pictures of 66 validation sources 112 names are right
and 3 wrong, with a tenth of it 82 and 1, with ten times 82 and 2; 126, 134 and 135 called uncompressed rightly."""


@dataclass(frozen=True)
class Row:
    """A picture that was drawn: its source, what was done (`whole_pictures.SHARES`), the true family, what the models
    answered, the most probable family and the values of `forensics_models.open_pictures.values_of`.
    """

    source: str
    done: str
    truth: str
    verdict: str
    best: str
    values: np.ndarray


def _rows(task: Task) -> Iterator[list[Row]]:
    from forensics_models.open_pictures import values_of

    from forensics.windows.judges import doubt_judge

    models = ShippedModels.loaded()
    doubt = doubt_judge(models.open_judge.folder)
    if doubt is None:
        raise UsageError("the judge of doubt is trained first: forensics train doubt")
    source, numbers = loaded(task.path, task.seed)
    rows: list[Row] = []
    for done in dealt(SHARES, task.draws, numbers):
        made = tried(partial(draw, source, done, task.encoders, numbers), MINIMUM_SIDE)
        if made is None:
            continue
        pixels, truth = made
        reading, judged = models.read(pixels)
        assert reading.opened is not None
        assert judged.trees is not None
        best, values = values_of(
            reading.opened.processes,
            reading.opened.windows,
            reading.opened.afterwards,
            judged.fine_probabilities,
            judged.trees,
            pixels.shape[0] * pixels.shape[1],
            partial(_doubted, doubt, reading, pixels),
        )
        rows.append(Row(task.path.name, done, truth, reading.verdict, best, values))
    yield rows


def _doubted(judge: DoubtJudge, reading: PictureReading, pixels: np.ndarray, family: str) -> float:
    from forensics.history.readings import lattice_of

    return reading.log_odds(judge, family, lattice_of(family, pixels))


def measure(
    sources: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Pictures drawn of the sources of the split `val`, judged.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    """

    return of_split(_rows, sources, "val", seed=seed, jobs=jobs, draws=draws or DRAWS, progress=progress)


def train_open_pictures(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train the judge of open pictures; writes its card into `out`.

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
    return fit(measure(sources, seed=seed, jobs=jobs, draws=draws, progress=progress), out, seed=seed)


def fit(rows: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Regressions and thresholds of rows that were drawn; as `train_open_pictures`."""
    from dataclasses import asdict

    from forensics_models.open_pictures import CARD_FILE, CODEC_FAMILIES, VALUE_NAMES, within_the_codecs
    from forensics_models.storage import write_atomically

    out.mkdir(parents=True, exist_ok=True)
    still_open = np.array([row.verdict == INCONCLUSIVE for row in rows])
    best, truth = np.array([row.best for row in rows]), np.array([row.truth for row in rows])
    values, right = np.stack([row.values for row in rows]), best == truth
    still_open &= within_the_codecs(values)
    parts = folds([row.source for row in rows])
    clean = truth == "uncompressed"
    stored: dict[str, Any] = {"value_names": list(VALUE_NAMES), "said_from": {}}
    figures: dict[str, Any] = {}
    for name, families in (("named", CODEC_FAMILIES), ("uncompressed", ("uncompressed",))):
        here = still_open & np.isin(best, families)
        if right[here].all() or not right[here].any() or len(np.unique(parts[here])) < 2:
            raise UsageError("too few pictures are left open to learn from: draw more, or of more sources")
        q, wrong = _cross_fitted(values[here], right[here], parts[here]), ~right[here]
        lossy = ~clean[here]
        limits = (
            ((wrong & lossy, WRONG_NAMES * (~clean).sum()), (wrong & clean[here], ACCUSED * clean.sum()))
            if name == "named"
            else ((wrong & lossy, CALLED_UNCOMPRESSED * (~clean).sum()),)
        )
        cells = np.array([families.index(one) for one in best[here]])
        from_ = _thresholds(q, cells, len(families), right[here], limits)
        for k in range(len(families)):
            said = (q >= from_[k]) & (cells == k)
            if name == "named" and (said & right[here]).sum() < WORTH * (said & wrong).sum():
                from_[k] = NEVER
        said = q >= from_[cells]
        stored[name] = asdict(_regression(values[here], right[here]))
        stored["said_from"] |= dict(zip(families, from_.tolist(), strict=True))
        figures |= {
            family: {
                "open": int((cells == k).sum()),
                "right": int((said & ~wrong & (cells == k)).sum()),
                "wrong": int((said & wrong & (cells == k)).sum()),
            }
            for k, family in enumerate(families)
        }
    counts = {"lossy": int((~clean).sum()), "uncompressed": int(clean.sum()), "all": len(rows)}
    named = np.array([row.verdict not in (INCONCLUSIVE, "uncompressed") for row in rows])
    before = {
        "lossy, named": int((~clean & named).sum()),
        "uncompressed, called that": int((clean & np.array([row.verdict == "uncompressed" for row in rows])).sum()),
    }
    stored["card"] = {"pictures": counts, "seed": seed, "without this judge": before, "validation": figures}
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return dict(stored["card"])


def _cross_fitted(values: np.ndarray, right: np.ndarray, folds: np.ndarray) -> np.ndarray:
    q = np.zeros(len(right))
    for fold in np.unique(folds):
        other = folds != fold
        if right[other].all() or not right[other].any():
            continue  # nothing to learn from: nothing is said of this part
        q[~other] = _regression(values[other], right[other]).probability(values[~other])
    return q


def _regression(values: np.ndarray, right: np.ndarray) -> Any:
    """Weights of least penalised log-loss, as a `forensics_models.open_pictures.Regression`."""
    from forensics_models.open_pictures import Regression
    from scipy.optimize import minimize

    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    inside, signs = (values - mean) / scale, np.where(right, 1.0, -1.0)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        z = signs * (inside @ x[1:] + x[0])
        slope = -signs / (1 + np.exp(np.clip(z, -30, 30)))
        gradient = np.concatenate([[slope.sum()], slope @ inside + 2 * _PENALTY * x[1:]])
        return float(np.logaddexp(0, -z).sum() + _PENALTY * (x[1:] ** 2).sum()), gradient

    x = minimize(loss, np.zeros(values.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return Regression(tuple(mean.tolist()), tuple(scale.tolist()), tuple(x[1:].tolist()), float(x[0]))


def _thresholds(
    q: np.ndarray, cells: np.ndarray, count: int, right: np.ndarray, limits: Sequence[tuple[np.ndarray, float]]
) -> np.ndarray:
    """A threshold of each cell, so that as many as possible are right and of each limit's rows no more than it says
    reach theirs.
    """
    from forensics_models.open_answers_training import lowered

    tried = np.concatenate([[NEVER], np.arange(0.99, LEAST - 0.005, -0.01).round(2)])
    reached = q[:, None] >= tried

    def by_cell(rows: np.ndarray) -> np.ndarray:
        return np.stack([(reached & rows[:, None] & (cells == k)[:, None]).sum(axis=0) for k in range(count)])

    used = np.stack([by_cell(rows) / max(most, 1e-9) for rows, most in limits])
    return tried[lowered(by_cell(right), used)]
