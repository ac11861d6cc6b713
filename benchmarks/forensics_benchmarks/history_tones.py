"""Whether the codec is still named after brightness, contrast or gamma were changed on the decoded 8-bit picture, with
and without undoing it.

A source is encoded by every encoder at a random ratio, decoded, cut at a random phase, and changed by one random curve
of each kind, the same for all channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE

from forensics.codecs import registry
from forensics.codecs.target.search import to_ratio
from forensics.dataset.encoders import available
from forensics.errors import ForensicsError
from forensics.results.analysis import Analysis
from forensics.verdict.analysis import analyze
from forensics_benchmarks.draws import log_uniform, mean

UNCOMPRESSED = "uncompressed"
ENCODERS = ("jpeg", "jpeg2000", "jpegxr-jxrlib", "bpg", "webp", "avif", "heic", "jpegxl")
RATIOS = (4.0, 40.0)
"""Range of the ratios, drawn evenly on a logarithmic scale."""
NONE = "none"
GAMMAS, GAINS, CONTRASTS = (0.7, 1.45), (0.8, 1.3), (0.75, 1.35)
"""Ranges of what is drawn: gamma, gain of brightness, contrast."""
_LEAST = 0.06
"""A gamma, gain or contrast is at least so far from 1."""


def _factor(span: tuple[float, float], rng: np.random.Generator) -> float:
    while True:
        drawn = float(rng.uniform(*span))
        if abs(drawn - 1) >= _LEAST:
            return drawn


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    NONE: lambda levels, rng: levels,
    "gamma": lambda levels, rng: 255 * (levels / 255) ** _factor(GAMMAS, rng),
    "brightness": lambda levels, rng: levels * _factor(GAINS, rng),
    "contrast": lambda levels, rng: 128 + _factor(CONTRASTS, rng) * (levels - 128),
    "levels": lambda levels, rng: (levels - float(rng.uniform(4, 20))) * 255 / (255 - float(rng.uniform(10, 40))),
}
"""Curves by name: from the levels 0 to 255 to values that are rounded and clipped."""


@dataclass(frozen=True)
class Toned:
    """One picture: its class, the change, whether a curve was found, and the verdicts without and with undoing it."""

    truth: str
    change: str
    found: bool
    stored: str
    verdict: str


def measure(pictures: Sequence[np.ndarray], *, seed: int = 47) -> Iterator[Toned]:
    """Every picture through every encoder that is there, and through none, after every change; deterministic for a
    seed.
    """
    rng = np.random.default_rng(seed)
    there = available(ENCODERS)
    for picture in pictures:
        for name in (UNCOMPRESSED, *(name for name in ENCODERS if name in there)):
            ratio = log_uniform(RATIOS, rng)
            cut = rng.integers(16, size=2)
            try:
                pixels = (
                    picture
                    if name == UNCOMPRESSED
                    else to_ratio(
                        registry.get(name), picture, ratio, tolerance=0.25, max_encodes=4, strict=False
                    ).pixels
                )
            except ForensicsError:
                continue
            pixels = np.ascontiguousarray(pixels[cut[0] :, cut[1] :])
            for change, curve in CHANGES.items():
                table = np.clip(np.rint(curve(np.arange(256.0), rng)), 0, 255).astype(np.uint8)
                result = analyze(table[pixels])
                stored = analyze(table[pixels], undo_tone=False) if result.tone is not None else result
                truth = name if name == UNCOMPRESSED else registry.get(name).codec
                yield Toned(truth, change, result.tone is not None, _named(truth, stored), _named(truth, result))


def _named(truth: str, result: Analysis) -> str:
    """The verdict; the family of BPG and HEIC counts as the one of them that it was."""
    return truth if result.verdict == HEVC_FAMILY and truth in HEVC_INTRA else result.verdict


def summary(cases: Sequence[Toned]) -> list[dict[str, object]]:
    """A row a change: compressed pictures; shares 0 to 1 of curves found, of right codecs and wrong ones without and
    with undoing; the same without codec.
    """
    rows = []
    for change in dict.fromkeys(case.change for case in cases):
        coded, plain = (
            [c for c in cases if c.change == change and (c.truth != UNCOMPRESSED) is made] for made in (True, False)
        )
        rows.append({
            "after decoding": change,
            **_shares(coded),
            "uncompressed": len(plain),
            "codec named there": mean([_codec(c.verdict) for c in plain]),
        })  # fmt: skip
    return rows


def by_codec(cases: Sequence[Toned]) -> list[dict[str, object]]:
    """A row a codec, over all changes but none."""
    coded = [case for case in cases if case.change != NONE and case.truth != UNCOMPRESSED]
    return [
        {"codec": truth, **_shares([case for case in coded if case.truth == truth])}
        for truth in dict.fromkeys(case.truth for case in coded)
    ]


def _shares(coded: Sequence[Toned]) -> dict[str, object]:
    return {
        "compressed": len(coded),
        "curve found": mean([case.found for case in coded]),
        "right as stored": mean([case.stored == case.truth for case in coded]),
        "right": mean([case.verdict == case.truth for case in coded]),
        "another codec as stored": mean([_codec(case.stored) and case.stored != case.truth for case in coded]),
        "another codec": mean([_codec(case.verdict) and case.verdict != case.truth for case in coded]),
    }


def _codec(verdict: str) -> bool:
    return verdict not in (UNCOMPRESSED, INCONCLUSIVE)
