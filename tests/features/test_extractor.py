"""The full vector: names, sizes, kinds of pictures, scikit-learn's interface, and folders that cannot be written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import forensics_features
import numpy as np
import pytest
from forensics_features import FAMILIES, FeatureExtractor, as_planes, family, planes, to_rgb8
from forensics_features.planes import SAMPLED, row_bands, tiles

EXTRACTOR = FeatureExtractor()
SIZES = ((64, 64), (64, 300), (301, 97))

COLOUR = r"^chroma\.|^lattice\.(?!(clipped|grey)_share)|[._](chroma|cb|cr|u|v|g)_"
"""Measures of chroma planes, of green as 5/3 and 9/7 without a colour transform see it, and of the lattice of colours.
"""
DEEP = r"^wavelet\..*((hh|hl|lh)[45]|hl_lh[45]|margin[45])"
"""Measures of wavelet levels whose bands are too small in a window of 64 pixels a side."""
STEP = r"^block_dct\.log2_step"
"""Quantisation steps, which only a coefficient with a comb has."""


def textured(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Smooth waves with noise, away from clipping."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (5 + k)) + np.cos(y / (9 - k)) for k in range(channels)], axis=2)
    return np.clip(128 + 40 * waves + rng.normal(0, 3, waves.shape), 0, 255).astype(np.uint8)


def missing(vector: np.ndarray) -> set[str]:
    return {name for name, value in zip(EXTRACTOR.feature_names, vector, strict=True) if np.isnan(value)}


def named(pattern: str) -> set[str]:
    return {name for name in EXTRACTOR.feature_names if re.search(pattern, name)}


def sure(names: set[str]) -> set[str]:
    """Names without those that may lack in any picture."""
    return names - named(STEP)


def column(vector: np.ndarray, name: str) -> float:
    return float(vector[EXTRACTOR.feature_names.index(name)])


def test_names_are_unique_and_say_their_family():
    names = EXTRACTOR.feature_names
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", name)
        assert name.split(".")[0] in ("picture", *FAMILIES)
    order = list(dict.fromkeys(name.split(".")[0] for name in names))
    assert order == ["picture", *FAMILIES]
    assert list(EXTRACTOR.get_feature_names_out()) == list(names)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_gives_one_value_a_name(size):
    vector = EXTRACTOR.vector(textured(*size))
    assert vector.shape == (len(EXTRACTOR.feature_names),)
    assert vector.dtype == np.float32
    assert not np.isinf(vector).any()
    assert column(vector, "picture.log2_pixels") == pytest.approx(np.log2(size[0] * size[1]))
    assert column(vector, "picture.grey") == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_alone_gives_the_columns_of_the_full_vector(name):
    pixels = textured(96, 130)
    some = FeatureExtractor((name,))
    places = [EXTRACTOR.feature_names.index(column) for column in some.feature_names]
    np.testing.assert_array_equal(some.vector(pixels), EXTRACTOR.vector(pixels)[places])
    assert some.feature_names[:2] == ("picture.log2_pixels", "picture.grey")
    assert len(some.feature_names) == 2 + len(family(name).names)


def test_the_order_of_families_is_the_order_asked_for():
    some = FeatureExtractor(("rounding", "lattice"))
    assert list(dict.fromkeys(name.split(".")[0] for name in some.feature_names)) == ["picture", "rounding", "lattice"]


def test_rows_stand_for_themselves():
    pictures = [textured(*size, seed=k) for k, size in enumerate(SIZES)]
    rows = EXTRACTOR.transform(pictures)
    for row, pixels in zip(rows, pictures, strict=True):
        np.testing.assert_array_equal(row, EXTRACTOR.vector(pixels))
    np.testing.assert_array_equal(EXTRACTOR.fit_transform(reversed(pictures)), rows[::-1])
    empty = EXTRACTOR.transform([])
    assert (empty.shape, empty.dtype) == ((0, rows.shape[1]), np.float32)


def test_layout_in_memory_and_alpha_change_nothing_and_the_input_stays():
    pixels = textured(80, 90)
    kept = pixels.copy()
    expected = EXTRACTOR.vector(pixels)
    framed = np.zeros((100, 120, 4), np.uint8)
    framed[5:85, 7:97, :3] = pixels
    framed[..., 3] = np.random.default_rng(0).integers(0, 256, (100, 120))
    sixteen = pixels.astype(np.uint16) * 257
    for same in (np.asfortranarray(pixels), framed[5:85, 7:97], framed[5:85, 7:97, :3], sixteen):
        np.testing.assert_array_equal(EXTRACTOR.vector(same), expected)
    np.testing.assert_array_equal(pixels, kept)


def test_grey_in_every_form_is_the_same_and_has_no_colour():
    grey = textured(100, 90, channels=1)
    expected = EXTRACTOR.vector(grey[:, :, 0])
    with_alpha = np.concatenate([grey, np.full_like(grey, 9)], axis=2)
    for same in (grey, with_alpha, np.repeat(grey, 3, axis=2), grey.astype(np.uint16) * 257):
        np.testing.assert_array_equal(EXTRACTOR.vector(same), expected)
    assert column(expected, "picture.grey") == 1


def test_a_grey_picture_lacks_what_needs_colour_and_nothing_else():
    assert sure(missing(EXTRACTOR.vector(textured(320, 320, channels=1)))) == named(COLOUR)
    assert sure(missing(EXTRACTOR.vector(textured(320, 320)))) == set()


def test_sixteen_bits_are_rounded_to_eight():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    eight = to_rgb8(values)
    np.testing.assert_array_equal(eight[:, :, 0], np.floor(values / 257 + 0.5))


@pytest.mark.parametrize("size", [(64, 64), (64, 320), (320, 64)])
def test_small_pictures_lack_deep_wavelet_levels_and_nothing_else(size):
    assert sure(missing(EXTRACTOR.vector(textured(*size)))) == named(DEEP)


EXTREMES = {
    "black": np.zeros((96, 80, 3), np.uint8),
    "white": np.full((96, 80, 3), 255, np.uint8),
    "one colour": np.tile(np.uint8([200, 30, 90]), (96, 80, 1)),
    "noise": np.random.default_rng(0).integers(0, 256, (96, 80, 3), dtype=np.uint8),
    "two levels": np.random.default_rng(1).choice(np.uint8([0, 255]), (96, 80, 3)),
    "stripes": np.tile(np.uint8([0, 255])[None, :, None], (96, 40, 3)),
    "one pixel": np.pad(np.full((1, 1, 3), 255, np.uint8), ((40, 55), (40, 39), (0, 0))),
    "step": np.repeat(np.uint8([10, 240]), 40)[None, :, None] * np.ones((96, 1, 3), np.uint8),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_pictures_are_finite_or_not_measurable(name):
    vector = EXTRACTOR.vector(EXTREMES[name])
    assert not np.isinf(vector).any()
    assert np.abs(vector[np.isfinite(vector)]).max() < 1e6
    assert not any(key.startswith("picture.") for key in missing(vector))


def test_noise_has_no_quantisation_step_and_lacks_nothing_else():
    noise = np.random.default_rng(5).integers(0, 256, (320, 320, 3), dtype=np.uint8)
    lacking = missing(EXTRACTOR.vector(noise))
    assert lacking
    assert lacking <= named(STEP)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, bool, np.int8])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(TypeError, match=f"pixels are uint8 or uint16, not {np.dtype(dtype)}"):
        EXTRACTOR.vector(np.zeros((64, 64, 3), dtype))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((64,), r"pixels have shape \(height, width\[, 1..4\]\), not \(64,\)"),
        ((64, 64, 5), r"not \(64, 64, 5\)"),
        ((64, 64, 0), r"not \(64, 64, 0\)"),
        ((2, 64, 64, 3), r"not \(2, 64, 64, 3\)"),
        ((63, 64, 3), "pictures are at least 64 pixels a side, not 64x63"),
        ((64, 63), "not 63x64"),
        ((0, 0), "not 0x0"),
    ],
)
def test_other_shapes_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        as_planes(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "shape", [(64, 64), (512, 512), (724, 724), (1024, 1024), (700, 3000), (4001, 300), (100, 30000)]
)
def test_means_of_large_pictures_are_taken_over_even_bands(shape):
    bands = row_bands(shape)
    rows = np.concatenate([np.arange(shape[0])[band] for band in bands])
    assert len(set(rows.tolist())) == len(rows)
    if shape[0] * shape[1] <= 2 * SAMPLED or shape[0] < 128:
        assert len(rows) == shape[0]
    else:
        assert all(band.start % 64 == 0 and band.stop == band.start + 64 <= shape[0] for band in bands)
        assert SAMPLED / 2 < len(rows) * shape[1] <= SAMPLED


@pytest.mark.parametrize(
    "shape", [(64, 64), (724, 724), (1024, 1024), (700, 3000), (255, 9000), (4001, 300), (3000, 4000)]
)
def test_large_pictures_have_even_tiles(shape):
    parts = tiles(shape)
    if shape[0] * shape[1] <= 2 * SAMPLED or min(shape) < 256:
        assert parts == [(slice(0, shape[0]), slice(0, shape[1]))]
        return
    assert len({(rows.start, columns.start) for rows, columns in parts}) == 8
    for part in parts:
        for places, side in zip(part, shape, strict=True):
            assert places.start % 256 == 0
            assert places.stop == places.start + 256 <= side
    middle = [np.mean([(places.start + places.stop) / 2 for places in axis]) for axis in zip(*parts, strict=True)]
    np.testing.assert_allclose(middle, np.array(shape) / 2, atol=256)


def test_bands_measure_as_the_whole_picture(monkeypatch):
    pixels = textured(1024, 1024)
    some = FeatureExtractor(("lattice", "chroma", "cooccurrence"))
    sampled = some.vector(pixels)
    monkeypatch.setattr(planes, "SAMPLED", pixels.size)
    whole = some.vector(pixels)
    np.testing.assert_allclose(sampled, whole, atol=0.2)  # log2 powers of the one slow wave differ most
    assert np.mean(np.abs(sampled - whole) < 0.01) > 0.9


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match=r"feature families are lattice, .*, not 'colour'"):
        FeatureExtractor(("colour",)).fit()


def test_parameters_can_be_read_and_changed():
    some = FeatureExtractor(("rounding",))
    assert some.get_params() == {"families": ("rounding",), "n_jobs": None}
    assert some.set_params(families=("lattice",)) is some
    assert some.feature_names == FeatureExtractor(("lattice",)).feature_names
    assert FeatureExtractor(some.set_params().families).feature_names == some.feature_names


def test_it_is_a_transformer_of_scikit_learn():
    base = pytest.importorskip("sklearn.base")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    some = FeatureExtractor(("rounding", "cooccurrence"))
    twin = base.clone(some)
    assert twin is not some
    assert twin.get_params() == some.get_params()
    assert twin.feature_names == some.feature_names
    rng = np.random.default_rng(0)
    noisy = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(4)]
    pictures = [*noisy, *(textured(64, 64, seed=k) for k in range(4))]
    pipeline = make_pipeline(some, FunctionTransformer(np.nan_to_num), StandardScaler(), LogisticRegression())
    labels = [0] * 4 + [1] * 4
    assert base.clone(pipeline).fit(pictures, labels).predict(pictures).tolist() == labels


RUN = """
import warnings; warnings.simplefilter("error")
import numpy as np
from forensics_features import FeatureExtractor, planes
from forensics_features._kernel import fast_kernel
total = fast_kernel(lambda x: x.sum())
print(planes.__file__)
print(planes._ycc.stats.cache_path, total.stats.cache_path)
print(planes.as_planes(np.full((64, 64, 3), 100, np.uint8)).y[0, 0], total(np.ones(5)))
"""


@pytest.mark.parametrize("setting", [None, "NUMBA_CACHE_DIR"])
def test_kernels_run_where_no_folder_can_be_written(tmp_path: Path, setting: str | None):
    """A file stands where each cache folder would be made, which stops even an administrator; the temporary folder
    cannot be written either.
    """
    package = tmp_path / "forensics_features"
    shutil.copytree(Path(forensics_features.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__pycache__").touch()
    (tmp_path / "file").touch()
    blocked = str(tmp_path / "file" / "cache")
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "HOME": blocked,
        "XDG_CACHE_HOME": blocked,
        "TMPDIR": blocked,
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    if setting:
        environment[setting] = blocked
    code = f"import tempfile; tempfile.tempdir = {blocked!r}\n{RUN}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    where, caches, values = done.stdout.splitlines()
    assert where == str(package / "planes.py")
    assert caches == "None None"
    assert values == "100.0 5.0"


def test_kernels_are_cached_where_a_folder_can_be_written(tmp_path: Path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    code = "from forensics_features import planes; import numpy as np; planes.as_planes(np.zeros((64, 64), np.uint8))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=environment)
    assert list(tmp_path.rglob("planes._ycc*.nbc"))


def test_nothing_is_left_in_the_packages_own_folder(tmp_path: Path):
    """What an uninstallation does not know would stay behind and hide a later editable installation."""
    package = tmp_path / "site" / "forensics_features"
    shutil.copytree(Path(forensics_features.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)
    code = (
        "from forensics_features import planes; import numba, numpy as np; "
        "planes.as_planes(np.zeros((64, 64), np.uint8)); print(planes.__file__, numba.config.CACHE_DIR)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.stdout.split() == [str(package / "planes.py")]
    assert not list(package.rglob("*.nb?"))
    assert list((tmp_path / "cache").rglob("planes._ycc*.nbc"))


READ = """
import sys
import numpy as np
from forensics_features import planes
y = planes.as_planes(np.full((64, 64, 3), 100, np.uint8)).y
print(y[0, 0], sum(planes._ycc.stats.cache_hits.values()), "numba.np.linalg" in sys.modules)
"""


def test_a_cached_kernel_is_read_without_preparing_the_compiler(tmp_path: Path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run(
            [sys.executable, "-c", READ], capture_output=True, text=True, timeout=120, env=environment, check=True
        )
        for _ in range(2)
    ]
    assert [run.stdout.split() for run in runs] == [["100.0", "0", "True"], ["100.0", "1", "False"]]
