"""What each codec is, whether it runs here, and what can be set on it, as data and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from forensics.codecs.base import Codec, Value

SCHEMA = "forensics-codecs/1"
"""Name and version of what `describe_all` returns."""


def describe(codec: Codec) -> dict[str, Any]:
    """One codec as JSON-ready data: names, version, availability, strength parameter and switches."""
    state, strength = codec.availability(), codec.strength
    return {
        "name": codec.name,
        "class": codec.codec,
        "suffix": codec.suffix,
        "version": codec.version(),
        "encode": state.encode,
        "decode": state.decode,
        "reason": state.reason,
        "strength": {
            "parameter": strength.parameter,
            "finest": strength.finest,
            "coarsest": strength.coarsest,
            "default": strength.default,
            "integer": strength.integer,
        },
        "switches": {
            name: {
                "default": switch.default,
                "values": list(switch.values),
                "open": switch.open,
                "help": switch.help,
            }
            for name, switch in codec.switches.items()
        },
    }


def describe_all(codecs: Iterable[Codec]) -> dict[str, Any]:
    """All codecs under the name of the schema."""
    return {"schema": SCHEMA, "codecs": [describe(codec) for codec in codecs]}


def as_text(codec: Codec) -> str:
    """One codec as a paragraph for a terminal; defaults stand in brackets."""
    return "\n".join(_lines(describe(codec)))


def _lines(codec: dict[str, Any]) -> Iterator[str]:
    able = {(True, True): "encodes and decodes", (False, True): "decodes only", (True, False): "encodes only"}
    state = able.get((codec["encode"], codec["decode"]), "not available")
    yield (
        f"{codec['name']}  ({codec['class']}, {codec['suffix']})  "
        f"{state}{': ' * bool(codec['reason'])}{codec['reason']}"
    )
    yield f"    {codec['version']}"
    strength = codec["strength"]
    whole = ", whole numbers" if strength["integer"] else ""
    span = f"{strength['finest']:g} (finest) to {strength['coarsest']:g} (coarsest)"
    yield f"    {strength['parameter']}: {span}{whole}, default {strength['default']:g}"
    for name, switch in codec["switches"].items():
        values = [_mark(value, switch["default"]) for value in switch["values"]]
        more = " ..." if switch["open"] else ""
        yield f"    {name}: {' '.join(values)}{more}  ({switch['help']})"


def _mark(value: Value, default: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"[{text}]" if value == default else text
