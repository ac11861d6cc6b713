"""The one decorator of every numba kernel: compiled once, cached in the user's cache folder.

Compiled code is kept out of the package's own folder: files that the installer does not know would outlive an uninstallation, and the
folder that they leave behind would hide a later editable installation of the same package.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba

_config: Any = numba.config


def cache_folder() -> str:
    """Where compiled kernels are kept: `NUMBA_CACHE_DIR` if set, else a folder of their own in the user's cache."""
    chosen = _config.CACHE_DIR
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return chosen or str(Path(base) / "compression-forensics" / "kernels")


@contextmanager
def _caching_in(folder: str) -> Iterator[None]:
    """Numba's cache folder set while a kernel is declared, and left to other packages as it was."""
    before = _config.CACHE_DIR
    _config.CACHE_DIR = folder
    try:
        yield
    finally:
        _config.CACHE_DIR = before


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    try:
        with _caching_in(cache_folder()):
            return numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    except RuntimeError:  # no folder can be written, neither that one nor the package's
        return numba.njit(nogil=True, error_model="numpy", **options)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` in nopython mode: no GIL, NumPy division, IEEE arithmetic, cached on disk if possible."""
    return _compiled(function)


def fast_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, with reassociation and contraction allowed so that sums vectorise; NaN and Inf keep their meaning."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})
