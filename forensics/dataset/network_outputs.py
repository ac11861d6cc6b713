"""What a trained CNN says of the windows that a feature table holds: the same windows in the same order, kept on disk in parts.

Made for fusion: the baseline reads a window's row of the feature table, the CNN its pixels. Parts are named after the table's plan and the
network's bytes, and written atomically, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from forensics_models.cnn import NETWORK_FILE, Cnn, NetworkOutputs
from forensics_models.fused import as_rgb

from forensics.dataset import decoders, manifest
from forensics.dataset.features import PART_FILES, WindowPlan, carries_its_label, cut_windows, table_key
from forensics.dataset.manifest import Row
from forensics.dataset.workers import Workers
from forensics.errors import ForensicsError

_FIELDS = tuple(NetworkOutputs.__dataclass_fields__)


@dataclass(frozen=True)
class _Task:
    folder: Path
    rows: tuple[Row, ...]
    plan: WindowPlan
    network: Path
    out: Path


@cache
def _network(folder: Path) -> Cnn:
    return Cnn(folder)


def _judge(task: _Task) -> Iterator[int]:
    """Worker: write one part; yields its number of windows."""
    network, patches, files = _network(task.network), [], []
    for row in task.rows:
        picture = decoders.load_varied(task.folder, row, task.plan.seed, task.plan.decoders)
        windows = cut_windows(picture.pixels, row, task.plan)
        patches += [as_rgb(window) for window in windows]
        files += [row.id] * len(windows)
    outputs = network.outputs(patches)
    part = task.out.with_name(task.out.name + ".part")
    with part.open("wb") as stream:
        np.savez(stream, files=np.array(files), **{name: getattr(outputs, name) for name in _FIELDS})
    part.replace(task.out)
    yield len(files)


def build_outputs(
    folder: Path,
    split: str,
    network: Path,
    *,
    plan: WindowPlan,
    jobs: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NetworkOutputs, np.ndarray]:
    """The outputs of a network on the windows of one split, and the file of each.

    Parameters
    ----------
    folder : Path
        A built data set.
    split : str
    network : Path
        Folder with the network's artefacts.
    plan : WindowPlan
        The feature table's.
    jobs : int
        Processes.
    progress : callable
        Gets the number of parts done and in all.

    Returns
    -------
    (NetworkOutputs, np.ndarray [shape=(n,), dtype=str])
    """
    rows = [row for row in manifest.read(folder) if row.split == split and carries_its_label(row)]
    digest = hashlib.sha256((network / NETWORK_FILE).read_bytes()).hexdigest()[:12]
    place = folder / "outputs" / f"{table_key(rows, plan, ())}-{digest}"
    place.mkdir(parents=True, exist_ok=True)
    groups = [tuple(rows[start : start + PART_FILES]) for start in range(0, len(rows), PART_FILES)]
    outs = [place / f"part-{index:05d}.npz" for index in range(len(groups))]
    todo = [_Task(folder, group, plan, network, out) for group, out in zip(groups, outs, strict=True) if not out.exists()]
    done = len(groups) - len(todo)
    progress(done, len(groups))
    with Workers(_judge, jobs) as workers:
        for task in todo:
            workers.submit(task)
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"judging {event.task.out.name} failed: {event.content}")
            if event.kind == "done":
                done += 1
                progress(done, len(groups))
    return _joined(outs)


def _joined(paths: list[Path]) -> tuple[NetworkOutputs, np.ndarray]:
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*_FIELDS, "files")}
    for path in paths:
        with np.load(path, allow_pickle=False) as part:
            for name, values in columns.items():
                values.append(part[name])
    joined = {name: np.concatenate(values) for name, values in columns.items()}
    return NetworkOutputs(**{name: joined[name] for name in _FIELDS}), joined["files"]
