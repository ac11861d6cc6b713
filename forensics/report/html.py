"""One picture's report as one self-contained page: it loads nothing, runs nothing, and prints.

The page holds what an examiner needs to check it: the verdict with the error rate of comparable validation cases, the
picture, the traces with their figures, the parameters, what stays open, and the command that repeats it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forensics.report import html_history
from forensics.report.comparable import NO_CASES, Comparable
from forensics.report.departures import agreement_sentence, departures, nothing_departs
from forensics.report.figures import data_uri
from forensics.report.html_index import for_index
from forensics.report.html_parts import (
    bars,
    bullets,
    definitions,
    document,
    escape,
    image,
    paragraph,
    plain,
    section,
    tag,
)
from forensics.report.text import since_note, verdict_note
from forensics.results.analysis import Analysis, Interval
from forensics.results.steps import as_stored, stored_inset
from forensics.results.wording import NO_CONTENT, TITLES, percent, words

if TYPE_CHECKING:
    from forensics.localisation.regions import Localisation
    from forensics.report.exact_blocks import ExactBlocks

_AGREEMENT = {
    "agree": ("agree", "good"),
    "disagree": ("disagree", "bad"),
    "finding": ("compressed before", "warn"),
    "plain": ("agree", "good"),
    "open": ("open", "soft"),
}
_BARS = 4
"""Most classes that the page shows as bars: a matter of looks."""


@dataclass(frozen=True)
class Report:
    """Everything that a page shows.

    Attributes
    ----------
    analysis : Analysis
        With its history, where it was asked for.
    preview : bytes
        The picture as PNG.
    comparable : Comparable or None
        Validation cases like this one.
    command : str
        What repeats it on a command line.
    figures : mapping of str to bytes
        PNG of each trace by `html_history.trace_key`.
    localisation : Localisation or None
        The map of the picture with its regions.
    map_figure : bytes or None
        The same as PNG.
    notes : tuple of str
        What went wrong while the report was made.
    exact : ExactBlocks or None
        Which blocks of a former JPEG can have come out of its decoder, where that was asked for.
    """

    analysis: Analysis
    preview: bytes
    comparable: Comparable | None
    command: str
    figures: Mapping[str, bytes] = field(default_factory=dict)
    localisation: Localisation | None = None
    map_figure: bytes | None = None
    notes: tuple[str, ...] = ()
    exact: ExactBlocks | None = None


def page(report: Report) -> str:
    """The page of one picture as text."""
    result, history = report.analysis, report.analysis.history
    body = [
        f'<header>\n<p class="soft small">Compression forensics report</p>\n<h1>{escape(result.name)}</h1>\n',
        paragraph(
            f"{result.container['format']}, {result.width} x {result.height} pixels, SHA-256 {result.sha256}",
            "soft small",
        ),
        "</header>\n",
        _verdict(report),
        section("Picture", _pictures(report)),
        section("Blocks of a former JPEG", _exact(report.exact)),
        section("Container and pixels", _container(result)),
        section("Measurements behind the verdict", _evidence(result)),
        html_history.traces(history.traces, report.figures) if history else "",
        html_history.parameters(history.parameters) if history else "",
        html_history.generations(history.generations) if history else "",
        html_history.open_questions(history, result.limits),
        section("Notes on this report", bullets(report.notes)),
        section("How to repeat it", _provenance(report)),
    ]
    body.append(for_index(report.preview, _departures(report)))
    return document(f"{TITLES[result.verdict]}: {result.name}", "".join(body))


def _verdict(report: Report) -> str:
    result = report.analysis
    ranking = [(TITLES[name], p, percent(p)) for name, p in result.ranking[:_BARS]]
    shares = f"{bars(ranking)}{paragraph(f'compressed at all: {percent(result.compressed)}', 'small soft')}"
    return (
        '<div class="verdict">\n<div>\n'
        f'<p class="name">{escape(TITLES[result.verdict])}</p>\n<p '
        f'class="probability">{escape(verdict_note(result))}</p>\n'
        f"{''.join(paragraph(line) for line in _strength(result))}"
        f"{paragraph('since then: ' + since) if (since := since_note(result)) else ''}"
        f"{paragraph(_error_rate(report), 'small soft')}</div>\n<div>\n"
        f"{'' if result.verdict == NO_CONTENT else shares}</div>\n"
        f"{_departs(report)}</div>\n"
    )


def _departs(report: Report) -> str:
    """What departs, across the whole of the box."""
    items = _departures(report)
    if not items:
        return f'<div class="departs none">{paragraph(nothing_departs(report.localisation), "soft")}</div>\n'
    return f'<div class="departs"><h2>What departs</h2>\n{bullets(items)}</div>\n'


def _departures(report: Report) -> list[str]:
    blocks = report.exact.departure if report.exact else None
    return [
        *([blocks] if blocks else []),
        *(one.text for one in departures(report.analysis, report.localisation)),
    ]


def _exact(exact: ExactBlocks | None) -> str:
    if exact is None:
        return ""
    if exact.figure is None:
        return bullets(exact.lines)
    shown = image(data_uri(exact.figure), "blocks that are not possible, tinted", _png_size(exact.figure))
    caption = "Red: no JPEG decoder gives these blocks. Yellow: clipped samples leave them open. Blue: undecided."
    figure = f'<figure class="map">{shown}<figcaption>{caption}</figcaption></figure>\n'
    return f'<div class="picture">\n{figure}</div>\n{bullets(exact.lines)}'


def _strength(result: Analysis) -> list[str]:
    if result.ratio is None or result.ssim is None:
        return []
    return [
        f"compression ratio {_interval(result.ratio, 1)}",
        f"SSIM against the picture before compression {_interval(result.ssim, 3)}",
    ]


def _interval(interval: Interval, digits: int) -> str:
    return f"{interval.estimate:.{digits}f} (90 % interval {interval.low:.{digits}f} to {interval.high:.{digits}f})"


def _error_rate(report: Report) -> str:
    if report.comparable is None:
        return f"Error rate on validation: {NO_CASES}."
    count = len(report.analysis.windows)
    rests = "one window" if count == 1 else f"{count} windows together"
    return f"Error rate on validation: {report.comparable.text}. The verdict here rests on {rests}."


def _pictures(report: Report) -> str:
    result = report.analysis
    size = _png_size(report.preview)
    shown = (
        f'<figure><div class="canvas">{image(data_uri(report.preview), "the picture", size)}{_frames(result)}</div>'
        f"<figcaption>{escape(_caption(result, size))}</figcaption></figure>\n"
    )
    if report.map_figure is not None:
        shown += (
            f'<figure class="map">'
            f"{image(data_uri(report.map_figure), 'map of the codecs over the picture', _png_size(report.map_figure))}"
            "<figcaption>The most probable codec of each place, paler where less sure.</figcaption></figure>\n"
        )
    return f'<div class="picture">\n{shown}</div>\n{_regions(report.localisation)}'


def _regions(found: Localisation | None) -> str:
    """The regions of the map in words."""
    if found is None:
        return ""
    from forensics.localisation.outputs import sentence

    items = [sentence(number, region, found) for number, region in enumerate(found.regions, 1)]
    notes = list(found.map.notes)
    if not items:
        return paragraph(f"No region departs from the rest, {TITLES[found.host.codec]}.") + bullets(notes)
    return paragraph(f"Regions that depart from the rest, {TITLES[found.host.codec]}:") + bullets([*items, *notes])


def _frames(result: Analysis) -> str:
    """The judged windows over the picture as stored; none where one window is all of it."""
    if not _framed(result):
        return ""
    windows = [(w, as_stored(result.steps, w.window)) for w in result.windows]
    shapes = "".join(
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}">'
        f"<title>{escape(f'{TITLES[w.best]} {percent(w.probability)}')}</title></rect>\n"
        for w, (top, left, height, width) in windows
        for kind in ("under", "same" if w.best == result.best else "other")
    )
    return (
        f'<svg viewBox="0 0 {result.width} {result.height}" preserveAspectRatio="none" '
        f'aria-hidden="true">\n{shapes}</svg>'
    )


def _framed(result: Analysis) -> bool:
    """Whether the judged windows are not simply the whole picture."""
    return len(result.windows) > 1 or (len(result.windows) == 1 and stored_inset(result.steps) is not None)


def _caption(result: Analysis, size: tuple[int, int]) -> str:
    reduced = "in full size" if size == (result.width, result.height) else f"reduced to {size[0]} x {size[1]} pixels"
    if not _framed(result):
        return f"The picture, {reduced}; it was judged as one window."
    others = sum(w.best != result.best for w in result.windows)
    differ = (
        f"; the {others} dashed ones alone would give another codec"
        if others > 1
        else "; the dashed one alone would give another codec"
        if others
        else ""
    )
    if len(result.windows) == 1:
        return f"The picture, {reduced}. The frame is the window that was judged."
    return f"The picture, {reduced}. Frames are the {len(result.windows)} windows that were judged{differ}."


def _png_size(png: bytes) -> tuple[int, int]:
    """Width and height from the header chunk (PNG, clause 11.2.2)."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def _container(result: Analysis) -> str:
    label, kind = _AGREEMENT[result.agreement.status]
    said = f"<p>{escape(agreement_sentence(result))}{tag(label, kind)}</p>\n"
    return f"{said}{definitions(container_facts(result.container))}"


def container_facts(container: Mapping[str, Any]) -> dict[str, str]:
    """The container's facts by plain name: nested ones one level down, tables of numbers left to JSON."""
    items: dict[str, str] = {}
    for name, value in container.items():
        if isinstance(value, Mapping):
            items.update(
                {f"{words(name)}: {words(k)}": plain(v) for k, v in value.items() if k != "quantization_tables"}
            )
        elif name != "suffix_fits":
            items[words(name)] = plain(value)
        elif not value:
            items["name and content"] = "the suffix does not fit the content"
    return items


def _evidence(result: Analysis) -> str:
    items = []
    for statement in result.evidence:
        usual = (
            f"; usual for {', '.join(TITLES[name] for name in statement.speaks_for)}"
            if statement.supports is False
            else ""
        )
        items.append(f"{statement.text}{usual}")
    return bullets(items) or paragraph("No single measurement stands outside what uncompressed pictures show.")


def _provenance(report: Report) -> str:
    result = report.analysis
    return f"<pre>{escape(report.command)}\n\nSHA-256 of the file: {escape(result.sha256)}</pre>\n" + definitions(
        result.versions
    )
