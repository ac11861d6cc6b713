"""Block phases: against plain loops, on grids whose place is known, and what is made of them."""

import numpy as np
import pytest
from forensics_features import block_phases
from forensics_features.block_phases import LEAST_SIDE, PERIODS, relative_profiles, values_of


def scene(height=256, width=256, seed=0):
    """Smooth, with texture."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(seed).normal(scale=4, size=(height, width))
    return 128 + 50 * np.sin(x / 29) + 40 * np.cos(y / 37) + noise


def stepped(period, amount=3.0, first=0, seed=0):
    """A scene whose blocks of `period`, from column and row `first` on, lie at levels of their own."""
    plane = scene(seed=seed)
    count = 256 // period + 1
    levels = (
        np.random.default_rng(seed + 1).normal(scale=amount, size=(count, count)).repeat(period, 0).repeat(period, 1)
    )
    return np.clip(np.rint(plane + np.roll(levels, (first, first), (0, 1))[:256, :256]), 0, 255).astype(np.uint8)


def test_relative_profiles_equal_plain_loops():
    plane = np.random.default_rng(3).normal(100, 9, (130, 140)).astype(np.float32)
    ours, reach = relative_profiles(plane), 16
    x = plane.astype(np.float64)
    first, second, third = np.zeros((3, *plane.shape))
    for j in range(1, 138):
        a, b, c, d = (x[:, j + k] for k in (-1, 0, 1, 2))
        first[:, j], second[:, j], third[:, j] = abs(c - b), abs(a - b - c + d), abs(d - a + 3 * (b - c))
    for m, sizes in enumerate((first, second, third)):
        for j in range(1 + reach, 140 - 2 - reach):
            near = sizes[:, j - reach : j + reach + 1].sum(axis=1) / (2 * reach + 1) + 0.5
            expected = np.minimum(sizes[:, j] / near, 4).mean()
            assert ours[m, j - 1 - reach] == pytest.approx(expected, rel=1e-4)
    assert ours.shape == (3, 140 - 35)


@pytest.mark.parametrize("period", [8, 16, 32])
@pytest.mark.parametrize("first", [0, 3])
def test_an_edge_shows_at_its_own_place(period, first):
    found = block_phases.block_phases(stepped(period, first=first))
    assert found.shape == (3, 2, 3, 64)
    for axis in range(2):
        folded = found[0, axis, 0].reshape(64 // period, period).mean(axis=0)
        assert folded.argmax() == first
        assert folded[first] > 1.1 * np.median(folded)


def test_one_level_of_steps_under_noise_shows():
    noisy = stepped(8, amount=4.0) + np.random.default_rng(9).normal(0, 6, (256, 256))
    found = block_phases.block_phases(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))[0, :, 0].mean(axis=0)
    folded = found.reshape(8, 8).mean(axis=0)
    assert folded.argmax() == 0
    assert folded[0] - folded[1:].mean() > 4 * folded[1:].std()


def test_the_middle_of_a_large_picture_keeps_its_grid():
    large = np.tile(stepped(8), (5, 5))
    assert large.shape[0] > block_phases.MOST
    folded = block_phases.block_phases(large)[0, 0, 0].reshape(8, 8).mean(axis=0)
    assert folded.argmax() == 0


def test_a_grey_picture_has_no_chroma():
    grey = block_phases.block_phases(stepped(8))
    assert not grey[1:].any()
    assert np.array_equal(values_of(grey).reshape(-1), values_of(grey))


def test_values_are_those_of_each_period_on_both_sides_of_an_edge():
    numbers = np.random.default_rng(4)
    phases = np.exp(numbers.normal(0, 0.05, (3, 2, 3, 64)))
    values = values_of(phases)
    assert values.shape == (9 * sum(period // 2 + 1 + period // 2 - 1 for period in PERIODS),)
    mirrored = values_of(np.roll(phases[..., ::-1], 1, axis=-1))  # the edge before sample 0 stays where it is
    widths = [n for period in PERIODS for n in (1, period // 2 - 1, 1, period // 2 - 1)]
    signs = np.concatenate([np.full(n, -1.0 if k % 4 == 3 else 1.0) for k, n in enumerate(widths)])
    np.testing.assert_allclose(mirrored.reshape(9, -1), values.reshape(9, -1) * signs, atol=1e-12)
    np.testing.assert_allclose(values_of(2 * phases), values, atol=0.02)


def test_a_picture_that_is_too_small_is_an_error():
    with pytest.raises(ValueError, match="at least 160 pixels"):
        block_phases.block_phases(np.zeros((LEAST_SIDE - 1, 300), np.uint8))
