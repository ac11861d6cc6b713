"""Pictures whose noise was reduced are not called by the name of a codec with the same transform."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from forensics_models import doubt as models
from forensics_models.classes import FINE_CLASSES, family_of
from forensics_models.judgement import WindowJudgement
from forensics_models.open_judge import FAMILY_NAMES, GROUPS, PROCESS_NAMES
from PIL import Image

from forensics import analyze
from forensics.dataset.shrinkage_steps import Shrink
from forensics.history.readings import READINGS, wavelet_lattice
from forensics.training.shrinkage import Windows, train_doubt
from forensics.verdict import doubt
from forensics.windows.judges import doubt_judge, shipped_open_judge
from forensics.windows.picture_reading import PictureReading
from tests.features.test_scaled_grid import photograph

SAMPLES = Path(__file__).parents[2] / "examples"


def sample(name: str = "uncompressed") -> np.ndarray:
    return np.asarray(Image.open(SAMPLES / f"{name}.png").convert("RGB"))


@pytest.mark.parametrize(
    "step",
    [
        Shrink("bior4.4", 6, 1, "garrote", 12.0, kept=0.15),
        Shrink("bior4.4", 4, 1, "soft", 8.0),
        Shrink("sym4", 4, 1, "hard", 14.0),
        Shrink("db2", 3, 1, "hard", 14.0),
        Shrink("haar", 4, 8, "soft", 6.0),
    ],
    ids=lambda step: f"{step.transform}-{step.rule}",
)
def test_reduced_noise_is_no_codec(step: Shrink) -> None:
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    result = analyze(step.apply(sample()))
    assert result.verdict in ("uncompressed", "inconclusive")


def test_jpeg_2000_is_still_named() -> None:
    assert analyze(SAMPLES / "jpeg2000.png").verdict == "jpeg2000"


def test_details_that_vanish_without_a_lattice_speak_against_jpeg_2000() -> None:
    pytest.importorskip("pywt", reason="PyWavelets is not installed")
    shrunk = Shrink("bior4.4", 5, 1, "soft", 10.0).apply(sample())
    reading = READINGS["jpeg2000"](shrunk)
    assert reading.against
    assert "no multiples of a step" in reading.text
    assert wavelet_lattice(shrunk) < -40
    assert wavelet_lattice(sample("jpeg2000")) > 20
    assert wavelet_lattice(sample()) == 0


def test_a_family_in_doubt_keeps_little_and_the_rest_is_uncompressed() -> None:
    processes = dict.fromkeys(PROCESS_NAMES, 0.0) | {"heic": 0.6, "bpg": 0.3, "jpeg": 0.06, "uncompressed": 0.04}
    less = doubt.lessened(processes, "hevc-intra")
    assert sum(less.values()) == pytest.approx(1)
    assert less["heic"] == pytest.approx(0.6 * doubt.LEAST_LEFT)
    assert less["jpeg"] == 0.06
    assert less["uncompressed"] == pytest.approx(0.04 + 0.9 * (1 - doubt.LEAST_LEFT))
    assert "HEVC intra" in doubt.note("hevc-intra")


def test_the_columns_hold_everything_that_is_known_of_a_window() -> None:
    features, trees = np.zeros((2, 5), np.float32), np.full((2, len(FINE_CLASSES)), 1 / len(FINE_CLASSES))
    processes = np.eye(len(PROCESS_NAMES))[:2]
    since = np.full((2, len(GROUPS)), 1 / len(GROUPS))
    columns = models.columns_of(features, trees, processes, since, -3.0)
    assert columns.shape == (2, 5 + len(FINE_CLASSES) + len(FAMILY_NAMES) + len(GROUPS) + 1)
    assert columns[0, -1] == -3.0
    asked = models.with_family(columns, "jpeg")[:, columns.shape[1] :]
    assert asked.sum(axis=1).tolist() == [1, 1]
    assert (asked.argmax(axis=1) == FAMILY_NAMES.index("jpeg")).all()
    best, probability = models.likeliest(dict(zip(PROCESS_NAMES, processes[1], strict=True)))
    assert (best, probability) == (family_of(PROCESS_NAMES[1]), 1.0)


def test_the_judge_is_trained_from_sources_and_read_again(tmp_path: Path) -> None:
    pytest.importorskip("xgboost", reason="the extra `train` is not installed")
    for split, seeds in (("train", (1, 2)), ("val", (3,))):
        (tmp_path / "sources" / split).mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(photograph(300, seed)).save(tmp_path / "sources" / split / f"{seed}.png")
    card = train_doubt(tmp_path / "sources", tmp_path / "out", seed=1, jobs=1, draws=10)
    judge = models.DoubtJudge(tmp_path / "out")
    assert judge.card == card
    assert judge.right_from == {}  # too few windows for a threshold: nothing is doubted
    columns = len(judge._trees.feature) and judge._trees.columns - len(FAMILY_NAMES)
    assert np.isfinite(judge.log_odds(np.zeros((3, columns), np.float32), "jpeg")).all()
    assert not judge.doubts("jpeg", -50.0)


def test_a_picture_has_the_mean_of_its_windows() -> None:
    judge = doubt_judge(files("forensics_models") / "artefacts")
    assert judge is not None
    numbers = np.random.default_rng(2)
    width = judge._trees.columns - len(FAMILY_NAMES) - len(FINE_CLASSES) - len(FAMILY_NAMES) - len(GROUPS) - 1
    features = numbers.normal(0, 1, (3, width)).astype(np.float32)
    trees = np.full((3, len(FINE_CLASSES)), 1 / len(FINE_CLASSES))
    processes = numbers.dirichlet(np.ones(len(PROCESS_NAMES)), 3)
    since = {name: 1 / len(GROUPS) for name, _ in GROUPS}
    alone = [
        judge.of_picture("av1", *(rows[k : k + 1] for rows in (features, trees, processes)), since) for k in range(3)
    ]
    assert judge.of_picture("av1", features, trees, processes, since) == pytest.approx(np.mean(alone))
    limit = judge.right_from["av1"]
    assert judge.doubts("av1", limit - 0.01)
    assert not judge.doubts("av1", limit)


def test_windows_beyond_the_codecs_are_asked_as_another_lossy_process_too() -> None:
    windows = Windows(
        np.zeros((4, 2), np.float32),
        ("wsq", "jpeg", "texture-bc", "other-lossy"),
        ("lerc", "jpeg", "uncompressed", "wsq"),
        ("nothing",) * 4,
        np.full(4, 0.9),
    )
    more = windows.with_other_lossy()
    assert more.likeliest == (*windows.likeliest, "other-lossy", "other-lossy")
    assert more.right.tolist() == [False, True, False, True, True, False]
    assert len(more.columns) == len(more.after) == len(more.probability) == 6


@pytest.mark.parametrize(
    ("probability", "clean", "odds", "given"),
    [(0.9, 0.6, 0.4, False), (0.96, 0.99, 0.4, True), (0.9, 0.4, 0.4, True), (0.9, 0.99, 0.6, True)],
    ids=["doubted", "sure", "the judge of codecs agrees", "log-odds"],
)
def test_jpeg_2000_that_is_not_sure_and_that_the_judge_of_codecs_denies_needs_more(
    probability: float, clean: float, odds: float, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_judge = shipped_open_judge()
    assert open_judge is not None
    fine = np.full((2, len(FINE_CLASSES)), (1 - clean) / (len(FINE_CLASSES) - 1))
    fine[:, FINE_CLASSES.index("uncompressed")] = clean
    processes = dict.fromkeys(PROCESS_NAMES, 0.0) | {"jpeg2000": probability, "uncompressed": 1 - probability}
    nothing = np.zeros((2, 1), np.float32)
    judged = WindowJudgement(fine, fine, nothing, nothing, trees=fine)
    reading = PictureReading(nothing, judged, None, processes, "jpeg2000", probability)
    monkeypatch.setattr(PictureReading, "log_odds", lambda *_: odds)
    held = doubt.held_in_doubt(reading, open_judge, sample())
    assert (held.verdict == "jpeg2000") == given
    if not given:
        assert held.verdict == "inconclusive"
        assert held.probabilities["uncompressed"] > 0.9


@pytest.mark.parametrize(("odds", "lattice", "given"), [(0.9, -60.0, False), (1.1, -60.0, True), (0.9, 60.0, True)])
def test_jpeg_2000_without_its_lattice_needs_a_clear_word(
    odds: float, lattice: float, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = np.full((2, len(FINE_CLASSES)), 1 / len(FINE_CLASSES))
    processes = dict.fromkeys(PROCESS_NAMES, 0.0) | {"jpeg2000": 0.999, "uncompressed": 0.001}
    nothing = np.zeros((2, 1), np.float32)
    judged = WindowJudgement(fine, fine, nothing, nothing, trees=fine)
    reading = PictureReading(nothing, judged, None, processes, "jpeg2000", 0.999)
    monkeypatch.setattr(PictureReading, "log_odds", lambda *_: odds)
    monkeypatch.setattr(doubt, "lattice_of", lambda *_: lattice)
    held = doubt.held_in_doubt(reading, shipped_open_judge(), sample())
    assert (held.verdict == "jpeg2000") == given
