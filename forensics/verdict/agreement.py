"""How a verdict fits the container's own facts, and what the analysis of this picture cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from forensics_models.classes import HEVC_INTRA, INCONCLUSIVE, family_of

from forensics.pictures.opened import Picture
from forensics.pictures.samples import ENDS_CHECKED
from forensics.results.analysis import Agreement, Window
from forensics.results.chance import reported
from forensics.results.wording import TITLES, percent
from forensics.windows.choice import LIMIT, SIDE

STRANGE_SHARE = 0.5
"""Share of windows unlike the training from which on a report says so."""
_FINEST_QP = 4
"""HEVC's step is one level there (ITU-T H.265 8.6.4.2): a larger QP quantises."""
_CENTRE, _RESIZED_BELOW = 1024, -2.0
"""Largest side of the central part in which resizing is looked for, and the decimal logarithm of false alarms a picture
at which it counts.
"""


def compare(verdict: str, named: Sequence[str], probability: float, container: dict[str, Any]) -> Agreement:
    """How a verdict fits the container's own facts; `named` are the classes that the verdict allows.

    What the coded data state of themselves (quantiser, tiles, encoder) is reported with it.
    """
    form, codec, lossy = container["format"], container.get("codec"), container.get("lossy")
    if lossy is None and codec in HEVC_INTRA and container.get("quantizer", 0) > _FINEST_QP:
        lossy = True
    shown, said = f"{TITLES[verdict]} ({percent(probability)})", f"{form}{_stated(container)}"
    coded = said if codec in (None, form) else f"{TITLES.get(codec, codec)} in {said}"
    if verdict == INCONCLUSIVE:
        if codec is not None and lossy:
            return Agreement("open", f"the pixels give no verdict; the file states lossy {coded}")
        return Agreement("open", "the pixels give no verdict to hold against the container")
    if codec is not None and codec in named and lossy is not False:
        return Agreement("agree", f"the pixels say {shown}, as the {said} container does")
    if codec is not None and lossy is not False and {family_of(name) for name in named} == {family_of(codec)}:
        return Agreement("agree", f"the pixels say {shown}, which shares its art of coding with the {said} container")
    if lossy is False or (codec is None and not lossy):
        if verdict == "uncompressed":
            return Agreement(
                "plain", f"{form} stores the pixels without loss, and they show no earlier lossy compression"
            )
        return Agreement(
            "finding",
            f"{form} stores the pixels without loss, and they say {shown}: compressed before they were saved",
        )
    if lossy is None:
        if verdict == "uncompressed":
            return Agreement(
                "open", f"the pixels show no lossy compression; the {form} container can hold lossless data"
            )
        return Agreement(
            "disagree",
            f"the container is {said} and the pixels say {shown}: compressed before, and the {form} step is lossless "
            f"or too fine to show",
        )
    if verdict == "uncompressed":
        return Agreement(
            "disagree",
            f"the container is lossy {coded} and the pixels show no lossy compression ({percent(probability)}): too "
            f"fine to show, or the verdict is wrong",
        )
    return Agreement(
        "disagree",
        f"the container is lossy {coded} and the pixels say {shown}: an earlier compression shows through, or the "
        f"verdict is wrong",
    )


def _stated(container: dict[str, Any]) -> str:
    """What the coded data state of their strength and making, in brackets; empty where they state nothing."""
    stated = []
    strength = container.get("quantizer")
    if strength is not None:
        stated.append(f"{'QP' if container.get('codec') in HEVC_INTRA else 'quantiser index'} {strength:g}")
    quality = (container.get("jpeg") or {}).get("quality")
    if quality is not None:
        stated.append(f"quality {quality:g}")
    if container.get("tiles", 1) > 1:
        stated.append(f"{container['tiles']} tiles")
    if container.get("encoder"):
        stated.append(f"by {container['encoder']}")
    return f" ({', '.join(stated)})" if stated else ""


def partly_judged(judged: int, of: int) -> str:
    """That not all windows were judged, as a limit."""
    return f"{judged} of {of} windows were judged, until all of those agreed; the others may differ"


def limits(
    picture: Picture,
    windows: Sequence[Window],
    features: np.ndarray,
    names: Sequence[str],
    stated: Sequence[str],
    strange: float,
) -> tuple[str, ...]:
    """What holds for this picture, then the limits that the models' cards have `stated`."""
    limits = list(picture.notes)
    integrity = str(picture.container.get("integrity", ""))
    if "codec" in picture.container and ("could not be detected" in integrity or "could tell damage" in integrity):
        where = "that leaves the ends of its coded data" if integrity == ENDS_CHECKED else "inside its coded data"
        limits.append(f"nothing in this {picture.container['format']} file could tell damage {where}")
    if min(picture.width, picture.height) < SIDE:
        limits.append(f"a side is under {SIDE} pixels: fewer samples, a wider error")
    area = sum(window.height * window.width for window in windows)
    if len(windows) == LIMIT and area < picture.width * picture.height:
        share = 100 * area / (picture.width * picture.height)
        limits.append(
            f"{len(windows)} windows were judged, {share:.0f} % of the pixels: a change confined to the rest is not "
            f"seen"
        )
    if "picture.grey" in names and bool((features[:, list(names).index("picture.grey")] > 0).all()):
        limits.append("the picture is grey: no trace in colour could be tested")
    if strange >= STRANGE_SHARE:
        limits.append(
            f"{round(strange * len(windows))} of {len(windows)} windows are unlike all that the model was trained on "
            "(resized or filtered after decoding, drawn, very noisy): their probabilities are held back"
        )
    return (*limits, *stated)


def resizing(pixels: np.ndarray) -> tuple[str, ...]:
    """What a trace of resizing means for a picture in which no compression shows; empty where there is no such
    trace.
    """
    from forensics_features import resampling
    from forensics_features.planes import as_planes

    rows, columns = (
        slice((length - min(length, _CENTRE)) // 2, (length + min(length, _CENTRE)) // 2) for length in pixels.shape[:2]
    )
    line = resampling.strongest_line(as_planes(pixels[rows, columns]).y)
    if line.log10_nfa > _RESIZED_BELOW:
        return ()
    return (
        f"the picture bears a trace of resizing (a periodic line at {line.frequency:.3f} cycles a pixel, expected by "
        f"chance in one of "
        f"{10 ** -reported(line.log10_nfa):,.0f} pictures or fewer): resizing removes other traces, so that an earlier "
        f"compression is not excluded",
    )
