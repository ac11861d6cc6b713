"""How kernels are compiled by the numba whose insides were looked at (`SUPPORTED`); others compile in their own way.

Numba makes a finished function of everything that a kernel calls, its own `numpy.empty` included: optimised in full,
turned into machine code, wrapped for Python, kept in the cache. The kernel's code then contains all of it once more,
and is what runs. Here only what Python calls is finished; what it calls is translated and becomes a part of it. With
Python's garbage collector resting meanwhile, that takes a third off the processor time of a first run.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

_config: Any = numba.config

SUPPORTED = numba.version_info.short == (0, 68)
"""Whether this numba's compiler and cache are those that this module and `_kernel` were tried with."""


class _Absent:
    """The code generator as a part sees it: a part has no environment of its own in memory."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        """Nothing: the variable is in no loaded code."""


class _Part(JITCodeLibrary):
    """Code of a function that a kernel calls, to be linked into the kernel's and optimised there."""

    @property
    def codegen(self) -> Any:
        """The code generator, without what only loaded code has."""
        return _Absent(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:
        """0, as of a function that is not there: no machine code is made of a part."""
        return 0

    def _optimize_final_module(self) -> None:
        """The first, cheap passes only, in which callees are inlined and counts of references pruned."""
        codegen = self._codegen
        passes, builder = codegen._module_pass_manager(
            loop_vectorize=codegen._loopvect, slp_vectorize=False, opt=codegen._opt_level, cost="cheap"
        )
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(NativeLowering):
    """Lowering of what Python calls: the one function whose code is finished and loaded."""

    _name = "whole_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower into a library of numba's own kind."""
        library = JITCodeLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        library.enable_object_caching()
        state.library = library
        return bool(super().run_pass(state))


class _Whole(CompilerBase):
    """Numba's pipeline with `_WholeLowering`."""

    def define_pipelines(self) -> list[Any]:
        """The passes in their order."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [(_WholeLowering if one is NativeLowering else one, why) for one, why in pipeline.passes]
        pipeline._finalized = False
        pipeline.finalize()
        return [pipeline]


@contextmanager
def libraries_of(kind: type[JITCodeLibrary], codegen: Any) -> Iterator[None]:
    """All code that is made or loaded meanwhile is of this kind, unless it says otherwise; the caller holds the
    compiler's lock.
    """
    before, codegen._library_class = codegen._library_class, kind
    try:
        yield
    finally:
        codegen._library_class = before


@contextmanager
def _uncollected() -> Iterator[None]:
    """Python's garbage collector rests: it finds nothing in a compiler's trees, and looks through them each time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Kernel(CPUDispatcher):
    """A compiled function: finished and cached where Python calls it, a part of those kernels that call it."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._options = options
        super().__init__(function, targetoptions={"nopython": True, **options}, pipeline_class=_Whole)

    @cached_property
    def _part(self) -> Any:
        options = {"nopython": True, "no_cpython_wrapper": True, **self._options}
        return CPUDispatcher(self.py_func, targetoptions=options)

    def compile(self, sig: Any) -> Any:
        """Compile for a signature, or load what was compiled."""
        context: Any = self.targetctx
        with global_compiler_lock, libraries_of(_Part, context.codegen()), _uncollected():
            return super().compile(sig)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """As what a kernel that calls this one sees it."""
        return self._part.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        """The key of the code that a kernel that calls this one links."""
        return self._part.get_overload(sig)


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """`function` to be compiled in nopython mode with numba's target `options`; itself where numba is switched off."""
    options["no_cfunc_wrapper"] = True  # nothing calls kernels by address
    if SUPPORTED and not _config.DISABLE_JIT:
        return Kernel(function, options)
    return numba.njit(**options)(function)
