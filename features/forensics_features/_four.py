"""Four float64 numbers in one register, for kernels: LLVM's vectoriser of loops leaves short loops over a few lines as
they are, and numba keeps its vectoriser of straight code switched off.

Where a kernel has rows of lines side by side, each of these is one instruction for four of them. Without numba's
compiler (`NUMBA_DISABLE_JIT`) they work on arrays of four.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

_config: Any = numba.config
_VECTOR = ir.VectorType(ir.DoubleType(), 4)


class _Four(types.Type):
    """Numba's type of four numbers."""

    def __init__(self) -> None:
        super().__init__(name="Four")


_four = _Four()


@register_model(_Four)
class _Model(models.PrimitiveModel):
    """Four numbers are LLVM's vector."""

    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _VECTOR)


def _place(context: Any, builder: Any, kind: Any, array: Any, place: list[Any]) -> Any:
    """The address of four numbers from a place of an array on, whose last axis is contiguous."""
    made = context.make_array(kind)(context, builder, array)
    pointer = cgutils.get_item_pointer(context, builder, kind, made, place, wraparound=False)
    return builder.bitcast(pointer, _VECTOR.as_pointer())


def _or_plain(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """The intrinsic, or what stands for it where nothing is compiled."""
    return lambda made: plain if _config.DISABLE_JIT else intrinsic(made)


@_or_plain(lambda: np.zeros(4))
def zeros(_: Any) -> Any:
    """Four zeros."""
    return _four(), lambda context, builder, signature, arguments: ir.Constant(_VECTOR, [0.0] * 4)


@_or_plain(lambda rows, i, k: rows[i, k : k + 4].copy())
def load(_: Any, rows: Any, i: Any, k: Any) -> Any:
    """rows[i, k : k + 4]."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, *place = arguments
        place = [context.cast(builder, at, of, types.intp) for at, of in zip(place, (i, k), strict=True)]
        return builder.load(_place(context, builder, rows, array, place), align=8)

    return _four(rows, i, k), made


@_or_plain(lambda four, rows, i, k: rows.__setitem__((i, slice(k, k + 4)), four))
def store(_: Any, four: Any, rows: Any, i: Any, k: Any) -> Any:
    """rows[i, k : k + 4] = four."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, array, *place = arguments
        place = [context.cast(builder, at, of, types.intp) for at, of in zip(place, (i, k), strict=True)]
        builder.store(value, _place(context, builder, rows, array, place), align=8)
        return context.get_dummy_value()

    return types.void(four, rows, i, k), made


@_or_plain(lambda one, other: one + other)
def plus(_: Any, one: Any, other: Any) -> Any:
    """Sums of fours."""
    return _four(one, other), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@_or_plain(lambda one, other: one - other)
def minus(_: Any, one: Any, other: Any) -> Any:
    """Differences of fours."""
    return _four(one, other), lambda context, builder, signature, arguments: builder.fsub(*arguments)


@_or_plain(lambda one, other: one * other)
def times(_: Any, one: Any, other: Any) -> Any:
    """Products of fours."""
    return _four(one, other), lambda context, builder, signature, arguments: builder.fmul(*arguments)


def _everywhere(builder: Any, value: Any) -> Any:
    """A number four times."""
    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.IntType(32)(0))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), 4), [0] * 4)
    return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), lanes)


@_or_plain(lambda value: np.full(4, value))
def four_of(_: Any, value: Any) -> Any:
    """One float64 four times."""
    return _four(types.float64), lambda context, builder, signature, arguments: _everywhere(builder, arguments[0])


@_or_plain(lambda rows, i, k: np.full(4, rows[i, k]))
def spread(_: Any, rows: Any, i: Any, k: Any) -> Any:
    """rows[i, k] four times; neither place is negative."""

    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, *place = arguments
        place = [context.cast(builder, at, of, types.intp) for at, of in zip(place, (i, k), strict=True)]
        made = context.make_array(rows)(context, builder, array)
        return _everywhere(builder, builder.load(cgutils.get_item_pointer(context, builder, rows, made, place)))

    return _four(rows, i, k), made
