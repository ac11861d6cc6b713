"""Data sets of the suites `generalization` and `robustness`: every source as it is, and encoded by chosen encoders to
the same few ratios.

Laid out and described like the data sets of `forensics.dataset.build`, so that the same readers read them; unlike
those, foreign encoders may be among them. Each file has its row next to it, written last: what has a row is never made
again, and a folder grows by new sources, encoders or ratios without making an old file twice.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import PIL
from forensics_models.storage import write_atomically
from PIL import Image

from forensics import quality
from forensics.codecs.base import Codec, Value
from forensics.codecs.target import search as aim
from forensics.dataset import grids, manifest, sources
from forensics.dataset.build import read_source
from forensics.dataset.encoders import class_of, encoder_for
from forensics.dataset.manifest import Row, rounded
from forensics.dataset.preparation import Crop, apply, to_json
from forensics.dataset.sources import Source, pixels_sha256
from forensics.errors import ForensicsError, UnreachableTarget, UsageError
from forensics.executors.tasks import Workers
from forensics_benchmarks import foreign_encoders

SMALLEST = 128
"""Sources with a smaller side are left out, in pixels."""
_AIM = {"tolerance": 0.15, "max_encodes": 4, "strict": False}


@dataclass(frozen=True)
class Cell:
    """One way to encode, and the ratios aimed at."""

    variant: str
    fine_class: str
    encoder: str
    switches: Mapping[str, Value] = field(default_factory=dict)
    ratios: tuple[float, ...] = (8.0, 24.0)


@dataclass(frozen=True)
class _Task:
    folder: Path
    out: Path
    name: str
    cells: tuple[Cell, ...]
    suite: str
    seed: int
    shares: Mapping[str, float]


def seen_cells(encoders: Sequence[str], ratios: tuple[float, ...]) -> list[Cell]:
    """The class's own encoder at its defaults, as training draws it most often: one cell a fine class."""
    return [
        Cell("seen", cell.fine_class, cell.encoder, cell.switches, ratios) for cell in grids.default_cells(encoders)
    ]


def held_out_cells(ratios: tuple[float, ...], classes: Sequence[str]) -> tuple[list[Cell], dict[str, str]]:
    """Encoders and settings that training never draws, and the reasons of those that cannot be used here."""
    found, reasons = [], {}
    for choice in foreign_encoders.HELD_OUT:
        if class_of(choice.fine_class) not in classes:
            continue
        reason = foreign_encoders.usable(choice)
        if reason:
            reasons[choice.variant] = reason
        else:
            found.append(Cell(choice.variant, choice.fine_class, choice.encoder, choice.switches, ratios))
    return found, reasons


def build(
    folder: Path,
    names: Sequence[str],
    out: Path,
    cells: Sequence[Cell],
    *,
    suite: str,
    seed: int,
    shares: Mapping[str, float],
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Build or continue a data set; returns the rows of these sources and cells, in the order of the manifest.

    Parameters
    ----------
    folder : Path
        Of the sources.
    names : sequence of str
        Sources below it.
    out : Path
    cells : sequence of Cell
    suite : str
        Written into the rows.
    seed : int
        Decides the crops.
    shares : mapping
        Of the splits, for sources whose folder names none.
    jobs : int
        Processes.
    progress : callable
        Gets sources done and in all.

    Raises
    ------
    UsageError
        No source can be used.
    """
    (out / "rows").mkdir(parents=True, exist_ok=True)
    tasks = [_Task(folder, out, name, tuple(cells), suite, seed, shares) for name in names]
    rows: list[Row] = []
    done = 0
    progress(done, len(tasks))
    with Workers(_make, jobs) as workers:
        for task in tasks:
            workers.submit(task)
        for event in workers.events():
            if event.kind == "message":
                rows += [manifest.from_record(record) for record in event.content]
            elif event.kind in ("error", "died"):
                raise ForensicsError(f"encoding {event.task.name} failed: {event.content}")
            else:
                done += 1
                progress(done, len(tasks))
    if not rows:
        raise UsageError(f"no source in {str(folder)!r} can be used: they are bad, or smaller than {SMALLEST} pixels")
    rows.sort(key=manifest.sort_key)
    known = {row.id: row for row in manifest.read(out)} if (out / manifest.MANIFEST).exists() else {}
    manifest.write(out, {**known, **{row.id: row for row in rows}}.values())
    return rows


def _make(task: _Task) -> Iterator[list[dict]]:
    """Worker: the records of all rows of one source; a source that cannot be read has none."""
    try:
        pixels = read_source(task.folder, task.name)
    except (ForensicsError, OSError):
        return
    source = sources.describe(task.name, pixels, task.shares)
    if min(source.width, source.height) < SMALLEST:
        return
    crop = _crop(source, task.seed)
    reference = np.ascontiguousarray(apply([crop], pixels))
    jobs = [
        (Cell("default", "uncompressed", "png"), 0.0),
        *((cell, ratio) for cell in task.cells for ratio in cell.ratios),
    ]
    yield [_stored_row(task, source, crop, reference, cell, ratio) for cell, ratio in jobs]


def _crop(source: Source, seed: int) -> Crop:
    """A random region of at most 512 pixels a side, the sides even: some encoders take no others."""
    step = grids.prepare(grids.PREPARATIONS[0], source, np.random.default_rng([seed, int(source.sha256[:15], 16)]))[0]
    assert isinstance(step, Crop)
    return replace(step, height=step.height // 2 * 2, width=step.width // 2 * 2)


def _stored_row(task: _Task, source: Source, crop: Crop, reference: np.ndarray, cell: Cell, ratio: float) -> dict:
    """The record of one file, from its row on disk or made now."""
    identity = [
        task.suite,
        task.seed,
        source.sha256,
        source.name,
        source.split,
        to_json([crop]),
        cell.variant,
        cell.fine_class,
        cell.encoder,
        dict(cell.switches),
        ratio,
    ]
    job = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    path = task.out / "rows" / f"{job}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    row = _blank(task, source, crop, reference, cell, ratio, job)
    try:
        row = (
            _png(task.out, row, reference) if cell.encoder == "png" else _encoded(task.out, row, reference, cell, ratio)
        )
    except UnreachableTarget as error:
        row = replace(row, status="unreachable", reason=str(error))
    except (ForensicsError, OSError, ValueError, RuntimeError) as error:
        row = replace(row, status="failed", reason=" ".join(str(error).split()) or type(error).__name__)
    record = manifest.to_record(row)
    write_atomically(path, json.dumps(record).encode())
    return record


def _codec(cell: Cell) -> Codec:
    return foreign_encoders.find(cell.encoder) or encoder_for(cell.encoder, cell.fine_class)


def _blank(task: _Task, source: Source, crop: Crop, reference: np.ndarray, cell: Cell, ratio: float, job: str) -> Row:
    stored = cell.encoder == "png"
    nan = float("nan")
    return Row(
        id=job,
        suite=task.suite,
        seed=task.seed,
        draw=0,
        variant=cell.variant,
        source=source.name,
        source_sha256=source.sha256,
        source_width=source.width,
        source_height=source.height,
        source_traces=source.traces,
        split=source.split,
        origin=source.origin,
        preparation_kind="as-is",
        preparation=json.dumps(to_json([crop]), sort_keys=True),
        reference_sha256=pixels_sha256(reference),
        width=reference.shape[1],
        height=reference.shape[0],
        channels=1 if reference.ndim == 2 else 3,
        class_name=class_of(cell.fine_class),
        fine_class=cell.fine_class,
        encoder=cell.encoder,
        library=f"Pillow {PIL.__version__}" if stored else _codec(cell).version(),
        parameters=json.dumps(dict(cell.switches), sort_keys=True),
        strength_parameter="" if stored else _codec(cell).strength.parameter,
        strength=nan,
        target_kind="stored" if stored else "ratio",
        target=ratio,
        target_bytes=0,
        status="ok",
        reason="",
        file="",
        bytes=0,
        ratio=nan,
        bits_per_pixel=nan,
        ssim=nan,
        psnr=nan,
        encodes=0,
        sha256="",
        pixels_sha256="",
        after="[]",
    )


def _png(out: Path, row: Row, reference: np.ndarray) -> Row:
    buffer = io.BytesIO()
    Image.fromarray(reference).save(buffer, "PNG")
    row = _written(out, row, buffer.getvalue(), ".png", reference)
    return replace(row, ssim=1.0, psnr=float("inf"), encodes=1, pixels_sha256=row.reference_sha256)


def _encoded(out: Path, row: Row, reference: np.ndarray, cell: Cell, ratio: float) -> Row:
    codec = _codec(cell)
    reached = aim.to_ratio(codec, reference, ratio, parameters=cell.switches, **_AIM)  # type: ignore[arg-type]
    if reached.pixels.shape[:2] != reference.shape[:2]:
        raise ValueError(
            f"the decoded picture has {reached.pixels.shape[1]}x{reached.pixels.shape[0]} pixels, not the source's size"
        )
    row = replace(
        row,
        parameters=json.dumps(reached.parameters, sort_keys=True),
        strength=float(reached.parameters[codec.strength.parameter]),
        ssim=rounded(reached.ssim),
        psnr=rounded(reached.psnr),
        encodes=reached.encodes,
        pixels_sha256=pixels_sha256(reached.pixels),
    )
    return _written(out, row, reached.data, codec.suffix, reference)


def _written(out: Path, row: Row, data: bytes, suffix: str, reference: np.ndarray) -> Row:
    name = f"files/{row.split}/{row.fine_class}/{row.id}{suffix}"
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out / name, data)
    return replace(
        row, file=name, bytes=len(data), ratio=rounded(quality.compression_ratio(reference, len(data))),
        bits_per_pixel=rounded(quality.bits_per_pixel(reference, len(data))), sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
