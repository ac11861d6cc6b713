"""Judge the patches of a data set by every model, in shards that are written once: a killed run goes on and ends in the
same table.

A shard is a fixed share of the files. For each model it is one file of judgements, written under a temporary name and
renamed; a model that is added later judges the same patches, and what other models said is not computed again. Features
are kept likewise, so a retrained model measures nothing. Times are kept apart from the judgements: the table is the
same on any run, times are not.

    OUT/parts/KEY/MODEL-MODELKEY-00012.npz    judgements of one model on one shard
    OUT/parts/KEY/features-V2-00012-256.npz   features of its patches of one size
    OUT/windows.parquet, timings.csv          the table, and seconds by model and size
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import CLASSES
from forensics_models.judgement import decide, merge_fine
from forensics_models.storage import remove_remnants, replacing

from forensics.dataset import manifest
from forensics.dataset.manifest import Row
from forensics.errors import ForensicsError
from forensics.executors.tasks import run_all
from forensics_benchmarks.drawing import Drawing, Patch, draw, held_out, key
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.models import Adapter, Judged, PatchBatch

SHARD_FILES = 16
"""Encoded files whose patches are judged together."""
TIMINGS = "timings.csv"
_TIMING_COLUMNS = ("model", "size", "patches", "seconds", "megapixels_per_second")


@dataclass(frozen=True)
class _Shard:
    folder: Path
    rows: tuple[Row, ...]
    drawing: Drawing
    home: Path
    index: int
    adapters: tuple[Adapter, ...]
    """Those that have not judged this shard yet."""
    outs: tuple[Path, ...]
    """Where each of them writes its part."""


def judge_dataset(
    folder: Path,
    rows: Sequence[Row],
    drawing: Drawing,
    adapters: Sequence[Adapter],
    out: Path,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Record], list[dict[str, Any]]]:
    """Judge all patches of some rows of a data set.

    Parameters
    ----------
    folder : Path
        The data set.
    rows : sequence of Row
        Usable rows of it, in the order of the table.
    drawing : Drawing
    adapters : sequence of Adapter
        Prepared; their names differ.
    out : Path
        Where parts are kept.
    jobs : int
        Processes.
    progress : callable
        Gets shards done and in all.

    Returns
    -------
    records : list of Record
        Model by model in the order given, each in the order of the patches.
    timings : list of dict
        Rows of `timings.csv`.

    Raises
    ------
    ForensicsError
        A model failed on a shard, or a file could not be decoded.
    """
    home = out / "parts" / key(rows, drawing)
    home.mkdir(parents=True, exist_ok=True)
    remove_remnants(home)
    for name in (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
    ):  # read by the workers: one thread each, they share the cores
        os.environ.setdefault(name, "1")
    groups = [tuple(rows[start : start + SHARD_FILES]) for start in range(0, len(rows), SHARD_FILES)]
    stems = {
        adapter.name: f"{adapter.name}-{adapter.key()}" for adapter in adapters
    }  # read once: artefacts may change meanwhile
    outs = {name: [home / f"{stem}-{index:05d}.npz" for index in range(len(groups))] for name, stem in stems.items()}
    shards = []
    for index, group in enumerate(groups):
        missing = tuple(adapter for adapter in adapters if not outs[adapter.name][index].exists())
        if missing:
            shards.append(
                _Shard(
                    folder,
                    group,
                    drawing,
                    home,
                    index,
                    missing,
                    tuple(outs[adapter.name][index] for adapter in missing),
                )
            )
    run_all(
        _judge,
        shards,
        jobs,
        failure=lambda shard: f"judging shard {shard.index} failed",
        done=len(groups) - len(shards),
        progress=progress,
    )
    records, timings = [], []
    for adapter in adapters:
        parts = [_read(path) for path in outs[adapter.name]]
        for group, part in zip(groups, parts, strict=True):
            records += _records(adapter.name, group, part)
        timings += _timings(adapter.name, parts)
    return records, timings


def write_timings(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the table of times, atomically."""
    manifest.write_csv(path, _TIMING_COLUMNS, rows)


def _judge(shard: _Shard) -> Iterator[int]:
    """Worker: draw a shard's patches once, and write a part for each model that lacks one."""
    drawn = list(draw(shard.folder, shard.rows, shard.drawing))
    sizes = sorted({patch.size for patch in drawn})
    places = {size: [index for index, patch in enumerate(drawn) if patch.size == size] for size in sizes}
    batches = {size: _batch(shard, size, [drawn[index] for index in places[size]]) for size in sizes}
    for adapter, out in zip(shard.adapters, shard.outs, strict=True):
        answers = {}
        for size in sizes:
            try:
                answers[size] = adapter.judge(batches[size])
            except Exception as error:
                raise ForensicsError(
                    f"{adapter.name} cannot judge patches of {size} pixels: {type(error).__name__}: {error}"
                ) from error
        _write(out, _columns(drawn, places, answers))
        yield len(drawn)
    for size, batch in batches.items():
        path = _feature_part(shard, size)
        if batch.measured and not path.exists():
            _write(path, {"features": batch.features(), "seconds": np.float64(batch.feature_seconds)})


def _feature_part(shard: _Shard, size: int) -> Path:
    from forensics_features import FEATURES_VERSION

    return shard.home / f"features-V{FEATURES_VERSION}-{shard.index:05d}-{size}.npz"


def _batch(shard: _Shard, size: int, patches: Sequence[Patch]) -> PatchBatch:
    path = _feature_part(shard, size)
    pixels = [patch.pixels for patch in patches]
    if not path.exists():
        return PatchBatch(pixels)
    stored = _read(path)
    return PatchBatch(pixels, stored["features"], float(stored["seconds"]))


def _columns(drawn: Sequence[Patch], places: dict[int, list[int]], answers: dict[int, Judged]) -> dict[str, Any]:
    """One array a column, in the order of the patches; with seconds by size."""
    order = np.argsort([index for size in places for index in places[size]])

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(answers[size], name) for size in places])[order] if places else np.empty(0)

    columns: dict[str, Any] = {name: joined(name) for name in ("fine_probabilities", "log2_ratio", "ssim", "quality")}
    for name in ("place", "size", "top", "left", "decoder", "condition"):
        columns[name] = np.array([getattr(patch, name) for patch in drawn])
    columns["compressed_from"] = np.float64(next(iter(answers.values())).compressed_from if answers else np.nan)
    columns["threshold"] = np.float64(next(iter(answers.values())).threshold if answers else np.nan)
    columns["timed_sizes"] = np.array(list(places), np.int64)
    columns["timed_counts"] = np.array([len(indices) for indices in places.values()], np.int64)
    columns["timed_seconds"] = np.array([answers[size].seconds for size in places], np.float64)
    return columns


def _write(path: Path, columns: dict[str, Any]) -> None:
    with replacing(path) as part, part.open("wb") as stream:
        np.savez(stream, **columns)


def _read(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _records(name: str, rows: Sequence[Row], part: dict[str, np.ndarray]) -> list[Record]:
    if not len(part["place"]):
        return []
    merged = merge_fine(part["fine_probabilities"])
    lists = {
        column: part[column].tolist()
        for column in ("place", "size", "top", "left", "decoder", "condition", "quality", "ssim", "fine_probabilities")
    }
    ratios = (2.0 ** part["log2_ratio"]).tolist()
    threshold, compressed_from = float(part["threshold"]), float(part.get("compressed_from", 0.0))
    records = []
    for index, place in enumerate(lists["place"]):
        row, decoder = rows[place], lists["decoder"][index]
        compressed = row.fine_class != "uncompressed"
        answer, _ = decide(dict(zip(CLASSES, merged[index].tolist(), strict=True)), threshold, compressed_from)
        records.append(
            Record(
                name,
                row.id,
                row.source,
                row.origin,
                row.split,
                row.fine_class,
                row.encoder,
                row.variant,
                row.preparation_kind,
                row.target_kind,
                row.target,
                row.ratio if compressed else np.nan,
                row.ssim if compressed else np.nan,
                lists["size"][index],
                tuple(lists["fine_probabilities"][index]),
                ratios[index][0],
                ratios[index][1],
                ratios[index][2],
                lists["ssim"][index][0],
                lists["ssim"][index][1],
                lists["ssim"][index][2],
                condition=lists["condition"][index],
                decoder=decoder,
                held_out=held_out(row, decoder),
                strength=row.strength,
                quality=lists["quality"][index],
                answer=answer,
                top=lists["top"][index],
                left=lists["left"][index],
            )
        )
    return records


def _timings(name: str, parts: Sequence[dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    total: dict[int, tuple[int, float]] = {}
    for part in parts:
        for size, count, seconds in zip(
            *(part[f"timed_{what}"].tolist() for what in ("sizes", "counts", "seconds")), strict=True
        ):
            before = total.get(size, (0, 0.0))
            total[size] = before[0] + count, before[1] + seconds
    return [
        dict(
            zip(
                _TIMING_COLUMNS,
                (name, size, count, round(seconds, 6), round(count * size * size / 1e6 / max(seconds, 1e-9), 4)),
                strict=True,
            )
        )
        for size, (count, seconds) in sorted(total.items())
    ]
