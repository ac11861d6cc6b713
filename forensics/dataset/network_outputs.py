"""What a trained CNN says of the windows that a feature table holds: the same windows in the same order, kept on disk
in parts.

Made for fusion: the baseline reads a window's row of the feature table, the CNN its pixels. Parts are named after the
table's plan and the network's bytes; an interrupted run goes on where it stopped, see `forensics.dataset.parts`.
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
from forensics_models.storage import replacing

from forensics.dataset import decoders, parts
from forensics.dataset.features import PART_FILES, WindowPlan, cut_windows, labelled_rows, table_key
from forensics.dataset.manifest import Row

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
    with replacing(task.out) as part, part.open("wb") as stream:
        np.savez(stream, files=np.array(files), **{name: getattr(outputs, name) for name in _FIELDS})
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

    Raises
    ------
    UsageError
        The data set has no usable file of that split.
    """
    rows = labelled_rows(folder, split, plan)
    digest = hashlib.sha256((network / NETWORK_FILE).read_bytes()).hexdigest()[:12]
    outs = parts.fill(
        folder / "outputs" / f"{table_key(rows, plan, ())}-{digest}",
        rows,
        PART_FILES,
        lambda group, out: _Task(folder, group, plan, network, out),
        _judge,
        jobs=jobs,
        doing="judging",
        progress=progress,
    )
    joined = parts.columns(outs, (*_FIELDS, "files"))
    return NetworkOutputs(**{name: joined[name] for name in _FIELDS}), joined["files"]
