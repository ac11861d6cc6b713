"""The part of an HTML report that a `History` fills: traces with their figures, parameters, generations, and what stays
open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from forensics.report.figures import data_uri
from forensics.report.html_parts import (
    bullets,
    escape,
    image,
    paragraph,
    plain,
    prose,
    section,
    table,
    tag,
)
from forensics.results.chance import VALIDATED, reported
from forensics.results.history import FOUND_BELOW, Generation, History, Parameter, Trace
from forensics.results.wording import TITLES, percent, words

_TABLE = 64
"""Entries of a JPEG quantisation table."""
_LONGEST_LIST = 12
"""Most values that a cell lists: a bound on text."""


def traces(found: Sequence[Trace], figures: Mapping[str, bytes]) -> str:
    """The section of the traces: each with its sentence, its rate of false alarms and its figure.

    Parameters
    ----------
    found : sequence of Trace
    figures : mapping of str to bytes
        PNG by the trace's place in `found` (`trace_key`).
    """
    if not found:
        return ""
    intro = (
        '<p class="soft small lead">Each test states how many results as significant as this one chance alone is '
        "expected to give in a picture "
        f"without the trace. A trace counts as found from {power(FOUND_BELOW)} down. None is stated below one in "
        f"{VALIDATED:,}: on so many pictures without the traces the tests were tried "
        "(a test tried on fewer says so).</p>\n"
    )
    cards = "".join(_trace(trace, figures.get(trace_key(i, trace))) for i, trace in enumerate(found))
    return section("Traces", intro, f'<div class="traces">\n{cards}</div>\n')


def trace_key(index: int, trace: Trace) -> str:
    """Name of a trace's figure: tests may run more than once, so its place is part of it."""
    return f"{index + 1:02d}_{trace.name}"


def _trace(trace: Trace, figure: bytes | None) -> str:
    state = (
        tag("found", "good")
        if trace.found
        else tag("not found", "soft")
        if rate_known(trace)
        else tag("not tested", "soft")
    )
    title = words(trace.name)
    drawn = ""
    if figure and rate_known(trace):
        drawn = f"<figure>{image(data_uri(figure), f'figure of the test {title}')}</figure>\n"
    speaks = (
        f"; left by {', '.join(TITLES.get(name, name) for name in trace.speaks_for)}"
        if trace.found and trace.speaks_for
        else ""
    )
    known = {name: value for name, value in trace.parameters.items() if value is not None and _short(value)}
    read = paragraph(plain(known), "soft small") if known else ""
    return (
        f'<article class="trace">\n<h3>{escape(title[:1].upper() + title[1:])}{state}</h3>\n{paragraph(trace.sentence)}'
        f'<p class="rate soft small">{rate(trace)}{escape(speaks)}</p>\n{drawn}{read}</article>\n'
    )


def _short(value: Any) -> bool:
    """Whether a value is no list, or one that is neither empty nor a table: tables are in the figure and in JSON."""
    return not isinstance(value, list | tuple) or 0 < len(value) <= _LONGEST_LIST


def rate_known(trace: Trace) -> bool:
    """Whether the test has a rate of false alarms."""
    return not math.isnan(trace.log10_nfa)


def rate(trace: Trace) -> str:
    """The statistic and the number of false alarms, as markup."""
    if not rate_known(trace):
        return "this test has nothing to measure here"
    measured = escape(f"statistic {trace.statistic:.4g}; ")
    return f"{measured}false alarms expected: {power(reported(trace.log10_nfa, trace.name))}"


def power(exponent: float) -> str:
    """A power of ten as markup: plain from a thousandth up."""
    if not math.isfinite(exponent):
        return "under any number" if exponent < 0 else "any number"
    if -3 <= exponent <= 4:
        return escape(f"{10.0**exponent:.2g}" if exponent < 2 else f"{10.0**exponent:,.0f}")
    return f"10<sup>{escape(f'{exponent:.0f}'.replace('-', '−'))}</sup>"


def parameters(found: Sequence[Parameter]) -> str:
    """The section of the parameters, those without a value last."""
    if not found:
        return ""
    ordered = sorted(found, key=lambda parameter: parameter.value is None)
    head = ("parameter", "value", "how sure", "what it rests on")
    return section("Recovered parameters", table(head, map(_parameter, ordered), "parameters"))


def _parameter(parameter: Parameter) -> str:
    name = f'<th scope="row">{escape(words(parameter.name))}</th>'
    if parameter.value is None:
        return f'<tr>{name}<td class="none">not recoverable</td><td></td><td>{prose(parameter.reason)}</td></tr>\n'
    return (
        f"<tr>{name}<td "
        f'class="value">{_value(parameter)}</td><td>{escape(certainty(parameter))}</td><td>{prose(parameter.basis)}</td></tr>\n'
    )


def certainty(parameter: Parameter) -> str:
    """A parameter's interval and probability in words, empty where it has neither."""
    items = []
    if parameter.low is not None or parameter.high is not None:
        low, high = (plain(end) if end is not None else "open" for end in (parameter.low, parameter.high))
        items.append(f"{low} to {high} (90 % interval)" if low != high else f"{low} alone in the 90 % interval")
    if parameter.probability is not None:
        items.append(percent(parameter.probability))
    return "; ".join(items)


def _value(parameter: Parameter) -> str:
    if isinstance(parameter.value, tuple) and len(parameter.value) == _TABLE:
        cells = ["·" if step is None else plain(step) for step in parameter.value]
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells[start : start + 8])}</tr>\n"
            for start in range(0, _TABLE, 8)
        )
        return f'<table class="steps"><tbody>\n{rows}</tbody></table>'
    if parameter.name.endswith("grid_phase") and isinstance(parameter.value, tuple) and len(parameter.value) == 2:
        return escape(f"row {plain(parameter.value[0])}, column {plain(parameter.value[1])}")
    return escape(plain(parameter.value) + (f" {parameter.unit}" if parameter.unit else ""))


def generations(chain: Sequence[Generation]) -> str:
    """The section of the chain of compressions, oldest first."""
    items = "".join(f"<li>{escape(_generation(generation))}</li>\n" for generation in chain)
    return section("Compressions, oldest first", f'<ol class="chain">\n{items}</ol>\n') if items else ""


def _generation(generation: Generation) -> str:
    items = [
        f"{words(p.name)} {plain(p.value)}"
        for p in generation.parameters
        if p.value is not None and not isinstance(p.value, tuple)
    ]
    tail = f": {', '.join(items[:4])}" if items else ""
    return f"{TITLES.get(generation.codec, generation.codec)} ({percent(generation.probability)}){tail}"


def open_questions(history: History | None, limits: Sequence[str]) -> str:
    """The section of what could not be determined, and of the limits that hold for every verdict of the model."""
    missing = [f"{words(p.name)}: {p.reason}" for p in history.parameters if p.value is None] if history else []
    notes = [*(history.notes if history else ()), *missing]
    return section("Remarks, and what could not be determined", bullets(notes)) + section("Limits", bullets(limits))
