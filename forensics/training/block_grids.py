"""Training of the judges of block grids: pictures are drawn, coded, scaled or turned, and read in memory.

Pictures of validation sources set the thresholds and give the figures; no source is in both.
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

from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.training.drawing import coded, dealt, drawn
from forensics.training.whole_pictures import trimmed

DRAWS = {"train": 8, "val": 18}
"""Pictures drawn of every source."""
_SHARES = {"jpeg": 0.4, "uncompressed": 0.36, "other": 0.24}
_OTHERS = ("jpeg2000", "jpegxr-0", "jpegxr-1", "bpg", "webp", "avif", "heic", "jpegxl")
SCALE_WITHIN, DEGREES_WITHIN = 0.012, 0.2
"""Relative error of a scale, and error of an angle, up to which it counts as read rightly; JPEGs read otherwise teach
nothing and are left out.
"""
NAMED_WRONGLY = 0.003
"""Share of pictures by another codec that may be called a JPEG; of those without a codec none may."""
FOUND_WRONGLY = 0.005
"""Share of pictures without a codec in which a grid may be found."""
_STEPS = {"scaled": "reduced", "turned": "rotated"}
_ROUNDS, _RATE, _DEPTH = 220, 0.06, 5
"""Trees, learning rate and depth of the boosted trees. Decide little: trained on 140 turned pictures of 80 training
sources, right of 132 of 66 validation sources are 75.8 % with these, with 440 trees, a rate of 0.12, and depths
of 3 and 7, 74.2 % with 110 trees and 75.0 % with half the rate."""


def _draw(
    source: np.ndarray, kind: str, encoders: Sequence[str], step_kind: str, numbers: np.random.Generator
) -> tuple[np.ndarray, int, float] | None:
    """A picture of a kind of `_SHARES`, its index in `GRIDS`, and its scale or angle, NaN where no step of the kind
    changed it; None where an encoder does not run.
    """
    from forensics.dataset import preparation, random_afterwards

    pixels = source
    if kind == "uncompressed":
        after = str(numbers.choice([step_kind, "any", "nothing"], p=[0.5, 0.3, 0.2]))
        if numbers.random() < 0.5:
            untouched = str(numbers.choice(random_afterwards.UNTOUCHED))
            height, width = pixels.shape[:2]
            pixels = preparation.apply(random_afterwards.draw_untouched(untouched, height, width, numbers), pixels)
    else:
        after = str(numbers.choice([step_kind, "any"], p=[0.8, 0.2]))
        fine = "jpeg" if kind == "jpeg" else str(numbers.choice(_OTHERS))
        made = coded(pixels, fine, encoders, numbers)
        if made is None:
            return None
        pixels = made
    if numbers.random() < 0.3:
        pixels = trimmed(pixels, numbers)
    truth = math.nan
    if after != "nothing":
        drawn = random_afterwards.draw_kind(numbers) if after == "any" else after
        steps = random_afterwards.draw_afterwards(drawn, numbers)
        truth = _truth(steps[0]) if drawn == step_kind else math.nan
        pixels = preparation.apply(steps, pixels)
    return pixels, ("uncompressed", "other", "jpeg").index(kind), truth


def _truth(step: Any) -> float:
    """Scale of a reduction, degrees of a rotation."""
    from forensics.dataset.afterwards import Resample

    return math.sqrt(step.vertical * step.horizontal) if isinstance(step, Resample) else float(step.degrees)


@dataclass(frozen=True)
class _Task:
    kind: str
    seed: int
    draws: int
    encoders: tuple[str, ...]
    path: Path


_Row = tuple[np.ndarray, int, float]


def _rows(task: _Task) -> Iterator[list[_Row]]:
    """Readings of one source: values, index in `GRIDS`, and by how much the scale or angle is off, NaN where there is
    none.
    """
    from forensics_features import scaled_grid, turned_grid

    from forensics.dataset.sources import load, pixels_sha256

    source = load(task.path)
    numbers = np.random.default_rng([task.seed, int(pixels_sha256(source)[:8], 16)])
    rows: list[_Row] = []
    for drawn_kind in dealt(_SHARES, task.draws, numbers):
        try:
            made = _draw(source, drawn_kind, task.encoders, _STEPS[task.kind], numbers)
        except (CodecError, CodecUnavailable, UsageError):
            continue
        if made is None:
            continue
        pixels, grid, truth = made
        if task.kind == "scaled":
            scaled = scaled_grid.find(pixels)
            if scaled is not None:
                rows.append((scaled.values, grid, abs(scaled.scale / truth - 1) / SCALE_WITHIN))
        else:
            turned = turned_grid.find(pixels)
            if turned is not None:
                rows.append((turned.values, grid, abs(turned.degrees - truth) / DEGREES_WITHIN))
    yield rows


def measure(
    kind: str,
    sources: Path,
    split: str,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Readings of the pictures drawn of one split's sources: values, indices in `GRIDS`, and errors over the
    largest that counts as right.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    """
    from forensics.dataset.encoders import available

    task = partial(_Task, kind, seed, draws or DRAWS[split], tuple(available()))
    rows = drawn(_rows, task, sources, split, jobs=jobs, progress=progress)
    return np.stack([row[0] for row in rows]), np.array([row[1] for row in rows]), np.array([row[2] for row in rows])


def train_block_grid(
    kind: str,
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> dict[str, Any]:
    """Train the judge of one kind of block grids; writes its trees and card into `out`.

    Parameters
    ----------
    kind : str
        One of `forensics_models.block_grids.KINDS`.
    sources : Path
        Folder of lossless pictures with the folders `train` and `val`.
    out : Path
    seed : int
        Decides what is drawn, and the trees.
    jobs : int
        Processes that draw, and threads of the training.
    draws : int, optional
        Pictures drawn of every source; `DRAWS` when not given.
    progress : callable
        Gets (label, done, total).

    Returns
    -------
    dict
        The card: figures on validation sources and what they rest on.

    Raises
    ------
    UsageError
        The extra `train` is not installed, or a split has no sources.
    """
    from forensics.training.trees import _check_ready

    _check_ready(out)
    import xgboost
    from forensics_features import scaled_grid, turned_grid
    from forensics_models.block_grids import GRIDS, card_file, trees_file
    from forensics_models.storage import write_atomically
    from forensics_models.trees import from_boosters

    tables = {
        split: measure(
            kind, sources, split, seed=seed, jobs=jobs, draws=draws, progress=partial(progress, f"drawing {split}")
        )
        for split in ("train", "val")
    }
    values, grids, errors = tables["train"]
    taught = (grids != 2) | (errors < 1)
    weights = 1 / np.bincount(grids[taught], minlength=len(GRIDS))[grids[taught]]
    data = xgboost.DMatrix(values[taught], grids[taught], weight=weights / weights.mean())
    options = {
        "objective": "multi:softprob",
        "num_class": len(GRIDS),
        "eta": _RATE,
        "max_depth": _DEPTH,
        "min_child_weight": 3,
        "subsample": 0.7,
        "colsample_bytree": 0.6,
        "tree_method": "hist",
        "seed": seed,
        "nthread": jobs,
    }
    booster = xgboost.train(options, data, _ROUNDS)
    values, grids, errors = tables["val"]
    p = booster.predict(xgboost.DMatrix(values)).astype(np.float64)
    found_from, jpeg_from = _thresholds(p, grids)
    card = {
        "pictures": {split: np.bincount(table[1], minlength=len(GRIDS)).tolist() for split, table in tables.items()},
        "seed": seed,
        "validation": _figures(p, grids, errors, found_from, jpeg_from),
    }
    stored = {
        "card": card,
        "value_names": (turned_grid if kind == "turned" else scaled_grid).VALUE_NAMES,
        "found_from": found_from,
        "jpeg_from": jpeg_from,
        "tried": int((grids == 0).sum()),
        "reached": int((1 - p[grids == 0, 0] >= found_from).sum()),
    }
    write_atomically(out / trees_file(kind), from_boosters([booster], [len(GRIDS)]).to_bytes())
    write_atomically(out / card_file(kind), json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _thresholds(p: np.ndarray, grids: np.ndarray) -> tuple[float, float]:
    """`found_from`: so that at most `FOUND_WRONGLY` of the pictures without a codec reach it. `jpeg_from`: so that at
    most `NAMED_WRONGLY` of the pictures by other codecs reach both, and none of those without a codec.
    """
    if not ((grids == 0).any() and (grids == 1).any()):
        raise UsageError("too few validation pictures were drawn to set thresholds by: draw more, or of more sources")
    found_from = float(np.quantile(1 - p[grids == 0, 0], 1 - FOUND_WRONGLY, method="higher")) + 1e-6
    jpeg = np.where(1 - p[:, 0] >= found_from, p[:, 2], 0.0)
    others = float(np.quantile(jpeg[grids == 1], 1 - NAMED_WRONGLY, method="higher"))
    return found_from, max(others, float(jpeg[grids == 0].max()), 0.5) + 1e-6


def _figures(
    p: np.ndarray, grids: np.ndarray, errors: np.ndarray, found_from: float, jpeg_from: float
) -> dict[str, Any]:
    found = 1 - p[:, 0] >= found_from
    named = found & (p[:, 2] >= jpeg_from)
    changed = (grids == 2) & np.isfinite(errors)
    return {
        "uncompressed": {"pictures": int((grids == 0).sum()), "found": float(found[grids == 0].mean())},
        "other": {
            "pictures": int((grids == 1).sum()),
            "found": float(found[grids == 1].mean()),
            "jpeg": float(named[grids == 1].mean()),
        },
        "jpeg": {
            "pictures": int(changed.sum()),
            "read rightly": float((errors[changed] < 1).mean()),
            "found": float(found[changed].mean()),
            "jpeg": float(named[changed].mean()),
            "read rightly of found": float((errors[changed & found] < 1).mean()) if (changed & found).any() else 0.0,
        },
    }
