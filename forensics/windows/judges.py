"""The models that judge and the extractor that measures for them: loaded once a process, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from forensics_models.judge import Judge

from forensics.errors import UsageError
from forensics.pixels import luma

if TYPE_CHECKING:
    from forensics_models.block_phases import BlockPhaseJudge
    from forensics_models.doubt import DoubtJudge
    from forensics_models.innocence import InnocenceJudge
    from forensics_models.open_judge import OpenJudge
    from forensics_models.open_pictures import OpenPictureJudge
    from forensics_models.recompression import RecompressionJudge
    from forensics_models.restored import RestoredJudge


class Extractor(Protocol):
    """What the analysis needs of an extractor; `forensics_features.extractor.FeatureExtractor` is one."""

    @property
    def version(self) -> int:
        """Version of its features."""

    @property
    def feature_names(self) -> Sequence[str]:
        """Names of the columns."""

    def transform(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """One row a window."""


@cache
def shipped_judge(mode: str | None = None) -> Judge:
    """The model that came with the package, loaded once a process; `mode` is one of `forensics_models.fused.MODES`, by
    default the best there is.
    """
    folder = files("forensics_models") / "artefacts"
    try:
        return _load(folder, _mode(folder, mode))
    except OSError as error:
        raise UsageError(f"the shipped model is missing, install the package again: {error}") from None


@cache
def trained_judge(folder: Path, mode: str | None = None) -> Judge:
    """The model that `forensics train` wrote into a folder, loaded and tried once a process; `mode` as for
    `shipped_judge`.

    Raises `UsageError` where the folder holds none, not that one, or one that cannot be used.
    """
    from forensics_models.baseline import CARD_FILE

    if not (folder / CARD_FILE).is_file():
        raise UsageError(f"{str(folder)!r} holds no model ({CARD_FILE} is missing); `forensics train` writes one")
    chosen = _mode(folder, mode)
    try:
        model = _load(folder, chosen)
        columns = 0 if model.feature_names is None else len(model.feature_names)
        tried = model.judge(np.zeros((1, columns), np.float32), [np.zeros((64, 64, 3), np.uint8)])
        if not np.isfinite(model.combine(tried).probabilities).all():
            raise ValueError("its probabilities are no numbers")
    except Exception as error:  # of many kinds: JSON, gzip, ONNX Runtime
        raise UsageError(f"the model in {str(folder)!r} cannot be used: {type(error).__name__}: {error}") from error
    return model


def _mode(folder: Path | Traversable, asked: str | None) -> str:
    """The mode to load: what was asked for, if the folder has it, else the best that it has."""
    from forensics_models.fused import CARD_FILE, MODES

    fitted = (folder / CARD_FILE).is_file()
    if asked is not None and asked not in MODES:
        raise UsageError(f"a model is one of {', '.join(MODES)}, not {asked!r}")
    if not fitted and asked not in (None, "baseline"):
        raise UsageError(f"the model {asked} is not there: {CARD_FILE} is missing; `forensics train fusion` writes it")
    return asked or ("fused" if fitted else "baseline")


def _load(folder: Path | Traversable, mode: str) -> Judge:
    from forensics_models.fused import CARD_FILE, FusedJudge

    if (folder / CARD_FILE).is_file():
        return FusedJudge(folder, mode)
    from forensics_models.baseline import Baseline

    return Baseline(folder)


@cache
def shipped_open_judge(mode: str | None = None) -> OpenJudge | None:
    """The open judge that came with the package; None where it holds none, or where `mode` is the network alone."""
    return None if mode == "cnn" else _open_judge(files("forensics_models") / "artefacts")


@cache
def trained_open_judge(folder: Path, mode: str | None = None) -> OpenJudge | None:
    """The open judge of a folder; None where it holds none, or where `mode` is the network alone."""
    return None if mode == "cnn" else _open_judge(folder)


def _open_judge(folder: Path | Traversable) -> OpenJudge | None:
    from forensics_models.open_judge import CARD_FILE, OpenJudge

    return OpenJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def doubt_judge(folder: Any) -> DoubtJudge | None:
    """The judge of doubt beside an open judge, loaded once a process; None where the folder holds none.

    `folder` is a path or a `Traversable` of a package's files.
    """
    from forensics_models.doubt import CARD_FILE, DoubtJudge

    return DoubtJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def open_picture_judge(folder: Any) -> OpenPictureJudge | None:
    """The judge of open pictures beside an open judge, as `doubt_judge`."""
    from forensics_models.open_pictures import CARD_FILE, OpenPictureJudge

    return OpenPictureJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def recompression_judge(folder: Any) -> RecompressionJudge | None:
    """The judge of recompression beside an open judge, as `doubt_judge`."""
    from forensics_models.recompression import CARD_FILE, RecompressionJudge

    return RecompressionJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def restored_judge(folder: Any) -> RestoredJudge | None:
    """The judge of restored pictures beside an open judge, as `doubt_judge`."""
    from forensics_models.restored import CARD_FILE, RestoredJudge

    return RestoredJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def innocence_judge(folder: Any) -> InnocenceJudge | None:
    """The judge of innocence beside an open judge, as `doubt_judge`."""
    from forensics_models.innocence import CARD_FILE, InnocenceJudge

    return InnocenceJudge(folder) if (folder / CARD_FILE).is_file() else None


@cache
def block_phase_judge(folder: Any) -> BlockPhaseJudge | None:
    """The judge of block phases beside an open judge, as `doubt_judge`."""
    from forensics_models.block_phases import CARD_FILE, BlockPhaseJudge

    return BlockPhaseJudge(folder) if (folder / CARD_FILE).is_file() else None


def block_phase_logarithms(folder: Any, pixels: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities of the judge of block phases, `np.ndarray [shape=(len(FAMILIES),)]` by
    `forensics_models.recompression.FAMILIES`; those of nothing known where there is no judge or a picture is too small.

    Parameters
    ----------
    folder : path or `Traversable`
        That of an open judge.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    """
    from forensics_features.block_phases import LEAST_SIDE, block_phases, values_of
    from forensics_features.block_spectra import block_spectra
    from forensics_models.recompression import UNKNOWN

    judge = block_phase_judge(folder)
    if judge is None or min(pixels.shape[:2]) < LEAST_SIDE:
        return UNKNOWN
    return judge.logarithms(values_of(block_phases(pixels)), block_spectra(pixels))


def luma_phase_logarithms(folder: Any, pixels: np.ndarray) -> np.ndarray:
    """As `block_phase_logarithms`, of luma alone: chroma that was quartered without any compression, and brought back,
    leaves blocks of two samples, which look like HEVC's once they are moved.
    """
    return block_phase_logarithms(folder, luma(pixels))


class _Beside:
    """An extractor's columns, and those of processing behind them, measured one after the other."""

    def __init__(self, extractor: Extractor) -> None:
        from forensics_features.extractor import FURTHER_FAMILIES, FeatureExtractor

        self._first, self._further = extractor, FeatureExtractor(FURTHER_FAMILIES)
        self.version = extractor.version
        names = self._further.feature_names
        self._columns = [at for at, name in enumerate(names) if name.partition(".")[0] in FURTHER_FAMILIES]
        self.feature_names = (*extractor.feature_names, *(names[at] for at in self._columns))

    def transform(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        further = self._further.transform(pictures)[:, self._columns]
        return np.concatenate([self._first.transform(pictures), further], axis=1)


def open_extractor(extractor: Extractor) -> Extractor:
    """The extractor of all that the open judge takes, `extractor`'s columns first.

    One pass over the families where `extractor` is the package's own, so that the planes of a window are made once.
    """
    from forensics_features.extractor import FAMILIES, FURTHER_FAMILIES, FeatureExtractor

    if type(extractor) is FeatureExtractor and extractor.families is None:
        return FeatureExtractor((*FAMILIES, *FURTHER_FAMILIES), n_jobs=extractor.n_jobs)
    return _Beside(extractor)


@cache
def shipped_extractor() -> Extractor:
    """The full feature extractor, built once a process."""
    from forensics_features.extractor import FeatureExtractor

    return FeatureExtractor()


def check_match(judge: Judge, extractor: Extractor) -> None:
    """Raise `UsageError` when a model that states its features was trained on others than the extractor gives."""
    names = judge.feature_names
    differ = judge.features_version not in (0, extractor.version)
    if names is not None and (differ or tuple(names) != tuple(extractor.feature_names)):
        raise UsageError(
            f"the model was trained on other features (version {judge.features_version}, {len(names)} values) "
            f"than these (version {extractor.version}, {len(extractor.feature_names)} values): train it again"
        )


def chosen_judge(model_dir: Path | None, model: str | None) -> Judge:
    """The judge that a command's options name."""
    return shipped_judge(model) if model_dir is None else trained_judge(model_dir, model)


def check_model(model_dir: Path | None, model: str | None = None) -> None:
    """Raise `UsageError` where the model of a folder, or the shipped one, is missing or does not fit the extractors."""
    check_match(chosen_judge(model_dir, model), shipped_extractor())
