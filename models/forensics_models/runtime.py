"""Shipped models in ONNX Runtime: one thread, quiet, on the processor, from compressed files of a package or a folder."""

from __future__ import annotations

import gzip
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any


def session(file: Path | Traversable) -> Any:
    """An `onnxruntime.InferenceSession` on a gzipped ONNX model; raises `OSError` where the file cannot be read."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(gzip.decompress(file.read_bytes()), options, providers=["CPUExecutionProvider"])
