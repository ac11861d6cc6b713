"""How an `Analysis` and an `Examination` show themselves in a notebook: a fragment that styles itself and borrows
nothing from the page around it.
"""

from __future__ import annotations

from forensics.examination import Examination
from forensics.localisation import outputs
from forensics.report.html_parts import escape, plain
from forensics.results.analysis import Analysis
from forensics.results.wording import NO_CONTENT, TITLES, percent, words

_CELL = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"'


def as_html(result: Analysis | Examination) -> str:
    """The fragment of a result."""
    return examined(result) if isinstance(result, Examination) else fragment(result)


def examined(found: Examination) -> str:
    """The fragment of the analysis, with the regions of the map and what could not be done below it."""
    lines = [*found.notes]
    if found.localisation is not None:
        regions = found.localisation.regions
        lines += [outputs.sentence(number, region, found.localisation) for number, region in enumerate(regions, 1)]
        lines += [] if regions else ["no region departs from the rest of the picture"]
    return fragment(found.analysis) + "".join(f"<p>{escape(line)}</p>" for line in lines)


def fragment(result: Analysis) -> str:
    """The verdict, its strength, its evidence and the container's part as a small table."""
    rows = [("verdict", f"{TITLES[result.verdict]}, {_probability(result)}")]
    shown = [f"{TITLES[name]} {percent(p)}" for name, p in result.ranking if p >= 0.001][:4]
    if result.verdict != NO_CONTENT:
        rows.append(("ranking", ", ".join(shown)))
    if result.ratio is not None and result.ssim is not None:
        ratio, ssim = result.ratio, result.ssim
        rows.append(("ratio", f"{ratio.estimate:.1f} (90 %: {ratio.low:.1f} to {ratio.high:.1f})"))
        rows.append(("SSIM", f"{ssim.estimate:.3f} (90 %: {ssim.low:.3f} to {ssim.high:.3f})"))
    rows += [("evidence" if i == 0 else "", statement.text) for i, statement in enumerate(result.evidence)]
    rows.append(("container", result.agreement.text))
    if result.history is not None:
        stated = [p for p in result.history.parameters if p.value is not None and not isinstance(p.value, tuple)]
        rows += [(words(p.name), f"{plain(p.value)} {p.unit}".strip()) for p in stated]
    rows += [("limits" if i == 0 else "", line) for i, line in enumerate(result.limits)]
    cells = "".join(f"<tr><th {_CELL}>{escape(name)}</th><td {_CELL}>{escape(text)}</td></tr>" for name, text in rows)
    title = f"{result.name}, {result.width} x {result.height}"
    return f"<div><strong>{escape(title)}</strong><table>{cells}</table></div>"


def _probability(result: Analysis) -> str:
    best = (
        f"best guess {TITLES[result.best]} at "
        if result.verdict != result.best and result.verdict == "inconclusive"
        else ""
    )
    return f"{best}{percent(result.probability)}"
