"""ONNX Runtime, which an exported network is checked with, and which nothing else loads: with its telemetry off.

From 1.29 on, importing `onnxruntime` writes a device identifier and a queue of events under `~/.cache/Microsoft` and
looks for its collector. The variable `ORT_DISABLE_TELEMETRY` stops all of it if it stands in the environment before
that import; nothing that is called afterwards takes the identifier back. So importing this package sets the variable
(worker processes inherit it), and everything here imports ONNX Runtime by `onnx_runtime` alone.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

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
