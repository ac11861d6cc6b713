"""The build backend: setuptools', with the kernels compiled into the wheel so that a first run need not.

What the package needs to run is needed to compile them, so a wheel is built where that is installed. Where it is not,
or where numba is one whose code cannot be brought along, and with `pip install . -C kernels=later`, the wheel has no
compiled kernels and the first run makes them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # noqa: F401
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.command.build_py import build_py

_AHEAD = "COMPRESSION_FORENSICS_KERNELS_AHEAD"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What setuptools needs, and what the package needs to run."""
    needed = build_meta.get_requires_for_build_wheel(config_settings)
    if not _wanted(config_settings):
        return needed
    configuration = ConfigParser(interpolation=None)
    configuration.read("setup.cfg", encoding="utf-8")
    return [*needed, *configuration["options"]["install_requires"].split("\n")[1:]]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """As setuptools does, with `BuildWithKernels`."""
    os.environ[_AHEAD] = str(int(_wanted(config_settings)))
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def _wanted(config_settings: Any) -> bool:
    return (config_settings or {}).get("kernels") != "later"


class BuildWithKernels(build_py):
    """The package's files, and compiled kernels among them."""

    def run(self) -> None:
        """Copy the files, then compile what they hold."""
        super().run()
        if self.editable_mode:
            return
        built = Path(self.build_lib).resolve()
        folder = built / "forensics_features" / "_compiled"
        shutil.rmtree(folder, ignore_errors=True)  # those of a build before
        if os.environ.get(_AHEAD) == "1":
            self._compile(built, folder)

    def _compile(self, built: Path, folder: Path) -> None:
        path = os.pathsep.join([str(built), *filter(None, [os.environ.get("PYTHONPATH")])])
        with tempfile.TemporaryDirectory() as scratch:
            environment = {**os.environ, "PYTHONPATH": path, "NUMBA_CACHE_DIR": scratch}
            command = [sys.executable, "-m", "forensics.ahead", str(folder)]
            done = subprocess.run(command, env=environment, cwd=scratch, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            print("kernels could not be compiled: the first run will do it")
