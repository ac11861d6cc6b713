"""An analysis said anew: what a later test makes of its probabilities, with everything that follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, NO_CONTENT, OTHER_LOSSY, allowed_by, family_of
from forensics_models.open_judge import GROUPS, member_or_family
from forensics_models.recompression import FAMILIES, known_as

from forensics.results.analysis import Agreement, Analysis, Statement
from forensics.verdict.agreement import compare

_EXCLUDED_BELOW = 0.05
"""Share of the best process's probability under which another counts as excluded: likelihoods 20 to 1, "strong"
evidence in the scale of Kass and Raftery (doi:10.1080/01621459.1995.10476572)."""

Ranking = tuple[tuple[str, float], ...]


MAYBE_RESAMPLED = ("resampled", "several", "filtered")
"""Answers to what happened since after which pictures are resized and turned back."""
ASKED_FROM = 0.5
"""Their probability together from which they are: more likely than not. Of 48 reduced validation pictures that are left
open 47 have it."""


def ranked(processes: dict[str, float]) -> Ranking:
    """Processes with their probabilities, most probable first."""
    return tuple(sorted(processes.items(), key=lambda item: -item[1]))


def led_by(ranking: Ranking, name: str, probability: float) -> Ranking:
    """The ranking with one process at a probability, the others in proportion below it."""
    others = sum(p for other, p in ranking if other != name)
    left = (1 - probability) / max(others, 1e-9)
    return ((name, probability), *((other, p * left) for other, p in ranking if other != name))


def weighed_by_family(ranking: Ranking, found: Mapping[str, float]) -> Ranking:
    """Processes with the probabilities of their families, or of all others together, in the proportions of before."""
    groups = {name: known_as(family_of(name)) for name, _ in ranking}
    before = dict.fromkeys(FAMILIES, 0.0)
    for name, p in ranking:
        before[groups[name]] += p
    return ranked({name: p * found[groups[name]] / max(before[groups[name]], 1e-12) for name, p in ranking})


def without(name: str, ranking: Ranking, most: float) -> Ranking:
    """The ranking with one process at most so probable, the others in proportion above it."""
    processes = dict(ranking)
    own = min(processes.get(name, 0.0), most)
    others = sum(p for other, p in ranking if other != name)
    left = (1 - own) / max(others, 1e-9)
    return ranked({other: own if other == name else p * left for other, p in ranking})


def since_with(afterwards: dict[str, float] | None, group: str, probability: float) -> dict[str, float]:
    """What happened since, with one answer of `GROUPS` at a probability and the others in proportion below it; evenly
    where nothing is known of them.
    """
    known = dict.fromkeys((name for name, _ in GROUPS), 0.0) if afterwards is None else dict(afterwards)
    known.setdefault(group, 0.0)
    others = [name for name in known if name != group]
    total = sum(known[name] for name in others)
    shares = {name: known[name] / total if total > 0 else 1 / max(len(others), 1) for name in others}
    return {name: probability if name == group else (1 - probability) * shares[name] for name in known}


def maybe_resampled(afterwards: Mapping[str, float] | None) -> bool:
    """Whether what happened since may be a resizing or a rotation, by what the models say."""
    since = afterwards or {}
    return sum(since.get(name, 0.0) for name in MAYBE_RESAMPLED) >= ASKED_FROM


def said_of(family: str, ranking: Ranking) -> tuple[str, tuple[str, ...], float]:
    """The verdict where a judge of whole pictures names a family, the processes that it allows, and its probability.

    Those judges are not asked which member it is; where one is far likelier it is named, but HEVC's code alike, and
    `other-lossy` is what no single process beyond the codecs is named for.
    """
    alike = family in (HEVC_FAMILY, OTHER_LOSSY)
    verdict = family if alike else member_or_family(family, dict(ranking))
    named = allowed_by(verdict)
    return verdict, named, sum(p for name, p in ranking if name in (named or (verdict,)))


def not_excluded(ranking: Ranking) -> tuple[str, ...]:
    """The processes that are at least a twentieth as likely as the best, most probable first."""
    return tuple(name for name, p in ranking if p >= _EXCLUDED_BELOW * ranking[0][1])


def without_content(analysis: Analysis, evidence: Sequence[Statement], **further: Any) -> Analysis:
    """The analysis of a picture that holds too little to be judged; the first statement says why."""
    return replace(
        analysis,
        verdict=NO_CONTENT,
        variants={},
        ratio=None,
        ssim=None,
        candidates=(),
        evidence=tuple(evidence),
        afterwards=None,
        agreement=Agreement("open", "the pixels hold too little to be held against the container"),
        **further,
    )


def restated(
    analysis: Analysis,
    ranking: Ranking,
    verdict: str,
    probability: float,
    named: Sequence[str],
    evidence: Sequence[Statement],
    **further: Any,
) -> Analysis:
    """The analysis with another ranking, verdict and evidence.

    Ratio and SSIM were learned on the codecs that the models named, so that another verdict drops them.

    Parameters
    ----------
    analysis : Analysis
    ranking : tuple of (str, float)
        All processes, most probable first.
    verdict : str
    probability : float
        That of the verdict, of the best process where it is inconclusive.
    named : sequence of str
        Processes that the verdict allows.
    evidence : sequence of Statement
    further
        Other fields of `Analysis`.
    """
    best, processes = ranking[0][0], dict(ranking)
    kept = verdict == analysis.verdict
    return replace(
        analysis,
        verdict=verdict,
        probability=probability,
        best=best,
        compressed=1 - processes.get("uncompressed", 0.0),
        hevc_intra=sum(processes.get(name, 0.0) for name in HEVC_INTRA),
        ranking=ranking,
        variants=analysis.variants if best == analysis.best else {},
        ratio=analysis.ratio if kept else None,
        ssim=analysis.ssim if kept else None,
        candidates=not_excluded(ranking),
        evidence=tuple(evidence),
        agreement=compare(verdict, named, probability, analysis.container),
        **further,
    )


def without_range(
    name: str,
    value: float,
    speaks_for: tuple[str, ...],
    text: str,
    *,
    strength: float = 1.0,
    supports: bool | None = True,
) -> Statement:
    """A test of its own as evidence: it has no range over untouched pictures, but says in words how rare it is."""
    none = math.nan  # one object: analyses of one picture are equal
    return Statement(name, name, value, none, none, none, strength, speaks_for, supports, text)
