"""Indices read by recompression: a made coder of known grid and step, and real HEVC and AV1 files at known crops."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from forensics.codecs import registry
from forensics.history.recoding import av1, hevc, jpegxl, threads, vp8
from forensics.history.recoding import coder as recoding
from forensics.history.recoding import grid as recoding_grid
from forensics.history.recoding import sweep as recoding_sweep
from forensics.history.recoding.hevc_adaptive import BLOCK, GROUP, TextureOffsets, block_energies
from forensics.history.recoding.sweep import Side, Sweep
from forensics.history.recoding.trace import coding_again
from forensics.results.analysis import Window
from forensics.results.history import Parameter

REFERENCE = Path(__file__).parents[1] / "codecs" / "data" / "bpg"
PRIOR = recoding.Prior(24.0, 3.0)
RULES = recoding_sweep.Ballot(dip=0.7, reach=5, least=12)


def textured(side: int, seed: int = 0) -> np.ndarray:
    """Noise with a 1 / f spectrum, `np.ndarray [shape=(side, side), dtype=uint8]`, hardly ever clipped."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / (radius + 0.01) ** 1.2, s=(side, side))
    return np.clip(128 + 32 * noise / noise.std(), 1, 254).astype(np.uint8)


def side(errors) -> Side:
    """Blocks with these errors by index and block, all at the corner."""
    errors = np.array(errors, np.float32)
    return Side(errors, np.zeros((errors.shape[1], 2), np.int64))


class Blocks(recoding.Coder):
    """Quantises the 8x8 DCT of a plane with one step, which grows by a sixth of an octave an index."""

    grid, tree = 8, 64
    indices = tuple(range(14, 36))

    def __init__(self) -> None:
        self.calls = 0

    def again(self, plane: np.ndarray, index: int) -> np.ndarray:
        self.calls += 1
        step = 2 ** (index / 6)
        blocks = plane.reshape(plane.shape[0] // 8, 8, -1, 8).astype(float)
        quantised = np.rint(dctn(blocks, axes=(1, 3), norm="ortho") / step) * step
        return (
            np.clip(np.rint(idctn(quantised, axes=(1, 3), norm="ortho")), 0, 255).astype(np.uint8).reshape(plane.shape)
        )


@pytest.fixture(scope="module")
def coded():
    """A plane that went through `Blocks` at index 24, cropped so that its first whole block is at row 3, column 6."""
    return Blocks().again(textured(256), 24)[5:, 2:]


@pytest.fixture(scope="module")
def swept(coded):
    grid = recoding_grid.find_grid(coded, Blocks(), [22], decisive=8.0)
    return recoding_sweep.sweep(coded, Blocks(), grid, PRIOR.within(Blocks.indices), recoding_grid.swept_windows(coded))


def test_the_grid_is_where_coding_again_changes_least(coded):
    grid = recoding_grid.find_grid(coded, Blocks(), [20, 23], decisive=8.0)
    assert grid.phase == (3, 6)
    assert grid.lead > 8
    assert recoding_grid.find_grid(textured(250, seed=1), Blocks(), [20, 23], decisive=8.0).lead < 4


def test_a_decisive_window_is_the_last_one_looked_at(coded):
    for decisive, windows in ((1.0, 1), (1e9, 4)):
        coder = Blocks()
        recoding_grid.find_grid(coded, coder, [23], decisive=decisive)
        assert coder.calls == {1: 64, 4: 64 + 32 + 16 + 16}[windows]


def test_the_gain_at_an_index_compares_with_the_control():
    swept = Sweep(np.array([20, 30]), side([[4.0, 4.0], [0.5, 1.5]]), side([[4.0, 4.0], [4.0, 4.0]]))
    assert swept.gain(20) == pytest.approx(0, abs=0.01)
    assert swept.gain(27.5) == pytest.approx(10 * np.log10(4), abs=0.01)


def test_the_curve_dips_at_the_true_index_and_blocks_vote_for_it(swept):
    chances = recoding_sweep.posterior(swept, PRIOR)
    assert swept.indices[chances.argmax()] == 24
    assert chances.max() > 0.9
    assert chances.sum() == pytest.approx(1)
    votes = recoding_sweep.vote(swept, PRIOR, RULES)
    assert votes.mode == 24
    assert votes.share > 0.9
    assert votes.low <= votes.mean <= votes.high


def test_sweeps_of_single_windows_join_to_the_sweep_of_all(coded):
    grid = recoding.Grid((3, 6), 9.0, 9.0, (3, 6))
    windows = [Window(0, 0, 104, 104), Window(60, 40, 104, 104)]
    indices = PRIOR.within(Blocks.indices)
    whole = recoding_sweep.sweep(coded, Blocks(), grid, indices, windows)
    first, second = (recoding_sweep.sweep(coded, Blocks(), grid, indices, [window]) for window in windows)
    joined = first.joined(second)
    assert np.array_equal(joined.indices, whole.indices)
    for one, other in ((joined.on, whole.on), (joined.control, whole.control)):
        assert np.array_equal(one.errors, other.errors)
        assert np.array_equal(one.places, other.places)


def test_blocks_of_a_sweep_know_their_place(coded):
    grid = recoding.Grid((3, 6), 9.0, 9.0, (11, 14))
    swept = recoding_sweep.sweep(coded, Blocks(), grid, [20, 24], [Window(5, 9, 104, 104)])
    # Ninety-six pixels of whole blocks from (11, 14) on are six blocks a side, of which the inner four count.
    assert swept.on.places.tolist() == [
        [11 + 16 * row, 14 + 16 * column] for row in range(1, 5) for column in range(1, 5)
    ]
    top, left = swept.on.places[5]
    part = coded[11:107, 14:110]
    naive = ((Blocks().again(part, 24).astype(float) - part) ** 2)[top - 11 : top + 5, left - 14 : left + 2].mean()
    assert swept.on.errors[1, 5] == pytest.approx(naive, rel=1e-5)


def test_votes_that_the_control_has_too_say_nothing(swept):
    assert recoding_sweep.vote(replace(swept, control=swept.on), PRIOR, RULES) is None
    assert recoding_sweep.vote(replace(swept, on=swept.control), PRIOR, RULES) is None


def test_offsets_are_taken_off_the_votes_of_their_blocks(swept):
    shifted = recoding_sweep.vote(swept, PRIOR, RULES, lambda places: np.full(len(places), -2.2))
    assert shifted.mode == 26
    split = recoding_sweep.vote(swept, PRIOR, RULES, lambda places: np.where(np.arange(len(places)) % 2, 1.0, 0.0))
    assert split.share < 0.6
    assert split.centre == pytest.approx(23.5, abs=0.1)
    assert split.near > 0.9


def test_dips_are_those_of_a_naive_loop_and_lean_on_half_steps():
    curve = np.random.default_rng(3).normal(size=20)
    naive = [0.0, *((curve[k - 1] + curve[k + 1]) / 2 - curve[k] for k in range(1, 19)), 0.0]
    assert recoding_sweep.dips(curve) == pytest.approx(naive)
    leaning = [value + (0.5 * max(naive[k - 6], 0) if k >= 6 else 0) for k, value in enumerate(naive)]
    assert recoding_sweep.dips(curve, partner=6) == pytest.approx(leaning)


def test_trees_are_aligned_by_repeated_edges(coded):
    window = Window(10, 20, 103, 103)
    part, lead, corner = recoding_grid.aligned(coded, Blocks(), window, (3, 6))
    assert lead == ((11 - 3) % 64, (22 - 6) % 64)
    assert corner == (11, 22)
    assert np.array_equal(part[lead[0] :, lead[1] :], coded[11:107, 22:118])
    assert (part[: lead[0], lead[1] :] == coded[11, 22:118]).all()


def test_a_prior_comes_from_an_estimate_with_an_interval_only():
    estimate = Parameter("quantizer_index", 30.0, low=23.4, high=36.6)
    assert recoding.prior_of([Parameter("distance", 1.0), estimate]) == recoding.Prior(30.0, pytest.approx(4.0))
    assert recoding.prior_of([replace(estimate, low=29.9, high=30.1)]) == recoding.Prior(30.0, 2.0)
    assert recoding.prior_of([Parameter("quantizer_index", 30.0)]) is None
    assert recoding.prior_of([Parameter("quantizer_index", None, reason="none")]) is None
    assert recoding.Prior(300.0, 2.0).within(range(0, 256, 4)) == [248, 252]


def test_luma_is_that_of_the_matrix_and_range():
    white = np.full((4, 4, 3), 255, np.uint8)
    green = np.zeros((4, 4, 3), np.uint8)
    green[..., 1] = 200
    for coding, of_white, of_green in (("bt601 full", 255, 117), ("bt709 limited", 235, 139), ("rgb full", 255, 200)):
        named = Parameter("colour_coding", coding)
        assert recoding.luma(white, named)[0, 0] == of_white
        assert recoding.luma(green, named)[0, 0] == of_green
    assert recoding.luma(white[..., 0]).shape == (4, 4)
    assert recoding.luma(green)[0, 0] == 117


# ---- real files


def coloured(side: int) -> np.ndarray:
    """Three planes of the same texture with some colour, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    luma, red, blue = (textured(side, seed).astype(int) for seed in (2, 3, 4))
    return np.clip(np.stack([luma + red // 4 - 32, luma, luma + blue // 4 - 32], axis=2), 0, 255).astype(np.uint8)


def uneven(side: int) -> np.ndarray:
    """`coloured`, its contrast falling from left to right, so that blocks differ in texture."""
    contrast = np.linspace(1.0, 0.06, side)[None, :, None]
    return np.clip(128 + (coloured(side).astype(float) - 128) * contrast, 0, 255).astype(np.uint8)


def named(parameters) -> dict:
    return {parameter.name: parameter.value for parameter in parameters}


@pytest.mark.parametrize(("qp", "subsampling", "guess"), [(24, "4:2:0", 27.0), (31, "4:4:4", 28.0)])
def test_qp_and_grid_of_an_hevc_file_at_a_known_crop(qp, subsampling, guess):
    encoder = registry.get("bpg")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    decoded = encoder.decode(encoder.encode(coloured(216), qp=qp, subsampling=subsampling))[3:200, 21:216]
    found = hevc.recover(decoded, [Parameter("quantizer_index", guess, low=guess - 5, high=guess + 5)])
    assert found.found
    values = named(found.parameters())
    assert values["block_grid_phase"] == (5, 3)
    assert values["quantizer_index"] == qp
    assert values["adaptive_quantization"] is None
    assert values["fixed_point_gain"] > 1


@pytest.mark.parametrize("tune", ["default", "psnr"])
def test_index_and_grid_of_an_av1_file_at_a_known_crop(tune):
    encoder = registry.get("avif")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    from forensics.codecs.headers import coded_strength

    data = encoder.encode(coloured(176), quality=75, tune=tune)
    true = coded_strength.read("avif", data)["quantizer"]
    found = av1.recover(
        encoder.decode(data)[3:170, 21:176], [Parameter("quantizer_index", true + 11.0, low=true - 14, high=true + 36)]
    )
    values = named(found.parameters())
    assert values["block_grid_phase"] == (5, 3)
    assert abs(values["quantizer_index"] - true) <= 4
    assert values["fixed_point_gain"] > 1


@pytest.mark.parametrize("encoder", ["heic", pytest.param("heic-heif-enc", marks=pytest.mark.heavy)])
def test_an_adaptive_qp_is_that_of_blocks_of_mean_texture(encoder):
    codec = registry.get(encoder)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    picture = uneven(256)
    decoded = codec.decode(codec.encode(picture, quality=56))[3:250, 21:256]
    found = hevc.recover(decoded, [Parameter("quantizer_index", 20.0, low=14.0, high=26.0)], "heic")
    values = named(found.parameters())
    assert values["block_grid_phase"] == (5, 3)
    assert values["adaptive_quantization"] is True
    # libheif asks x265 for a rate factor of (100 - quality) / 2.
    assert values["quantizer_index"] == pytest.approx(22, abs=1.01)
    assert found.levelled
    assert "texture" in next(parameter.basis for parameter in found.parameters() if parameter.name == "quantizer_index")
    blocks = next(parameter for parameter in found.parameters() if parameter.name == "block_quantizer")
    assert blocks.low <= blocks.value <= blocks.high
    assert blocks.high - blocks.low >= 2


def test_energies_are_those_of_a_naive_loop():
    rng = np.random.default_rng(5)
    planes = [rng.integers(0, 256, (64, 80)).astype(np.uint8) for _ in range(3)]
    places = np.array([[0, 0], [17, 30], [48, 64]])
    for halved in (False, True):
        naive = []
        for top, left in places:
            total = 0.0
            for number, plane in enumerate(planes):
                block = plane[top : top + BLOCK, left : left + BLOCK].astype(float)
                if number and halved:
                    block = (block[::2, ::2] + block[1::2, ::2] + block[::2, 1::2] + block[1::2, 1::2]) / 4
                total += ((block - block.mean()) ** 2).sum()
            naive.append(total)
        assert block_energies(planes, places, halved) == pytest.approx(naive, rel=1e-4)


def test_offsets_follow_x265s_rule_over_the_group():
    plane = uneven(96)[..., 1]
    offsets = TextureOffsets([plane], True, (0, 0))
    activity = (
        block_energies([plane], np.array([[r, c] for r in range(0, 96, 16) for c in range(0, 96, 16)]), True) + 1
    ) ** 0.1
    mean, square = activity.mean(), (activity**2).mean()
    by_block = mean * (activity - (mean - 0.5 * (square - 11) / mean))
    groups = by_block.reshape(3, 2, 3, 2).mean(axis=(1, 3))
    places = np.array([[GROUP * row + 16, GROUP * column] for row in range(3) for column in range(3)])
    assert offsets(places) == pytest.approx(groups.ravel(), abs=1e-3)
    assert offsets.mean == pytest.approx(by_block.mean(), abs=1e-3)


@pytest.mark.parametrize(("quality", "guess"), [(80, 27.0), (55, 28.0)])
def test_index_and_grid_of_a_webp_file_at_a_known_crop(quality, guess):
    encoder = registry.get("webp")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    from forensics.codecs.headers import coded_strength

    data = encoder.encode(coloured(280), quality=quality)
    true = coded_strength.read("webp", data)["quantizer"]
    found = vp8.recover(
        encoder.decode(data)[3:280, 22:280], [Parameter("quantizer_index", guess, low=guess - 13, high=guess + 13)]
    )
    values = named(found.parameters())
    assert values["block_grid_phase"] == (1, 2)
    assert values["quantizer_index"] == pytest.approx(true, abs=3)
    assert values["quality_factor"] == pytest.approx(quality, abs=5)
    assert values["fixed_point_gain"] > 1


@pytest.mark.parametrize(("effort", "distance"), [(7, 2.0), (3, 1.2)])
def test_distance_grid_and_effort_of_a_jpeg_xl_file_at_a_known_crop(effort, distance):
    encoder = registry.get("jpegxl")
    if not encoder.availability().encode:
        pytest.skip(encoder.availability().reason)
    decoded = encoder.decode(encoder.encode(coloured(280), distance=distance, effort=effort))[3:280, 22:280]
    found = jpegxl.recover(decoded, [Parameter("distance", 1.6, low=0.7, high=3.5)])
    values = named(found.parameters())
    assert values["block_grid_phase"] == (5, 2)
    assert values["distance"] == pytest.approx(distance, rel=0.25)
    assert found.low <= distance <= found.high
    assert found.fast is (effort < 5)
    assert values["fixed_point_gain"] > 1


def test_distances_and_indices_are_inverse():
    assert jpegxl.index_of(jpegxl.distance_of(17.5)) == pytest.approx(17.5)
    assert jpegxl.distance_of(jpegxl.Libjxl.indices[-1]) <= registry.get("jpegxl").strength.coarsest


def test_the_best_coder_is_the_one_of_greatest_contrast_and_its_summit_lies_between_indices():
    indices = np.arange(10, 40, 3)
    flat, peaked = np.full((10, 144), 8.0), 8.0 * 2 ** (-2 + 0.01 * (indices - 24.0) ** 2)[:, None] * np.ones((10, 144))
    sweeps = [Sweep(indices, side(errors), side(np.full((10, 144), 8.0))) for errors in (flat, peaked)]
    best = recoding_sweep.repeated_best(sweeps, recoding.Prior(24.0, 30.0))
    assert best.coder == 1
    assert best.index == pytest.approx(24, abs=0.3)
    assert best.low < 24 < best.high
    assert best.contrast == pytest.approx(np.log2(9 / 3), abs=0.1)


def test_coding_again_counts_the_blocks_that_change_less_than_their_neighbours_beside_the_grid(swept):
    trace = trace_of(swept, 24)
    on, control = swept.on, swept.control
    place = int(np.flatnonzero(swept.indices == 24)[0])
    naive = 0
    for errors, at in zip(on.errors[place], on.places, strict=True):
        nearest = min(range(len(control.places)), key=lambda k: abs(control.places[k] - at).sum())
        naive += int(errors < control.errors[place][nearest])
    assert trace.parameters["less"] == naive
    assert trace.parameters["blocks"] == len(on.places)
    assert trace.statistic == naive / len(on.places)
    assert trace.found
    assert trace.speaks_for == ("webp",)
    assert trace.parameters["at"] == 24
    assert trace.series["on"].shape == trace.series["beside"].shape == swept.indices.shape


def test_blocks_that_change_alike_are_no_trace_of_coding(swept):
    for same in (replace(swept, control=swept.on), replace(swept, on=swept.control)):
        trace = trace_of(same, 24)
        assert not trace.found
        assert trace.speaks_for == ()
    toss = np.random.default_rng(1).uniform(1, 2, (2, *swept.on.errors.shape)).astype(np.float32)
    fair = replace(
        swept,
        on=replace(swept.on, errors=toss[0]),
        control=replace(swept.control, errors=toss[1][:, : swept.control.errors.shape[1]]),
    )
    assert not trace_of(fair, 24).found


def trace_of(swept, index):
    grid = recoding.Grid((3, 6), 9.0, 9.0, (3, 6))
    return coding_again(
        swept,
        grid,
        index,
        encoder="made",
        quantity="index",
        values=swept.indices,
        tree=8,
        encoders=1,
        speaks_for=("webp",),
    )


def test_a_file_of_the_reference_software_reads_as_well():
    """`jctvc_444_q24_12bit.bpg` was made by another HEVC encoder than the one that recompresses; its recipe lies next
    to it.
    """
    decoded = registry.get("bpg").decode((REFERENCE / "jctvc_444_q24_12bit.bpg").read_bytes())[2:, 5:]
    found = hevc.recover(decoded, [Parameter("quantizer_index", 26.0, low=21.0, high=31.0)])
    assert found.grid.phase == (6, 3)
    assert found.qp == pytest.approx(24, abs=1)


def test_what_was_never_coded_has_reasons_and_no_values():
    guess = Parameter("quantizer_index", 30.0, low=24.0, high=36.0)
    for module, one in ((hevc, guess), (vp8, guess), (jpegxl, Parameter("distance", 2.0, low=1.0, high=4.0))):
        plain = module.recover(coloured(200), [one])
        assert not plain.found
        assert all(parameter.value is None and parameter.reason for parameter in plain.parameters())


@pytest.mark.parametrize("module", [hevc, av1, vp8, jpegxl])
def test_without_an_estimate_or_room_nothing_is_tried(module):
    guess = Parameter("quantizer_index", 30.0, low=24.0, high=36.0)
    assert "no estimate" in module.recover(coloured(128)).reason
    assert "96 pixels" in module.recover(coloured(80), [guess]).reason


@pytest.mark.parametrize(
    ("count", "share", "blocks", "enough"),
    [(20, 0.3, 144, True), (14, 0.57, 144, False), (9, 0.89, 25, True), (13, 0.69, 25, False), (9, 0.9, 144, False)],
)
def test_an_av1_index_needs_many_votes_or_votes_that_agree(count, share, blocks, enough):
    assert av1._agreed(recoding_sweep.Votes(100.0, 96.0, 104.0, 100, share, count, 100.0, share), blocks) is enough


@pytest.mark.parametrize(("gain", "reach"), [(8.0, 4), (2.0, 32)])
def test_the_interval_of_an_av1_index_is_wide_where_coding_again_hardly_repeats_the_picture(monkeypatch, gain, reach):
    monkeypatch.setattr(Sweep, "gain", lambda self, index: gain)
    monkeypatch.setattr(
        recoding_sweep,
        "vote",
        lambda swept, prior, rules: recoding_sweep.Votes(100.0, 100.0, 100.0, 100, 1.0, 60, 100.0, 1.0),
    )
    swept = Sweep(np.arange(0, 256, 4), side(np.zeros((64, 144))), side(np.zeros((64, 144))))
    read = av1._read(recoding.Grid((0, 0), 9.0, 9.0), [swept, swept], PRIOR)
    assert (read.index, read.low, read.high) == (100, 100 - reach, 100 + reach)


def test_planes_coded_in_one_session_are_as_those_coded_alone():
    from forensics.codecs.hevc import pyav

    if pyav.missing():
        pytest.skip(pyav.missing())
    planes = [textured(64, seed=number) for number in range(3)]
    for plane, again in zip(planes, pyav.recode(planes, 27), strict=True):
        np.testing.assert_array_equal(again, pyav.recode([plane], 27)[0])


def test_positions_that_fall_behind_are_left_for_the_later_windows(coded):
    """The grid and its lead come from those that stay; what is left out never wins."""
    kept = recoding_grid.find_grid(coded, Blocks(), [20, 23], decisive=1e9, windows=4)
    assert kept.phase == (3, 6)
    assert kept.lead > recoding.GRID_FROM


@pytest.mark.parametrize("cores", [{0}, {0, 1, 2}])
def test_codings_in_threads_keep_their_order(monkeypatch, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: cores)
    seen = set()

    def halved(number: int) -> float:
        seen.add(threading.get_ident())
        time.sleep(0.002 * (9 - number))  # the first takes longest
        return number / 2

    assert threads.each(halved, range(10)) == [number / 2 for number in range(10)]
    assert (seen == {threading.get_ident()}) == (len(cores) == 1)
    assert threads.each(halved, []) == []
