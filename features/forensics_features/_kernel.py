"""The one decorator of every numba kernel: compiled once, cached in the user's cache folder.

Compiled code is kept out of the package's own folder: files that the installer does not know would outlive an
uninstallation, and the folder that they leave behind would hide a later editable installation of the same package.

Numba prepares its whole compiler (with `scipy.linalg`, a third of a second) before it looks into the cache. A kernel
that is there needs none of it, only the runtime that its arrays are allocated by; what is not there is compiled as
ever, with the compiler prepared then.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

_config: Any = numba.config
_READ_DIRECTLY = numba.version_info.short == (0, 68)
"""Whether this numba's cache was tried and found readable without the compiler; with others numba's own way is taken.
"""


def cache_folder() -> str:
    """Where compiled kernels are kept: the first that can be written of `preferred_cache_folder` and a folder of this
    user's among the temporary files.

    Empty where neither can be.
    """
    return _first_usable(preferred_cache_folder())


def preferred_cache_folder() -> str:
    """`NUMBA_CACHE_DIR` if set, else a folder of their own in the user's cache."""
    chosen = _config.CACHE_DIR
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return chosen or str(Path(base) / "compression-forensics" / "kernels")


@cache
def _first_usable(preferred: str) -> str:
    if _can_be_written(preferred):
        return preferred
    try:
        own = os.path.join(tempfile.gettempdir(), f"compression-forensics-{os.getuid()}")
        with contextlib.suppress(FileExistsError):
            os.mkdir(own, 0o700)
        facts = os.lstat(own)
    except OSError:
        return ""
    # Code is loaded from there: nobody else may have made it or may write into it.
    private = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o022
    kernels = os.path.join(own, "kernels")
    return kernels if private and _can_be_written(kernels) else ""


def _can_be_written(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


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
    folder = cache_folder()
    if _config.DISABLE_JIT or not folder:
        return dispatcher
    try:
        with _caching_in(folder):
            if _READ_DIRECTLY:
                dispatcher._cache = _DirectCache(function)
            else:
                dispatcher.enable_caching()
    except RuntimeError:  # the folder cannot be written after all
        pass
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` in nopython mode: no GIL, NumPy division, IEEE arithmetic, cached on disk if possible."""
    return _compiled(function)


def fast_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, with reassociation and contraction allowed so that sums vectorise; NaN and Inf keep their
    meaning.
    """
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})
