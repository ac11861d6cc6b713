"""ONNX Runtime, which runs the shipped network: one thread, quiet, on the processor, and with its telemetry off.

From 1.29 on, importing `onnxruntime` writes a device identifier and a queue of events under `~/.cache/Microsoft` and
looks for its collector. The variable `ORT_DISABLE_TELEMETRY` stops all of it if it stands in the environment before
that import; nothing that is called afterwards takes the identifier back. So importing this package sets the variable
(worker processes inherit it), and everything here imports ONNX Runtime by `onnx_runtime` alone.
"""

from __future__ import annotations

import gzip
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
"""Variable of the environment that ONNX Runtime reads while it is imported."""
_SENDS_FROM = (1, 29)
"""First version of ONNX Runtime whose plain Linux wheel has telemetry; 1.20 to 1.28 were watched and have none."""


def switch_telemetry_off() -> bool:
    """Set `TELEMETRY_OFF` for this process and its children; returns whether that came before ONNX Runtime's import."""
    in_time = "onnxruntime" not in sys.modules or os.environ.get(TELEMETRY_OFF) == "1"
    os.environ[TELEMETRY_OFF] = "1"
    return in_time


_in_time = switch_telemetry_off()


def onnx_runtime() -> Any:
    """The module `onnxruntime`.

    Where somebody imported it before this package and without `TELEMETRY_OFF`, its events are switched off now, and a
    `RuntimeWarning` says once that its identifier has been written.
    """
    global _in_time
    switch_telemetry_off()
    import onnxruntime

    if not _in_time:
        _in_time = True
        onnxruntime.disable_telemetry_events()
        if _version(onnxruntime.__version__) >= _SENDS_FROM:
            warnings.warn(
                "onnxruntime was imported before forensics, with its telemetry on: it has written a device identifier "
                "under "
                f"~/.cache/Microsoft; import forensics first, or set {TELEMETRY_OFF}=1",
                RuntimeWarning,
                stacklevel=2,
            )
    return onnxruntime


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def session(file: Path | Traversable) -> Any:
    """An `onnxruntime.InferenceSession` on a gzipped ONNX model; raises `OSError` where the file cannot be read."""
    runtime = onnx_runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False  # planned ahead for shapes, activations take 70 MiB more and no less time
    return runtime.InferenceSession(gzip.decompress(file.read_bytes()), options, providers=["CPUExecutionProvider"])
