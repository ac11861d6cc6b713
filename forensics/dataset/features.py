"""Feature tables of a built data set: windows cut at random, measured in parallel, kept on disk in parts.

An interrupted run goes on where it stopped, see `forensics.dataset.parts`. The parts' folder is named after everything
that decides their content (manifest, features version, window plan, seed): a change of any starts a new folder.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from forensics_features import FAMILIES, FEATURES_VERSION, MINIMUM_SIDE, FeatureExtractor
from forensics_models.baseline_training import FeatureTable
from forensics_models.classes import AFTERWARDS, OPEN_CLASSES
from forensics_models.storage import replacing

from forensics.dataset import decoders, manifest, parts, patches
from forensics.dataset.manifest import Row
from forensics.dataset.preparation import from_json
from forensics.dataset.random_afterwards import kind_of
from forensics.errors import UsageError
from forensics.windows.choice import choose_windows

Table = TypeVar("Table", bound=FeatureTable)

_log = logging.getLogger(__name__)

PART_FILES = 64
"""Encoded files whose windows share one part."""


@dataclass(frozen=True)
class WindowPlan:
    """Which windows are cut from each file: one of each group of sizes, at a random offset or in the centre.

    A group is a tuple of sides in pixels, one of which is drawn; a side larger than the picture becomes the largest
    that fits. `decoders` is `usual`, `varied` or a decoder's name, see `forensics.dataset.decoders.load_varied`.
    `as_judged` takes the windows that a verdict on the file is made from instead; `share` is the share of the files,
    by their ids.
    """

    groups: tuple[tuple[int, ...], ...] = ((224, 256, 256), (64, 96, 128, 160, 192, 320))
    seed: int = 2026
    centred: bool = False
    decoders: str = "usual"
    as_judged: bool = False
    share: float = 1.0

    def takes(self, row: Row) -> bool:
        """Whether a file is among those that windows are cut from."""
        return int(hashlib.sha256(row.id.encode()).hexdigest()[:8], 16) < self.share * 2**32


@dataclass(frozen=True)
class _Task:
    folder: Path
    rows: tuple[Row, ...]
    plan: WindowPlan
    out: Path
    families: tuple[str, ...]


def window_rng(plan: WindowPlan, row: Row) -> np.random.Generator:
    """The random generator of one file's windows: the same whatever the order of work."""
    digest = hashlib.sha256(f"{plan.seed}/{row.id}".encode()).digest()
    return np.random.default_rng(np.frombuffer(digest[:16], np.uint64))


def cut_windows(pixels: np.ndarray, row: Row, plan: WindowPlan) -> list[np.ndarray]:
    """The windows that a plan takes from one decoded file, a view each; none of a picture that is too small to be
    measured.
    """
    if min(pixels.shape[:2]) < MINIMUM_SIDE:
        return []
    if plan.as_judged:
        return [window.cut(pixels) for window in choose_windows(pixels)]
    rng = window_rng(plan, row)
    windows = []
    for group in plan.groups:
        side = min(int(rng.choice(group)), *pixels.shape[:2])
        if plan.centred:
            top, left = ((extent - side) // 2 for extent in pixels.shape[:2])
            windows.append(pixels[top : top + side, left : left + side])
        else:
            windows.append(patches.random_crop(pixels, side, rng))
    return windows


def _measure(task: _Task) -> Iterator[int]:
    """Worker: write one part; yields its number of windows."""
    extractor = FeatureExtractor(task.families)
    vectors, facts, names, decoded, histories = [], [], [], [], []
    for row in task.rows:
        picture = decoders.load_varied(task.folder, row, task.plan.seed, task.plan.decoders)
        for window in cut_windows(picture.pixels, row, task.plan):
            vectors.append(extractor.vector(window))
            facts.append(truth(row))
            names.append((row.source, row.id))
            histories.append((what_came_after(row), row.preparation_kind, row.encoder))
            decoded.append((picture.decoder, picture.refused))
    numbers = np.array(facts, np.float32)
    with replacing(task.out) as part, part.open("wb") as stream:
        np.savez(
            stream,
            features=np.stack(vectors),
            labels=numbers[:, 0].astype(np.int64),
            log2_ratio=numbers[:, 1],
            ssim=numbers[:, 2],
            sources=np.array([source for source, _ in names]),
            files=np.array([file for _, file in names]),
            afterwards=np.array([after for after, _, _ in histories]),
            preparations=np.array([kind for _, kind, _ in histories]),
            encoders=np.array([name for _, _, name in histories]),
            decoders=np.array([name for name, _ in decoded]),
            refused=np.array([name for _, name in decoded]),
        )
    yield len(vectors)


def build_table(
    folder: Path,
    split: str,
    *,
    plan: WindowPlan,
    jobs: int,
    cache: Path | None = None,
    families: tuple[str, ...] = FAMILIES,
    progress: Callable[[int, int], None] = lambda done, total: None,
    table: type[Table] = FeatureTable,  # type: ignore[assignment]
) -> Table:
    """The feature table of one split of a data set.

    Parameters
    ----------
    folder : Path
        A built data set.
    split : str
        `train`, `val` or another split of its manifest.
    plan : WindowPlan
    jobs : int
        Processes.
    cache : Path, optional
        Where parts are kept; `folder / "features"` when not given.
    families : tuple of str
        The feature families that are measured.
    table : type
        `FeatureTable`, or a kind of it with more of the columns that parts hold.
    progress : callable
        Gets the number of parts done and in all.

    Raises
    ------
    UsageError
        The data set has no usable file of that split, or there is no decoder of the plan's name.
    """
    decoders.check_mode(plan.decoders)
    rows = labelled_rows(folder, split, plan)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read by the workers: one thread each, they share the cores
    outs = parts.fill(
        (cache or folder / "features") / table_key(rows, plan, families),
        rows,
        PART_FILES,
        lambda group, out: _Task(folder, group, plan, out, families),
        _measure,
        jobs=jobs,
        doing="measuring",
        progress=progress,
    )
    _report_refusals(outs, plan)
    return table(**parts.columns(outs, table.__dataclass_fields__))


def _report_refusals(paths: Sequence[Path], plan: WindowPlan) -> None:
    """Say how many windows were read by the usual decoder because the one drawn did not read their files."""
    if plan.decoders == "usual":
        return
    refused: Counter[str] = Counter()
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            refused.update(name for name in part["refused"].tolist() if name)
    if refused:
        named = ", ".join(f"{name} {count}" for name, count in sorted(refused.items()))
        _log.warning("%d windows come from the usual decoder, for another refused: %s", refused.total(), named)


def carries_its_label(row: Row) -> bool:
    """Whether a row has a file, and that file lost something where its class says so.

    A coder at its finest setting may reproduce every pixel (JPEG 2000 with the 5/3 wavelet does on smooth pictures):
    nothing tells such a picture from an uncompressed one.
    """
    return row.status == "ok" and (row.fine_class == "uncompressed" or math.isfinite(row.psnr))


def truth(row: Row) -> tuple[int, float, float]:
    """Index in `OPEN_CLASSES`, log2 of the compression ratio, and SSIM; the strengths are NaN for an uncompressed
    file.
    """
    label = OPEN_CLASSES.index(row.fine_class)
    return (
        (label, math.nan, math.nan)
        if row.fine_class == "uncompressed"
        else (label, float(np.log2(row.ratio)), row.ssim)
    )


def what_came_after(row: Row) -> int:
    """Index in `AFTERWARDS` of what happened to a row's picture after decoding; -1 for an untouched picture's own
    preparation.
    """
    steps = from_json(json.loads(row.after))
    if row.fine_class == "uncompressed" and not steps:
        return -1
    return AFTERWARDS.index(kind_of(steps))


def labelled_rows(folder: Path, split: str, plan: WindowPlan = WindowPlan()) -> list[Row]:
    """The files of one split of a data set that carry their label and that a plan takes; raises `UsageError` where
    there is none.
    """
    rows = [row for row in manifest.read(folder) if row.split == split and carries_its_label(row) and plan.takes(row)]
    if not rows:
        raise UsageError(f"{folder.name} holds no file of the split {split!r}")
    return rows


def _asked(plan: WindowPlan) -> dict[str, Any]:
    """A plan's fields; those that came later only where they are used, so that tables made before are found."""
    fields, usual = asdict(plan), WindowPlan()
    return {
        name: value
        for name, value in fields.items()
        if name not in ("as_judged", "share") or value != getattr(usual, name)
    }


def table_key(rows: Sequence[Row], plan: WindowPlan, families: Sequence[str]) -> str:
    """A short name for everything that decides a table's content."""
    content: list[Any] = [FEATURES_VERSION, list(families), _asked(plan), [(row.id, row.pixels_sha256) for row in rows]]
    if plan.decoders == "usual":
        del content[2]["decoders"]
    elif plan.decoders == "varied":
        content += decoders.drawing()
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
