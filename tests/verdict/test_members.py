"""BPG and HEIC are named where something speaks for them; elsewhere the verdict is HEVC intra."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.classes import HEVC_FAMILY

from forensics.results.analysis import Agreement, Analysis, Interval, Statement
from forensics.verdict.members import family_without_evidence


def analysis(
    verdict: str, probability: float, since: str = "nothing", evidence: tuple[Statement, ...] = ()
) -> Analysis:
    other = "heic" if verdict == "bpg" else "bpg"
    ranking = ((verdict, probability), (other, 0.75 * (1 - probability)), ("avif", 0.25 * (1 - probability)))
    ratio = Interval(4.0, 6.0, 9.0)
    after = {"nothing": 0.1, "filtered": 0.1, since: 0.8}
    return Analysis(
        "x", "", 192, 192, verdict, probability, verdict, 1.0, 0.9, ranking, {}, ratio, None, (), 0.0, evidence,
        Agreement("finding", ""), {"format": "png", "lossy": False}, (), (), {}, afterwards=after,
    )  # fmt: skip


RGB = np.random.default_rng(7).integers(40, 216, (96, 96, 3), np.uint8)
"""Colours that no conversion left behind."""


def converted() -> np.ndarray:
    """Colours of 8-bit YCbCr of BT.601 in full range (T.871 clause 7)."""
    luma, blue, red = (RGB[:, :, k].astype(float) // (1, 4, 4)[k] for k in range(3))
    blue, red = blue - 32, red - 32
    planes = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.clip(np.stack(planes, 2).round(), 0, 255).astype(np.uint8)


def says(codec: str, *, supports: bool = True) -> Statement:
    return Statement("trace", "f", 1.0, 0.0, 0.0, 0.5, 0.5, (codec,), supports, "a trace")


@pytest.mark.parametrize(("verdict", "probability", "since"), [("bpg", 0.8, "nothing"), ("heic", 0.95, "filtered")])
def test_without_evidence_the_family_is_named(verdict: str, probability: float, since: str) -> None:
    said = family_without_evidence(analysis(verdict, probability, since), converted())
    assert said.verdict == HEVC_FAMILY
    assert said.probability == pytest.approx(probability + 0.75 * (1 - probability))
    assert said.ratio == Interval(4.0, 6.0, 9.0)
    assert said.ranking[0] == (verdict, probability)
    assert said.agreement.status == "finding"


def test_evidence_or_certainty_names_the_member() -> None:
    supported = analysis("bpg", 0.7, "filtered", (says("bpg"),))
    assert family_without_evidence(supported, RGB) is supported
    certain = analysis("heic", 0.97)
    assert family_without_evidence(certain, RGB) is certain
    other = family_without_evidence(analysis("bpg", 0.7, evidence=(says("avif"),)), converted())
    assert other.verdict == HEVC_FAMILY


def test_bpg_without_a_colour_conversion_is_the_family() -> None:
    certain = analysis("bpg", 0.99)
    assert family_without_evidence(certain, converted()) is certain
    assert family_without_evidence(certain, RGB[:, :, 0]) is certain
    assert family_without_evidence(certain, RGB).verdict == HEVC_FAMILY


def test_other_verdicts_are_left_alone() -> None:
    avif = analysis("avif", 0.6, "filtered")
    assert family_without_evidence(avif, RGB) is avif
