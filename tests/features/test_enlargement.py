"""Enlargement by interpolation: native lengths, kernels, what pictures without one give, and the way back."""

from collections import OrderedDict

import numpy as np
import pytest
from forensics_features import _enlargement_kernels as kernels
from forensics_features import enlargement, enlargement_axes, enlargement_settled
from forensics_features.enlargement import BILINEAR, CORNERS, CUBIC, KERNELS, LANCZOS_3, SHARP_CUBIC, Axis, Band
from forensics_features.enlargement_axes import NEARBY, nearby_medians
from PIL import Image
from scipy.ndimage import gaussian_filter

PILLOW = {BILINEAR: Image.Resampling.BILINEAR, CUBIC: Image.Resampling.BICUBIC, LANCZOS_3: Image.Resampling.LANCZOS}


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Texture at several scales on slopes, far from black and white."""
    rng = np.random.default_rng(seed)
    layers = [
        rng.normal(size=(height, width)),
        *(gaussian_filter(rng.normal(size=(height, width)), s) * 4 * s for s in (1, 4)),
    ]
    return np.clip(128 + 9 * sum(layers), 20, 235).astype(np.uint8)


def dense(kernel: enlargement.Kernel, slope: float, offset: float, n: int, m: int, fold: bool) -> np.ndarray:
    """The resampling matrix, weight by weight."""
    matrix = np.zeros((m, n))
    for i in range(m):
        u = slope * i + offset
        for j in range(int(np.floor(u)) - kernel.radius + 1, int(np.floor(u)) + kernel.radius + 1):
            if fold or 0 <= j < n:
                matrix[i, min(max(j, 0), n - 1)] += weight(kernel, abs(u - j))
        matrix[i] /= matrix[i].sum()
    return matrix


def weight(kernel: enlargement.Kernel, t: float) -> float:
    if t >= kernel.radius:
        return 0.0
    if kernel.kind == kernels.LANCZOS:
        return float(np.sinc(t) * np.sinc(t / kernel.radius))
    if kernel.radius == 1:
        return 1 - t
    b, c = kernel.b, kernel.c
    if t < 1:
        return ((12 - 9 * b - 6 * c) * t**3 + (-18 + 12 * b + 6 * c) * t**2 + 6 - 2 * b) / 6
    return ((-b - 6 * c) * t**3 + (6 * b + 30 * c) * t**2 + (-12 * b - 48 * c) * t + 8 * b + 24 * c) / 6


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("fold", [False, True])
def test_bands_are_the_resampling_matrix_and_solve_as_dense_algebra_does(kernel, fold):
    n, m = 23, 37
    slope, offset = enlargement.places(n, m, enlargement.CENTRES)
    matrix = dense(kernel, slope, offset, n, m, fold)
    band = Band.of(kernel, slope, offset, n, m, fold=fold)
    inputs = np.random.default_rng(1).normal(size=(n, 3))
    outputs = np.random.default_rng(2).normal(size=(m, 3))
    np.testing.assert_allclose(band.enlarged(inputs), matrix @ inputs, atol=1e-12)
    expected = np.linalg.solve(matrix.T @ matrix + 1e-6 * np.eye(n), matrix.T @ outputs)
    np.testing.assert_allclose(band.least_squares(outputs), expected, atol=1e-7)


def test_residuals_of_a_segment_are_those_of_a_projection():
    samples = np.random.default_rng(3).normal(size=(60, 2)) * 40
    slope, offset, start = 0.75, 0.125, 7  # phases that the table of weights holds
    at = slope * start + offset
    base = int(np.floor(at)) - 1
    n = int(np.floor(slope * 59 + at)) - base + 3
    matrix = dense(CUBIC, slope, at - base, n, 60, True)
    projected = matrix @ np.linalg.solve(matrix.T @ matrix + 1e-6 * np.eye(n), matrix.T @ samples)
    expected = np.log(((samples - projected) ** 2).sum(axis=0) / (60 - n) + 2e-3)
    found = enlargement.log_residuals(samples, start, CUBIC, np.array([slope]), np.array([offset]))[0]
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_kernels_compiled_and_not_agree():
    samples = np.random.default_rng(4).normal(size=(40, 16))
    table = np.empty((65, 4))
    kernels.fill_table.py_func(kernels.CUBIC, 0.0, 0.5, 2, table)
    again = np.empty_like(table)
    kernels.fill_table(kernels.CUBIC, 0.0, 0.5, 2, again)
    np.testing.assert_allclose(table, again)
    slopes, offsets = np.array([0.5, 0.97, 0.6, 0.7, 0.8, 0.45]), np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    compiled, plain = np.empty((6, 16)), np.empty((6, 16))
    counts, counted = np.empty(6, np.int64), np.empty(6, np.int64)
    kernels.count_inputs(40, 0.0, slopes, offsets, 2, counts)
    kernels.count_inputs.py_func(40, 0.0, slopes, offsets, 2, counted)
    assert counts.tolist() == counted.tolist()
    kept, factored = np.empty((counts.sum(), 4)), np.empty((counts.sum(), 4))
    kernels.factor_pairs(40, 0.0, slopes, offsets, table, 1e-6, counts, kept)
    kernels.factor_pairs.py_func(40, 0.0, slopes, offsets, table, 1e-6, counts, factored)
    np.testing.assert_allclose(kept, factored, rtol=1e-9, atol=1e-12)
    kernels.scan(samples, 0.0, slopes, offsets, table, counts, kept, 16, compiled)
    kernels.scan.py_func(samples, 0.0, slopes, offsets, table, counts, kept, 16, plain)
    np.testing.assert_allclose(compiled, plain, rtol=1e-9)
    assert (plain[1] == -1).all()


def test_factors_are_kept_for_first_passes_and_change_nothing(monkeypatch):
    monkeypatch.setattr(enlargement_axes, "_kept", OrderedDict())
    slopes = np.linspace(0.3, 0.99, 120)
    pictures = [np.random.default_rng(seed).normal(0, 20, (96, 12)) for seed in range(2)]
    fresh = [enlargement.log_residuals(one, 7.0, CUBIC, slopes, slopes / 2) for one in pictures]
    assert len(enlargement_axes._kept) == 1
    again = [enlargement.log_residuals(one, 7.0, CUBIC, slopes, slopes / 2) for one in pictures]
    assert all(map(np.array_equal, fresh, again))
    few = enlargement.log_residuals(pictures[1], 7.0, CUBIC, slopes[:9], slopes[:9] / 2)
    np.testing.assert_allclose(few, fresh[1][:9], rtol=1e-9)
    monkeypatch.setattr(enlargement_axes, "_MOST_KEPT", 3 * next(iter(enlargement_axes._kept.values()))[1].nbytes)
    for start in range(5):
        enlargement.log_residuals(pictures[0], float(start), CUBIC, slopes, slopes / 2)
    assert 2 <= len(enlargement_axes._kept) <= 3


@pytest.mark.parametrize("lines", [3, 12, 16, 24])
def test_pairs_tried_together_give_what_each_gives_alone(lines):
    samples = np.random.default_rng(5).normal(0, 20, (96, lines))
    slopes, offsets = np.linspace(0.3, 0.99, 11), np.linspace(0, 0.9, 11)
    together = enlargement.log_residuals(samples, 7.0, LANCZOS_3, slopes, offsets)
    alone = [
        enlargement.log_residuals(samples, 7.0, LANCZOS_3, slopes[k : k + 1], offsets[k : k + 1])[0] for k in range(11)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    assert np.isinf(together[-1]).all()
    assert np.isfinite(together[0]).all()


@pytest.mark.parametrize("kernel", [BILINEAR, CUBIC, LANCZOS_3], ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("factor", [1.1, 1.37, 2.0, 3.2])
def test_what_pillow_enlarged_is_read_to_the_pixel_and_undone(kernel, factor):
    native = scene(150, 181)
    size = (round(181 * factor), round(150 * factor))
    enlarged = np.asarray(Image.fromarray(native).resize(size, PILLOW[kernel]))
    found = enlargement.find(enlarged)
    assert found is not None
    assert (found.columns.old, found.rows.old) == (181, 150)
    assert found.columns.kernel == kernel
    undone = enlargement.undo(enlarged, found)
    assert undone.shape == native.shape
    assert np.abs(undone.astype(int) - native).mean() < (0.8 if kernel == BILINEAR else 0.3)


def resampled(native: np.ndarray, kernel: enlargement.Kernel, new: int, alignment: str) -> np.ndarray:
    """Columns made by the dense matrix, rounded once."""
    slope, offset = enlargement.places(native.shape[1], new, alignment)
    return np.clip(np.rint(native @ dense(kernel, slope, offset, native.shape[1], new, True).T), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize("alignment", [enlargement.CENTRES, CORNERS])
def test_one_axis_alone_and_its_alignment(alignment):
    enlarged = resampled(scene(150, 160), SHARP_CUBIC, 233, alignment)
    found = enlargement.find(enlarged)
    assert found is not None
    assert found.rows is None
    assert found.columns.old == 160
    assert found.columns.kernel == SHARP_CUBIC
    assert found.columns.alignment == alignment
    turned = enlargement.find(enlarged.T)
    assert turned.columns is None
    assert turned.rows.old == 160


def test_colours_are_undone_alike_and_different_factors_kept_apart():
    native = np.stack([scene(120, 140, seed) for seed in range(3)], axis=-1)
    enlarged = np.asarray(Image.fromarray(native).resize((300, 170), Image.Resampling.BICUBIC))
    found = enlargement.find(enlarged)
    assert (found.columns.old, found.rows.old) == (140, 120)
    assert np.abs(enlargement.undo(enlarged, found).astype(int) - native).mean() < 0.3


@pytest.mark.parametrize(
    "picture",
    [
        scene(256, 256),
        np.full((200, 200), 90, np.uint8),
        np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8),
        np.add.outer(np.arange(240), np.arange(240)).astype(np.uint8),
        np.rint(128 + 60 * np.sin(np.add.outer(np.arange(240) * 0.3, np.arange(240) * 0.21))).astype(np.uint8),
        gaussian_filter(np.random.default_rng(1).integers(0, 256, (240, 240)).astype(float), 1.0).astype(np.uint8),
        scene(64, 64)[:20],
    ],
    ids=["textured", "flat", "noise", "ramp", "waves", "blurred", "low"],
)
def test_pictures_that_were_not_enlarged_show_nothing(picture):
    assert enlargement.find(picture) is None


def board(side: int, cell: float, line: float, first: float) -> np.ndarray:
    """Equal cells with lines between them, of widths and places in pixels, as a drawing program fills edge pixels."""
    fine = np.arange(side * 16) / 16 + 1 / 32
    apart = np.abs((fine - first + cell / 2) % cell - cell / 2)
    covered = (apart < line / 2).reshape(side, 16).mean(axis=1)
    return np.rint(153 - 93 * np.maximum.outer(covered, covered)).astype(np.uint8)


@pytest.mark.parametrize("drawn", [(200, 25, 1.0, 0.0), (200, 25, 2.0, 0.25), (240, 30, 2.0, 1.0), (160, 20, 1.5, 1.0)])
def test_a_board_of_equal_cells_was_not_enlarged(drawn):
    assert enlargement.find(board(*drawn)) is None


def test_native_samples_that_are_no_whole_numbers_are_none(monkeypatch):
    monkeypatch.setattr(enlargement_settled, "_ALIKE", 0.0)
    drawn = board(200, 25, 2.0, 0.25)
    assert enlargement.find(drawn) is None
    monkeypatch.setattr(enlargement_settled, "_NOT_WHOLE", np.inf)
    assert enlargement.find(drawn) is not None


def test_a_coarse_jpeg_is_not_taken_for_an_enlargement(tmp_path):
    for quality in (10, 30, 60):
        Image.fromarray(gaussian_filter(scene(256, 256).astype(float), 0.8).astype(np.uint8)).save(
            tmp_path / "a.jpg", quality=quality
        )
        assert enlargement.find(np.asarray(Image.open(tmp_path / "a.jpg"))) is None


def test_a_score_grows_with_contrast_and_falls_where_the_residual_is_uneven():
    axis = Axis(100, 200, CUBIC, enlargement.CENTRES, 0.5, -0.25, 2.0, 0.1, 90, ordinary=0.5, diversity=10.0)
    assert axis._replace(contrast=3.0).score > axis.score
    assert axis._replace(ordinary=1.4).score < axis.score / 3
    assert axis._replace(diversity=2.0).score == pytest.approx(axis.score / 4)
    assert axis._replace(blocks=0.05).score == 0


@pytest.mark.parametrize(("factor", "resample"), [(1.4, Image.Resampling.BICUBIC), (1.93, Image.Resampling.BILINEAR)])
def test_crops_tell_the_factor_to_a_thousandth_and_are_undone(factor, resample):
    native = scene(230, 260)
    size = (round(260 * factor), round(230 * factor))
    crop = np.asarray(Image.fromarray(native).resize(size, resample))[31:287, 40:296]
    found = enlargement.find(crop)
    assert found is not None
    assert {axis.alignment for axis in found.axes} == {enlargement.FREE}
    assert 1 / found.columns.slope == pytest.approx(size[0] / 260, rel=1e-3)
    assert 1 / found.rows.slope == pytest.approx(size[1] / 230, rel=1e-3)
    undone = enlargement.undo(crop, found).astype(int)
    assert undone.shape == (found.rows.old, found.columns.old)
    top, left = min(
        ((i, j) for i in range(8, 40) for j in range(8, 40)),
        key=lambda at: np.abs(undone - native[at[0] :, at[1] :][: undone.shape[0], : undone.shape[1]]).mean(),
    )
    apart = np.abs(undone - native[top:, left:][: undone.shape[0], : undone.shape[1]])[8:-8, 8:-8]
    assert apart.mean() < 0.6


def test_a_crop_of_what_was_not_enlarged_shows_nothing():
    for seed in range(3):
        axis = enlargement.crop_axis(scene(256, 256, seed))
        assert axis is None or axis.score < 2


@pytest.mark.parametrize("length", [1, 2, 7, 12, 13, 30, 300])
def test_running_medians_are_those_of_a_sorted_window(length):
    rng = np.random.default_rng(length)
    values = rng.choice(rng.normal(size=8 + 40 * (length % 2)), (length, 3))  # with and without ties
    values[rng.random(values.shape) < 0.1] = 20.0
    padded = np.pad(values, [(NEARBY, NEARBY), (0, 0)], mode="edge")
    naive = np.array([np.median(padded[at : at + 2 * NEARBY + 1], axis=0) for at in range(length)])
    assert np.array_equal(nearby_medians(values), naive)
