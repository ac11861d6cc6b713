"""Exact readings as one more judge of the verdict: each codec's own test, weighed by what validation pictures showed.

Asked where the models are not certain, and where they name a codec whose test is cheap; cheapest first, until one
process is certain. A reading multiplies the models' probabilities by likelihood ratios
(`forensics_models.exact_judge`). What is missing says something of pictures straight from a decoder only, so that it
counts by the probability that nothing happened since: it withholds a name, it does not give another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from forensics_models.classes import FAMILIES, HEVC_INTRA, INCONCLUSIVE
from forensics_models.exact_judge import ExactJudge, weighed

from forensics.history.readings import OWN, READINGS, Reading, central
from forensics.results.analysis import Analysis, Statement
from forensics.verdict.agreement import compare

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
_OPEN = 0.5
"""Probability that nothing happened since where that was not asked: a test may name a codec there, withholds none."""


def asked(analysis: Analysis) -> tuple[str, ...]:
    """The tests that are run for a verdict, cheapest first."""
    if analysis.verdict == INCONCLUSIVE:
        probabilities = dict(analysis.ranking)
        likely = (name for name in READINGS if sum(probabilities.get(one, 0.0) for one in OWN[name]) >= LIKELY)
        return tuple(likely)
    own = (name for name in READINGS if {analysis.verdict, *_members(analysis.verdict)} & {*OWN[name]})
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
    probabilities, readings = dict(analysis.ranking), []
    for name in tests:
        reading = READINGS[name](part)
        table = judge.tables[name]
        likelihoods = table.likelihoods(reading.value, part.shape[0] * part.shape[1])
        supports = likelihoods[0] > likelihoods[1]
        straight = analysis.afterwards["nothing"] if analysis.afterwards else _OPEN * supports
        probabilities = weighed(probabilities, OWN[name], likelihoods, straight)
        if straight > 0:
            readings.append((reading, likelihoods, table.false_alarms(reading.value)))
        if max(_by_family(probabilities).values()) >= NAMED_FROM and analysis.verdict == INCONCLUSIVE:
            break
    return _decided(analysis, probabilities, [_statement(*one) for one in readings if one[1] != (1.0, 1.0)])


def _decided(analysis: Analysis, probabilities: dict[str, float], told: Iterable[Statement]) -> Analysis:
    """The verdict that the weighed probabilities leave: one that a reading speaks for, the models' own, or none."""
    families = _by_family(probabilities)
    best = max(families, key=lambda name: families[name])
    verdict, told = analysis.verdict, list(told)
    if verdict == INCONCLUSIVE:
        spoken = any(s.supports and best in _families(s.speaks_for) for s in told)
        if families[best] >= NAMED_FROM and spoken:
            verdict = _member(best, probabilities)
    elif families.get(_family(verdict), 0.0) < KEPT_FROM:
        verdict = INCONCLUSIVE
    ranked = tuple(sorted(probabilities.items(), key=lambda item: -item[1]))
    named = _members(verdict) or ((verdict,) if verdict != INCONCLUSIVE else ())
    probability = sum(probabilities.get(one, 0.0) for one in named) if named else ranked[0][1]
    kept = verdict == analysis.verdict
    settled = [s for s in told if s.supports or analysis.verdict != INCONCLUSIVE]
    others = [_beside(s, verdict, named) for s in analysis.evidence]
    return replace(
        analysis,
        verdict=verdict,
        probability=probability,
        best=ranked[0][0],
        compressed=1 - probabilities["uncompressed"],
        hevc_intra=sum(probabilities.get(one, 0.0) for one in HEVC_INTRA),
        ranking=ranked,
        variants=analysis.variants if ranked[0][0] == analysis.best else {},
        ratio=analysis.ratio if kept else None,
        ssim=analysis.ssim if kept else None,
        candidates=tuple(name for name, p in ranked if p >= 0.05 * ranked[0][1]),
        evidence=tuple(sorted([*settled, *(s for s in others if s is not None)], key=lambda s: s.trace not in LEADING)),
        agreement=compare(verdict, named, probability, analysis.container),
    )


def _beside(statement: Statement, verdict: str, named: tuple[str, ...]) -> Statement | None:
    """A statement of the models as it reads beside the verdict; None for one that speaks for another codec than a
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
    said = (
        f"{count} of {total} validation pictures without that codec reach this"
        if supports
        else f"{own / others:.2g} times as often where it was the last step as elsewhere"
    )
    none = math.nan  # one object: analyses of one picture are equal
    name = f"exact-{reading.test}"
    return Statement(
        name, name, reading.value, none, none, none, 1.0 if supports else 0.0,
        OWN[reading.test], True if supports else None,
        f"{reading.text}: {said}",
    )  # fmt: skip


def _by_family(probabilities: dict[str, float]) -> dict[str, float]:
    families: dict[str, float] = {}
    for name, p in probabilities.items():
        families[_family(name)] = families.get(_family(name), 0.0) + p
    return families


def _member(family: str, probabilities: dict[str, float]) -> str:
    """The member of a family that is three times as likely as the others together, or the family."""
    from forensics_models.open_judge import MEMBER_SHARE

    own = {name: p for name, p in probabilities.items() if _family(name) == family}
    best = max(own, key=lambda name: own[name])
    return best if own[best] >= MEMBER_SHARE * sum(own.values()) else family


def _members(family: str) -> tuple[str, ...]:
    return tuple(name for name, one in FAMILIES.items() if one == family)


def _family(name: str) -> str:
    return FAMILIES.get(name, name)


def _families(names: Iterable[str]) -> set[str]:
    return {_family(name) for name in names}
