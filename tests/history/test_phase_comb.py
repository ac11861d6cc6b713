"""The shared test of combs against its definition, and histograms of magnitudes at every scale."""

import math

import numpy as np
import pytest
from forensics_features.block_dct import phase_scan
from forensics_features.comb import BINS, CORE, FINE_BIN
from forensics_features.running import running_means

from forensics.history.traces import low_frequencies, phase_comb
from forensics.history.traces.sample import draw_sample
from forensics.results.a_contrario import log10_gamma_tail


def _histograms(rng: np.random.Generator, step: float) -> np.ndarray:
    """Nine phases of three rows; values of the fourth phase lie near multiples of `step`."""
    counts = np.zeros((9, 3, BINS), np.int64)
    for phase in range(9):
        for row in range(3):
            values = rng.laplace(scale=9.0, size=900)
            if phase == 4:
                values = np.round(values / step) * step + rng.normal(scale=0.3, size=900)
            places = (np.abs(values) / FINE_BIN).astype(int)
            counts[phase, row] = np.bincount(places[places < BINS], minlength=BINS)
    return counts


def _naive(histograms: np.ndarray, distinct: float, tolerance: float, finest: float) -> tuple[np.ndarray, ...]:
    """|D| and n |D|^2 over the spread by phase, row and step, and the phases' tails, as the module's text defines
    them.
    """
    core = int(CORE / FINE_BIN)
    centres = (np.arange(core, BINS) + 0.5) * FINE_BIN
    waves = np.exp(2j * np.pi * np.outer(centres, phase_comb.FREQUENCIES))
    phases, rows = histograms.shape[:2]
    count = histograms[:, :, core:].sum(axis=2)
    z = histograms[:, :, core:] @ waves / np.maximum(count, 1)[:, :, None]
    tried = finest <= phase_comb.STEPS
    difference = np.array([np.abs(z[p] - np.delete(z, p, axis=0).mean(axis=0)) * tried for p in range(phases)])
    effective = (distinct * count * (1 - 1 / phases))[:, :, None]
    plain = effective * np.maximum(difference - tolerance, 0) ** 2

    def tails(surplus: np.ndarray) -> np.ndarray:
        rows_of = np.maximum(surplus.max(axis=2) - math.log(len(phase_comb.FREQUENCIES) / 2), 0)
        return np.array([log10_gamma_tail(float(total), rows) for total in rows_of.sum(axis=1)])

    best = int(tails(plain).argmin())
    others = np.delete(z, best, axis=0)
    scatter = np.abs(others - others.mean(axis=0)) ** 2 * np.delete(count, best, axis=0)[:, :, None]
    spread = running_means(scatter.sum(axis=0) / (phases - 2), 31)
    surplus = plain / np.maximum(spread, 1)
    return difference, surplus, tails(surplus), z


@pytest.mark.parametrize(("distinct", "tolerance", "finest"), [(1.0, 0.0, 1.0), (0.6, 0.05, 2.0)])
def test_evidence_is_what_its_definition_says(distinct: float, tolerance: float, finest: float) -> None:
    histograms = _histograms(np.random.default_rng(3), 6.0)
    difference, surplus, tails, z = _naive(histograms, distinct, tolerance, finest)
    found = phase_comb.comb_evidence(histograms, distinct, tolerance, finest)
    assert found.phase == 4 == int(tails.argmin())
    assert found.log10_nfa < -20
    assert np.allclose(found.step, 6.0, rtol=0.02)
    np.testing.assert_allclose(found.spectrum, difference[4], atol=2e-6)
    np.testing.assert_allclose(found.cosine, z[4].real, atol=2e-6)
    np.testing.assert_allclose(found.phase_scores, tails + math.log10(9), rtol=1e-4, atol=1e-4)
    peaks = surplus[4].argmax(axis=1)
    np.testing.assert_allclose(found.strength, difference[4][np.arange(3), peaks], atol=2e-6)


def test_magnitudes_of_every_scale_come_from_one_transform() -> None:
    """Against blocks of the picture with its contrast taken down."""
    rng = np.random.default_rng(5)
    pixels = np.clip(rng.normal(128, 40, (96, 112)).cumsum(axis=1) % 256, 0, 255).astype(np.uint8)
    sample = draw_sample(pixels)
    for scale in low_frequencies.SCALES:
        plain = phase_scan(sample.centre.y / np.float32(scale), 8, low_frequencies.KEPT, low_frequencies._INDEX)[1]
        found = low_frequencies.magnitudes(sample, scale)
        assert found.shape == (64, low_frequencies.COUNT, BINS)
        np.testing.assert_array_equal(found, plain)
    with pytest.raises(ValueError, match="scales are 1, 2, 4"):
        low_frequencies.magnitudes(sample, 3)
