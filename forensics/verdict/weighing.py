"""Exact readings as one more judge of the verdict: each codec's own test, weighed by what validation pictures showed.

Asked where the models are not certain, and where they name a codec whose test is cheap; cheapest first, until one
process is certain. A reading multiplies the models' probabilities by likelihood ratios
(`forensics_models.exact_judge`). What is missing says something of pictures straight from a decoder only, so that it
counts by the probability that nothing happened since: it withholds a name, it does not give another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from forensics_models.classes import INCONCLUSIVE, allowed_by, family_of
from forensics_models.exact_judge import ExactJudge, weighed
from forensics_models.open_judge import by_family, member_or_family

from forensics.history.readings import OWN, READINGS, Reading, central
from forensics.results.analysis import Analysis, Statement
from forensics.verdict.restated import ranked, restated, without_range

NAMED_FROM = 0.9
"""Probability of a process from which it is named where the models left the picture open, and at which no further
test is run.
"""
KEPT_FROM = 0.5
"""Probability under which a codec that the models named is withheld: after its own test another answer is likelier."""
SURE = 0.98
"""Probability from which a codec's name is not held against its own test, unless that is cheap."""
CHEAP = ("jpegxr", "jpeg2000")
"""Tests at under a tenth of the cost of a verdict."""
LIKELY = 0.02
"""Least probability of its processes with which a test is run: a likelihood ratio of the size that validation carries
cannot lift less to `NAMED_FROM`.
"""
LEADING = ("tone_curve", "jpeg_table")
"""Statements that stay first: what was undone, and the table of a JPEG that something came after."""
LEAST_BENT = 0.03
"""Share of pixels at which brightness bends under which no test may give a name: tests count coefficients, and those of
a gradient are all alike (a barycentric one showed JPEG 2000's steps by 30 standard errors). Of 66 validation
photographs, coded near-lossless, the least has 0.20."""
_OPEN = 0.5
"""Probability that nothing happened since where that was not asked: a test may name a codec there, withholds none."""


def asked(analysis: Analysis) -> tuple[str, ...]:
    """The tests that are run for a verdict, cheapest first."""
    if analysis.verdict == INCONCLUSIVE:
        probabilities = dict(analysis.ranking)
        likely = (name for name in READINGS if sum(probabilities.get(one, 0.0) for one in OWN[name]) >= LIKELY)
        return tuple(likely)
    own = (name for name in READINGS if {*allowed_by(analysis.verdict)} & {*OWN[name]})
    return tuple(name for name in own if analysis.probability < SURE or name in CHEAP)


def weigh(analysis: Analysis, pixels: np.ndarray, judge: ExactJudge | None = None) -> Analysis:
    """The analysis with its tests' readings taken into account.

    Parameters
    ----------
    analysis : Analysis
        What the models say.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The picture as judged.
    judge : ExactJudge, optional
        Another than the one shipped.
    """
    tests = asked(analysis)
    if not tests:
        return analysis
    judge = ExactJudge.shipped() if judge is None else judge
    part = central(pixels)
    if analysis.verdict == INCONCLUSIVE and _bent(part) < LEAST_BENT:
        return analysis
    probabilities, readings = dict(analysis.ranking), []
    for name in tests:
        reading = READINGS[name](part)
        table = judge.tables[name]
        size = part.shape[0] * part.shape[1]
        likelihoods = table.unseen(size) if reading.against else table.likelihoods(reading.value, size)
        supports = likelihoods[0] > likelihoods[1]
        straight = analysis.afterwards["nothing"] if analysis.afterwards else _OPEN * supports
        probabilities = weighed(probabilities, OWN[name], likelihoods, straight)
        if straight > 0:
            readings.append((reading, likelihoods, table.false_alarms(reading.value)))
        if max(by_family(probabilities).values()) >= NAMED_FROM and analysis.verdict == INCONCLUSIVE:
            break
    return _decided(analysis, probabilities, [_statement(*one) for one in readings if one[1] != (1.0, 1.0)])


def _bent(part: np.ndarray) -> float:
    from forensics_features.content import bent_share
    from forensics_features.planes import to_rgb8

    return bent_share(to_rgb8(part))


def _decided(analysis: Analysis, probabilities: dict[str, float], stated: Iterable[Statement]) -> Analysis:
    """The verdict that the weighed probabilities leave: one that a reading speaks for, the models' own, or none."""
    families = by_family(probabilities)
    best = max(families, key=lambda name: families[name])
    verdict, stated = analysis.verdict, list(stated)
    if verdict == INCONCLUSIVE:
        spoken = any(s.supports and best in _families(s.speaks_for) for s in stated)
        if families[best] >= NAMED_FROM and spoken:
            verdict = member_or_family(best, probabilities)
    elif sum(probabilities.get(one, 0.0) for one in allowed_by(family_of(verdict))) < KEPT_FROM:
        verdict = INCONCLUSIVE
    ranking = ranked(probabilities)
    named = allowed_by(verdict)
    probability = sum(probabilities.get(one, 0.0) for one in named) if named else ranking[0][1]
    settled = [s for s in stated if s.supports or analysis.verdict != INCONCLUSIVE]
    others = [_beside(s, verdict, named) for s in analysis.evidence]
    evidence = sorted([*settled, *(s for s in others if s is not None)], key=lambda s: s.trace not in LEADING)
    return restated(analysis, ranking, verdict, probability, named, evidence)


def _beside(statement: Statement, verdict: str, named: tuple[str, ...]) -> Statement | None:
    """A statement of the models as it reads next to the verdict; None for one that speaks for another codec than a
    reading that names one.
    """
    if not statement.supports or not statement.speaks_for or {*named} & {*statement.speaks_for}:
        return statement
    return replace(statement, supports=False) if verdict == INCONCLUSIVE else None


def _statement(reading: Reading, likelihoods: tuple[float, float], alarms: tuple[int, int]) -> Statement:
    """A reading in the words of the evidence, with the count of validation pictures that it rests on."""
    own, others = likelihoods
    supports = own > others
    count, total = alarms
    if reading.against:
        said = f"none of {round(1 / own) - 2} validation pictures of that codec and this size shows it"
    elif supports:
        said = f"{count} of {total} validation pictures without that codec reach this"
    else:
        said = f"{own / others:.2g} times as often where it was the last step as elsewhere"
    return without_range(
        f"exact-{reading.test}",
        reading.value,
        OWN[reading.test],
        f"{reading.text}: {said}",
        strength=1.0 if supports else 0.0,
        supports=True if supports else None,
    )


def _families(names: Iterable[str]) -> set[str]:
    return set(map(family_of, names))
