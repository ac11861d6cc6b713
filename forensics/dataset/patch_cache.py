"""Patches of a built data set, decoded once and kept as memory-mapped arrays for networks that read them many times.

A part holds one square patch (or several) of a fixed share of the files: its pixels in a `.npy` that is mapped, never
read whole, and its labels in a small `.npz` that is written last, so that a part either is complete or is made again.
As with the feature tables the parts' folder is named after everything that decides their content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.cnn_data import Parts, PatchTable
from forensics_models.fused import as_rgb
from forensics_models.storage import replacing

from forensics.dataset import decoders, parts, patches
from forensics.dataset.features import labelled_rows, truth
from forensics.dataset.manifest import Row
from forensics.errors import UsageError

PART_FILES = 128
"""Encoded files whose patches share one part."""

CACHE_VERSION = 1
"""Raised when the same plan would cut other pixels."""

_FACTS = ("labels", "log2_ratio", "ssim", "sources", "files")


@dataclass(frozen=True)
class PatchPlan:
    """Which patches are kept: `per_file` squares of `side` pixels at random offsets; smaller pictures are left out.

    `decoders` is `usual`, `varied` or a decoder's name, see `forensics.dataset.decoders.load_varied`.
    """

    side: int = 192
    per_file: int = 1
    seed: int = 2026
    decoders: str = "varied"


@dataclass(frozen=True)
class _Task:
    folder: Path
    rows: tuple[Row, ...]
    plan: PatchPlan
    out: Path


def _cut(task: _Task) -> Iterator[int]:
    """Worker: write one part; yields its number of patches."""
    pixels, facts = [], []
    for row in task.rows:
        picture = decoders.load_varied(task.folder, row, task.plan.seed, task.plan.decoders).pixels
        if min(picture.shape[:2]) < task.plan.side:
            continue
        picture = as_rgb(picture)
        numbers = patches.patch_generator(task.plan.seed, row)
        for _ in range(task.plan.per_file):
            pixels.append(patches.random_crop(picture, task.plan.side, numbers))
            facts.append((*truth(row), row.source, row.id))
    _write_part(task.out, pixels, facts, task.plan.side)
    yield len(pixels)


def _write_part(out: Path, pixels: list[np.ndarray], facts: list[tuple], side: int) -> None:
    """Pixels, then the facts that make the part count as done, each under a temporary name first."""
    block = np.stack(pixels) if pixels else np.empty((0, side, side, 3), np.uint8)
    labels, ratios, ssims, sources, files = zip(*facts) if facts else ((),) * 5
    with replacing(_pixels_of(out)) as part, part.open("wb") as stream:
        np.save(stream, block)
    with replacing(out) as part, part.open("wb") as stream:
        np.savez(
            stream,
            labels=np.array(labels, np.int64),
            log2_ratio=np.array(ratios, np.float32),
            ssim=np.array(ssims, np.float32),
            sources=np.array(sources, np.str_),
            files=np.array(files, np.str_),
        )


def _pixels_of(out: Path) -> Path:
    return out.with_suffix(".npy")


def build_patches(
    folder: Path,
    split: str,
    *,
    plan: PatchPlan,
    jobs: int,
    cache: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PatchTable:
    """The patches of one split of a data set, decoding only what is not kept yet.

    Parameters
    ----------
    folder : Path
        A built data set.
    split : str
        `train`, `val` or another split of its manifest.
    plan : PatchPlan
    jobs : int
        Processes.
    cache : Path, optional
        Where parts are kept; `folder / "patches"` when not given. A patch of 192 pixels takes 108 KiB.
    progress : callable
        Gets the number of parts done and in all.

    Raises
    ------
    UsageError
        The data set has no usable file of that split, or none as large as a patch, or there is no decoder of the plan's
        name.
    ForensicsError
        A file could not be decoded.
    """
    decoders.check_mode(plan.decoders)
    rows = labelled_rows(folder, split)
    outs = parts.fill(
        (cache or folder / "patches") / patches_key(rows, plan), rows, PART_FILES,
        lambda group, out: _Task(folder, group, plan, out), _cut, jobs=jobs, doing="decoding", progress=progress,
    )  # fmt: skip
    table = read_parts(outs)
    if not len(table.labels):
        raise UsageError(f"{folder.name} holds no picture of {plan.side} pixels or more in the split {split!r}")
    return table


def patches_key(rows: Sequence[Row], plan: PatchPlan) -> str:
    """A short name for everything that decides the patches' content."""
    content: list[Any] = [CACHE_VERSION, PART_FILES, asdict(plan), [(row.id, row.pixels_sha256) for row in rows]]
    if plan.decoders == decoders.VARIED:
        content += decoders.drawing()
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def read_parts(paths: Sequence[Path]) -> PatchTable:
    """Parts on disk as one table whose pixels stay on disk."""
    held = [
        path for path in paths if len(parts.columns([path], ("labels",))["labels"])
    ]  # an empty array cannot be mapped
    mapped = [np.load(_pixels_of(path), mmap_mode="r", allow_pickle=False) for path in held]
    return PatchTable(Parts(mapped), **parts.columns(held, _FACTS))
