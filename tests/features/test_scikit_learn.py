"""The extractor under scikit-learn's own checks of estimators, as far as they apply to lists of pictures."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import forensics_features
import numpy as np
import pytest
from forensics_features import FAMILIES, FURTHER_FAMILIES, FeatureExtractor, family

checks = pytest.importorskip("sklearn.utils.estimator_checks")

AS_IT_IS = (
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_dont_overwrite_parameters",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_n_features_in_after_fitting",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_requires_y_none",
    "check_set_output_transform",
    "check_set_params",
    "check_transformer_get_feature_names_out",
    "check_transformer_n_iter",
    "check_valid_tag_types",
)
"""Checks that never look at the pictures."""
WITH_ROWS = (
    "check_dict_unchanged",
    "check_estimators_dtypes",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_global_output_transform_pandas",
    "check_inplace_ensure_writeable",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_pipeline_consistency",
    "check_set_output_transform_pandas",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
    "check_transformers_unfitted_stateless",
)
"""Checks that feed a table: each of its rows becomes a picture first."""
SKIPPED = {
    "check_complex_data": "pictures have no complex samples; other dtypes are refused in test_extractor.py",
    "check_dtype_object": "pictures have no object samples; other dtypes are refused in test_extractor.py",
    "check_estimators_empty_data_messages": "no pictures give no rows, which is an answer",
    "check_estimators_nan_inf": "samples are whole numbers, so that none is NaN",
    "check_fit2d_predict1d": "a table of numbers is no list of pictures",
    "check_n_features_in": "pictures have no number of columns, and each may have its own size",
    "check_dataframe_column_names_consistency": "a data frame is no list of pictures",
    "check_estimator_sparse_tag": "a sparse table is no list of pictures, and fit looks at none",
    "check_transformer_data_not_an_array": "what cannot be iterated over is no list of pictures",
    "check_get_feature_names_out_error": "nothing is learned, so names are known before fit",
    "check_param_validation": "needs scikit-learn's own base class, which stays optional",
}


class Rows(FeatureExtractor):
    """Each row of a table as a picture of its own."""

    def __init__(self, families: Any = ("lattice",), *, n_jobs: int | None = None) -> None:
        super().__init__(families, n_jobs=n_jobs)

    def transform(self, pictures: Any) -> Any:
        return super().transform([_picture(row) for row in np.asarray(pictures)])


def _picture(row: np.ndarray) -> np.ndarray:
    scattered = np.abs(np.sin(np.arange(64 * 64 * 3).reshape(64, 64, 3) * (1.5 + np.abs(np.sum(row)) % 1)))
    return (255 * scattered).astype(np.uint8)


def _checked(name: str, estimator: Any) -> None:
    check = getattr(checks, name, None)
    if check is None:
        pytest.skip(f"this version of scikit-learn has no {name}")
    takes_class = name == "check_parameters_default_constructible"
    check("FeatureExtractor", type(estimator) if takes_class and "estimator_orig" not in _names(check) else estimator)


def _names(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


@pytest.mark.filterwarnings("ignore:.*does not inherit from.*")
@pytest.mark.parametrize("name", AS_IT_IS)
def test_checks_that_look_at_no_picture(name: str):
    _checked(name, FeatureExtractor(["lattice"]))


@pytest.mark.filterwarnings("ignore:.*does not inherit from.*")
@pytest.mark.parametrize("name", WITH_ROWS)
def test_checks_on_pictures(name: str):
    _checked(name, Rows())


@pytest.mark.parametrize("name", SKIPPED)
def test_checks_that_do_not_apply(name: str):
    assert hasattr(checks, name)
    pytest.skip(SKIPPED[name])


@pytest.mark.filterwarnings("ignore:.*does not inherit from.*", "ignore:Can't test estimator")
def test_the_whole_check_of_an_estimator_passes():
    checks.check_estimator(FeatureExtractor(["lattice"]))


def _pictures(count: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (64 + 8 * k, 72, 3), dtype=np.uint8) for k in range(count)]


def test_threads_change_nothing_and_generators_are_read_as_needed():
    one = FeatureExtractor(["lattice", "wavelet"]).transform(_pictures())
    for jobs in (1, 2, -1):
        many = FeatureExtractor(["lattice", "wavelet"], n_jobs=jobs).transform(iter(_pictures()))
        np.testing.assert_array_equal(many, one)


def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ValueError, match="at least 64 pixels"):
        FeatureExtractor(["lattice"], n_jobs=2).transform([*_pictures(), np.zeros((3, 3), np.uint8)])


def test_it_is_shown_and_stored_by_its_parameters():
    extractor = FeatureExtractor(families=["lattice"], n_jobs=2)
    assert repr(extractor) == "FeatureExtractor(families=['lattice'], n_jobs=2)"
    assert repr(FeatureExtractor()) == "FeatureExtractor()"
    again = pickle.loads(pickle.dumps(extractor))
    assert again.get_params() == extractor.get_params()
    np.testing.assert_array_equal(again.transform(_pictures(1)), extractor.transform(_pictures(1)))


def test_one_stored_with_other_features_is_refused():
    state = {**FeatureExtractor().__getstate__(), "version": 1}
    with pytest.raises(ValueError, match="stored with features version 1"):
        FeatureExtractor().__setstate__(state)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3), (200, 100, 4)])
def test_one_picture_in_the_place_of_a_list_is_told(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"write \[pixels\] for one picture"):
        FeatureExtractor(["lattice"]).transform(np.zeros(shape, np.uint8))


def test_stacks_of_pictures_are_lists_of_them():
    assert FeatureExtractor(["lattice"]).transform(np.zeros((3, 64, 64), np.uint8)).shape[0] == 3
    assert FeatureExtractor(["lattice"]).transform(np.zeros((2, 64, 64, 3), np.uint8)).shape[0] == 2


@pytest.mark.parametrize("wrong", [0, -2, 1.5, True, "two"])
def test_other_numbers_of_threads_are_refused(wrong: Any):
    with pytest.raises(ValueError, match="n_jobs is a positive number"):
        FeatureExtractor(n_jobs=wrong).fit()


def test_a_name_in_the_place_of_names_is_refused():
    with pytest.raises(ValueError, match=r"such as \['lattice'\]"):
        FeatureExtractor("lattice").fit()


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_data_frames_carry_the_names(container: str):
    frames = pytest.importorskip(container)
    made = FeatureExtractor(["lattice"]).set_output(transform=container).transform(_pictures(2))
    assert isinstance(made, frames.DataFrame)
    assert list(made.columns) == list(FeatureExtractor(["lattice"]).feature_names)


def test_the_output_survives_a_clone_and_others_are_refused():
    from sklearn.base import clone

    extractor = FeatureExtractor(["lattice"]).set_output(transform="default")
    assert clone(extractor)._sklearn_output_config == {"transform": "default"}
    with pytest.raises(ValueError, match="transform is default, pandas, polars, not 'csv'"):
        extractor.set_output(transform="csv")


@pytest.mark.parametrize("name", [*FAMILIES, *FURTHER_FAMILIES])
def test_each_family_is_a_function_under_one_rule(name: str):
    function = getattr(forensics_features, f"{name}_features")
    assert f"{name}_features" in forensics_features.__all__
    assert tuple(function(_pictures(1)[0])) == family(name).names


def test_a_pipeline_with_the_imputer_of_the_example_learns_from_small_crops():
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    noisy = [rng.integers(0, 256, (64, 64), dtype=np.uint8) for _ in range(4)]
    flat = [np.full((64, 64), 40 * k, np.uint8) for k in range(4)]
    imputer = SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)
    model = make_pipeline(FeatureExtractor(), imputer, StandardScaler(), LogisticRegression())
    assert np.isnan(FeatureExtractor().transform(noisy)).any()
    assert model.fit([*noisy, *flat], [0] * 4 + [1] * 4).predict([*noisy, *flat]).tolist() == [0] * 4 + [1] * 4
