"""The analysis of one picture as text for a terminal: the verdict first, then what it rests on, then what it cannot
tell.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from forensics_models.classes import CLASSES, OTHER_LOSSY

from forensics.results.analysis import Analysis, Interval
from forensics.results.failure import Failure
from forensics.results.history import EXPLAINED
from forensics.results.wording import AFTERWARDS_TITLES, HEVC_FAMILY, INCONCLUSIVE, NO_CONTENT, TITLES, percent, words
from forensics.verdict.evidence import ALTERED

if TYPE_CHECKING:
    from forensics.results.history import Generation, History, Parameter

_WIDTH = 100
"""Columns of the text."""
_INDENT = 14
"""Columns of the labels on the left."""
_QUALITIES = ("quality_factor", "first_quality_factor", "quality")
"""Parameters that hold a JPEG's quality."""
SECOND_FROM = 0.2
"""Probability from which a second answer to what happened since is shown: nine of ten of 392 compressed validation
pictures of 1.2 megapixels that nothing happened to, and that are taken for such, give their second one less (mostly
`composited`: what was pasted elsewhere a window cannot exclude)."""
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def render(result: Analysis | Failure, *, colour: bool = False) -> str:
    """One picture's report, lines ending in a newline.

    Parameters
    ----------
    result : Analysis or Failure
    colour : bool
        Whether to use terminal escapes; only for a terminal.

    Examples
    --------
    >>> import forensics
    >>> from forensics.report import text
    >>> print(text.render(forensics.analyze("examples/jpeg2000.png")).splitlines()[0])
    examples/jpeg2000.png  png, 253x251, 8 bit
    """
    bold, dim, plain = (_BOLD, _DIM, _PLAIN) if colour else ("", "", "")
    if isinstance(result, Failure):
        return f"{bold}{result.name}{plain}\n{row('error', result.error)}"
    lines = [f"{bold}{result.name}{plain}  {dim}{_container(result)}{plain}\n"]
    lines.append(row("verdict", f"{bold}{TITLES[result.verdict]}{plain}, {verdict_note(result)}", wrap=False))
    if result.verdict != NO_CONTENT:
        lines.append(row("ranking", _ranking(result)))
    if result.ratio is not None and result.ssim is not None:
        strength = f"ratio {_interval(result.ratio, 1)}:1, SSIM {_interval(result.ssim, 3)}"
        lines.append(row("strength", f"{strength} (90 % intervals)"))
    if since := since_note(result):
        lines.append(row("since", since))
    lines.append(row("container", result.agreement.text))
    lines += rows(
        "evidence",
        [_evidence(result, i) for i in range(len(result.evidence))] or ["none outside the ordinary"],
    )
    if result.history is not None:
        lines += history_lines(result.history)
    lines += rows("limits", list(result.limits))
    lines.append(f"{dim}{row('sha256', result.sha256, wrap=False)}{row('versions', _versions(result))}{plain}")
    return "".join(lines)


def row(label: str, text: str, *, wrap: bool = True) -> str:
    """A labelled paragraph, wrapped next to its label."""
    start = f"  {label:<{_INDENT - 2}}"
    if not wrap:
        return f"{start}{text}\n"
    lines = textwrap.wrap(text, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]
    return "".join(f"{start if i == 0 else ' ' * _INDENT}{line}\n" for i, line in enumerate(lines))


def rows(label: str, texts: list[str]) -> list[str]:
    """Paragraphs of which the first carries the label."""
    return [row(label if i == 0 else "", text) for i, text in enumerate(texts)]


def verdict_note(result: Analysis) -> str:
    """The verdict's probability in words, with what belongs to it."""
    if result.verdict == INCONCLUSIVE and _once_jpeg(result):
        return (
            f"JPEG once and changed since; best guess for the last step {TITLES[result.best]} at "
            f"{percent(result.probability)}"
        )
    if result.verdict == NO_CONTENT:
        return result.evidence[0].text
    if result.verdict == INCONCLUSIVE:
        return (
            f"{percent(result.compressed)} compressed; best guess {TITLES[result.best]} at "
            f"{percent(result.probability)}"
        )
    note = f"probability {percent(result.probability)}"
    if result.verdict == "uncompressed":
        note += ": no lossy step was found"
    if result.verdict == OTHER_LOSSY and result.best not in (OTHER_LOSSY, *CLASSES):
        note += f"; most like {TITLES[result.best]} ({percent(result.ranking[0][1])})"
    if result.verdict in ("bpg", "heic"):
        note += f"; {TITLES[HEVC_FAMILY]} {percent(result.hevc_intra)}"
    if result.variants:
        name, share = max(result.variants.items(), key=lambda item: item[1])
        note += f"; overlap mode {name.rpartition('-')[2]} ({percent(share)})"
    return note


def _once_jpeg(result: Analysis) -> bool:
    """Whether an exact reading shows a JPEG that something came after."""
    from forensics.history.jpeg import changed, reduced

    return any(statement.trace in (ALTERED, changed.NAME, reduced.NAME) for statement in result.evidence)


def since_note(result: Analysis) -> str:
    """What happened since the last lossy step: the steps that were undone, else what is most probable.

    What is left after undoing a step looks changed by that alone, so that no probability is given with it.
    """
    if result.steps:
        return "; ".join(step.text.partition(":")[0] for step in result.steps)
    return "" if result.afterwards is None else afterwards_note(result.afterwards)


def afterwards_note(afterwards: dict[str, float]) -> str:
    """What happened since the last lossy step, the most probable answer and the next one where it is not far-fetched,
    with their probabilities; it stands after the word "since".
    """
    first, *others = sorted(afterwards.items(), key=lambda item: -item[1])[:2]
    shown = [first, *(item for item in others if item[1] >= SECOND_FROM)]
    likely = [(AFTERWARDS_TITLES.get(name, name).removesuffix(" since"), p) for name, p in shown]
    return ", ".join(f"{title} {percent(p)}" for title, p in likely)


def _ranking(result: Analysis) -> str:
    shown = [(name, p) for name, p in result.ranking if p >= 0.001][:4]
    return ", ".join(f"{TITLES[name]} {percent(p)}" for name, p in shown)


def _interval(interval: Interval, digits: int) -> str:
    return f"{interval.estimate:.{digits}f} [{interval.low:.{digits}f} to {interval.high:.{digits}f}]"


def history_lines(history: History) -> list[str]:
    """Parameters, traces that were found, the chain of compressions, and what stays open."""
    exact = [p for p in history.parameters if p.value is not None and p.name.endswith(EXPLAINED)]
    known = [_parameter(p) for p in history.parameters if p.value is not None and p not in exact]
    missing = [f"{words(p.name)}: {p.reason}" for p in history.parameters if p.value is None]
    found = [trace.sentence for trace in history.traces if trace.found]
    chain = [_generation(one) for one in history.generations]
    lines = rows("parameters", known or ["none recovered"])
    lines += rows("confirmed", [p.basis[:1].upper() + p.basis[1:] for p in exact])
    lines += rows("traces", found or ["none at its false-alarm limit"])
    lines += rows("history", [", then ".join(chain)] if chain else [])
    return lines + rows("open", [*history.notes, *missing])


def _generation(one: Generation) -> str:
    """A compression with its quality, where that was read, and its probability."""
    quality = next((p.value for p in one.parameters if p.name in _QUALITIES and p.value is not None), None)
    quality_read = f" of quality {quality:g}" if isinstance(quality, float | int) else ""
    return f"{TITLES.get(one.codec, one.codec)}{quality_read} ({percent(one.probability)})"


def _parameter(parameter: Parameter) -> str:
    value = parameter.value
    if parameter.name.endswith("grid_phase") and isinstance(value, tuple) and len(value) == 2:
        shown = f"row {value[0]}, column {value[1]} in"
    elif isinstance(value, tuple):
        shown = " ".join("." if entry is None else f"{entry:g}" for entry in value)
    elif isinstance(value, bool):
        shown = "yes" if value else "no"
    else:
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    ends = (
        f" [{parameter.low:.4g} to {parameter.high:.4g}]"
        if parameter.low is not None and parameter.high is not None
        else ""
    )
    sure = f" ({percent(parameter.probability)})" if parameter.probability is not None else ""
    return f"{words(parameter.name)} {shown}{' ' + parameter.unit if parameter.unit else ''}{ends}{sure}"


def _evidence(result: Analysis, index: int) -> str:
    statement = result.evidence[index]
    if statement.supports is False:
        return f"{statement.text}; usual for {', '.join(TITLES[name] for name in statement.speaks_for)}"
    return statement.text


def _container(result: Analysis) -> str:
    facts = result.container
    parts = [str(facts["format"]), f"{result.width}x{result.height}"]
    if facts.get("bit_depth"):
        parts.append(f"{facts['bit_depth']} bit")
    jpeg = facts.get("jpeg") or {}
    if jpeg.get("quality") is not None:
        parts.append(f"quality {'' if jpeg['standard_tables'] else 'about '}{jpeg['quality']:g}")
    subsampling = jpeg.get("subsampling") or facts.get("chroma_subsampling")
    parts += [subsampling] if subsampling else []
    parts += [f"quantiser index {facts['quantizer']:g}"] if facts.get("quantizer") is not None else []
    parts += ["progressive"] if jpeg.get("progressive") else []
    parts += [f"wavelet {facts['wavelet']}"] if facts.get("wavelet") else []
    parts += ["ICC profile"] if facts.get("icc_profile") else []
    return ", ".join(parts)


def _versions(result: Analysis) -> str:
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())
