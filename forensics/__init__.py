"""Compression forensics for still images, from the pixels alone.

`examine` says all that there is to say about a picture: whether it was ever lossily compressed, by which codec, how,
and where in it that shows. `analyze` gives the verdict alone, which is much faster; `reconstruct` rebuilds the JPEG
file that a picture was decoded from; `compare` compares two copies; `open_picture` opens any picture file safely. All
are imported when they are first asked for. Importing this package switches off the telemetry of ONNX Runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import forensics_models  # noqa: F401  (its telemetry switch must come before anybody's import of ONNX Runtime)

from forensics import former_paths
from forensics.results import display
from forensics.version import __version__

if TYPE_CHECKING:
    from forensics.comparison.compare import compare
    from forensics.examination import Examination, examine
    from forensics.pictures.opened import open_picture
    from forensics.reconstruction.reconstruct import reconstruct
    from forensics.results.analysis import Analysis
    from forensics.verdict.analysis import analyze

__all__ = ["Analysis", "Examination", "__version__", "analyze", "compare", "examine", "open_picture", "reconstruct"]

_HOMES = {
    "analyze": "forensics.verdict.analysis",
    "Analysis": "forensics.results.analysis",
    "compare": "forensics.comparison.compare",
    "examine": "forensics.examination",
    "Examination": "forensics.examination",
    "open_picture": "forensics.pictures.opened",
    "reconstruct": "forensics.reconstruction.reconstruct",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def _as_html(result: Any) -> str:
    from forensics.report.html_notebook import as_html

    return as_html(result)


display.register(_as_html)
former_paths.install()
