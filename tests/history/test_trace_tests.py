"""The trace tests: naive twins of their counts, what real codecs leave, silence without a trace, and the false-alarm
rate on noise.
"""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from forensics_features.comb import BINS, FINE_BIN
from forensics_features.lattice import DECODERS
from PIL import Image
from scipy.fft import dctn

from forensics.history.traces import run_traces
from forensics.history.traces.boundary_profile import boundary_profile
from forensics.history.traces.chroma_spectrum import chroma_spectrum
from forensics.history.traces.colour_lattice import colour_lattice, on_lattice, title
from forensics.history.traces.dct_comb import dct_comb
from forensics.history.traces.grid_phase import NO_VOTE, grid_log10_nfa, grid_phase, local_grids, vote_map
from forensics.history.traces.phase_comb import STEPS, comb_evidence
from forensics.history.traces.residual_spectrum import residual_spectrum
from forensics.history.traces.sample import ALIGNMENT, draw_sample
from forensics.history.traces.wavelet_comb import wavelet_comb
from forensics.results.chance import VALIDATED, chance
from forensics.results.history import FOUND_BELOW, Trace


def scene(side: int = 200, seed: int = 3, noise: float = 3.0) -> np.ndarray:
    """A coloured scene with texture at all scales and sensor-like noise."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.normal(size=(side, side, 3)), axes=(0, 1))
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) + 1 / side
    field = np.fft.irfft2(spectrum / radius[:, :, None] ** 1.3, s=(side, side), axes=(0, 1))
    field = field / field.std() @ np.array([[30, 22, 18], [4, -9, 12], [9, 2, -11]])
    return np.clip(np.rint(120 + field + rng.normal(0, noise, field.shape)), 1, 254).astype(np.uint8)


def through(pixels: np.ndarray, fmt: str, crop: tuple[int, int] = (3, 5), **options: object) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, fmt, **options)
    decoded = np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB"))
    return np.ascontiguousarray(decoded[crop[0] :, crop[1] :])


JPEG90 = through(scene(), "JPEG", quality=90, subsampling=2)
PLAIN = scene(seed=11)


def test_votes_are_those_of_plain_loops() -> None:
    luma = np.rint(JPEG90[:32, :30].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    votes = vote_map(luma)
    counts = {}
    for i in range(luma.shape[0] - 7):
        for j in range(luma.shape[1] - 7):
            block = dctn(luma[i : i + 8, j : j + 8], norm="ortho")
            small = np.abs(block) < 0.5
            constant = small[1:].all() or small[:, 1:].all()
            counts[i, j] = (int(small.sum() - small[0, 0]), constant)
    for y in range(luma.shape[0]):
        for x in range(luma.shape[1]):
            inside = [
                (counts[i, j], i, j) for i in range(y - 7, y + 1) for j in range(x - 7, x + 1) if (i, j) in counts
            ]
            if len(inside) < 64:
                assert votes[y, x] == NO_VOTE
                continue
            most = max(count for (count, _), _, _ in inside)
            winners = [(constant, i, j) for (count, constant), i, j in inside if count == most]
            alone = len(winners) == 1 and not winners[0][0]
            expected = winners[0][1] % 8 * 8 + winners[0][2] % 8 if alone else NO_VOTE
            assert votes[y, x] == expected


def test_grid_is_found_at_its_phase_and_moves_with_the_crop() -> None:
    for top, left in ((0, 0), (3, 5), (6, 1)):
        trace = grid_phase(draw_sample(through(scene(), "JPEG", (top, left), quality=90)))
        assert trace.found
        assert trace.parameters["phase"] == [-top % 8, -left % 8]
    assert not grid_phase(draw_sample(PLAIN)).found


def test_equal_votes_are_no_grid() -> None:
    assert grid_log10_nfa(np.full(64, 640), (256, 256)).min() > 0
    assert grid_log10_nfa(np.zeros(64, int), (64, 64)).min() > 0


def test_a_pasted_grid_is_a_local_one() -> None:
    base = through(scene(264), "JPEG", (0, 0), quality=85)[:256, :256]
    other = through(scene(264, seed=5), "JPEG", (3, 4), quality=85)
    pasted = base.copy()
    pasted[60:180, 80:200] = other[60:180, 80:200]
    luma = pasted @ np.array([0.299, 0.587, 0.114])
    found = local_grids(vote_map(luma), 0)
    assert found
    first = found[0]
    assert first.origin == (5, 4)
    assert abs(first.top - 60) < 20
    assert abs(first.left + first.width - 200) < 20


def test_dct_comb_reads_the_quantisation_table() -> None:
    table = [8 + 2 * (i % 8) + 3 * (i // 8) for i in range(64)]
    trace = dct_comb(draw_sample(through(scene(320, noise=6), "JPEG", qtables=[table], subsampling=0)))
    assert trace.found
    assert trace.speaks_for[0] == "jpeg"
    assert trace.parameters["phase"] == [5, 3]
    stated = [(step, table[i]) for i, step in enumerate(trace.parameters["steps"]) if step is not None]
    assert len(stated) >= 10
    assert np.mean([abs(step / truth - 1) < 0.06 for step, truth in stated]) > 0.8
    assert not dct_comb(draw_sample(PLAIN)).found


def test_wavelet_comb_knows_its_transform() -> None:
    for irreversible, name in ((True, "97"), (False, "53")):
        decoded = through(
            scene(), "JPEG2000", quality_mode="rates", quality_layers=[10], irreversible=irreversible, mct=1
        )
        trace = wavelet_comb(draw_sample(decoded))
        assert trace.found
        assert trace.parameters["wavelet"] == name
        # The crop begins at row 3, column 5: low-pass samples are at rows 4, 6, ... and 4, 8, ... of the coded picture.
        assert trace.parameters["parity"] == {1: [1, 1], 2: [0, 1]}[trace.parameters["level"]]
    assert not wavelet_comb(draw_sample(JPEG90)).found


def test_colours_come_from_the_decoder_that_made_them() -> None:
    trace = colour_lattice(draw_sample(JPEG90))
    assert trace.found
    assert trace.parameters["lattice"] == "bt601_full"
    assert trace.statistic > 0.98
    webp = colour_lattice(draw_sample(through(scene(), "WEBP", quality=85)))
    assert webp.parameters["lattice"] == "bt601_limited_truncated"
    assert webp.speaks_for == ("webp",)
    assert not colour_lattice(draw_sample(PLAIN)).found


def test_few_colours_are_no_lattice() -> None:
    """Four colours on the lattice by chance are four trials, however many pixels have them."""
    rng = np.random.default_rng(1)
    ycc = np.column_stack([rng.integers(90, 150, 4000), rng.integers(110, 146, (4000, 2))])
    decoder = DECODERS["bt601_full"]
    forward = decoder.forward()
    rgb = np.rint((ycc - forward[:, 3]) @ np.linalg.inv(forward[:, :3]).T).astype(np.int32)
    on = rgb[on_lattice(rgb, decoder)][:4]
    picture = on[rng.integers(0, 4, (96, 96))].astype(np.uint8)
    assert not colour_lattice(draw_sample(picture)).found
    many = rgb[on_lattice(rgb, decoder)][:1500]
    assert colour_lattice(draw_sample(many[rng.integers(0, 1500, (96, 96))].astype(np.uint8))).found


def test_titles_name_matrix_range_and_arithmetic() -> None:
    assert title("bt601_limited_truncated") == "limited-range BT.601 YCbCr, truncating"
    assert title("ycgco") == "YCgCo"


def test_boundaries_of_blocks() -> None:
    trace = boundary_profile(draw_sample(through(scene(), "JPEG", quality=50)))
    assert trace.found
    assert trace.parameters["period"] == 8
    assert trace.parameters["position"] == [5, 3]
    assert trace.parameters["kind"] == "step"
    assert not boundary_profile(draw_sample(PLAIN)).found


def test_halved_chroma_is_read_by_axis() -> None:
    smooth = scene(noise=0.5)
    for subsampling, expected in ((2, "4:2:0"), (1, "4:2:2")):
        trace = chroma_spectrum(draw_sample(through(smooth, "JPEG", quality=95, subsampling=subsampling)))
        assert trace.found
        assert trace.parameters["subsampling"] == expected
    assert not chroma_spectrum(draw_sample(PLAIN)).found
    assert trace.parameters["bandwidth_x"] < trace.parameters["bandwidth_y"]


@pytest.mark.parametrize(("factor", "kernel"), [(1.45, Image.Resampling.BILINEAR), (1.7, Image.Resampling.BICUBIC)])
def test_enlargement_is_found_with_its_factor(factor: float, kernel: int) -> None:
    source = scene(240, noise=5)
    side = round(240 * factor)
    enlarged = np.asarray(Image.fromarray(source).resize((side, side), kernel))
    trace = residual_spectrum(draw_sample(enlarged))
    assert trace.parameters["resized"]
    assert min(abs(f - factor) for f in trace.parameters["factors"]) < 0.03
    assert not residual_spectrum(draw_sample(source)).found
    assert not residual_spectrum(draw_sample(JPEG90)).found


def histograms(values: np.ndarray) -> np.ndarray:
    """Values [shape=(phases, rows, n)] as histograms of magnitudes."""
    bins = np.minimum(np.abs(values) / FINE_BIN, BINS).astype(int)
    return np.array([[np.bincount(row, minlength=BINS + 1)[:BINS] for row in phase] for phase in bins])


def test_comb_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(4)
    rates = [comb_evidence(histograms(rng.laplace(0, 9, (16, 3, 300)))).log10_nfa for _ in range(150)]
    assert np.mean(np.array(rates) <= FOUND_BELOW) <= 0.03
    assert np.mean(np.array(rates) <= 0) < 0.9


def test_comb_of_one_phase_is_found_with_its_step_and_repeats_are_not() -> None:
    rng = np.random.default_rng(5)
    values = rng.laplace(0, 12, (16, 2, 400))
    values[6] = np.rint(values[6] / 7) * 7 + rng.normal(0, 0.3, values[6].shape)
    evidence = comb_evidence(histograms(values))
    assert evidence.phase == 6
    assert evidence.log10_nfa < -20
    assert evidence.step == pytest.approx([7, 7], abs=0.3)
    assert evidence.spectrum.shape == (2, len(STEPS))
    assert comb_evidence(histograms(values), distinct=0.01).log10_nfa > FOUND_BELOW


def test_a_comb_at_every_phase_is_none() -> None:
    rng = np.random.default_rng(6)
    values = np.rint(rng.laplace(0, 12, (16, 2, 400)) / 6) * 6
    assert comb_evidence(histograms(values)).log10_nfa > FOUND_BELOW


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64), 7, np.uint8),
        np.full((80, 64, 3), 255, np.uint8),
        np.random.default_rng(8).integers(0, 256, (96, 64, 3), dtype=np.uint8),
        np.random.default_rng(9).integers(0, 256, (64, 90), dtype=np.uint8),
        np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1)),
        np.tile(np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8), (12, 12, 1)),
    ],
)
def test_nothing_is_found_where_nothing_is(pixels: np.ndarray) -> None:
    traces = run_traces(pixels)
    assert len(traces) == 9
    for trace in traces:
        assert not trace.found, trace.sentence
        assert trace.speaks_for == ()
        json.dumps(trace.to_dict(), allow_nan=False)


def test_order_is_by_significance_and_repeats_with_the_seed() -> None:
    traces = run_traces(JPEG90, seed=1)
    rates = [trace.log10_nfa for trace in traces if np.isfinite(trace.log10_nfa)]
    assert rates == sorted(rates)
    assert {"dct_comb", "grid_phase", "colour_lattice"} <= {trace.name for trace in traces if trace.found}
    again: tuple[Trace, ...] = run_traces(JPEG90, seed=1)
    assert [t.to_dict() for t in again] == [t.to_dict() for t in traces]


def test_large_pictures_are_sampled_on_the_grid() -> None:
    sample = draw_sample(np.zeros((1500, 2000, 3), np.uint8), seed=3)
    assert len(sample.regions) == 4
    assert all(top % ALIGNMENT == 0 and left % ALIGNMENT == 0 for top, left in sample.origins)
    assert sample.centre.y.shape == (1500, 1536)
    assert draw_sample(np.zeros((1500, 2000, 3), np.uint8), seed=3).origins == sample.origins
    small = draw_sample(np.zeros((300, 70), np.uint8))
    assert small.regions[0].y.shape == (300, 70)
    narrow = draw_sample(np.zeros((70, 9000), np.uint8))
    assert narrow.regions[0].y.shape[0] == 70


def test_small_pictures_are_refused() -> None:
    with pytest.raises(ValueError):
        run_traces(np.zeros((63, 100), np.uint8))


def test_rates_in_words() -> None:
    assert chance(3.0) == "every picture"
    assert chance(-2.3) == "one picture in 200"
    assert chance(-40.2) == f"fewer than one picture in {VALIDATED:,}, as many as the tests were tried on"


@pytest.mark.parametrize("quality", [55, 70, 80])
def test_whole_chroma_in_coarse_blocks_is_not_called_halved(quality: int) -> None:
    """Blocks of few coefficients are flat at their centres: one column of eight, not every other one."""
    for seed in (3, 11):
        whole = chroma_spectrum(draw_sample(through(scene(seed=seed), "JPEG", quality=quality, subsampling=0)))
        assert not whole.found, whole.sentence
    width = chroma_spectrum(draw_sample(through(scene(320), "JPEG", quality=quality, subsampling=1)))
    assert width.parameters["subsampling"] in ("4:2:2", None)


def test_local_grids_are_told_with_the_false_alarms_that_validation_supports() -> None:
    pixels = scene(256)
    pixels[:, 128:] = through(scene(256), "JPEG", crop=(0, 0), quality=50)[:, 128:]
    pixels[:128, :128] = through(scene(260), "JPEG", crop=(3, 4), quality=50)[:128, :128]
    stated = [grid["log10_nfa"] for grid in grid_phase(draw_sample(pixels)).parameters["local_grids"]]
    assert stated
    assert min(stated) >= -np.log10(VALIDATED)


def test_red_and_blue_of_half_size_are_told() -> None:
    """As 4:2:0 with identity matrix: green whole, red and blue at half the resolution."""
    pixels = scene(256)
    low = pixels[:, :, [0, 2]].reshape(128, 2, 128, 2, 2).mean(axis=(1, 3))
    pixels[:, :, [0, 2]] = np.rint(low).repeat(2, 0).repeat(2, 1)
    trace = chroma_spectrum(draw_sample(pixels[1:, 3:]))
    assert trace.found
    assert trace.parameters["planes"] == "red and blue"
    assert trace.parameters["subsampling"] == "4:2:0"
    assert "Red and blue obey repeated samples" in trace.sentence
    assert "half the width and height" in trace.sentence
    for whole in (PLAIN, scene(256), JPEG90):
        assert chroma_spectrum(draw_sample(whole)).parameters["planes"] != "red and blue"
