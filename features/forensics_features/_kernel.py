"""The one decorator of every numba kernel: compiled once, cached in the user's cache folder.

Compiled code is kept out of the package's own folder: files that the installer does not know would outlive an
uninstallation, and the folder that they leave behind would hide a later editable installation of the same package.

Numba prepares its whole compiler (with `scipy.linalg`, a third of a second) before it looks into the cache. A kernel
that is there needs none of it, only the runtime that its arrays are allocated by; what is not there is compiled as
ever, with the compiler prepared then.

An installation brings kernels along that were compiled while it was built (`BROUGHT`). They are looked for before the
user's cache, and hold for the same numba, Python, processor and source alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import inspect
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
from llvmlite.binding import ffi
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, UserProvidedCacheLocator
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompileResult
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys

from forensics_features._compilation import SUPPORTED, compiled, libraries_of

_config: Any = numba.config
_LOCK = ".lock"
BROUGHT = str(Path(__file__).parent / "_compiled")
"""Where an installation holds the kernels that were compiled while it was built; a source tree has none."""


def cache_folder() -> str:
    """Where compiled kernels are kept: the first that can be written of `preferred_cache_folder` and a folder of this
    user's among the temporary files.

    Empty where neither can be.
    """
    return _first_usable(preferred_cache_folder())


def preferred_cache_folder() -> str:
    """`NUMBA_CACHE_DIR` if set, else a folder of their own in the user's cache."""
    chosen = _config.CACHE_DIR
    if chosen:
        return str(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "compression-forensics", "kernels")


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
def _held(folder: str, how: int) -> Iterator[None]:
    """A lock on a cache folder, shared or exclusive, as far as the folder allows one."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            file = stack.enter_context(open(os.path.join(folder, _LOCK), "ab"))
            fcntl.flock(file, how)
        yield


class _Home(UserProvidedCacheLocator):
    """Compiled code is in `cache_folder`. Numba's own setting is one for the whole process: threads that declare
    kernels at once would change it under each other, and one that finds it empty writes into the working folder.
    """

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)
        self._cache_path = os.path.join(cache_folder(), os.path.basename(self._cache_path))

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """Where the code of a function is, or None where nothing can be written there."""
        return super(UserProvidedCacheLocator, cls).from_function(py_func, py_file)


class _Results(CompileResultCacheImpl):
    _locator_classes = [_Home]  # noqa: RUF012 - numba reads it as a variable of the object


class _SharedCache(FunctionCache):
    """A function's cache that several processes may write at once: numba numbers the code of signatures, and two that
    choose one number would leave the code of one under the name of the other.
    """

    _impl_class = _Results

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None where it has to be compiled."""
        with _held(self.cache_path, fcntl.LOCK_SH):
            return super().load_overload(sig, target_context)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function."""
        with _held(self.cache_path, fcntl.LOCK_EX):
            super().save_overload(sig, data)


class _Loaded(JITCodeLibrary):
    """Compiled code from the cache, without the bitcode beside it, by which it could be linked into other code: what
    links a kernel takes a translation of its own, and parsing it took two fifths of the time of loading.
    """

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> Any:
        name, kind, data = state
        if kind != "object":
            return JITCodeLibrary._unserialize(codegen, state)
        library = cls(codegen, name)
        library.enable_object_caching()
        library._set_compiled_object(data[0])
        library._finalize_final_module()
        return library


def _brought(function: Callable[..., Any], folder: str) -> IndexDataCacheFile:
    """Where a folder like `BROUGHT` holds a function: known by what its source says, since installers set times."""
    stamp = _digest(inspect.getfile(function))
    home = os.path.join(folder, function.__module__)
    return IndexDataCacheFile(home, f"{function.__qualname__}.py{sys.version_info[1]}", stamp)


@cache
def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _brings_kernels() -> bool:
    return os.path.isdir(BROUGHT)


class _Named:
    """A code generator whose processor is asked for its name and features once, not for every kernel."""

    def __init__(self, codegen: Any) -> None:
        self._magic = codegen.magic_tuple()

    def magic_tuple(self) -> Any:
        """What compiled code is for."""
        return self._magic


_named = cache(_Named)


@contextmanager
def _unwatched() -> Iterator[None]:
    """LLVM is called without an event before and after each of some forty calls a kernel, which nobody listens to."""
    lock = ffi.lib._lock
    before, lock._cblist = lock._cblist, []
    try:
        yield
    finally:
        lock._cblist = before


class _DirectCache(_SharedCache):
    """A function's cache that is read before the compiler is prepared: what the installation brought, then what was
    kept, if there is a folder for it; numba holds its lock around every call.
    """

    def __init__(self, function: Callable[..., Any], kept: bool = True) -> None:
        if kept:
            super().__init__(function)
        else:
            self._py_func, self._cache_path = function, ""
        brought = _brings_kernels() and function.__module__.startswith("forensics")
        self.files = [*([_brought(function, BROUGHT)] if brought else []), *([self._cache_file] if kept else [])]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None where it has to be compiled."""
        rtsys.initialize(target_context)
        codegen = target_context.codegen()
        key = self._index_key(sig, _named(codegen))
        with _held(self.cache_path, fcntl.LOCK_SH), self._guard_against_spurious_io_errors():
            stored = next((found for file in self.files if (found := file.load(key)) is not None), None)
        if stored is None:
            return None
        described = stored[1]
        codegen._engine._defined_symbols |= {described.llvm_func_name, described.llvm_cpython_wrapper_name}
        with libraries_of(_Loaded, codegen), _unwatched():
            return CompileResult._rebuild(target_context, *stored)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, where there is a folder for it."""
        if self.cache_path:
            super().save_overload(sig, data)


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    dispatcher = compiled(function, nogil=True, error_model="numpy", **options)
    if _config.DISABLE_JIT:
        return dispatcher
    if not cache_folder():
        if SUPPORTED and _brings_kernels():
            dispatcher._cache = _DirectCache(function, kept=False)
        return dispatcher
    with contextlib.suppress(RuntimeError):  # the folder cannot be written after all
        dispatcher._cache = (_DirectCache if SUPPORTED else _SharedCache)(function)
    return dispatcher


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` in nopython mode: no GIL, NumPy division, IEEE arithmetic, cached on disk if possible."""
    return _compiled(function)


def fast_kernel(function: Callable[..., Any]) -> Any:
    """As `kernel`, with reassociation and contraction allowed so that sums vectorise; NaN and Inf keep their
    meaning.
    """
    return _compiled(function, fastmath={"reassoc", "contract", "nsz"})


def is_kernel(value: object) -> bool:
    """Whether this is a function that numba compiles."""
    return isinstance(value, CPUDispatcher)


def _files(function: Any) -> list[IndexDataCacheFile]:
    return getattr(function._cache, "files", None) or [
        file for file in [getattr(function._cache, "_cache_file", None)] if file is not None
    ]


def load_cached(function: Any) -> None:
    """Load what is there of a kernel as its source is now, for every signature, without running it."""
    codegen = _named(function.targetctx.codegen())
    for key in {key for file in _files(function) for key in file._load_index()}:
        if key == function._cache._index_key(key[0], codegen):
            function.compile(key[0])


def is_cached(function: Any) -> bool:
    """Whether there is compiled code of a kernel as its source is now; an upgrade leaves that of the version before."""
    codegen = _named(function.targetctx.codegen())
    keys = (key for file in _files(function) for key in file._load_index())
    return any(key == function._cache._index_key(key[0], codegen) for key in keys)


def bring(function: Any, folder: str) -> None:
    """Put what the user's cache holds of a kernel into a folder like `BROUGHT`, without the bitcode, which nothing
    reads.
    """
    kept = function._cache._cache_file
    brought = _brought(function.py_func, folder)
    os.makedirs(brought._cache_path, exist_ok=True)
    for key, name in kept._load_index().items():
        (code, kind, (machine, _)), *rest = kept._load_data(name)
        brought.save(key, ((code, kind, (machine, b"")), *rest))
