"""The judge of recompression: its values, its softmax, when it answers, and what its training keeps to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forensics_models.open_judge import FAMILY_NAMES, NEVER
from forensics_models.recompression import (
    CARD_FILE,
    ENCODERS,
    FAMILIES,
    OTHER,
    OTHER_OF_PHASES,
    OWN,
    SURE_ALONE,
    SURE_OF_PHASES,
    UNKNOWN,
    VALUES,
    Least,
    RecompressionJudge,
    Repeats,
    Softmax,
    Sure,
    agreed,
    as_eight,
    asked,
    borne_out,
    counted,
    first_of_both,
    grounds,
    leads,
    likely_by_blocks,
    may_be_named,
    own_of,
    shows,
    spread,
    stored,
    values_of,
)
from PIL import Image

from forensics.errors import UsageError
from forensics.training import recompression as training
from forensics.training import softmaxes
from forensics.training.recompression import FEWEST, WRONG_SHARE, fit, softmax
from forensics.training.recompression_rows import Row, Rows, load, store
from tests.features.test_scaled_grid import photograph

AV1, HEVC = FAMILIES.index("av1"), FAMILIES.index("hevc-intra")


def families(**given: float) -> dict[str, float]:
    """Probabilities by family; what is left is spread over the others."""
    named = {name.replace("_", "-"): p for name, p in given.items()}
    others = [name for name in FAMILY_NAMES if name not in named]
    return {name: named.get(name, (1 - sum(named.values())) / len(others)) for name in FAMILY_NAMES}


def repeated(*gains: float, consistency: tuple[float, ...] | None = None) -> Repeats:
    """Gains of the first encoders and none of the others, as consistent as large where that is not given."""
    given = np.zeros((2, len(ENCODERS)))
    given[0, : len(gains)] = gains
    given[1] = 12 * given[0]
    if consistency is not None:
        given[1] = 0
        given[1, : len(consistency)] = consistency
    return Repeats(*given)


def sure_of(family: str, p: float = 0.9) -> np.ndarray:
    """What the judge of block phases says where it gives a family so much and all others alike."""
    found = np.full(len(FAMILIES), (1 - p) / (len(FAMILIES) - 1))
    found[FAMILIES.index(family)] = p
    return np.log(found)


UNSAID = Softmax(1.0, 0.0, [0.0] * len(FAMILIES), [[]] * len(FAMILIES))
"""Of pictures that are not coded again: the models' word."""
NOT_ELSE = Sure(NEVER, NEVER, NEVER, NEVER)
"""No name without an encoder."""


def rows(count: int, mistaken: float = 0.0, seed: int = 1) -> list[Row]:
    """Pictures of 22 sources by AV1, HEVC and none, that the models hold about alike: the own encoder gains more, but
    in a `mistaken` share, where the other does.
    """
    numbers = np.random.default_rng(seed)
    made = []
    for k in range(count):
        truth = ("av1", "hevc-intra", "uncompressed")[k % 3]
        shown = truth
        if truth != "uncompressed" and numbers.random() < mistaken:
            shown = {"av1": "hevc-intra", "hevc-intra": "av1"}[truth]
        gains = numbers.normal(0, 0.1, len(ENCODERS))
        if shown != "uncompressed":
            own = ("av1", "hevc-intra").index(shown)
            gains[own] += 2.0
            gains[1 - own] += 1.0
        made.append(
            Row(
                f"{k % 22}.png",
                "made",
                truth,
                families(av1=0.36, hevc_intra=0.38, uncompressed=0.23),
                Repeats(gains, 12 * gains),
            )
        )
    return made


def test_values_are_logarithms_and_gains_with_their_shares_and_consistency() -> None:
    given = repeated(3.0, -2.0, 0.6, 9.0, consistency=(2.0, -2.0, 0.0, 40.0))
    logs, values = values_of(families(av1=0.5, hevc_intra=0.25), given)
    assert logs[AV1] == pytest.approx(np.log(0.5), abs=1e-3)
    assert np.exp(logs).sum() == pytest.approx(1, abs=2e-3)
    gains, shares, agreed = values.reshape(VALUES, len(ENCODERS))
    assert gains[:4].tolist() == [0.0, -0.5, 0.6, 6.0]  # aom alone counts nothing
    assert shares[:4] == pytest.approx(np.array([0, 0, 0.6, 6.0]) / 7)
    assert agreed[:3] == pytest.approx([np.log(2), -np.log(2), 0])
    assert agreed[3] == pytest.approx(np.log(21))


def test_a_consistent_gain_shows_without_size() -> None:
    least = Least(0.4, 8.0)
    assert shows("av1", repeated(0.2, 0.1, consistency=(12.0, 3.0)), least)
    assert not shows("av1", repeated(0.2, 0.1, consistency=(6.0, 3.0)), least)
    assert shows("av1", repeated(0.5, 0.2, consistency=(0.0,)), least)
    assert not shows("jpeg2000", repeated(5.0, 5.0), least)


def test_the_own_encoder_has_to_lead_in_both_or_far_in_one() -> None:
    assert leads("av1", repeated(0.6, 0.5, consistency=(9.0, 8.0)))
    assert not leads("av1", repeated(0.6, 0.5, consistency=(8.0, 9.0)))
    assert not leads("hevc-intra", repeated(0.6, 0.5, consistency=(8.0, 9.0)))
    assert leads("av1", repeated(1.6, 0.5, consistency=(8.0, 9.0)))
    assert leads("hevc-intra", repeated(0.6, 0.5, consistency=(8.0, 14.5)))
    # What libjpeg gains speaks against no name of aom's; VP9's own has to lead all.
    assert leads("av1", repeated(0.6, 0.5, 0.0, 3.0, consistency=(9.0, 8.0, 0.0, 30.0)))
    assert not leads("video-vp9", repeated(0.6, 0.0, 0.0, 0.7, 0.65, consistency=(0.0, 0.0, 0.0, 2.0, 4.0)))
    assert leads("video-vp9", repeated(0.6, 0.0, 0.0, 0.6, 0.65, consistency=(0.0, 0.0, 0.0, 2.0, 4.0)))
    assert not leads("jpeg2000", repeated(2.0))


def test_what_all_encoders_show_is_no_familys_own() -> None:
    alike = Repeats([0.7] * len(ENCODERS), [9.0] * len(ENCODERS))
    assert own_of("av1", alike) == pytest.approx((0, 0))
    assert spread(alike) == pytest.approx((0, 0))
    found = repeated(0.1, 0.6, consistency=(2.0, -4.0, 7.0))
    assert own_of("hevc-intra", found) == pytest.approx((0.6, -4.0))
    assert spread(found) == pytest.approx((0.6, 7.0))


def test_aom_counts_as_far_as_x265_bears_it_out() -> None:
    assert counted(repeated(3.0, 0.2).gains)[0] == pytest.approx(1.0)
    assert counted(repeated(3.0, 0.9).gains)[0] == 3.0
    assert counted(repeated(-0.2, 2.0).gains)[:2].tolist() == [-0.2, 2.0]


def test_only_what_recompression_tells_is_coded_again() -> None:
    assert asked(families(av1=0.06, hevc_intra=0.06))
    assert not asked(families(jpeg2000=0.95))


def test_weights_of_nothing_leave_the_models_word() -> None:
    flat = Softmax(1.0, 0.0, [0.0] * len(FAMILIES), [[0.0] * VALUES * len(ENCODERS)] * len(FAMILIES))
    logs, values = values_of(families(av1=0.5, hevc_intra=0.25), repeated(3.0, 1.0, 0.0, 0.0))
    assert np.exp(flat.logarithms(logs, UNKNOWN, values))[AV1] == pytest.approx(0.5, abs=1e-3)


def test_the_gradient_leads_to_the_least_loss() -> None:
    """The fit against a naive descent of the same loss from another start."""
    some = rows(120, mistaken=0.1)
    logs, values = (np.stack(one) for one in zip(*(values_of(r.families, r.repeats) for r in some), strict=True))
    truth = np.array([FAMILIES.index(r.truth) for r in some])
    phases = np.random.default_rng(2).normal(-2, 1, logs.shape)

    def loss(made: Softmax) -> float:
        penalty = (made.prior - 1) ** 2 + made.phases**2 + np.square(made.bias).sum() + np.square(made.weights).sum()
        return float(
            -made.logarithms(logs, phases, values)[np.arange(len(truth)), truth].sum()
            + softmaxes._PENALTY * penalty / 2
        )

    best = softmax(logs, phases, values, truth)
    numbers = np.random.default_rng(5)
    for _ in range(50):
        near = Softmax(
            best.prior + numbers.normal(0, 0.02),
            best.phases + numbers.normal(0, 0.02),
            np.asarray(best.bias) + numbers.normal(0, 0.02, len(best.bias)),
            np.asarray(best.weights) + numbers.normal(0, 0.02, np.shape(best.weights)),
        )
        assert loss(near) > loss(best)


def test_names_keep_to_their_limit(tmp_path: Path) -> None:
    card = fit(rows(600, mistaken=0.005), tmp_path, seed=1)
    judge = RecompressionJudge(tmp_path)
    assert judge.card == card
    for name in ("av1", "hevc-intra"):
        figures = card["validation"][name]
        assert figures["right"] > 160
        assert figures["wrong"] <= WRONG_SHARE * (figures["right"] + figures["wrong"])
    assert judge.answer(families(av1=0.42, hevc_intra=0.55), repeated(2.0, 1.0, 0.0, 0.0))[0] == "av1"
    assert judge.answer(families(av1=0.42, hevc_intra=0.55), repeated(1.0, 2.0, 0.0, 0.0))[0] == "hevc-intra"
    assert judge.answer(families(av1=0.55, hevc_intra=0.42), repeated(1.0, 2.0, 0.0, 0.0))[0] == ""
    assert judge.answer(families(av1=0.9), repeated(0.1, 0.1, 0.0, 0.0))[0] == ""  # nothing shows
    assert set(judge.said_from) == set(OWN)


def test_what_is_often_mistaken_is_not_named(tmp_path: Path) -> None:
    card = fit(rows(600, mistaken=0.3), tmp_path, seed=1)
    assert card["validation"]["av1"]["right"] == 0
    assert RecompressionJudge(tmp_path).answer(families(av1=0.97), repeated(2.0, 1.0, 0.0, 0.0))[0] == ""


def test_few_names_are_no_ground(tmp_path: Path) -> None:
    card = fit(rows(FEWEST), tmp_path, seed=1)
    assert card["validation"]["av1"]["right"] == 0


def test_too_few_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="draw more"):
        fit(rows(1), tmp_path, seed=1)


def test_a_judge_of_other_encoders_is_refused(tmp_path: Path) -> None:
    fit(rows(200), tmp_path, seed=1)
    made = json.loads((tmp_path / CARD_FILE).read_text())
    (tmp_path / CARD_FILE).write_text(json.dumps({**made, "encoders": ["aom"]}))
    with pytest.raises(ValueError, match="other encoders"):
        RecompressionJudge(tmp_path)
    del made["sure_from"]
    (tmp_path / CARD_FILE).write_text(json.dumps(made))
    with pytest.raises(ValueError, match="another version"):
        RecompressionJudge(tmp_path)


def test_the_shipped_judge_names_nothing_without_a_gain() -> None:
    from importlib.resources import files

    judge = RecompressionJudge(files("forensics_models") / "artefacts")
    assert judge.answer(families(av1=0.5, hevc_intra=0.4), repeated())[0] == ""
    assert judge.answer(families(av1=0.485, hevc_intra=0.485), repeated(3.0, 1.0, 0.2, 1.0))[0] == "av1"
    assert judge.answer(families(av1=0.4, hevc_intra=0.57), repeated(1.0, 3.0, 0.2, 0.5))[0] == "hevc-intra"


def test_block_phases_name_what_is_not_coded_again(tmp_path: Path) -> None:
    """JPEGs that the models hold likely: block phases bear out those that they are, and speak against the others."""

    def unasked(count: int) -> list[Row]:
        likely = families(jpeg=0.55, jpeg2000=0.44)
        kinds = ("jpeg", "jpeg2000")
        return [Row(f"{k % 22}.png", "made", kinds[k % 2], likely, None, sure_of(kinds[k % 2])) for k in range(count)]

    card = fit([*rows(200), *unasked(200)], tmp_path, seed=1)
    assert card["unasked"] == {"open": 200, "right": 100, "wrong": 0}
    assert card["pictures"]["open"] == 200  # those that were coded again
    judge, likely = RecompressionJudge(tmp_path), families(jpeg=0.55, jpeg2000=0.44)
    name, probabilities = judge.answer_unasked(likely, sure_of("jpeg"))
    assert (name, sum(probabilities.values())) == ("jpeg", pytest.approx(1))
    assert judge.answer_unasked(likely, sure_of("jpeg", SURE_ALONE - 0.05))[0] == ""
    assert judge.answer_unasked(likely, sure_of("jpeg2000"))[0] == ""  # it leaves no blocks that would be its own
    assert judge.answer_unasked(likely, UNKNOWN)[0] == ""
    assert judge.answer_unasked(families(jpeg=0.9, video_mpeg2=0.09), sure_of("jpeg", 0.99))[0] == ""
    few = fit([*rows(200), *unasked(FEWEST - 4)], tmp_path, seed=1)
    assert few["unasked"]["right"] == 0


def test_stored_is_read_again(tmp_path: Path) -> None:
    flat = Softmax(1.0, 0.0, [0.0] * len(FAMILIES), [[0.0] * VALUES * len(ENCODERS)] * len(FAMILIES))
    made = stored(flat, {"av1": 0.9}, NOT_ELSE, Least(0.5, 20.0), (UNSAID, NOT_ELSE), {"seed": 1})
    (tmp_path / CARD_FILE).write_text(json.dumps(made))
    judge = RecompressionJudge(tmp_path)
    assert (judge.least, judge.said_from, judge.card["seed"]) == (Least(0.5, 20.0), {"av1": 0.9}, 1)
    assert judge.answer(families(av1=0.97), repeated(1.0, 0.5, 0.0, 0.0))[0] == "av1"
    assert (
        judge.answer(families(av1=0.97), repeated(0.4, 0.5, 0.0, 0.0))[0] == ""
    )  # another encoder's gain is none of its own
    beyond = families(av1=0.45, wsq=0.5)
    assert judge.answer(beyond, repeated(3.0, 1.5, 0.0, 0.0))[0] == ""


def test_block_phases_name_where_no_encoder_leads(tmp_path: Path) -> None:
    flat = Softmax(0.5, 1.0, [0.0] * len(FAMILIES), [[0.0] * VALUES * len(ENCODERS)] * len(FAMILIES))
    made = stored(flat, {"av1": 0.9}, Sure(0.95, NEVER, NEVER, NEVER), Least(0.5, 20.0), (UNSAID, NOT_ELSE), {})
    (tmp_path / CARD_FILE).write_text(json.dumps(made))
    judge, likely = RecompressionJudge(tmp_path), families(av1=0.6, hevc_intra=0.3)
    above_chance, below = repeated(0.1, 0.2, consistency=(3.5, 3.6)), repeated(consistency=(-0.5, 2.6))
    assert judge.answer(likely, above_chance, sure_of("av1", 0.97))[0] == "av1"
    assert judge.answer(likely, above_chance, sure_of("av1", 0.97), encoders_alone=True)[0] == ""
    assert judge.answer(likely, below, sure_of("av1", 0.97))[0] == ""
    assert agreed("av1", likely, repeated(consistency=(1.0,)), sure_of("av1", SURE_ALONE + 0.05))
    assert not agreed("av1", likely, repeated(consistency=(1.0,)), sure_of("av1", SURE_ALONE - 0.05))
    assert agreed("av1", likely, above_chance, sure_of("av1", SURE_ALONE - 0.05))
    assert judge.answer(likely, above_chance, sure_of("av1", SURE_OF_PHASES - 0.05))[0] == ""
    assert judge.answer(likely, repeated())[0] == ""
    assert (
        judge.probabilities(likely, repeated(), sure_of("av1"))["av1"] > judge.probabilities(likely, repeated())["av1"]
    )
    beyond = families(av1=0.45, wsq=0.5)
    assert judge.answer(beyond, above_chance, sure_of("av1", 0.99))[0] == ""


def test_block_phases_alone_name_what_the_open_judge_does_not_exclude() -> None:
    some, worse = repeated(consistency=(3.0, 3.0)), repeated(consistency=(3.0, -0.5))
    assert agreed("hevc-intra", families(hevc_intra=0.6, av1=0.3), some, sure_of("hevc-intra"))
    assert not agreed("hevc-intra", families(hevc_intra=0.6, av1=0.3), worse, sure_of("hevc-intra"))
    hardly, sure = repeated(consistency=(2.9, 2.9)), sure_of("hevc-intra", 0.75)
    assert agreed("hevc-intra", families(hevc_intra=0.6), some, sure)
    assert not agreed("hevc-intra", families(hevc_intra=0.6), hardly, sure)
    assert agreed("hevc-intra", families(hevc_intra=0.6), hardly, sure_of("hevc-intra", 0.85))
    assert agreed("hevc-intra", families(hevc_intra=0.3, av1=0.6), some, sure_of("hevc-intra"))  # who are surer
    assert agreed("jpegxl", families(jpegxl=0.98), some, sure_of("jpegxl"))  # of blocks, without an encoder of its own
    assert not agreed("jpegxl", families(jpegxl=0.9, video_mpeg2=0.09), some, sure_of("jpegxl"))  # nor may be MPEG-2's
    assert not agreed("jpeg2000", families(jpeg2000=0.9), some, sure_of("jpeg2000"))  # it has no blocks
    assert agreed("vp8", families(vp8=0.5, jpeg=0.4), hardly, sure_of("vp8", 0.75))
    assert not agreed("vp8", families(vp8=0.4, jpeg=0.5), some, sure_of("vp8"))  # as moved JPEGs are
    assert not agreed("av1", families(av1=0.9), some, UNKNOWN)
    for aom, named in ((4.5, True), (5.9, False)):  # a rival that repeats it much better was nearer
        assert agreed("hevc-intra", families(hevc_intra=0.9), repeated(aom, 3.8), sure_of("hevc-intra")) is named


def given(family: str, *rest: Any, probability: float = 0.96) -> Sure:
    return grounds(family, probability, *rest)


def test_vp8_is_named_by_block_phases_where_all_together_are_sure() -> None:
    likely, some = families(vp8=0.5), repeated(consistency=(0.5,) * 5)
    for repeats in (some, None):
        assert given("vp8", likely, repeats, sure_of("vp8", 0.75)).phases
        assert not given("vp8", likely, repeats, sure_of("vp8", 0.75), probability=0.94).phases
        assert not given("vp8", likely, repeats, sure_of("vp8", 0.65)).phases
        assert not given("vp8", families(vp8=0.3, jpeg=0.4), repeats, sure_of("vp8", 0.75)).phases


def test_what_both_judges_hold_likeliest_may_be_named() -> None:
    likely, jpeg = families(jpeg=0.8), sure_of("jpeg", 0.6)
    assert first_of_both("jpeg", likely, jpeg)
    assert not first_of_both("jpeg", likely, sure_of("av1", 0.6))
    assert not first_of_both("jpeg", families(av1=0.8), jpeg)
    assert not first_of_both("jpeg", likely, UNKNOWN)
    assert not first_of_both("uncompressed", families(uncompressed=0.9), sure_of("uncompressed"))
    assert not first_of_both("jpeg", families(jpeg=0.45, wsq=0.5), jpeg)
    assert given("jpeg", likely, None, jpeg) == Sure(False, True, False, False)
    assert not given("jpeg", likely, repeated(0.0, 0.0, 0.0, 0.5), jpeg).both  # libjpeg repeats more than JPEGs
    seen, phases = families(av1=0.6, hevc_intra=0.3), sure_of("av1", 0.5)
    assert given("av1", seen, repeated(0.2, 0.1, consistency=(3.0, 2.9)), phases) == Sure(False, True, False, True)
    assert not given("av1", seen, repeated(0.2, 0.1, consistency=(3.0, 3.1)), phases).both
    xl = sure_of("jpegxl", 0.5)
    assert given("jpegxl", families(jpegxl=0.8), repeated(0.2, 0.1), xl).both
    assert not given("jpegxl", families(jpegxl=0.8), repeated(3.0, 2.8, *[-1.0] * 3), sure_of("av1", 0.5)).both


def test_what_block_phases_hold_likelier_than_not_may_be_named_by_all_together() -> None:
    seen, worse = families(av1=0.3, hevc_intra=0.6), repeated(0.1, 0.2, consistency=(2.0, 3.0))
    assert likely_by_blocks("av1", seen, sure_of("av1", 0.6))  # whatever the open judge holds likelier
    assert given("av1", seen, worse, sure_of("av1", 0.6)) == Sure(False, False, False, True)
    assert not given("av1", seen, None, sure_of("av1", 0.6)).blocks  # coded again alone
    chance = repeated(0.3, 0.2, consistency=(0.4, 3.0))
    assert not given("av1", seen, chance, sure_of("av1", 0.6)).blocks  # aom repeats it by chance
    better = repeated(0.1, 1.7, consistency=(2.0, 3.0))  # by x265
    assert not given("av1", seen, better, sure_of("av1", 0.6)).blocks
    assert not likely_by_blocks("av1", seen, sure_of("av1", 0.45))
    assert not likely_by_blocks("jpeg", families(jpeg=0.9), sure_of("jpeg", 0.6))
    assert not likely_by_blocks("uncompressed", families(uncompressed=0.9), sure_of("uncompressed", 0.9))
    assert not likely_by_blocks("av1", families(av1=0.4, wsq=0.55), sure_of("av1", 0.6))


def test_hevc_is_named_over_av1_where_block_phases_are_for_it() -> None:
    likely, shown = families(av1=0.6, hevc_intra=0.35), repeated(1.0, 2.5, 0.0, 0.5)
    assert not may_be_named("hevc-intra", likely, shown, Least(0.5, 20.0), sure_of("hevc-intra", 0.5))
    assert may_be_named("hevc-intra", likely, shown, Least(0.5, 20.0), sure_of("hevc-intra", 0.7))


def test_other_processes_are_named_where_block_phases_bear_them_out(tmp_path: Path) -> None:
    """Frames of MPEG-2, say, that the open judge takes for JPEG or for MPEG-2, and a few JPEGs."""
    numbers = np.random.default_rng(3)

    def frame(k: int) -> Row:
        truth = ("video-mpeg2", "jpeg")[k % 3 == 0]
        p = float(numbers.uniform(0.3, 0.6))
        held = families(jpeg=p, video_mpeg2=0.95 - p)
        return Row(f"{k % 22}.png", "made", truth, held, None, sure_of(OTHER if truth != "jpeg" else "jpeg", 0.7))

    card = fit([*rows(200), *(frame(k) for k in range(240))], tmp_path, seed=1)
    assert card["unasked"]["right"] > 150
    assert card["unasked"]["wrong"] == 0
    judge, likely = RecompressionJudge(tmp_path), families(jpeg=0.35, video_mpeg2=0.6)
    assert judge.answer_unasked(likely, sure_of(OTHER, 0.7))[0] == OTHER
    assert judge.answer_unasked(families(video_mpeg2=0.97), sure_of("av1", 1 - 2 * OTHER_OF_PHASES))[0] == ""


def test_an_encoder_names_nothing_within_chance_or_against_block_phases() -> None:
    least, likely = Least(0.5, 20.0), families(av1=0.6, hevc_intra=0.3)
    assert may_be_named("av1", likely, repeated(1.0, 0.4, consistency=(2.5, 0.0)), least, UNKNOWN)
    assert not may_be_named("av1", likely, repeated(1.0, 0.4, consistency=(1.5, 0.0)), least, UNKNOWN)
    for p, named in ((0.45, True), (0.35, False)):
        assert may_be_named("av1", likely, repeated(1.0, 0.4), least, sure_of("av1", p)) == named
    webp = repeated(0.1, 0.1, 1.0, consistency=(0.0, 0.0, 9.0))
    assert may_be_named("vp8", families(vp8=0.9), webp, least, sure_of("vp8", 0.75))
    assert not may_be_named("vp8", families(vp8=0.9), webp, least, sure_of("vp8", 0.65))


def test_av1_is_not_named_where_blocks_of_eight_repeat_far_better() -> None:
    likely, least = families(av1=0.6, hevc_intra=0.3), Least(0.5, 20.0)
    for libjpeg, agreement, eight in ((1.2, 11.0, True), (0.9, 11.0, False), (1.2, 8.0, False), (1.2, 2.9, False)):
        own = 13.0 if agreement > 3 else 4.0
        found = repeated(0.9, 0.4, 0.2, libjpeg, consistency=(own, 3.5, 1.0, agreement))
        assert as_eight("av1", found) is eight
        assert may_be_named("av1", likely, found, least, UNKNOWN) is not eight
        assert agreed("av1", likely, found, sure_of("av1")) is not eight
        assert not as_eight("hevc-intra", found)


def test_x265_or_block_phases_bear_hevc_out() -> None:
    assert borne_out(repeated(0.0, 0.6), UNKNOWN)
    assert borne_out(repeated(0.0, 0.1, consistency=(0.0, 9.0)), UNKNOWN)
    assert borne_out(repeated(), sure_of("hevc-intra", 0.75))
    assert not borne_out(repeated(3.0, 0.4, consistency=(20.0, 7.0)), sure_of("hevc-intra", 0.6))


def test_pictures_left_open_are_drawn_and_coded_again(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    Image.fromarray(photograph(360)).save(tmp_path / "val" / "one.png")
    made = training.measure(tmp_path, seed=3, jobs=1, draws=10)
    assert made
    for row in made:
        assert asked(row.families)
        assert np.shape(row.repeats) == (2, len(ENCODERS))
        assert np.isfinite(row.repeats).all()
        assert np.exp(row.phases).sum() == pytest.approx(1, abs=0.01)
        assert row.made
        assert row.source == "one.png"


def test_without_an_encoder_nothing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.history.recoding import identification

    monkeypatch.setattr(identification, "missing", lambda: "PyAV is not installed")
    with pytest.raises(UsageError, match="PyAV"):
        training.measure(tmp_path, seed=1, jobs=1)


def test_rows_are_kept(tmp_path: Path) -> None:
    kept = Rows(tuple(rows(20)), 3, 10)
    store(kept, tmp_path / "rows.npz")
    again = load(tmp_path / "rows.npz")
    assert (again.seed, again.draws) == (3, 10)
    for before, after in zip(kept.rows, again.rows, strict=True):
        assert (before.source, before.made, before.truth) == (after.source, after.made, after.truth)
        assert after.families == before.families
        assert np.array_equal(after.repeats, before.repeats)
        assert np.array_equal(after.phases, before.phases)


def test_kept_rows_are_fitted_without_drawing(tmp_path: Path) -> None:
    kept = tmp_path / "rows.npz"
    store(Rows(tuple(rows(200)), 3, 10), kept)
    card = training.train_recompression(tmp_path / "none", tmp_path / "a", seed=3, jobs=1, draws=10, kept=kept)
    assert card == fit(rows(200), tmp_path / "b", seed=3)
    with pytest.raises(UsageError, match="seed 3 and 10"):
        training.train_recompression(tmp_path / "none", tmp_path / "a", seed=4, jobs=1, draws=10, kept=kept)


@pytest.mark.parametrize("data", [b"", b"no arrays", b"PK\x03\x04"])
def test_a_spoilt_file_of_rows_is_an_error(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.npz").write_bytes(data)
    with pytest.raises(UsageError, match="cannot be fitted on"):
        load(tmp_path / "rows.npz")
