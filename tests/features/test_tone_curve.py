"""Curves of tone: found with the levels that each value takes, absent without them, undone, and the path compared with
a naive twin.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from forensics_features import tone_curve
from forensics_features.tone_curve import _path, found_curve, histograms, strongest_curve

CURVES = {
    "gamma 0.8": lambda x: 255 * (x / 255) ** 0.8,
    "gamma 1.25": lambda x: 255 * (x / 255) ** 1.25,
    "brighter": lambda x: 1.15 * x,
    "more contrast": lambda x: 118 + 1.2 * (x - 118),
    "less contrast": lambda x: 118 + 0.85 * (x - 118),
    "s-shaped": lambda x: x + 14 * np.sin((x - 127.5) * np.pi / 127.5),
}


def scene(seed: int = 0, side: int = 320) -> np.ndarray:
    """A mixture of soft regions, `np.ndarray [shape=(side, side, 3), dtype=uint8]`, its histogram wide and smooth."""
    rng = np.random.default_rng(seed)
    level = rng.choice([60, 105, 150, 190], (side, side, 1)) + rng.normal(0, 26, (side, side, 3))
    return np.clip(np.rint(level), 0, 255).astype(np.uint8)


def changed(pixels: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The picture after a curve, and the curve at every level."""
    table = np.clip(np.rint(CURVES[name](np.arange(256.0))), 0, 255).astype(np.uint8)
    return table[pixels], table


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_is_found_with_its_gaps_and_merged_values(name):
    pixels, table = changed(scene(), name)
    curve = strongest_curve(histograms(pixels))
    assert curve.found
    true = np.bincount(table, minlength=256)
    inner = curve.populated & (np.convolve(histograms(pixels).sum(axis=0), np.ones(9), "same") > 4000)
    # A merged value may be taken for its neighbour; the levels passed up to there are then one off.
    passed = np.cumsum(np.where(inner, curve.levels - true, 0))
    assert np.abs(passed - np.median(passed[inner])).max() <= 2
    assert (curve.levels == true)[inner].mean() > 0.85
    assert curve.gaps >= (true[inner] == 0).sum()
    assert curve.merged >= (true[inner] > 1).sum() - 6


@pytest.mark.parametrize("name", CURVES)
def test_undone_the_picture_is_what_it_was_up_to_a_constant(name):
    before = scene(1)
    after, table = changed(before, name)
    curve = strongest_curve(histograms(after))
    undone = curve.inverse[after].astype(int)
    known = (table[before] > 0) & (table[before] < 255) & curve.populated[after]
    away = (undone - before)[known]
    shift = round(float(np.median(away)))
    # Two levels that became one value stay one; where the curve is steep every level comes back.
    assert np.abs(away - shift).max() <= 2
    assert (np.abs(away - shift) <= 1).mean() > 0.95


def test_the_inverse_rises_and_keeps_the_ends():
    curve = strongest_curve(histograms(changed(scene(2), "brighter")[0]))
    assert curve.inverse.dtype == np.uint8
    assert (np.diff(curve.inverse.astype(int)) >= 0).all()
    assert curve.inverse[0] == 0
    assert curve.inverse[255] == 255


@pytest.mark.parametrize("seed", range(5))
def test_what_nobody_changed_has_no_curve(seed):
    assert not strongest_curve(histograms(scene(seed))).found


@pytest.mark.parametrize("shift", [-20, 20])
def test_a_constant_is_no_curve(shift):
    assert not strongest_curve(histograms(np.clip(scene().astype(int) + shift, 0, 255).astype(np.uint8))).found


def test_rough_histograms_have_no_curve():
    rng = np.random.default_rng(0)
    palette = rng.integers(0, 256, (64, 3)).astype(np.uint8)
    assert not strongest_curve(histograms(palette[rng.integers(0, 64, (256, 256))])).found


@pytest.mark.parametrize(
    "pixels", [np.full((64, 64, 3), 9, np.uint8), np.zeros((1, 1), np.uint8), np.full((70, 70), 255, np.uint8)]
)
def test_pictures_without_tones_have_none(pixels):
    curve = strongest_curve(histograms(pixels))
    assert not curve.found
    assert curve.inverse.shape == (256,)


def test_grey_and_sixteen_bit_pictures_are_counted_as_what_they_are():
    grey = scene()[:, :, 0]
    assert histograms(grey).shape == (1, 256)
    assert (histograms(np.repeat(grey[:, :, None], 3, axis=2)) == histograms(grey)).all()
    assert (histograms(scene().astype(np.uint16) * 257) == histograms(scene())).all()
    assert histograms(scene()).sum() == 3 * 320 * 320


def test_large_pictures_are_sampled(monkeypatch):
    monkeypatch.setattr(tone_curve, "SAMPLED", 320 * 20)
    assert 0 < histograms(scene())[0].sum() <= 320 * 20


def limited(seed: int, way: str, sides: int = 160) -> np.ndarray:
    """Luma and chroma of limited range as a decoder brings them to R, G and B, `way` as in `EXPANSIONS`."""
    rng = np.random.default_rng(seed)
    luma = rng.choice([55, 95, 140, 180], (sides, sides)) + np.rint(rng.normal(0, 22, (sides, sides))).astype(int)
    chroma = rng.integers(-12, 13, (sides // 8, sides // 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    if way != "FFmpeg's tables":
        chroma[:] = 0
    index = np.clip(luma[:, :, None] + chroma, 0, 255)
    return np.repeat(np.arange(256), tone_curve.EXPANSIONS[way])[index].astype(np.uint8)


@pytest.mark.parametrize("way", tone_curve.EXPANSIONS)
@pytest.mark.parametrize("seed", range(2))
def test_limited_range_is_known_from_a_change_of_tone(way, seed):
    curve = found_curve(histograms(limited(seed, way)))
    assert curve is not None
    assert curve.expansion == way


def test_gaps_that_are_empty_cost_an_expansion_nothing():
    counted = histograms(limited(0, "rounded"))
    held, free = (tone_curve._all_costs(counted, empty_free)[0] for empty_free in (False, True))
    gaps = np.flatnonzero(tone_curve.EXPANSIONS["rounded"] == 0)
    assert (free <= held).all()
    assert not (free[gaps, tone_curve._EXPANDED, 0] > 1).any()


@pytest.mark.parametrize("way", tone_curve.EXPANSIONS)
def test_an_expansion_takes_every_level_of_luma_once(way):
    levels = tone_curve.EXPANSIONS[way]
    assert levels.sum() == 256
    assert levels[1:-1].max() == 1
    # Between the ends of luma, 16 and 235, lie 219 steps; FFmpeg's tables lie two levels of luma lower.
    assert abs(int(levels[1:-1].sum()) - 219) <= 2


@pytest.mark.parametrize("bits", ["yuv411p", "yuv420p", "yuv444p"])
def test_ffmpeg_expands_by_one_of_them(bits):
    av = pytest.importorskip("av")
    frame = av.VideoFrame(256, 16, bits)
    for number, plane in enumerate(frame.planes):
        held = np.full((plane.buffer_size // plane.line_size, plane.line_size), 128, np.uint8)
        held[:, :256] = held[:, :256] if number else np.arange(256)
        plane.update(held.tobytes())
    made = frame.reformat(format="rgb24", src_color_range=1, dst_color_range=2, interpolation="POINT").to_ndarray()
    taken = np.bincount(made[8, :, 0], minlength=256)
    assert any(np.array_equal(taken, levels) for levels in tone_curve.EXPANSIONS.values())


@pytest.mark.parametrize("name", CURVES)
def test_other_curves_are_no_expansion(name):
    curve = found_curve(histograms(changed(scene(4), name)[0]))
    assert curve is not None
    assert curve.expansion == ""


@pytest.mark.parametrize("offset", [-30, -24, -15, -10])
def test_the_slope_of_limited_range_alone_is_none(offset):
    table = np.clip(np.rint(np.arange(256) * 255 / 219 + offset), 0, 255).astype(np.uint8)
    ways = [np.flatnonzero(levels[40:216] == 0) for levels in tone_curve.EXPANSIONS.values()]
    own = np.flatnonzero(np.bincount(table, minlength=256)[40:216] == 0)
    assert all(not np.isin(own, gaps).all() for gaps in ways)
    curve = found_curve(histograms(table[scene(5)]))
    assert curve is not None
    assert curve.expansion == ""


def naive_path(cost, slopes, phases, bend, slip):
    """The cost of the cheapest path by trying every one."""
    values, count, most = cost.shape

    def least(v, s, p):
        if v == values:
            return 0.0
        passed = p / phases + slopes[s]
        whole = int(passed)
        rest = int((passed - whole) * phases + 0.5)
        nexts = [
            (bend if t != s else 0.0) + (slip if q != rest else 0.0) + least(v + 1, t, q)
            for t in range(max(s - 1, 0), min(s + 2, count))
            for q in range(max(rest - 1, 0), min(rest + 2, phases))
        ]
        return cost[v, s, min(whole, most - 1)] + min(nexts)

    return min(least(0, s, p) for s, p in itertools.product(range(count), range(phases)))


@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_the_cheapest_of_all(seed):
    rng = np.random.default_rng(seed)
    cost, slopes = rng.uniform(0, 3, (4, 3, 3)), np.array([0.6, 1.0, 1.7])
    levels, taken = np.empty(4, np.int64), np.empty(4, np.int64)
    found = _path(cost, slopes, 4, 0.7, 0.2, levels, taken)
    assert found == pytest.approx(naive_path(cost, slopes, 4, 0.7, 0.2))
    assert sum(cost[v, taken[v], min(levels[v], 2)] for v in range(4)) <= found + 1e-9


@pytest.mark.parametrize("name", [None, *CURVES])
def test_a_curve_is_found_or_not_as_by_its_path(name):
    counted = histograms(scene(3) if name is None else changed(scene(3), name)[0])
    found, path = found_curve(counted), strongest_curve(counted)
    assert (found is not None) == path.found
    assert found is None or (found.odds == path.odds and np.array_equal(found.levels, path.levels))


@pytest.mark.parametrize("seed", range(4))
def test_no_path_costs_less_than_the_bound(seed):
    rng = np.random.default_rng(seed)
    counted = rng.integers(0, 400, (1, 256)) if seed % 2 else histograms(scene(seed))
    costs, populated = tone_curve._all_costs(counted)
    bound = tone_curve._unchanged(costs) - tone_curve._least(costs)
    assert strongest_curve(counted).odds <= bound + 1e-6
    assert costs.shape == (256, len(tone_curve.SLOPES), 2)
    assert not costs[~populated].any()


def naive_least(costs, bend):
    """The bound by trying every sequence of slopes."""
    cheaper = costs.min(axis=2)
    ways = itertools.product(range(cheaper.shape[1]), repeat=len(cheaper))
    smooth = (way for way in ways if all(abs(a - b) <= 1 for a, b in itertools.pairwise(way)))
    return min(
        sum(cheaper[v, s] for v, s in enumerate(way)) + bend * sum(a != b for a, b in itertools.pairwise(way))
        for way in smooth
    )


def test_the_bound_is_the_cheapest_sequence_of_slopes():
    costs = np.random.default_rng(0).uniform(0, 9, (5, 4, 2))
    assert tone_curve._least(costs) == pytest.approx(naive_least(costs, tone_curve._BEND))
