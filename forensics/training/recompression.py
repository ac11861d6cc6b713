"""Training of the judge of recompression: whole pictures of validation sources are drawn, coded or not, changed or not,
judged in memory by the shipped models and, where those leave them open and a codec that encoders repeat is likely,
coded again by each encoder. The rest of the open pictures is for names by block phases alone.

Four populations: that of the judge of open pictures, whose resized, cropped and uncoded pictures show what chance
gives; one of steps that leave the grid of blocks, with more of the codecs that the models take for each other and of
the steps that leave these open; frames of the videos that may be named; and processes beyond the codecs. All that is
stated is cross-fitted, as there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import NEVER, by_family
from forensics_models.recompression import (
    CARD_FILE,
    FAMILIES,
    OTHER,
    OWN,
    Least,
    Softmax,
    Sure,
    asked,
    grounds,
    logarithms_of,
    may_be_named,
    spread,
    stored,
    values_of,
)

from forensics.errors import UsageError
from forensics.training.drawing import dealt
from forensics.training.recompression_rows import Row, Rows, load, store
from forensics.training.softmaxes import cross_fitted, softmax, threshold, truth_and_folds
from forensics.training.whole_pictures import (
    SHARES,
    ShippedModels,
    Task,
    draw,
    draw_beyond,
    draw_since,
    drawn_or,
    loaded,
    of_split,
    tried,
)

DRAWS = 48
"""Pictures drawn of every source."""
_POPULATIONS = {"since": 0.63, "open pictures": 0.15, "video": 0.14, "beyond": 0.08}
"""Steps that leave the grid, what the judge of open pictures is fitted on, frames of video, and processes beyond the
codecs alone."""
_KINDS = {
    "nothing": 0.12, "recoloured": 0.1, "grey": 0.1, "noise": 0.17, "sharpened": 0.1, "median": 0.19,
    "composited": 0.03, "blurred": 0.13, "several": 0.04, "palette": 0.02,
}  # fmt: skip
"""What happens since in the first population."""
_CODECS = {
    "avif": 0.26, "heic": 0.16, "bpg": 0.12, "webp": 0.12, "jpegxl": 0.09, "jpeg": 0.1, "jpeg2000": 0.05,
    "jpegxr-1": 0.02, "uncompressed": 0.08,
}  # fmt: skip
"""What codes the first population."""
_VIDEOS = {"video-h264": 0.3, "video-vp9": 0.3, "video-hevc": 0.2, "video-av1": 0.12, "video-vp8": 0.08}
"""What codes the frames, one in three of them a key frame (`forensics.dataset.recipes`)."""
_VIDEO_KINDS = {
    "nothing": 0.5, "recoloured": 0.08, "grey": 0.08, "noise": 0.1, "sharpened": 0.08, "median": 0.1, "blurred": 0.06,
}  # fmt: skip
"""What happens to frames since."""
_Drawing = Callable[[], tuple[np.ndarray, str] | None]
_DRAWN = 0.15
"""Share of the first population that is made of drawings: no source of the split `val` is one, and parts that lie at
multiples of some pixels look like a grid of blocks to every encoder alike."""
WRONG_SHARE = 0.02
"""Largest share of wrong ones among the names of a family, cross-fitted: fifty right names for each wrong one, where
the judge of open pictures asks for twenty. The models leave fewer than half of these pictures open, and one in five of
those is named here: so few of all pictures that the limit of the open judge hardly moves. Of each family by itself: all
together, JPEG's few wrong names cost the others more than half of theirs."""
WRONG_SHARE_OF_ALL = 0.01
"""The same of all names together, with those where block phases alone hold a codec likelier than not. Cross-fitted,
of 1,404 open validation pictures that were coded again 377 are named rightly and one wrongly without those, 402 and
three with them, and the models leave a third of all pictures open: one wrong name in a thousand."""
FEWEST = 20
"""Names of a family, cross-fitted, of which a share of wrong ones says something. A family with fewer takes the highest
threshold of the others, or a higher one, where none of half as many would be wrong, and is never named else."""
FEWEST_BY = Sure(phases=60, both=20, other=20, blocks=20)
FEWEST_UNASKED = Sure(phases=10, both=10, other=20, blocks=20)
"""The same for names that no encoder leads for, of pictures that are coded again and of those that are not, which are
few. More where the judge of block phases is sure alone, for those accuse without another judge that bears them out: one
that knew edges alone had 27 such names on 1,394 open validation pictures, and an untouched screenshot, made grey, among
them on test ones."""
SHOWN_QUANTILE = 0.95
"""Share of the open pictures without a lossy process that no encoder repeats by as much as is asked for a name, and the
share that none repeats as consistently."""


def _plan(source: np.ndarray, task: Task, numbers: np.random.Generator) -> dict[str, list[_Drawing]]:
    """What is drawn of a source, by what it is; every population's kinds dealt by their shares."""
    since, usual, videos, beyond = (round(task.draws * share) for share in _POPULATIONS.values())
    plan: dict[str, list[_Drawing]] = {}
    for fine, kind in zip(dealt(_CODECS, since, numbers), dealt(_KINDS, since, numbers), strict=True):
        drawing = partial(draw_since, drawn_or(source, _DRAWN, numbers), fine, kind, task.encoders, numbers)
        plan.setdefault(f"since {fine} {kind}", []).append(drawing)
    for done in dealt(SHARES, usual, numbers):
        plan.setdefault(f"open {done}", []).append(partial(draw, source, done, task.encoders, numbers))
    for process, kind in zip(dealt(_VIDEOS, videos, numbers), dealt(_VIDEO_KINDS, videos, numbers), strict=True):
        plan.setdefault(f"video {process} {kind}", []).append(partial(draw_beyond, source, numbers, process, kind))
    plan["beyond"] = [partial(draw_beyond, source, numbers) for _ in range(beyond)]
    return plan


def _rows(task: Task) -> Iterator[list[Row]]:
    from forensics.history.recoding import identification
    from forensics.windows.judges import block_phase_logarithms

    models = ShippedModels.loaded()
    source, numbers = loaded(task.path, task.seed)
    rows: list[Row] = []
    for what, drawing in [(what, one) for what, several in _plan(source, task, numbers).items() for one in several]:
        made = tried(drawing, identification.LEAST_SIDE)
        if made is None:
            continue
        reading, _ = models.read(made[0])
        assert reading.opened is not None
        families = by_family(reading.opened.processes)
        if reading.verdict != INCONCLUSIVE:
            continue
        repeats = identification.repeats(made[0]) if asked(families) else None
        phases = block_phase_logarithms(models.open_judge.folder, made[0])
        rows.append(Row(task.path.name, what, made[1], families, repeats, phases))
    yield rows


def measure(
    sources: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Pictures drawn of the sources of the split `val` that the models leave open, coded again where that is of use.

    Raises
    ------
    UsageError
        The folder holds no sources of the split, or an encoder is missing.
    """
    from forensics.history.recoding import identification

    if identification.missing():
        raise UsageError(f"pictures cannot be coded again: {identification.missing()}")
    return of_split(_rows, sources, "val", seed=seed, jobs=jobs, draws=draws or DRAWS, progress=progress)


def train_recompression(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    kept: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train the judge of recompression; writes its card into `out`.

    Parameters
    ----------
    sources : Path
        Folder of lossless pictures with a folder `val`.
    out : Path
    seed : int
        Decides what is drawn.
    jobs : int
        Processes that draw.
    draws : int, optional
        Pictures drawn of every source; `DRAWS` when not given.
    kept : Path, optional
        File of what was drawn (`recompression_rows`): taken from there where it is, else stored there.
    progress : callable
        Gets sources done and in all.

    Returns
    -------
    dict
        The card: figures on validation sources, cross-fitted, and what they rest on.

    Raises
    ------
    UsageError
        The split has no sources, an encoder is missing, too few pictures are left open, or the file holds what another
        seed or number drew.
    """
    draws = draws or DRAWS
    if kept is not None and kept.exists():
        held = load(kept)
        if (held.seed, held.draws) != (seed, draws):
            raise UsageError(f"{str(kept)!r} was drawn with seed {held.seed} and {held.draws} pictures of a source")
        return fit(held.rows, out, seed=seed)
    rows = measure(sources, seed=seed, jobs=jobs, draws=draws, progress=progress)
    if kept is not None:
        store(Rows(tuple(rows), seed, draws), kept)
    return fit(rows, out, seed=seed)


def fit(rows: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Weights and thresholds of rows that were drawn; as `train_recompression`."""
    from forensics_models.storage import write_atomically

    unasked, unasked_from, counts = _unasked(rows)
    coded = [(row, row.repeats) for row in rows if row.repeats is not None]
    rows, repeats = [row for row, _ in coded], [one for _, one in coded]
    truth, parts = truth_and_folds(rows)
    logs, values = (np.stack(each) for each in zip(*(values_of(row.families, one) for row, one in coded), strict=True))
    phases = np.stack([row.phases for row in rows])
    clean = truth == 0
    shown = np.array([spread(one) for one in repeats])
    least = Least(*np.quantile(shown[clean] if clean.any() else shown, SHOWN_QUANTILE, axis=0).round(2).tolist())
    found = cross_fitted(logs, phases, values, truth, parts)
    best, top = found.argmax(axis=1), found.max(axis=1)
    allowed = np.array(
        [
            may_be_named(FAMILIES[at], row.families, one, least, row.phases)
            for at, (row, one) in zip(best, coded, strict=True)
        ]
    )
    right = best == truth
    said_from = _thresholds(top, right, {f: allowed & (best == FAMILIES.index(f)) for f in OWN})
    said = allowed & (top >= np.array([said_from.get(family, NEVER) for family in FAMILIES])[best])
    given = [
        grounds(FAMILIES[at], p, row.families, one, row.phases)
        for at, p, (row, one) in zip(best, top, coded, strict=True)
    ]
    sure_from, said = _sure(top, right, given, said, FEWEST_BY)
    figures = {
        family: _figures(truth == index, best == index, logs.argmax(axis=1) == index, said)
        for family, index in ((family, FAMILIES.index(family)) for family in OWN)
    }
    card = {
        "pictures": {
            "open": len(rows),
            "uncompressed": int(clean.sum()),
            "uncompressed named": int((said & clean).sum()),
            "other processes": int((truth == FAMILIES.index(OTHER)).sum()),
            "other processes named": int((said & right & (best == FAMILIES.index(OTHER))).sum()),
            "others taken for them": int((said & ~right & (best == FAMILIES.index(OTHER))).sum()),
        },
        "unasked": counts,
        "seed": seed,
        "validation": figures,
    }
    out.mkdir(parents=True, exist_ok=True)
    together = softmax(logs, phases, values, truth)
    made = stored(together, said_from, sure_from, least, (unasked, unasked_from), card)
    write_atomically(out / CARD_FILE, json.dumps(made, indent=1, allow_nan=False).encode())
    return card


def _unasked(rows: Sequence[Row]) -> tuple[Softmax, Sure, dict[str, int]]:
    """The softmax of both judges alone, of all open pictures, the thresholds of its names, and how many it names of
    those that are not coded again.
    """
    truth, parts = truth_and_folds(rows)
    logs, phases = np.stack([logarithms_of(row.families) for row in rows]), np.stack([row.phases for row in rows])
    values = np.empty((len(rows), 0))
    found = cross_fitted(logs, phases, values, truth, parts)
    best, top = found.argmax(axis=1), found.max(axis=1)
    right = best == truth
    its = np.array([row.repeats is None for row in rows])
    # Encoders are not heard for other processes, so that pictures which are coded again tell of those, too.
    each = [
        grounds(FAMILIES[at], p, row.families, None, row.phases) for at, p, row in zip(best, top, rows, strict=True)
    ]
    given = [one if here else Sure(False, False, one.other, False) for here, one in zip(its, each, strict=True)]
    said_from, said = _sure(top, right, given, np.zeros(len(rows), bool), FEWEST_UNASKED)
    said &= its
    counts = {"open": int(its.sum()), "right": int((said & right).sum()), "wrong": int((said & ~right).sum())}
    return softmax(logs, phases, values, truth), said_from, counts


def _sure(
    top: np.ndarray, right: np.ndarray, given: Sequence[Sure], said: np.ndarray, fewest: Sure
) -> tuple[Sure, np.ndarray]:
    """Thresholds of every ground, of rows that are not `said` yet, and what is said with them."""
    found = []
    for name, there, least in zip(Sure._fields, np.array(given, bool).T, fewest, strict=True):
        wrong, before = (WRONG_SHARE_OF_ALL, said) if name == "blocks" else (WRONG_SHARE, None)
        found.append(threshold(top, right, there & ~said, fewest=least, wrong=wrong, before=before))
        said = said | (there & (top >= found[-1]))
    return Sure(*found), said


def _figures(its: np.ndarray, best: np.ndarray, by_models: np.ndarray, said: np.ndarray) -> dict[str, int]:
    """Counts of one family: pictures by it, those that it is likeliest of, and names."""
    return {
        "open": int(its.sum()),
        "likeliest by the models": int((its & by_models).sum()),
        "likeliest": int((its & best).sum()),
        "right": int((said & best & its).sum()),
        "wrong": int((said & best & ~its).sum()),
    }


def _thresholds(top: np.ndarray, right: np.ndarray, may: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The probability from which each family is named, by the rows where it is the likeliest and may be."""
    found = {family: threshold(top, right, here, FEWEST, WRONG_SHARE) for family, here in may.items()}
    highest = max((at for at in found.values() if at < NEVER), default=NEVER)
    for family, here in may.items():
        if found[family] == NEVER:
            found[family] = threshold(top, right, here, FEWEST // 2, 0.0, highest)
    return found
