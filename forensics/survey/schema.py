"""The columns of a survey's table, a row a picture, as Arrow types; documented in `forensics/survey/README.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forensics.errors import UsageError, install_extra

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: Mapping[str, tuple[str, str]] = {
    "name": ("string", "what opens the picture: a path, an address, or archive!/member; unique in the table"),
    "source": ("string", "the source of the command that it was found in"),
    "label": ("string", "folder directly under the source that it lies in"),
    "stamp": ("string", "changes with its content; see `forensics.survey.sources`"),
    "error_kind": ("string", "null where it was judged; else too-large, too-small, empty, not-a-picture, damaged, "
                   "archive, unreadable, refused, memory, died, internal"),
    "error": ("string", "one line, null where it was judged"),
    "sha256": ("string", "of the file's bytes, hexadecimal"),
    "bytes": ("int64", "size of the file"),
    "format": ("string", "the container, by its content"),
    "width": ("int32", "pixels, as stored"),
    "height": ("int32", "pixels, as stored"),
    "bit_depth": ("int32", "bits a sample, as the container states"),
    "container_lossy": ("bool", "whether the container is lossy; null where it does not say"),
    "container_quality": ("float64", "quality factor that a JPEG file's tables amount to"),
    "container": ("string", "all facts of the container, JSON"),
    "agreement": ("string", "agree, disagree, finding, plain or open: pixels against container"),
    "verdict": ("string", "a process, a family, other-lossy, uncompressed, inconclusive or no-content"),
    "probability": ("float64", "of the verdict, calibrated; of `best` where that is inconclusive"),
    "best": ("string", "the most probable class"),
    "compressed": ("float64", "probability that it was lossily compressed at all"),
    "probabilities": ("map", "of every class"),
    "candidates": ("list", "classes that cannot be excluded"),
    "ratio": ("float64", "estimated compression ratio; null unless the verdict is a codec"),
    "ratio_low": ("float64", "end of its 90 % interval"),
    "ratio_high": ("float64", "end of its 90 % interval"),
    "ssim": ("float64", "estimated SSIM against the picture before compression"),
    "ssim_low": ("float64", "end of its 90 % interval"),
    "ssim_high": ("float64", "end of its 90 % interval"),
    "quality": ("float64", "quality factor read from the pixels; with --history"),
    "parameters": ("texts", "parameters read from the pixels, JSON values; with --history"),
    "afterwards": ("string", "what most probably happened since the last lossy step"),
    "afterwards_probability": ("float64", "its probability"),
    "steps": ("list", "steps after decoding that were undone before judging"),
    "strange": ("float64", "share of windows unlike all that the network on pixels was trained on; 0 if not asked"),
    "windows": ("int32", "windows that were judged"),
    "limits": ("list", "what this row cannot tell"),
}  # fmt: skip
"""Type and meaning of every column; `judge` comes from the folders' names: version of the package and hash of model,
features and options.
"""


def schema() -> pa.Schema:
    """The columns as an Arrow schema; raises `UsageError` without pyarrow."""
    pa = arrow()
    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "float64": pa.float64(),
        "map": pa.map_(pa.string(), pa.float64()),
        "texts": pa.map_(pa.string(), pa.string()),
        "list": pa.list_(pa.string()),
    }
    fields = [pa.field(name, types[kind], metadata={"meaning": text}) for name, (kind, text) in COLUMNS.items()]
    return pa.schema(fields)


def as_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table; columns that a row lacks are null."""
    pa = arrow()
    fields = schema()
    columns = [
        pa.array([_cell(row.get(field.name)) for row in rows], field.type, from_pandas=False) for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=fields)


def _cell(value: Any) -> Any:
    return list(value.items()) if isinstance(value, dict) else _text(value)


def _text(value: Any) -> Any:
    """A text that is valid UTF-8: names of files may hold bytes that are not, which Parquet cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value


def arrow() -> Any:
    """pyarrow; raises `UsageError` where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        raise UsageError(f"a survey's table needs pyarrow: {install_extra('parquet')}") from None
    return pyarrow
