"""What may be said of a whole picture that its windows leave open: values, regressions, thresholds, when it counts."""

import json
from dataclasses import replace
from pathlib import Path

import forensics_models.open_pictures as models
import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES, INCONCLUSIVE, members_of
from forensics_models.open_judge import GROUPS, PROCESS_NAMES
from PIL import Image

from forensics import analyze
from forensics.dataset.encoders import available
from forensics.errors import UsageError
from forensics.history.jpeg import changed
from forensics.results.analysis import Analysis, WholeAnswer
from forensics.training import open_pictures as training
from forensics.training import whole_pictures
from forensics.training.open_pictures import Row, fit
from forensics.verdict import open_pictures
from forensics.verdict.block_grids import SURELY_UNCOMPRESSED
from forensics.verdict.restated import ranked, without_range
from tests.features.test_scaled_grid import photograph

SAMPLES = Path(__file__).parents[2] / "examples"
SURE, BEYOND = (models.VALUE_NAMES.index(name) for name in ("family", "beyond"))
SINCE = {name: 1 / len(GROUPS) for name, _ in GROUPS}


def processes(**given: float) -> dict[str, float]:
    """Probabilities of processes; what is left is spread over the others."""
    named = {name.replace("_", "-"): p for name, p in given.items()}
    others = [name for name in PROCESS_NAMES if name not in named]
    return {name: named.get(name, (1 - sum(named.values())) / len(others)) for name in PROCESS_NAMES}


def doubt_of(family: str) -> float:
    return {"av1": 1.5, "video-mpeg4": -0.5}.get(family, 0.25)


def values(probabilities: dict[str, float], windows: int = 2) -> tuple[str, dict[str, float]]:
    row = np.array([[probabilities[name] for name in PROCESS_NAMES]] * windows)
    flat = np.full((windows, len(FINE_CLASSES)), 1 / len(FINE_CLASSES))
    best, found = models.values_of(probabilities, row, SINCE, flat, flat, 2**18, doubt_of)
    return best, dict(zip(models.VALUE_NAMES, found.tolist(), strict=True))


def test_values_are_log_odds_of_families_by_both_judges() -> None:
    best, found = values(processes(avif=0.5, video_av1=0.2, heic=0.2, uncompressed=0.05))
    assert best == "av1"  # the family of AVIF and of AV1's key frames
    assert found["family"] == pytest.approx(np.log(0.7 / 0.3))
    hevc = 0.2 + (len(members_of("hevc-intra")) - 1) * 0.05 / (len(PROCESS_NAMES) - 4)
    assert found["second"] == pytest.approx(np.log(hevc / (1 - hevc)))
    assert found["uncompressed"] == pytest.approx(np.log(0.05 / 0.95))
    assert found["codecs.family"] == pytest.approx(np.log(1 / (len(FINE_CLASSES) - 1)))
    assert (found["windows.log2"], found["pixels.log2"]) == (1, 18)
    assert found["doubt"] == 1.5
    assert found["is.av1"] == 1
    assert sum(found[f"is.{name}"] for name in models.CODEC_FAMILIES) == 1


def test_a_family_that_the_judge_of_codecs_does_not_know_has_even_odds_there() -> None:
    best, found = values(processes(video_mpeg4=0.8))
    assert best not in models.CODEC_FAMILIES
    assert found["codecs.family"] == found["codecs.trees"] == 0
    assert found["doubt"] == doubt_of(best)


def test_no_compression_is_not_doubted() -> None:
    best, found = values(processes(uncompressed=0.9))
    assert (best, found["doubt"]) == ("uncompressed", 0)


def test_the_values_stay_finite_at_certainty() -> None:
    _, found = values(processes(jpeg=1.0))
    assert np.isfinite(list(found.values())).all()


def rows(count: int, wrong_high: int = 0, seed: int = 1) -> list[Row]:
    """Open pictures of 22 sources, whose first value says how likely `jpeg` or `uncompressed` is right; `wrong_high` of
    those that look surest are wrong.
    """
    numbers = np.random.default_rng(seed)
    made = []
    for best, other in (("jpeg", "vp8"), ("uncompressed", "jpeg")):
        sure = np.sort(numbers.normal(size=count))[::-1]
        right = numbers.random(count) < 1 / (1 + np.exp(-6 * sure))
        right[:wrong_high] = False
        for k in range(count):
            value = numbers.normal(size=len(models.VALUE_NAMES)) * 0.01
            value[SURE], value[BEYOND] = sure[k], -6
            truth = best if right[k] else other
            done = "clean" if truth == "uncompressed" else "changed"
            made.append(Row(f"{k % 22}.png", done, truth, INCONCLUSIVE, best, value))
    return made


def looks(sure: float, beyond: float = -6) -> np.ndarray:
    """Values of a picture that looks so sure."""
    value = np.zeros(len(models.VALUE_NAMES))
    value[SURE], value[BEYOND] = sure, beyond
    return value


def test_thresholds_keep_wrong_answers_under_their_limits(tmp_path: Path) -> None:
    card = fit(rows(1500), tmp_path, seed=1)
    judge = models.OpenPictureJudge(tmp_path)
    assert judge.card == card
    assert set(judge.said_from) == {"uncompressed", *models.CODEC_FAMILIES}
    assert min(judge.said_from.values()) >= training.LEAST
    named, called = card["validation"]["jpeg"], card["validation"]["uncompressed"]
    assert named["right"] > 300
    assert named["wrong"] <= training.WRONG_NAMES * card["pictures"]["lossy"]
    assert called["right"] > 300
    assert called["wrong"] <= training.CALLED_UNCOMPRESSED * card["pictures"]["lossy"]


def test_what_looks_sure_and_is_wrong_raises_the_threshold(tmp_path: Path) -> None:
    few, many = (fit(rows(1500, wrong), tmp_path / str(wrong), seed=1) for wrong in (0, 40))
    assert many["validation"]["jpeg"]["right"] < few["validation"]["jpeg"]["right"] / 4


def test_the_surer_answers_are_those_with_the_higher_value(tmp_path: Path) -> None:
    fit(rows(800), tmp_path, seed=1)
    judge = models.OpenPictureJudge(tmp_path)
    places = np.linspace(-2, 2, 9)
    right = [judge.answer("jpeg", looks(place))[1] for place in places]
    assert np.all(np.diff(right) > 0)


def test_no_process_beyond_the_eight_codecs_is_said(tmp_path: Path) -> None:
    fit(rows(800), tmp_path, seed=1)
    judge = models.OpenPictureJudge(tmp_path)
    assert judge.answer("jpeg", looks(5))[0]
    assert not judge.answer("video-mpeg4", looks(5))[0]
    assert not judge.answer("jpeg", looks(5, beyond=-2))[0]  # 12 % for processes beyond the codecs


def test_a_judge_made_for_other_values_is_refused(tmp_path: Path) -> None:
    fit(rows(400), tmp_path, seed=1)
    stored = json.loads((tmp_path / models.CARD_FILE).read_text())
    (tmp_path / models.CARD_FILE).write_text(json.dumps({**stored, "value_names": ["other"]}))
    with pytest.raises(ValueError, match="other values"):
        models.OpenPictureJudge(tmp_path)


def test_too_few_open_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="draw more"):
        fit([replace_verdict(row, "jpeg") for row in rows(50)], tmp_path, seed=1)


def replace_verdict(row: Row, verdict: str) -> Row:
    return replace(row, verdict=verdict)


def test_pictures_are_drawn_of_validation_sources_and_judged(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    Image.fromarray(photograph(256, 3)).save(tmp_path / "val" / "3.png")
    made = training.measure(tmp_path, seed=1, jobs=1, draws=9)
    assert 4 <= len(made) <= 9
    assert {row.done for row in made} >= {"changed", "untouched"}
    assert all((row.truth == "uncompressed") == (row.done in ("clean", "untouched")) for row in made)
    assert all(np.isfinite(row.values).all() for row in made)
    again = training.measure(tmp_path, seed=1, jobs=1, draws=9)
    assert [row.truth for row in made] == [row.truth for row in again]


def test_the_error_of_a_coding_is_a_mean_square() -> None:
    pixels = photograph(96, 1)
    assert whole_pictures.error(pixels, pixels) == 0
    assert whole_pictures.error(pixels, pixels.astype(np.int64) + 3) == pytest.approx(9)
    assert whole_pictures.error(pixels, np.rint(pixels @ (0.299, 0.587, 0.114))) < 0.3


def test_codings_that_nobody_can_see_do_not_count() -> None:
    pixels, numbers = photograph(96, 1), np.random.default_rng(2)
    made = [whole_pictures.by_codec(pixels, tuple(available()), numbers) for _ in range(12)]
    errors = [whole_pictures.error(pixels[: one.shape[0], : one.shape[1]], one) for one, _ in filter(None, made)]
    assert errors
    assert min(errors) > whole_pictures.UNSEEN


def opened(whole: WholeAnswer | None, **given: float) -> Analysis:
    """The analysis of a sample with another ranking, left open."""
    analysis = analyze(SAMPLES / "uncompressed.png")
    ranking = ranked(processes(**given))
    return replace(
        analysis, verdict=INCONCLUSIVE, probability=ranking[0][1], ranking=ranking, whole_answer=whole, limits=()
    )


PIXELS = np.asarray(Image.open(SAMPLES / "uncompressed.png").convert("RGB"))


def test_a_name_is_given_with_the_probability_that_it_is_right() -> None:
    before = opened(WholeAnswer("av1", 0.7, 0.95), avif=0.65, video_av1=0.05, heic=0.2)
    after = open_pictures.with_answer(before, PIXELS)
    assert after.verdict == "avif"
    assert after.probability == pytest.approx(0.95 * 0.65 / 0.7)
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert after.probabilities["heic"] / after.probabilities["jpeg"] == pytest.approx(
        before.probabilities["heic"] / before.probabilities["jpeg"]
    )
    assert after.evidence[0].trace == open_pictures.TRACE
    assert after.ratio is None  # strength was learned on verdicts of the models
    assert "whole_answer" not in after.to_dict()


def test_members_that_cannot_be_told_apart_are_named_as_a_family() -> None:
    before = opened(WholeAnswer("hevc-intra", 0.8, 0.95), bpg=0.42, heic=0.38)
    assert open_pictures.with_answer(before, PIXELS).verdict == "hevc-intra"


@pytest.mark.parametrize(
    "before",
    [
        opened(None, jpeg=0.8),
        opened(WholeAnswer("jpeg", 0.8, 0.95), webp=0.8),  # an exact reading made another likelier
        opened(WholeAnswer("jpeg", 0.8, 0.95), jpeg=0.6),  # an exact reading spoke against it
    ],
    ids=["nothing may be said", "another is likelier", "spoken against"],
)
def test_nothing_is_said_without_cause(before: Analysis) -> None:
    assert open_pictures.with_answer(before, PIXELS) is before


def test_no_other_codec_is_named_of_a_jpeg_whose_lattice_shows() -> None:
    shown = without_range(changed.NAME, 0.0, (), "It was a JPEG of quality about 85")
    for family, verdict in (("jpegxl", INCONCLUSIVE), ("jpeg", "jpeg")):
        before = opened(WholeAnswer(family, 0.8, 0.95), **{family: 0.8})
        before = replace(before, evidence=(shown, *before.evidence))
        assert open_pictures.with_answer(before, PIXELS).verdict == verdict


def test_a_verdict_that_is_there_stays() -> None:
    before = replace(opened(WholeAnswer("jpeg", 0.8, 0.95), jpeg=0.8), verdict="jpeg")
    assert open_pictures.with_answer(before, PIXELS) is before


def test_an_open_picture_may_be_called_uncompressed() -> None:
    before = opened(WholeAnswer("uncompressed", 0.6, 0.97), uncompressed=0.6)
    after = open_pictures.with_answer(before, PIXELS)
    assert after.verdict == "uncompressed"
    assert after.probability == pytest.approx(SURELY_UNCOMPRESSED)


def test_quantised_blocks_speak_against_uncompressed() -> None:
    from io import BytesIO

    stream = BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG", quality=100, subsampling=0)
    decoded = np.asarray(Image.open(stream))
    before = opened(WholeAnswer("uncompressed", 0.6, 0.97), uncompressed=0.6)
    assert open_pictures.with_answer(before, decoded) is before


def test_the_shipped_judge_says_what_it_rests_on() -> None:
    from importlib.resources import files

    judge = models.OpenPictureJudge(files("forensics_models") / "artefacts")
    assert judge.card["pictures"]["lossy"] > 1000
    named = [judge.card["validation"][family] for family in models.CODEC_FAMILIES]
    wrong = sum(row["wrong"] for row in named)
    assert wrong <= training.WRONG_NAMES * judge.card["pictures"]["lossy"]
    assert sum(row["right"] for row in named) > 10 * wrong
