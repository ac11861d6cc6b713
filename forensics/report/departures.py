"""What departs in a picture, for the top of its page: regions, disagreement with the container, processing since.

A reader who stops at the verdict must not miss these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forensics.results.analysis import Analysis
from forensics.results.wording import AFTERWARDS_TITLES, TITLES, percent

if TYPE_CHECKING:
    from forensics.localisation.regions import Localisation

MOST_REGIONS = 3
"""Regions that are named at the top; all stand under the map."""
LIKELY = 0.5
"""Probability from which processing since is reported as having happened: more likely than not."""


class Departure(NamedTuple):
    """One thing that departs: its `kind` (`region`, `container`, `since`, `generation`, `windows`) and a sentence."""

    kind: str
    text: str


def departures(analysis: Analysis, localisation: Localisation | None = None) -> list[Departure]:
    """All that departs, the most telling first.

    Parameters
    ----------
    analysis : Analysis
    localisation : Localisation, optional
        The map of the picture.
    """
    return [*_regions(localisation), *_container(analysis), *_since(analysis), *_generations(analysis)]


def nothing_departs(localisation: Localisation | None) -> str:
    """What is said where nothing departs: no more than what was looked for."""
    where = "no region departs from the rest" if localisation is not None else "no map was made"
    return f"Nothing departs: {where}, the file and its pixels agree, and no processing since is likely."


def _regions(found: Localisation | None) -> list[Departure]:
    if found is None:
        return []
    from forensics.localisation.outputs import sentence

    departures = [
        Departure("region", f"Region {sentence(number, region, found)}.")
        for number, region in enumerate(found.regions[:MOST_REGIONS], 1)
    ]
    more = len(found.regions) - len(departures)
    return departures + ([Departure("region", f"{more} more regions depart: see the map.")] if more > 0 else [])


def _container(analysis: Analysis) -> list[Departure]:
    if analysis.agreement.status not in ("disagree", "finding"):
        return []
    return [Departure("container", agreement_sentence(analysis))]


def agreement_sentence(analysis: Analysis) -> str:
    """Whether the container and the pixels tell the same story, as a sentence."""
    text, name = analysis.agreement.text, str(analysis.container["format"])
    begin = name.upper() if text.startswith(f"{name} ") else text[0].upper()
    return f"{begin}{text[len(begin) :]}."


def _since(analysis: Analysis) -> list[Departure]:
    departures = [Departure("since", f"{step.text[0].upper()}{step.text[1:]}.") for step in analysis.steps]
    traces = [] if analysis.history is None else analysis.history.traces
    if not departures and any(trace.name == "residual_spectrum" and trace.found for trace in traces):
        text = (
            "A period as resizing leaves it (residual spectrum, below); a regular pattern in the scene can do the same."
        )
        departures = [Departure("since", text)]
    if departures or not analysis.afterwards:
        return departures
    name, probability = max(analysis.afterwards.items(), key=lambda item: item[1])
    untouched = 1 - analysis.afterwards.get("nothing", 0.0)
    if name != "nothing":
        title = AFTERWARDS_TITLES.get(name, name)
        return [Departure("since", f"Most likely {title} ({percent(probability)}).")]
    return [Departure("since", f"Possibly changed since ({percent(untouched)}).")] if untouched >= LIKELY else []


def _generations(analysis: Analysis) -> list[Departure]:
    chain = analysis.history.generations if analysis.history is not None else ()
    if len(chain) < 2:
        return []
    order = ", then ".join(TITLES[generation.codec] for generation in chain)
    return [Departure("generation", f"Compressed more than once: {order}.")]
