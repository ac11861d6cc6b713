"""The one decorator of every numba kernel: compiled once, cached on disk where some folder is writable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` in nopython mode: no GIL, NumPy division, IEEE arithmetic, cached on disk if possible."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache folder is writable
        return numba.njit(**options)(function)


def fast_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, with reassociation and contraction allowed so that sums vectorise; NaN and Inf keep their meaning."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
