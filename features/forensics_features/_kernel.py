"""The one decorator of every numba kernel: compiled once, cached in the user's cache folder.

Compiled code is kept out of the package's own folder: files that the installer does not know would outlive an uninstallation, and the
folder that they leave behind would hide a later editable installation of the same package.

Numba prepares its whole compiler (with `scipy.linalg`, a third of a second) before it looks into the cache. A kernel that is there needs
none of it, only the runtime that its arrays are allocated by; what is not there is compiled as ever, with the compiler prepared then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

_config: Any = numba.config
_READ_DIRECTLY = numba.version_info.short == (0, 68)
"""Whether this numba's cache was tried and found readable without the compiler; with others numba's own way is taken."""


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


class _DirectCache(FunctionCache):
    """A function's cache that is read before the compiler is prepared; numba holds its lock around every call."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None where it has to be compiled."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
    if _config.DISABLE_JIT:
        return dispatcher
    try:
        with _caching_in(cache_folder()):
            if _READ_DIRECTLY:
                dispatcher._cache = _DirectCache(function)
            else:
                dispatcher.enable_caching()
    except RuntimeError:  # no folder can be written, neither that one nor the package's
        pass
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` in nopython mode: no GIL, NumPy division, IEEE arithmetic, cached on disk if possible."""
    return _compiled(function)


def fast_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, with reassociation and contraction allowed so that sums vectorise; NaN and Inf keep their meaning."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})
