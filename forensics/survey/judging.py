"""What a worker does for a survey: open one picture, examine it, and give the row that stands in the table."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from forensics.batch import depends_on
from forensics.errors import ForensicsError, PictureError
from forensics.examination import examine
from forensics.kernels import announce_compilation
from forensics.pictures.opened import open_quietly
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.results.wording import printable
from forensics.survey.sources import Payload, file_system, is_address
from forensics.version import __version__
from forensics.windows.judges import check_model

QUALITY = "quality_factor"
"""The parameter of a history that the column `quality` holds."""

_KINDS = (
    ("too-large", r"are more than the|is larger than a picture"),
    ("too-small", r"are too few"),
    ("empty", r"the file is empty"),
    ("not-a-picture", r"^not a picture|Git LFS pointer"),
    ("archive", r"^the archive"),
    ("damaged", r"truncated|damaged|refused it|is not whole"),
    ("unreadable", r"cannot be read|no such file|not a regular file|is a folder|encrypted|password"),
)


@dataclass(frozen=True)
class Options:
    """How a survey judges; rows depend on all of it."""

    model_dir: Path | None = None
    model: str | None = None
    max_pixels: int = 0
    history: bool = False
    all_windows: bool = False


@lru_cache(maxsize=4)
def judge_of(options: Options) -> tuple[str, str]:
    """Name of who judges in this process, as the table's folders carry it, and the same in full as JSON."""
    facts = depends_on(options.model_dir, options.model, options.max_pixels, options.history, options.all_windows)
    text = json.dumps(facts, sort_keys=True)
    return f"{__version__}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", text


def identified(options: Options) -> tuple[str, str]:
    """As `judge_of`, with the model checked first; raises `UsageError` where it is missing."""
    check_model(options.model_dir, options.model)
    announce_compilation()
    return judge_of(options)


def judged(name: str, payload: Payload, options: Options) -> tuple[str, dict[str, Any]]:
    """Who judged, and the columns that come of one picture; whatever is wrong with it stands in `error`."""
    who, _ = judge_of(options)
    shown = printable(name)
    try:
        with _opened(payload) as source:
            picture = open_quietly(source, options.max_pixels, shown)  # type: ignore[arg-type]
        found = examine(
            picture,
            history=options.history,
            map=False,
            model=options.model,
            model_dir=options.model_dir,
            threads=1,
            all_windows=options.all_windows,
        )
        return who, columns_of(found.analysis)
    except MemoryError:
        return who, failure("memory", "there is not enough memory for it")
    except ForensicsError as error:
        return who, failure(kind_of(str(error)), str(error))
    except Exception as error:  # one picture must not end the survey
        return who, failure("internal", f"internal error, please report it: {type(error).__name__}: {error}")


def failure(kind: str, error: str) -> dict[str, Any]:
    """The columns of a picture that could not be judged."""
    return {"error_kind": kind, "error": printable(" ".join(error.split()))}


def kind_of(error: str) -> str:
    """The kind of a refusal in one word, by its wording; `refused` for what has no kind of its own."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, error)), "refused")


def columns_of(found: Analysis) -> dict[str, Any]:
    """An analysis under the columns of `forensics.survey.schema`, but those of the listing."""
    facts = found.container
    columns: dict[str, Any] = {
        "sha256": found.sha256,
        "bytes": facts.get("bytes"),
        "format": facts.get("format"),
        "width": found.width,
        "height": found.height,
        "bit_depth": facts.get("bit_depth"),
        "container_lossy": facts.get("lossy"),
        "container_quality": (facts.get("jpeg") or {}).get("quality"),
        "container": json.dumps(facts, sort_keys=True, default=str),
        "verdict": found.verdict,
        "probability": found.probability,
        "best": found.best,
        "compressed": found.compressed,
        "probabilities": dict(found.ranking),
        "candidates": list(found.candidates),
        "strange": found.strange,
        "agreement": found.agreement.status,
        "windows": len(found.windows),
        "steps": [step.name for step in found.steps],
        "limits": list(found.limits),
    }
    for name, interval in (("ratio", found.ratio), ("ssim", found.ssim)):
        if interval is not None:
            columns.update({f"{name}_low": interval.low, name: interval.estimate, f"{name}_high": interval.high})
    if found.afterwards is not None:
        since = max(found.afterwards, key=lambda step: found.afterwards[step])  # type: ignore[index]
        columns.update({"afterwards": since, "afterwards_probability": found.afterwards[since]})
    columns.update(_recovered(found))
    return columns


def _recovered(found: Analysis) -> dict[str, Any]:
    if found.history is None:
        return {}
    values = {parameter.name: parameter.value for parameter in found.history.parameters if parameter.value is not None}
    quality = values.get(QUALITY)
    return {
        "parameters": {name: json.dumps(value) for name, value in values.items()},
        "quality": float(quality) if isinstance(quality, int | float) else None,
    }


@contextmanager
def _opened(payload: Payload) -> Iterator[str | BinaryIO | IO[bytes]]:
    """A source as `open_picture` takes it; raises `PictureError` where it cannot be opened."""
    if isinstance(payload, bytes):
        yield BytesIO(payload)
    elif isinstance(payload, tuple):
        with _one_line_errors(), _archive(payload[0]).open(payload[1]) as stream:
            yield stream
    elif is_address(payload):
        with _one_line_errors():
            system, path = file_system(payload)
            opened = system.open(path, "rb")
        with opened:
            yield opened
    else:
        yield payload


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, BadZipFile, RuntimeError, KeyError, NotImplementedError) as error:  # RuntimeError: encrypted
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"cannot be read: {reason}") from None
    except Exception as error:
        if type(error).__name__ not in ("error", "LZMAError"):  # of zlib and lzma, which share no root
            raise
        raise PictureError(f"its data in the archive are damaged: {error}") from None


@lru_cache(maxsize=2)
def _archive(name: str) -> ZipFile:
    """An open ZIP archive; its directory is read once."""
    if is_address(name):
        system, path = file_system(name)
        return ZipFile(system.open(path, "rb"))
    return ZipFile(name)


Judge = Callable[[str, Payload, Options], tuple[str, Mapping[str, Any]]]


def row_of(label: str | None, result: Analysis | Failure) -> dict[str, Any]:
    """A result of `analyze_all` as a row, for rules."""
    if isinstance(result, Failure):
        return {"name": result.name, "label": label, **failure(kind_of(result.error), result.error)}
    return {"name": result.name, "label": label, **columns_of(result)}
