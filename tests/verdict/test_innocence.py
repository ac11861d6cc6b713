"""The judge of innocence: its values, fit and threshold, and when `uncompressed` is said of an open picture."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import forensics_models.innocence as models
import numpy as np
import pytest
from forensics_features.exactness import NAMES, exactness
from forensics_models.classes import INCONCLUSIVE
from forensics_models.open_judge import NEVER, PROCESS_NAMES
from forensics_models.open_pictures import VALUE_NAMES as OF_OPEN_PICTURES
from forensics_models.recompression import FAMILIES, UNKNOWN
from PIL import Image

from forensics import analyze
from forensics.errors import UsageError
from forensics.results.analysis import Analysis, LeftOpen
from forensics.training import innocence as training
from forensics.training.innocence import Row, fit
from forensics.verdict import doubt, innocence
from forensics.verdict.block_grids import SURELY_UNCOMPRESSED
from forensics.verdict.evidence import ALTERED
from forensics.verdict.restated import ranked, without_range
from forensics.windows.judges import innocence_judge, shipped_open_judge
from tests.features.test_exactness import drawing
from tests.features.test_scaled_grid import photograph

SAMPLES = Path(__file__).parents[2] / "examples"
PIXELS = np.asarray(Image.open(SAMPLES / "uncompressed.png").convert("RGB"))


def test_values_are_those_of_open_pictures_of_blocks_and_of_drawing() -> None:
    given = np.arange(len(OF_OPEN_PICTURES), dtype=float)
    blocks = np.log(np.full(len(FAMILIES), 0.5 / (len(FAMILIES) - 1)))
    blocks[0] = np.log(0.5)
    drawn = exactness(drawing())
    found = dict(zip(models.VALUE_NAMES, models.values_of("uncompressed", given, blocks, drawn), strict=True))
    assert found["windows.log2"] == OF_OPEN_PICTURES.index("windows.log2")
    assert "doubt" not in found
    assert not any(name.startswith("is.") for name in found)
    assert (found["likeliest"], found["blocks.known"]) == (1, 1)
    assert found["blocks.uncompressed"] == pytest.approx(np.log(0.5))
    assert found["blocks.coded"] == pytest.approx(blocks[1])
    assert [found[f"drawn.{name}"] for name in NAMES] == drawn.tolist()
    other = dict(zip(models.VALUE_NAMES, models.values_of("av1", given, UNKNOWN, drawn), strict=True))
    assert (other["likeliest"], other["blocks.known"]) == (0, 0)


def rows(count: int = 240, apart: float = 3.0, seed: int = 1) -> list[Row]:
    """Open pictures of 22 sources, compressed and not, that differ in one value."""
    numbers = np.random.default_rng(seed)
    made = []
    for k in range(count):
        clean = k % 2 == 0
        values = numbers.normal(size=len(models.VALUE_NAMES)) * 0.3
        values[0] = (apart if clean else -apart) + numbers.normal()
        kind = ("photograph", "drawing")[k % 4 // 2]
        made.append(Row(f"{k % 22}.png", kind, "uncompressed" if clean else "av1", INCONCLUSIVE, values))
        made += [Row(f"{k % 22}.png", kind, "jpeg", "jpeg", None)] * 3
    return made


def test_the_threshold_keeps_wrong_answers_under_their_limits(tmp_path: Path) -> None:
    card = fit(rows(), tmp_path, seed=1)
    judge = models.InnocenceJudge(tmp_path)
    assert judge.card == card
    assert training.LEAST <= judge.said_from < NEVER
    for kind, limit in training.WRONG.items():
        row = card["validation"][kind]
        assert row["wrong"] <= limit * row["of compressed"]
        assert row["right"] > 0.8 * row["of"]
        assert row["of compressed"] == 60 + 3 * 120


def test_what_tells_nothing_is_never_said(tmp_path: Path) -> None:
    card = fit(rows(apart=0.0), tmp_path, seed=1)
    assert sum(row["right"] for row in card["validation"].values()) < 20


def test_the_judge_follows_what_it_learned(tmp_path: Path) -> None:
    drawn = rows()
    fit(drawn, tmp_path, seed=1)
    judge = models.InnocenceJudge(tmp_path)
    asked = [row for row in drawn if row.values is not None]
    right = [(judge.never_compressed(row.values) > 0.5) == (row.truth == "uncompressed") for row in asked]
    assert np.mean(right) > 0.97


def test_kernels_are_those_of_plain_loops() -> None:
    numbers = np.random.default_rng(3)
    a, b = numbers.normal(size=(5, 4)).astype(np.float32), numbers.normal(size=(3, 4)).astype(np.float32)
    plain = [[np.exp(-0.3 * sum((float(x) - float(y)) ** 2 for x, y in zip(p, q, strict=True))) for q in b] for p in a]
    np.testing.assert_allclose(models.kernels(a, b, 0.3), plain, rtol=1e-9)


def test_a_judge_made_for_other_values_or_without_its_rows_is_refused(tmp_path: Path) -> None:
    fit(rows(), tmp_path, seed=1)
    stored = json.loads((tmp_path / models.CARD_FILE).read_text())
    (tmp_path / models.CARD_FILE).write_text(json.dumps({**stored, "value_names": ["other"]}))
    with pytest.raises(ValueError, match="other values"):
        models.InnocenceJudge(tmp_path)
    (tmp_path / models.CARD_FILE).write_text(json.dumps(stored))
    (tmp_path / models.ROWS_FILE).write_bytes(models.packed({"rows": np.zeros(3)}))
    with pytest.raises(ValueError, match="another version"):
        models.InnocenceJudge(tmp_path)


def test_too_few_open_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="draw more"):
        fit([replace(row, values=None) for row in rows(20)], tmp_path, seed=1)


def test_photographs_and_drawings_are_drawn_and_judged(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    (tmp_path / "art" / "icons").mkdir(parents=True)
    Image.fromarray(photograph(256, 3)).save(tmp_path / "val" / "3.png")
    alpha = np.full((96, 96, 1), 255, np.uint8)
    Image.fromarray(np.dstack([drawing(), alpha])).save(tmp_path / "art" / "icons" / "a.png")
    task = training._ArtTask(1, 12, ("jpeg:pillow", "webp:pillow"), tmp_path / "val" / "3.png", tmp_path / "art")
    (made,) = training._rows(task)
    assert {row.kind for row in made} == {"photograph", "drawing"}
    assert {row.source for row in made if row.kind == "photograph"} == {"3.png"}
    assert any(row.truth == "uncompressed" for row in made)
    for row in made:
        assert row.values is None or (row.verdict == INCONCLUSIVE and np.isfinite(row.values).all())


LEFT = LeftOpen("uncompressed", 0.6, (0.0,) * len(OF_OPEN_PICTURES))


def opened(left: LeftOpen | None = LEFT, uncompressed: float = 0.6) -> Analysis:
    """The analysis of a sample, left open with so much for no compression."""
    analysis = analyze(SAMPLES / "uncompressed.png")
    others = (1 - uncompressed) / (len(PROCESS_NAMES) - 1)
    ranking = ranked({name: uncompressed if name == "uncompressed" else others for name in PROCESS_NAMES})
    return replace(
        analysis, verdict=INCONCLUSIVE, probability=ranking[0][1], ranking=ranking, left_open=left, limits=()
    )


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that is sure of every picture."""
    monkeypatch.setattr(models.InnocenceJudge, "never_compressed", lambda self, values: 0.97)


def said(before: Analysis, pixels: np.ndarray = PIXELS) -> Analysis:
    return innocence.with_answer(before, shipped_open_judge(), pixels)


@pytest.mark.usefixtures("sure")
def test_an_open_picture_is_called_uncompressed() -> None:
    after = said(opened())
    assert after.verdict == "uncompressed"
    assert after.probability == pytest.approx(SURELY_UNCOMPRESSED)
    assert sum(after.probabilities.values()) == pytest.approx(1)
    assert after.evidence[0].trace == innocence.TRACE
    assert after.afterwards is None
    assert "left_open" not in after.to_dict()


@pytest.mark.usefixtures("sure")
@pytest.mark.parametrize(
    "before",
    [
        opened(None),
        opened(LeftOpen("av1", 0.1, LEFT.values)),
        opened(uncompressed=0.5),  # less than the models held: something was read against it
        opened(uncompressed=0.01),
        replace(opened(), verdict="jpeg"),
        replace(opened(), limits=(doubt.note("jpeg2000"),)),
        replace(opened(), evidence=(without_range(ALTERED, 0.0, (), "a table"),)),
    ],
    ids=["not open", "unlikely", "spoken against", "another likelier", "named", "a name withheld", "a table"],
)
def test_nothing_is_said_where_something_speaks_against_it(before: Analysis) -> None:
    assert said(before) is before


@pytest.mark.usefixtures("sure")
def test_quantised_blocks_speak_against_it() -> None:
    from io import BytesIO

    stream = BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG", quality=100, subsampling=0)
    before = opened()
    assert said(before, np.asarray(Image.open(stream))) is before


def test_an_unsure_judge_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.InnocenceJudge, "never_compressed", lambda self, values: 0.4)
    before = opened()
    assert said(before) is before


def test_without_an_open_judge_or_this_one_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = opened()
    assert innocence.with_answer(before, None, PIXELS) is before
    monkeypatch.setattr(innocence, "innocence_judge", lambda folder: None)
    assert said(before) is before


def test_the_shipped_judge_says_what_it_rests_on() -> None:
    judge = innocence_judge(files("forensics_models") / "artefacts")
    assert judge is not None
    assert judge.says(judge.said_from)
    assert not judge.says(judge.said_from - 0.01)
    for kind, limit in training.WRONG.items():
        row = judge.card["validation"][kind]
        assert row["of compressed"] > 500
        assert row["wrong"] <= limit * row["of compressed"]
        assert row["right"] > 5 * row["wrong"]
