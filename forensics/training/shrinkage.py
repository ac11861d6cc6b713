"""Training of the judge of doubt: pictures are drawn, their noise reduced or not, coded or not, and judged in memory.

What is learned is whether the family that the open judge holds likeliest is right, from windows of which half had
their noise reduced by shrinking coefficients (`forensics.dataset.shrinkage_steps`) or were filtered as video is, in
planes of luma and chroma (`forensics.dataset.plane_steps`): untouched ones, or coded by something before. Pictures of
validation sources set the threshold and give the figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import BEYOND, OTHER_LOSSY, family_of, process_of

from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.training.drawing import by_some_process, coded, dealt, drawn
from forensics.training.whole_pictures import changed, part_of, trimmed

DRAWS = {"train": 44, "val": 60}
"""Windows drawn of every source."""
_SIDES = ((256, 0.6), (192, 0.2), (128, 0.2))
"""Sides of windows, and how often each is drawn."""
_CODECS = {
    "jpeg": 0.1, "jpeg2000": 0.3, "jpegxr-0": 0.06, "jpegxr-1": 0.07, "jpegxr-2": 0.05, "bpg": 0.08, "webp": 0.07,
    "avif": 0.11, "heic": 0.08, "jpegxl": 0.08,
}  # fmt: skip
"""How often each is drawn: JPEG 2000 most, whose wavelets are those of noise reduction."""
RIGHT_KEPT = 0.97
"""Share of right names of validation windows that keep their name, of each family, where nothing of `_INNOCENT` was
done since: of those straight from a decoder, and of those changed since. Of 282 of JPEG 2000 seven are
withheld, three of them straight from a decoder, and of 277 names that reduced noise or filtered planes were given 223;
the other codecs lose 10 of 593 right names and 195 of 270 wrong ones, other lossy processes 3 of 92 and 56 of 66."""
_FEWEST_WRONG = 5
"""Names that reduced noise was given in validation from which a family is doubted: JPEG was never one of them."""
_SHARES = {"shrunk": 0.28, "sliding": 0.06, "planes": 0.3, "coded": 0.28, "beyond": 0.08}
"""Noise reduced, by cosine transforms at every place too, or filtered as video is, after the last lossy step, if there
was one; a codec as the last lossy step, or a process beyond the codecs."""
_INNOCENT = ("shrunk", "sliding", "planes")
"""Those that leave what a codec's traces are taken for."""
_FILTERED_AS_VIDEO = 0.3
"""How often reduced noise comes back from planes of luma and chroma, as filters of video work on: a codec's colours."""
_FEWEST = 40
"""Right names of validation windows from which a family has a threshold: two thirds of one are to lose theirs."""
_FEWEST_CHANGED = 10
"""Of those changed since a codec, from which they count by themselves: fewer say little of one in thirty."""
_NAMED = 0.85
"""Probability from which names count in the figures: the least that is named (`picture_reading.AGREED_FROM`)."""
_ROUNDS, _RATE, _DEPTH = 300, 0.05, 5
"""Trees, learning rate and depth of the boosted trees."""


def _draw(
    source: np.ndarray, done: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str, str] | None:
    """A window, the family of its last lossy process, and what was done: one of `_INNOCENT` where that came after it,
    else the kind of what did; None where an encoder does not run.
    """
    from forensics.dataset import random_afterwards
    from forensics.dataset.afterwards import Noise
    from forensics.dataset.random_preparation import draw_camera
    from forensics.dataset.shrinkage_steps import draw_shrink, draw_sliding

    reducing = {"shrunk": draw_shrink, "sliding": draw_sliding}
    side = int(numbers.choice([n for n, _ in _SIDES], p=[share for _, share in _SIDES])) + 16
    tall, wide = (min(n, side) for n in source.shape[:2])
    pixels = part_of(source, tall, wide, numbers)
    if numbers.random() < 0.25:
        pixels = draw_camera(1, numbers).apply(pixels)
    if numbers.random() < (0.6 if done in reducing else 0.25):
        level = round(float(np.exp(numbers.uniform(np.log(0.5), np.log(9)))), 3)
        pixels = Noise("gaussian", level, int(numbers.integers(2**31))).apply(pixels)
    family, after = "uncompressed", done
    if done in _INNOCENT:
        if numbers.random() < 0.3:
            made = _coded(pixels, encoders, numbers)
            if made is None:
                return None
            pixels, family = made
        if done in reducing:
            pixels = reducing[done](numbers).apply(pixels)
            if pixels.ndim == 3 and numbers.random() < _FILTERED_AS_VIDEO:
                for path in random_afterwards.draw_chroma(numbers):
                    pixels = path.apply(np.ascontiguousarray(pixels))
        else:
            pixels = random_afterwards.draw_planes(numbers).apply(pixels)
        kind = random_afterwards.draw_kind(numbers) if numbers.random() < 0.25 else "nothing"
    else:
        if numbers.random() < 0.15:
            pixels = draw_shrink(numbers).apply(pixels)
        made = by_some_process(pixels, numbers) if done == "beyond" else _coded(pixels, encoders, numbers)
        if made is None:
            return None
        pixels, family = made
        kind = after = random_afterwards.draw_kind(numbers) if numbers.random() < 0.5 else "nothing"
    if numbers.random() < 0.5:
        pixels = trimmed(pixels, numbers)
    pixels = changed(pixels, kind, numbers)
    return np.ascontiguousarray(pixels[:256, :256]), family, after


def _coded(pixels: np.ndarray, encoders: Sequence[str], numbers: np.random.Generator) -> tuple[np.ndarray, str] | None:
    fine = str(numbers.choice(list(_CODECS), p=list(_CODECS.values())))
    made = coded(pixels, fine, encoders, numbers)
    return None if made is None else (made, family_of(process_of(fine)))


@dataclass(frozen=True)
class _Task:
    seed: int
    draws: int
    encoders: tuple[str, ...]
    path: Path


_Row = tuple[np.ndarray, str, str, str, float]


def _rows(task: _Task) -> Iterator[list[_Row]]:
    """Windows of one source: columns of the judge of doubt, the likeliest family, the true one, what was done, and
    the likeliest family's probability.
    """
    from forensics_models.doubt import columns_of, likeliest
    from forensics_models.open_judge import merged_afterwards

    from forensics.dataset.sources import load, pixels_sha256
    from forensics.history.readings import lattice_of
    from forensics.windows.judges import open_extractor, shipped_extractor, shipped_judge, shipped_open_judge
    from forensics.windows.reading import judge_windows, read_open

    judge, open_judge, extractor = shipped_judge(None).of_features, shipped_open_judge(None), shipped_extractor()
    further = open_extractor(extractor)
    assert open_judge is not None
    source = load(task.path)
    numbers = np.random.default_rng([task.seed, int(pixels_sha256(source)[:8], 16)])
    rows: list[_Row] = []
    for done in dealt(_SHARES, task.draws, numbers):
        try:
            made = _draw(source, done, task.encoders, numbers)
        except (CodecError, CodecUnavailable, UsageError):
            continue
        if made is None or min(made[0].shape[:2]) < 64:
            continue
        pixels, family, after = made
        features, codecs = judge_windows(judge, extractor, [pixels], 1, further)
        assert codecs.trees is not None
        opened = read_open(open_judge, features, codecs)
        best, probability = likeliest(opened.processes)
        if best == "uncompressed":
            continue
        since = merged_afterwards(open_judge.judge(features, codecs.trees, codecs.fine_probabilities).afterwards)
        columns = columns_of(features, codecs.trees, opened.windows, since, lattice_of(best, pixels))
        rows.append((columns[0], best, family, after, probability))
    yield rows


@dataclass(frozen=True)
class Windows:
    """Windows that were drawn and judged.

    Attributes
    ----------
    columns : np.ndarray [shape=(n, k), dtype=float32]
        As of `forensics_models.doubt.columns_of`.
    likeliest, family, after : tuple of str
        The family that the open judge holds likeliest, the true one, and what was done.
    probability : np.ndarray [shape=(n,), dtype=float64]
        Of the likeliest family.
    """

    columns: np.ndarray
    likeliest: tuple[str, ...]
    family: tuple[str, ...]
    after: tuple[str, ...]
    probability: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the likeliest family is the true one, `np.ndarray [shape=(n,), dtype=bool]`."""
        return np.array(self.likeliest) == np.array(self.family)

    def with_other_lossy(self) -> Windows:
        """The same, and each window whose likeliest family is beyond the codecs once more, asked as `OTHER_LOSSY`: is
        it any of those?
        """
        beyond = {family_of(name) for name in BEYOND} - {OTHER_LOSSY}
        known = [k for k, name in enumerate(self.likeliest) if name in beyond]
        any_of = [OTHER_LOSSY if family in beyond else family for family in self.family]
        asked = [any_of[k] if name == OTHER_LOSSY else self.family[k] for k, name in enumerate(self.likeliest)]
        return Windows(
            np.concatenate([self.columns, self.columns[known]]),
            (*self.likeliest, *[OTHER_LOSSY] * len(known)),
            (*asked, *(any_of[k] for k in known)),
            (*self.after, *(self.after[k] for k in known)),
            np.concatenate([self.probability, self.probability[known]]),
        )

    @property
    def inputs(self) -> np.ndarray:
        """What the trees take, `np.ndarray [shape=(n, k + families), dtype=float32]`."""
        from forensics_models.doubt import with_family

        rows = np.array(self.likeliest)
        made = np.empty((len(rows), with_family(self.columns[:1], rows[0]).shape[1]), np.float32)
        for name in np.unique(rows):
            made[rows == name] = with_family(self.columns[rows == name], str(name))
        return made


def measure(
    sources: Path,
    split: str,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Windows:
    """Windows drawn of one split's sources of which some lossy process is the likeliest.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    """
    from forensics.dataset.encoders import available

    task = partial(_Task, seed, draws or DRAWS[split], tuple(available()))
    return windows_of(drawn(_rows, task, sources, split, jobs=jobs, progress=progress))


def windows_of(rows: Sequence[_Row]) -> Windows:
    """Rows put together; raises `UsageError` where there are none."""
    if not rows:
        raise UsageError("no lossy process is the likeliest of any window that was drawn: draw more")
    columns, likeliest, family, after, probability = zip(*rows, strict=True)
    return Windows(np.stack(columns), likeliest, family, after, np.array(probability))


def train_doubt(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> dict[str, Any]:
    """Train the judge of doubt; writes its trees and card into `out`.

    Parameters
    ----------
    sources : Path
        Folder of lossless pictures with the folders `train` and `val`.
    out : Path
    seed : int
        Decides what is drawn, and the trees.
    jobs : int
        Processes that draw, and threads of the training.
    draws : int, optional
        Windows drawn of every source; `DRAWS` when not given.
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
    train, val = (
        measure(sources, split, seed=seed, jobs=jobs, draws=draws, progress=partial(progress, f"drawing {split}"))
        for split in ("train", "val")
    )
    return fit(train, val, out, seed=seed, threads=jobs)


def fit(train: Windows, val: Windows, out: Path, *, seed: int, threads: int) -> dict[str, Any]:
    """Trees of windows of training sources, thresholds by those of validation sources; as `train_doubt`."""
    import xgboost
    from forensics_models.doubt import CARD_FILE, TREES_FILE
    from forensics_models.storage import write_atomically
    from forensics_models.trees import from_boosters

    train, val = train.with_other_lossy(), val.with_other_lossy()
    right = train.right
    weights = np.where(right, 0.5 / max(right.mean(), 1e-9), 0.5 / max(1 - right.mean(), 1e-9))
    options = {
        "objective": "binary:logistic",
        "eta": _RATE,
        "max_depth": _DEPTH,
        "min_child_weight": 3,
        "subsample": 0.7,
        "colsample_bytree": 0.3,
        "tree_method": "hist",
        "max_bin": 64,
        "base_score": 0.5,
        "seed": seed,
        "nthread": threads,
    }
    booster = xgboost.train(options, xgboost.DMatrix(train.inputs, right, weight=weights), _ROUNDS)
    odds = booster.predict(xgboost.DMatrix(val.inputs), output_margin=True).astype(np.float64)
    families = np.array(val.likeliest)
    names = val.right & (val.probability >= _NAMED) & ~np.isin(val.after, _INNOCENT)
    straight = names & (np.array(val.after) == "nothing")
    wrong = ~val.right & (val.probability >= _NAMED)
    changed = names & ~straight
    right_from = {
        str(name): min(
            float(np.quantile(odds[rows & (families == name)], 1 - RIGHT_KEPT))
            for rows in (straight, changed)
            if rows is straight or (rows & (families == name)).sum() >= _FEWEST_CHANGED
        )
        for name in np.unique(families[straight])
        if (names & (families == name)).sum() >= _FEWEST and (wrong & (families == name)).sum() >= _FEWEST_WRONG
    }
    limit = np.array([right_from.get(name, -np.inf) for name in val.likeliest])
    card = {
        "windows": {"train": len(right), "val": len(odds)},
        "seed": seed,
        "validation": _figures(val, odds >= limit),
    }
    stored = {"card": card, "right_from": right_from}
    write_atomically(out / TREES_FILE, from_boosters([booster], [1]).to_bytes())
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _figures(val: Windows, kept: np.ndarray) -> dict[str, Any]:
    """Windows whose likeliest family has a probability of `_NAMED` or more: those that are right and those that are
    not, with the share that keeps the name.
    """
    named = val.probability >= _NAMED
    innocent = np.isin(val.after, _INNOCENT)
    reduced, sliding, filtered = (np.array(val.after) == name for name in _INNOCENT)
    groups = {
        **{f"right: {name}": val.right & (np.array(val.likeliest) == name) for name in np.unique(val.likeliest)},
        "right, noise reduced": val.right & reduced,
        "right, noise reduced at every place": val.right & sliding,
        "right, filtered in planes": val.right & filtered,
        "wrong, noise reduced": ~val.right & reduced,
        "wrong, noise reduced at every place": ~val.right & sliding,
        "wrong, filtered in planes": ~val.right & filtered,
        "wrong, neither": ~val.right & ~innocent,
    }
    return {
        name: {"windows": int((rows & named).sum()), "kept": float(kept[rows & named].mean())}
        for name, rows in groups.items()
        if (rows & named).any()
    }
