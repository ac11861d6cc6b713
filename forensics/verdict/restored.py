"""Codecs told by their blocks in a picture that was resized, rotated or cropped, where the models leave it open: the
word of the judge of restored pictures (`forensics_models.restored`).

Nothing has to be sure of the step itself: guesses at it are tried, and blocks that stand where a decoder left them bear
one out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import OpenJudge, by_family
from forensics_models.recompression import ENCODERS, FAMILIES, OWN
from forensics_models.restored import surest

from forensics.results.analysis import Analysis, ToneChange
from forensics.results.wording import TITLES, percentage
from forensics.verdict.recompression import IN_CELLS_BELOW, RIVALS, title
from forensics.verdict.restated import maybe_resampled, restated, said_of, weighed_by_family, without_range
from forensics.verdict.tone import undoes
from forensics.windows.judges import restored_judge
from forensics.windows.restored import Guess, guesses

TRACE = "restored"
"""Name of the statement."""
REPEATED_FROM = 3.0
"""Standard errors by which the own encoder of one of the `RIVALS` has to repeat the restored picture more nearly on its
grid than beside it, before that one is named. Of validation pictures by AVIF, HEIC and BPG in which block phases hold
their family likeliest with 0.6 and more 50 of 54 that were resized and rotated have as much, and 26 of 28 that were
cropped by three rows and five columns (blurred the two that have not); a resized JPEG that would be HEVC has 2.5, and
so has the textured scene of a screenshot of a game, which was HEVC (0.90)."""


def with_answer(analysis: Analysis, open_judge: OpenJudge | None, pixels: np.ndarray, kinds: Sequence[str]) -> Analysis:
    """The analysis with a codec as its verdict that blocks of the restored picture tell; the very same where there is a
    verdict, a step that was undone moved its samples, or nothing is certain enough.

    Probabilities of pictures that stay open are left as they are: more of what the judge was fitted on was never coded
    than of pictures that are met.

    Parameters
    ----------
    analysis : Analysis
        After all exact readings.
    open_judge : OpenJudge, optional
        Whose picture it is.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        Those that it is on.
    kinds : sequence of str
        Of `forensics_models.restored.KINDS`: what may be undone.
    """
    if open_judge is None or not _asks(analysis):
        return analysis
    judge, families = restored_judge(open_judge.folder), by_family(dict(analysis.ranking))
    if judge is None:
        return analysis
    asked = kinds if maybe_resampled(analysis.afterwards) else [kind for kind in kinds if kind == "cropped"]
    for kind in asked:
        found = _surest(guesses(kind, pixels), open_judge)
        if found is None:
            continue
        one = _Reading(kind, *found)
        family, probabilities = judge.answer(kind, families, one.phases, one.guess.strength)
        if not family or _in_cells(one.guess.pixels):
            continue
        luma = one.guess.phases_of_luma(open_judge.folder)
        if judge.borne_out(kind, probabilities[family], luma) and _repeated(family, one.guess.pixels):
            return _named(analysis, family, probabilities, one)
    return analysis


class _Reading(NamedTuple):
    """The surest guess at a kind of step, and what block phases say of it."""

    kind: str
    guess: Guess
    phases: np.ndarray

    @property
    def what(self) -> str:
        """What was guessed."""
        if self.kind == "rotated":
            return f"rotated by {abs(self.guess.degrees):.1f} degrees"
        if self.kind == "cropped":
            return (
                f"cropped within a block, the next of which starts at row {self.guess.row}, column {self.guess.column}"
            )
        return f"resized from {self.guess.width}x{self.guess.height} pixels"

    def blocks(self, family: str) -> str:
        """How far blocks speak for a family."""
        own = percentage(float(np.exp(self.phases[FAMILIES.index(family)])))
        return f"blocks from the first sample on speak for {TITLES[title(family)]} ({own} by themselves)"


def _named(analysis: Analysis, family: str, probabilities: Mapping[str, float], one: _Reading) -> Analysis:
    ranking = weighed_by_family(analysis.ranking, probabilities)
    verdict, named, probability = said_of(family, ranking)
    own = float(np.exp(one.phases[FAMILIES.index(family)]))
    text = f"probably {one.what}: restored, {one.blocks(family)}; so it shows, by validation pictures"
    statement = without_range(TRACE, own, named, text)
    return restated(analysis, ranking, verdict, probability, named, (statement, *analysis.evidence))


def _asks(analysis: Analysis) -> bool:
    moved = any(not isinstance(step, ToneChange) for step in analysis.steps)
    return analysis.verdict == INCONCLUSIVE and not undoes(analysis.tone) and not moved


def _surest(tried: Sequence[Guess], open_judge: OpenJudge) -> tuple[Guess, np.ndarray] | None:
    phases = [guess.phases(open_judge.folder) for guess in tried]
    at = surest(phases, [guess.strength for guess in tried]) if phases else None
    return None if at is None else (tried[at], phases[at])


def _repeated(family: str, pixels: np.ndarray) -> bool:
    """Whether the own encoder of one of the `RIVALS` repeats the restored picture on its grid; of other families, and
    where encoders are missing, that is not asked.
    """
    from forensics.history.recoding import identification

    found = None if family not in RIVALS or identification.missing() else identification.repeats(pixels)
    return found is None or found.consistency[ENCODERS.index(OWN[family])] >= REPEATED_FROM


def _in_cells(pixels: np.ndarray) -> bool:
    """Whether what looks like blocks is what is drawn in cells."""
    from forensics_features.cells import margins

    return margins(pixels) < IN_CELLS_BELOW
