"""Nodes and constants of an ONNX model, read without ONNX: the part of protocol buffers' wire format that it needs.

References
----------
.. [1] Protocol Buffers, "Encoding"; ONNX IR, `onnx.proto3`: the fields' numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

_VARINT, _EIGHT, _COUNTED, _FOUR = 0, 1, 2, 5
"""Kinds of fields on the wire: an integer, eight bytes, bytes behind their number, four bytes."""
_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
"""Fields of ModelProto and of GraphProto."""
_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5
"""Fields of NodeProto."""
_ATTRIBUTE_NAME, _INTEGERS = 1, 8
"""Fields of AttributeProto."""
_DIMS, _TYPE, _NAME, _RAW = 1, 2, 8, 9
"""Fields of TensorProto."""
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 7: np.dtype("<i8")}
"""Types of constants that are read: FLOAT and INT64 of TensorProto.DataType."""


class Node(NamedTuple):
    """An operator, the names of what it takes and of what it gives, and its attributes that are lists of integers."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    integers: dict[str, tuple[int, ...]]


class Graph(NamedTuple):
    """Nodes, in the order that they run in, and constants by name."""

    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]


def read(data: bytes) -> Graph:
    """The graph of a serialised ONNX model; raises `ValueError` where the bytes are none."""
    try:
        graph = next(value for number, value in _fields(memoryview(data)) if number == _GRAPH)
        nodes, constants = [], {}
        for number, value in _fields(_counted(graph)):
            if number == _NODE:
                nodes.append(_node(value))
            elif number == _INITIALIZER:
                name, array = _constant(value)
                constants[name] = array
    except (StopIteration, IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"not an ONNX model: {type(error).__name__}: {error}") from None
    return Graph(tuple(nodes), constants)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a message's fields."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _COUNTED:
            size, at = _varint(data, at)
        else:
            size = {_EIGHT: 8, _FOUR: 4}[wire]
        if at + size > len(data):
            raise IndexError("a field ends behind the data")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """An integer of seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _integers(value: int | memoryview) -> list[int]:
    """A repeated integer field, one value or packed."""
    if isinstance(value, int):
        return [value]
    values, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        values.append(one)
    return values


def _text(value: int | memoryview) -> str:
    return bytes(_counted(value)).decode()


def _counted(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise TypeError("a number where bytes belong")
    return value


def _node(value: int | memoryview) -> Node:
    inputs, outputs, operator, integers = [], [], "", {}
    for number, field in _fields(_counted(value)):
        if number == _INPUT:
            inputs.append(_text(field))
        elif number == _OUTPUT:
            outputs.append(_text(field))
        elif number == _OPERATOR:
            operator = _text(field)
        elif number == _ATTRIBUTE:
            parts = list(_fields(_counted(field)))
            name = next(_text(part) for own, part in parts if own == _ATTRIBUTE_NAME)
            integers[name] = tuple(one for own, part in parts if own == _INTEGERS for one in _integers(part))
    return Node(operator, tuple(inputs), tuple(outputs), integers)


def _constant(value: int | memoryview) -> tuple[str, np.ndarray]:
    shape: list[int] = []
    kind, name, raw = 0, "", memoryview(b"")
    for number, field in _fields(_counted(value)):
        if number == _DIMS:
            shape += _integers(field)
        elif number == _TYPE and isinstance(field, int):
            kind = field
        elif number == _NAME:
            name = _text(field)
        elif number == _RAW:
            raw = _counted(field)
    return name, np.frombuffer(bytes(raw), _DTYPES[kind]).reshape(shape)
