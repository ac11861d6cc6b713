"""Compression forensics for still images, from the pixels alone.

`analyze` says of a picture whether it was ever lossily compressed, by which codec and how strongly; `open_picture` opens any picture
file safely. Both are imported when they are first asked for. Importing this package switches off the telemetry of ONNX Runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import forensics_models  # noqa: F401  (its telemetry switch must come before anybody's import of ONNX Runtime)

if TYPE_CHECKING:
    from forensics.analysis import Analysis, analyze
    from forensics.picture import open_picture

__version__ = "0.1.0"
__all__ = ["Analysis", "__version__", "analyze", "open_picture"]

_HOMES = {
    "analyze": "forensics.analysis",
    "Analysis": "forensics.analysis",
    "open_picture": "forensics.picture",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
