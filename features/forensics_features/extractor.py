"""All families as one feature vector, in scikit-learn's transformer interface."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from itertools import islice
from typing import Any, Self

import numpy as np

from forensics_features.family import Family
from forensics_features.planes import Planes, as_planes

FEATURES_VERSION = 2
"""Raised whenever a name, an order or a value of the vector changes; a model states the version it was trained on."""

FAMILIES = ("lattice", "chroma", "rounding", "block_dct", "blockiness", "wavelet", "lapped", "cooccurrence")
"""Module names of the families, in the order of the vector."""

FURTHER_FAMILIES = ("processing",)
"""Families that are measured only where they are named: what came after the codec, which a judge of codecs must not
lean on.
"""

_CONTAINERS = ("default", "pandas", "polars")
_AHEAD = 4  # pictures that a thread may be given before the first is done: a generator is not read into memory at once


def family(name: str) -> Family:
    """One family by its module name; raises `ValueError` for a name that is none.

    Examples
    --------
    >>> from forensics_features import family
    >>> family("lattice").names[:2]
    ('grey_share', 'clipped_share')
    """
    if name not in (*FAMILIES, *FURTHER_FAMILIES):
        raise ValueError(f"feature families are {', '.join((*FAMILIES, *FURTHER_FAMILIES))}, not {name!r}")
    return import_module(f"forensics_features.{name}").FAMILY


def _size(planes: Planes) -> np.ndarray:
    height, width = planes.y.shape
    return np.array([np.log2(height * width), float(planes.grey)], np.float32)


_SIZE = Family("picture", ("log2_pixels", "grey"), _size)


@cache
def _names(parts: tuple[Family, ...]) -> tuple[str, ...]:
    return tuple(f"{part.name}.{name}" for part in parts for name in part.names)


class FeatureExtractor:
    """Pictures to feature vectors: a stateless transformer for scikit-learn pipelines, which need not be installed.

    The input is a list, or any other iterable, of pictures, whose sizes may differ; a table of numbers is none.

    Parameters
    ----------
    families : sequence of str, optional
        Some of `FAMILIES` and `FURTHER_FAMILIES`; all of the first when not given. The log2 of the pixel count and a
        grey flag always come first. Names are checked when they are first used, as scikit-learn asks.
    n_jobs : int, optional
        Threads that share the pictures: 1 when not given, all cores of this process for -1. The kernels run without
        Python's global lock; the rows do not depend on it.

    Attributes
    ----------
    feature_names : tuple of str
        `<family>.<measure>`, in the order of the columns.
    version : int
        `FEATURES_VERSION`.

    Notes
    -----
    NaN says "not measurable here": chroma of a grey picture, a wavelet level or block period that a small picture has
    no room for, the step of a comb that is not there. Crops of 64 pixels lack about an eighth of the columns, of 128
    pixels and more a sixteenth, so an estimator behind the extractor has to stand behind an imputer. A constant keeps
    "not there" the same for every picture, where a mean or median would invent a quantisation step;
    `keep_empty_features` keeps columns that no picture of the training has. Trees that take NaN need none, but
    scikit-learn's `HistGradientBoostingClassifier` refuses a column that is NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_features import FeatureExtractor
    >>> pictures = [np.random.default_rng(seed).integers(0, 256, (64, 80, 3), np.uint8) for seed in range(4)]
    >>> extractor = FeatureExtractor(families=["lattice", "wavelet"], n_jobs=2)
    >>> extractor
    FeatureExtractor(families=['lattice', 'wavelet'], n_jobs=2)
    >>> extractor.transform(pictures).shape == (4, len(extractor.feature_names))
    True

    With scikit-learn, and the imputer that fits:

    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> imputer = SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True)
    >>> model = make_pipeline(extractor, imputer, StandardScaler(), LogisticRegression())
    >>> model.fit(pictures, [0, 1, 0, 1]).predict(pictures).shape
    (4,)
    """

    def __init__(self, families: Sequence[str] | None = None, *, n_jobs: int | None = None) -> None:
        self.families = families
        self.n_jobs = n_jobs

    @property
    def _parts(self) -> list[Family]:
        if isinstance(self.families, str):
            raise ValueError(f"families is a sequence of names, such as [{self.families!r}], not a name")
        return [_SIZE, *(family(name) for name in (FAMILIES if self.families is None else self.families))]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """`<family>.<measure>`, in the order of the columns; raises `ValueError` for a family that is none."""
        return _names(tuple(self._parts))

    @property
    def version(self) -> int:
        """`FEATURES_VERSION`."""
        return FEATURES_VERSION

    def fit(self, pictures: Any = None, y: Any = None) -> Self:
        """Nothing to learn; checks the parameters and returns the extractor."""
        self._checked()
        return self

    def vector(self, pixels: np.ndarray) -> np.ndarray:
        """One picture's features, `np.ndarray [shape=(len(feature_names),), dtype=float32]`; see `planes.as_planes` for
        the input.

        Examples
        --------
        >>> import numpy as np
        >>> from forensics_features import FeatureExtractor
        >>> FeatureExtractor(["rounding"]).vector(np.zeros((64, 64), np.uint8))[:2].tolist()
        [12.0, 1.0]
        """
        planes = as_planes(pixels)
        return np.concatenate([part.compute(planes) for part in self._parts]).astype(np.float32)

    def transform(self, pictures: Iterable[np.ndarray]) -> Any:
        """Features of several pictures.

        Parameters
        ----------
        pictures : iterable of np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
            Sizes may differ; a generator is read as the pictures are needed.

        Returns
        -------
        np.ndarray [shape=(n, len(feature_names)), dtype=float32]
            A data frame of the same columns after `set_output`. NaN where a feature cannot be measured.

        Raises
        ------
        TypeError, ValueError
            What is given is one picture and no list of them; a parameter or a picture is out of range.
        """
        jobs = self._checked()
        rows = list(_mapped(self.vector, _several(pictures), jobs))
        table = np.stack(rows) if rows else np.empty((0, len(self.feature_names)), np.float32)
        return self._contained(table)

    def fit_transform(self, pictures: Iterable[np.ndarray], y: Any = None) -> Any:
        """Same as `transform`."""
        return self.transform(pictures)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Column names, `np.ndarray [shape=(len(feature_names),), dtype=object]`."""
        return np.array(self.feature_names, dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what `transform` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            An array or a data frame with the names of the columns; nothing is changed when not given. Without a choice
            scikit-learn's own (`sklearn.set_config(transform_output=...)`) holds, where it is imported.
        """
        if transform is not None:
            if transform not in _CONTAINERS:
                raise ValueError(f"transform is {', '.join(_CONTAINERS)}, not {transform!r}")
            self._sklearn_output_config = {"transform": transform}
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as scikit-learn's `clone` needs them."""
        return {"families": self.families, "n_jobs": self.n_jobs}

    def set_params(self, **params: Any) -> Self:
        """Change parameters; returns the extractor."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"parameters of FeatureExtractor are {', '.join(self.get_params())}, not {name!r}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value is not None]
        return f"FeatureExtractor({', '.join(given)})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "version": self.version}

    def __setstate__(self, state: dict[str, Any]) -> None:
        version = state.pop("version", FEATURES_VERSION)
        if version != FEATURES_VERSION:
            raise ValueError(
                f"the extractor was stored with features version {version}, and this package measures "
                f"version {FEATURES_VERSION}: what was trained behind it would get other numbers"
            )
        self.__dict__.update(state)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
            requires_fit=False,
            no_validation=True,
        )

    def _checked(self) -> int:
        """How many threads share the pictures; raises `ValueError` where a parameter is out of range."""
        _ = self._parts
        jobs = self.n_jobs
        if jobs is None:
            return 1
        if isinstance(jobs, bool) or not isinstance(jobs, int) or not (jobs == -1 or jobs > 0):
            raise ValueError(f"n_jobs is a positive number, -1 for all cores, or None, not {jobs!r}")
        return len(os.sched_getaffinity(0)) if jobs == -1 else jobs

    def _contained(self, table: np.ndarray) -> Any:
        """The table in the container that was chosen here or for all of scikit-learn."""
        chosen = getattr(self, "_sklearn_output_config", {}).get("transform")
        if chosen is None and "sklearn" in sys.modules:
            chosen = sys.modules["sklearn"].get_config()["transform_output"]
        if chosen == "pandas":
            return import_module("pandas").DataFrame(table, columns=list(self.feature_names))
        if chosen == "polars":
            return import_module("polars").DataFrame(table, schema=list(self.feature_names), orient="row")
        return table


def _several(pictures: Any) -> Iterator[np.ndarray]:
    """The pictures one after another; raises where it is one picture that was given."""
    shape = getattr(pictures, "shape", None)
    if shape is not None and (len(shape) < 3 or (len(shape) == 3 and shape[2] in (1, 2, 3, 4))):
        raise ValueError(
            f"a list of pictures is expected, not one array of shape {shape}: write [pixels] for one picture"
        )
    if isinstance(pictures, str | bytes) or not hasattr(pictures, "__iter__"):
        raise TypeError(f"a list of pictures is expected, not {type(pictures).__name__}")
    return iter(pictures)


@contextmanager
def _pool(jobs: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _mapped(function: Any, items: Iterator[np.ndarray], jobs: int) -> Iterator[np.ndarray]:
    """Results in the order of the items, with a bounded number of items read ahead."""
    if jobs == 1:
        yield from map(function, items)
        return
    with _pool(jobs) as pool:
        waiting = [pool.submit(function, item) for item in islice(items, _AHEAD * jobs)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(function, item) for item in islice(items, 1)]
