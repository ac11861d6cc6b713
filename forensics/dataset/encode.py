"""One job of a data set: encode a prepared picture towards its target, write the file, and describe it in a row."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from forensics import quality
from forensics.codecs.base import Codec, Value
from forensics.codecs.target import search as aim
from forensics.dataset.encoders import class_of, encoder_for
from forensics.dataset.manifest import Row, rounded
from forensics.dataset.plan import Draw, Job, Settings
from forensics.dataset.preparation import apply, to_json
from forensics.dataset.sources import Source, pixels_sha256
from forensics.errors import ForensicsError, UnreachableTarget

RANDOM_AIM = {"tolerance": 0.15, "max_encodes": 3, "strict": False}
"""Aim of the suites with random strengths: any strength will do as long as it is recorded."""

GRID_RATIO_TOLERANCE = 0.05
"""Relative error of a ratio on the grid, so that integer quality steps count as reached."""

GRID_SSIM_TOLERANCE = 0.005
"""Absolute error of an SSIM on the grid."""


Encoded = tuple[bytes, np.ndarray, Mapping[str, Value], int]
"""File, decoded pixels, complete parameters and number of encodes."""


class Reference:
    """The prepared picture of a draw, made when first asked for and kept for all its jobs.

    The last file made of it is kept too, for jobs that follow and differ in their after-steps alone.
    """

    def __init__(self, source: np.ndarray, draw: Draw) -> None:
        self.draw = draw
        self._source = source
        self._pixels: np.ndarray | None = None
        self._sha256 = ""
        self._last: tuple[tuple[Any, ...], Encoded] | None = None

    def encoded(self, codec: Codec, job: Job) -> Encoded:
        """The file for a job's target; made once for consecutive jobs that ask for the same."""
        asked = (job.fine_class, job.encoder, job.switches, job.target_kind, job.target, job.target_bytes)
        if self._last is None or self._last[0] != asked:
            self._last = asked, _encoded(codec, self.pixels, job)
        return self._last[1]

    @property
    def pixels(self) -> np.ndarray:
        """Prepared pixels, uint8 RGB or grey."""
        if self._pixels is None:
            self._pixels = apply(self.draw.preparation, self._source)
        return self._pixels

    @property
    def sha256(self) -> str:
        """Hash of the prepared pixels."""
        if not self._sha256:
            self._sha256 = pixels_sha256(self.pixels)
        return self._sha256


NO_SPACE = "no room: "
"""How the reason of a row begins that failed because the disk is full: such a row is not kept."""


def make(out: Path, source: Source, reference: Reference, job: Job, settings: Settings) -> tuple[Row, float]:
    """Make one file and return its row and the seconds it took; errors become rows with the status and reason."""
    start = time.perf_counter()
    row = _blank(source, reference.draw, job, settings)
    try:
        row = _described(row, reference)
        row = _store_png(out, row, reference) if job.target_kind == "stored" else _compress(out, row, reference, job)
    except UnreachableTarget as error:
        row = replace(row, status="unreachable", reason=_one_line(error))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        row = replace(
            row, status="failed", reason=f"{NO_SPACE if full else ''}{_one_line(error) or type(error).__name__}"
        )
    except (ForensicsError, ValueError, RuntimeError, MemoryError) as error:
        row = replace(row, status="failed", reason=_one_line(error) or type(error).__name__)
    return row, time.perf_counter() - start


def failed_row(source: Source, draw: Draw, job: Job, settings: Settings, reason: str) -> Row:
    """The row of a job that could not even be tried."""
    return replace(_blank(source, draw, job, settings), status="failed", reason=reason)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _blank(source: Source, draw: Draw, job: Job, settings: Settings) -> Row:
    """A row with all that is known before the job is tried."""
    stored = job.target_kind == "stored"
    return Row(
        id=job.id, suite=settings.suite, seed=settings.seed, draw=draw.number, variant=job.variant,
        source=source.name, source_sha256=source.sha256, source_width=source.width, source_height=source.height,
        source_traces=source.traces, split=source.split, origin=source.origin,
        preparation_kind=draw.kind, preparation=_json(to_json(draw.preparation)), reference_sha256="",
        width=0, height=0, channels=0, class_name=class_of(job.fine_class), fine_class=job.fine_class,
        encoder=job.encoder, library=f"Pillow {PIL.__version__}" if stored else settings.encoders[job.encoder],
        parameters=_json(dict(job.switches)),
        strength_parameter="" if stored else encoder_for(job.encoder, job.fine_class).strength.parameter,
        strength=float("nan"), target_kind=job.target_kind, target=job.target, target_bytes=job.target_bytes,
        status="ok", reason="", file="", bytes=0, ratio=float("nan"), bits_per_pixel=float("nan"),
        ssim=float("nan"), psnr=float("nan"), encodes=0, sha256="", pixels_sha256="", after=_json(to_json(job.after)),
    )  # fmt: skip


def _described(row: Row, reference: Reference) -> Row:
    pixels = reference.pixels
    return replace(
        row,
        reference_sha256=reference.sha256,
        height=pixels.shape[0],
        width=pixels.shape[1],
        channels=1 if pixels.ndim == 2 else 3,
    )


def _store_png(out: Path, row: Row, reference: Reference) -> Row:
    buffer = io.BytesIO()
    Image.fromarray(reference.pixels).save(buffer, "PNG")
    row = _written(out, row, buffer.getvalue(), ".png", reference)
    return replace(row, ssim=1.0, psnr=float("inf"), encodes=1, pixels_sha256=reference.sha256)


def _compress(out: Path, row: Row, reference: Reference, job: Job) -> Row:
    codec = encoder_for(job.encoder, job.fine_class)
    data, decoded, parameters, encodes = reference.encoded(codec, job)
    if decoded.shape[:2] != reference.pixels.shape[:2]:
        raise ValueError(f"the decoded picture has {decoded.shape[1]}x{decoded.shape[0]} pixels, not the source's size")
    row = replace(
        row,
        parameters=_json(dict(parameters)),
        strength=float(parameters[codec.strength.parameter]),
        ssim=rounded(quality.ssim(reference.pixels, decoded)),
        psnr=rounded(quality.psnr(reference.pixels, decoded)),
        encodes=encodes,
        pixels_sha256=pixels_sha256(decoded),
    )
    return _written(out, row, data, codec.suffix, reference)


def _encoded(codec: Codec, pixels: np.ndarray, job: Job) -> Encoded:
    if job.target_kind == "parameter":
        value: Value = round(job.target) if codec.strength.integer else job.target
        parameters = codec.complete({**job.switches, codec.strength.parameter: value})
        data = codec.encode(pixels, **parameters)
        return data, codec.decode(data), parameters, 1
    if job.target_kind == "max-kib":
        reached = aim.to_max_bytes(codec, pixels, job.target_bytes, parameters=job.switches)
    elif job.target_kind == "ssim":
        reached = aim.to_ssim(codec, pixels, job.target, tolerance=GRID_SSIM_TOLERANCE, parameters=job.switches)
    elif job.variant in ("random", "quick", "chains"):
        reached = aim.to_ratio(codec, pixels, job.target, parameters=job.switches, **RANDOM_AIM)  # type: ignore[arg-type]
    else:
        reached = aim.to_ratio(codec, pixels, job.target, tolerance=GRID_RATIO_TOLERANCE, parameters=job.switches)
    return reached.data, reached.pixels, reached.parameters, reached.encodes


def _written(out: Path, row: Row, data: bytes, suffix: str, reference: Reference) -> Row:
    """The row with its file's facts, the file having been written under a temporary name and renamed."""
    name = f"files/{row.split}/{row.fine_class}/{row.id}{suffix}"
    path, part = out / name, out / ".parts" / f"{row.id}.{os.getpid()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    part.replace(path)
    return replace(
        row,
        file=name,
        bytes=len(data),
        ratio=rounded(quality.compression_ratio(reference.pixels, len(data))),
        bits_per_pixel=rounded(quality.bits_per_pixel(reference.pixels, len(data))),
        sha256=hashlib.sha256(data).hexdigest(),
    )
