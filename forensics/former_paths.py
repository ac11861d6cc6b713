"""Import paths of version 0.1 before its rooms were put in order: they work until the next version, with a
`DeprecationWarning`.

A former module that no longer exists is made up on import, and hands out the names of its new home. Nothing in the
project uses these paths.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_PACKAGE = "forensics."
MODULES = {
    "analysis": "verdict.analysis",
    "codecs.aim": "codecs.target.search",
    "codecs.alternatives": "codecs.decoders.alternatives",
    "codecs.av1_header": "codecs.headers.av1",
    "codecs.bpg": "codecs.bpg.codec",
    "codecs.bpg_colour": "codecs.bpg.colour",
    "codecs.bpg_container": "codecs.bpg.container",
    "codecs.bracket": "codecs.target.bracket",
    "codecs.coded_strength": "codecs.headers.coded_strength",
    "codecs.conversions": "codecs.decoders.conversions",
    "codecs.heif_items": "codecs.headers.heif",
    "codecs.hevc_headers": "codecs.hevc.headers",
    "codecs.hevc_libheif": "codecs.hevc.libheif",
    "codecs.hevc_pyav": "codecs.hevc.pyav",
    "codecs.hevc_stream": "codecs.hevc.stream",
    "codecs.jpeg_header": "codecs.headers.jpeg",
    "codecs.jpeg_tables": "codecs.headers.jpeg_tables",
    "codecs.planes": "codecs.decoders.planes",
    "codecs.swscale": "codecs.decoders.swscale",
    "codecs.typical": "codecs.target.typical",
    "codecs.vp8_header": "codecs.headers.vp8",
    "coded_headers": "pictures.coded_headers",
    "container": "pictures.container",
    "dataset.progress": "progress",
    "dataset.traces": "dataset.earlier_compression",
    "evidence": "verdict.evidence",
    "guarded": "pictures.guarded",
    "history.av1": "history.recoding.av1",
    "history.double_jpeg": "history.jpeg.double",
    "history.double_jpeg_aligned": "history.jpeg.double_aligned",
    "history.double_jpeg_shifted": "history.jpeg.double_shifted",
    "history.findings": "results.history",
    "history.hevc": "history.recoding.hevc",
    "history.hevc_adaptive": "history.recoding.hevc_adaptive",
    "history.jpeg": "history.jpeg.recovery",
    "history.jpeg2000": "history.jpeg2000.recovery",
    "history.jpeg2000_fixed_point": "history.jpeg2000.fixed_point",
    "history.jpeg2000_lattice": "history.jpeg2000.lattice",
    "history.jpeg2000_levels": "history.jpeg2000.levels",
    "history.jpeg2000_low_pass": "history.jpeg2000.low_pass",
    "history.jpeg2000_parameters": "history.jpeg2000.findings",
    "history.jpeg2000_steps": "history.jpeg2000.steps",
    "history.jpeg2000_tiles": "history.jpeg2000.tiles",
    "history.jpeg2000_transform": "history.jpeg2000.transform",
    "history.jpeg_chroma": "history.jpeg.chroma",
    "history.jpeg_comb": "history.jpeg.comb",
    "history.jpeg_findings": "history.jpeg.findings",
    "history.jpeg_fixed_point": "history.jpeg.fixed_point",
    "history.jpeg_grid": "history.jpeg.grid",
    "history.jpeg_planes": "history.jpeg.planes",
    "history.jpeg_steps": "history.jpeg.steps",
    "history.jpegxl": "history.recoding.jpegxl",
    "history.jpegxr": "history.jpegxr.recovery",
    "history.jpegxr_fixed_point": "history.jpegxr.fixed_point",
    "history.jpegxr_lattice": "history.jpegxr.lattice",
    "history.jpegxr_parameters": "history.jpegxr.findings",
    "history.recoding": "history.recoding.coder",
    "history.recoding_grid": "history.recoding.grid",
    "history.recoding_sweep": "history.recoding.sweep",
    "history.traces.a_contrario": "results.a_contrario",
    "history.traces.coding_again": "history.recoding.trace",
    "history.traces.regions": "history.traces.sample",
    "history.traces.wording": "results.chance",
    "history.vp8": "history.recoding.vp8",
    "judges": "windows.judges",
    "picture": "pictures.opened",
    "report.failure": "results.failure",
    "tiff_header": "pictures.tiff_header",
    "tone": "verdict.tone",
    "traces": "verdict.sentences",
    "training": "training.trees",
    "training_cnn": "training.cnn",
    "training_fusion": "training.fusion",
    "windows": "windows.choice",
    "wording": "results.wording",
}
"""Former module: the module that took its place; both below `forensics`."""
NAMES: dict[str, dict[str, str]] = {
    "analysis": {
        "Agreement": "results.analysis",
        "Analysis": "results.analysis",
        "INCONCLUSIVE_BELOW": "windows.picture_reading",
        "Interval": "results.analysis",
        "MINIMUM_SIDE": "windows.choice",
        "STRANGE_SHARE": "verdict.agreement",
        "WindowVerdict": "results.analysis",
        "compare": "verdict.agreement",
        "eight_bit": "pixels",
        "judge_windows": "windows.reading",
        "measure_windows": "windows.reading",
    },
    "batch": {
        "check_model": "windows.judges",
        "expand": "inputs",
        "chosen_judge": "windows.judges",
        "open_quietly": "pictures.opened",
    },
    "evidence": {
        "Statement": "results.analysis",
    },
    "history.recover": {
        "candidates": "history.recover",
    },
    "localisation.scan": {
        "readable": "localisation.scan",
    },
    "tone": {
        "ToneChange": "results.analysis",
    },
    "windows": {
        "Window": "results.analysis",
    },
}
"""Former module: names of it whose home is another module than the one that took its place."""

RENAMED: dict[str, dict[str, str]] = {
    "analysis": {"SPITE_OF_TONE": "KEEP_STORED_VERDICT_FROM"},
    "traces": {"TRACES": "INDICATIONS", "Trace": "Indication"},
    "history.hevc": {"CERTAIN": "QP_STATED_FROM"},
    "history.jpeg": {"CERTAIN": "STATED_FROM", "FOUND_BELOW": "GRID_FOUND_BELOW"},
    "history.jpegxr": {"MINIMUM_SIDE": "LEAST_SIDE"},
    "codecs.planes": {"Planes": "CodedPlanes"},
    "history.jpeg2000_steps": {"Step": "BandStep"},
    "history.recover": {"candidates": "asked_codecs"},
    "localisation.scan": {"readable": "evidence_weight"},
    "history.jpeg2000_low_pass": {"CERTAIN": "LARGEST_LOG_ODDS"},
}
"""Former module: names of it that are called otherwise now."""


def _is_module(package: str, name: str) -> bool:
    """Whether a package has a module of that name, for which Python looks here before it imports it."""
    return bool(getattr(sys.modules.get(package), "__path__", None)) and find_spec(f"{package}.{name}") is not None


def former_names(module: str) -> Callable[[str], Any]:
    """The module `__getattr__` of a module or package that bears the name of a former module: hands out what stood
    there.
    """
    former = module.removeprefix(_PACKAGE)

    def find(name: str) -> Any:
        home = NAMES.get(former, {}).get(name) or MODULES.get(former)
        named = name in NAMES.get(former, {})
        if home is None or name.startswith("__") or (not named and _is_module(module, name)):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        present = RENAMED.get(former, {}).get(name, name)
        try:
            value = getattr(import_module(_PACKAGE + home), present)
        except AttributeError:
            raise AttributeError(f"module {module!r} has no attribute {name!r}") from None
        warnings.warn(f"{module}.{name} is now {_PACKAGE}{home}.{present}", DeprecationWarning, stacklevel=2)
        return value

    return find


class _Former(MetaPathFinder, Loader):
    """Finds former modules that are no folder now; their names come from `former_names`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        former = fullname.removeprefix(_PACKAGE)
        home = MODULES.get(former) if fullname.startswith(_PACKAGE) else None
        return None if home is None or home.startswith(f"{former}.") else ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        home = MODULES[module.__name__.removeprefix(_PACKAGE)]
        module.__doc__ = f"Former path of `{_PACKAGE}{home}`."
        module.__getattr__ = former_names(module.__name__)  # type: ignore[method-assign]


def install() -> None:
    """Make the former paths importable, once."""
    if not any(isinstance(finder, _Former) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Former())
