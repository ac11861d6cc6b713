"""The verdict on pixels in memory by each mode, and whole commands from their start."""

from __future__ import annotations

import tempfile
from pathlib import Path

from forensics_benchmarks.scaling import forensics, process, save_picture
from forensics_benchmarks.speed import made_picture

from forensics.verdict.analysis import analyze
from forensics.windows.judges import shipped_judge


class Verdicts:
    """A picture judged by models that are loaded already."""

    params = ((256, 1024), ("baseline", "cnn", "fused"))
    param_names = ("side", "model")

    def setup(self, side: int, model: str) -> None:
        self.pixels = made_picture(side)
        self.judge = shipped_judge(model)
        analyze(self.pixels, judge=self.judge)

    def time_analyze(self, side: int, model: str) -> None:
        analyze(self.pixels, judge=self.judge)


class Commands:
    """`forensics analyze` as a user runs it: a process of its own, with a warm cache of kernels."""

    params = (1.0, 12.0)
    param_names = ("megapixels",)

    def setup(self, megapixels: float) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "picture.png"
        save_picture(self.path, megapixels)
        process(forensics("analyze", str(self.path)), 1)

    def teardown(self, megapixels: float) -> None:
        self.folder.cleanup()

    def time_command(self, megapixels: float) -> None:
        process(forensics("analyze", str(self.path)), 1)

    def track_peak_memory(self, megapixels: float) -> int:
        return process(forensics("analyze", str(self.path)), 1).peak

    track_peak_memory.unit = "bytes"  # type: ignore[attr-defined]
