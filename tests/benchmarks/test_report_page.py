"""The report of a run: its sections, the page that carries them, and two runs side by side."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from forensics_benchmarks import reporting, summaries
from forensics_benchmarks.conditions import CONDITIONS
from forensics_benchmarks.evaluation import Record, write_table
from forensics_benchmarks.html_report import svg_uri
from forensics_benchmarks.sections import sections
from forensics_benchmarks.stored_run import load
from forensics_models.classes import FINE_CLASSES

from forensics.dataset.grids import RESIZED_AFTER

NAN = float("nan")


def records(model: str, count: int = 220, seed: int = 0, hit: float = 0.8) -> list[Record]:
    """Random records of a model; patches are the same for every model, verdicts right with probability `hit`."""
    truth, answer = np.random.default_rng(seed), np.random.default_rng([seed, len(model)])
    found = []
    for index in range(count):
        fine = FINE_CLASSES[int(truth.integers(11))]
        clean = fine == "uncompressed"
        ratio = float(np.exp(truth.uniform(0.8, 5)))
        ssim, size, kind = (
            float(truth.uniform(0.6, 1)),
            int(truth.choice([64, 256])),
            str(truth.choice(["ratio", "max-kib"])),
        )
        condition = str(truth.choice(["none", *CONDITIONS])) if index % 3 == 0 else "none"
        variant, encoder, held = (
            ("MozJPEG", "foreign-mozjpeg", "encoder")
            if fine == "jpeg" and index % 2
            else ("seen", fine.split("-")[0], "")
        )
        said = fine if answer.random() < hit else FINE_CLASSES[int(answer.integers(11))]
        spread = np.full(11, 0.03)
        spread[FINE_CLASSES.index(said)] = 0.7
        found.append(
            Record(
                model,
                f"f{index}",
                f"s{index % 6}",
                f"o{index % 2}",
                "val",
                fine,
                encoder,
                variant,
                "crop",
                "stored" if clean else kind,
                0.0 if clean else (40.0 if kind == "max-kib" else 8.0),
                NAN if clean else ratio,
                NAN if clean else ssim,
                size,
                tuple(spread.tolist()),
                ratio * 0.8,
                ratio * 1.1,
                ratio * 1.5,
                ssim - 0.1,
                ssim,
                1.0,
                condition=condition,
                held_out=held,
                strength=75.0,
                quality=72.0 if fine == "jpeg" else NAN,
                answer=said.split("-")[0],
            )
        )
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two models and a peer as it lies on disk."""
    home = tmp_path_factory.mktemp("run") / "mine"
    home.mkdir()
    blind = {name: NAN for name in ("ratio_low", "ratio_median", "ratio_high", "ssim_low", "ssim_median", "ssim_high")}
    plain = [replace(record, **blind) for record in records("plain-network", hit=0.4)]  # a peer that judges no strength
    write_table(
        home,
        [
            *records("baseline"),
            *records("cnn", hit=0.9),
            *records("fused", hit=0.95),
            *records("zero", hit=0.2),
            *plain,
        ],
    )
    (home / "timings.csv").write_text(
        "model,size,patches,seconds,megapixels_per_second\nbaseline,64,50,1.5,0.14\nbaseline,256,50,5.0,0.66\n"
    )
    facts = {
        "command": "forensics bench run <a&b>",
        "suite": "quick",
        "toolkit": "0",
        "seed": 1,
        "patches": 220,
        "files": 220,
        "sources": 6,
        "date": "2026-01-01",
        "data_sha256": "0" * 64,
        "machine": "x",
        "seconds": {"judging": 2.0},
        "packages": {"numpy": "2"},
        "encoders": {"jpeg": "x"},
        "skipped": {"spam": "no"},
        "notes": [],
    }
    (home / "run.json").write_text(json.dumps(facts))
    return home


class Page(HTMLParser):
    """Tags that are open, pictures, and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.pictures.append(dict(attrs))
        self.targets += [value for name, value in attrs if name in ("href", "src")]
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(folder):
    run = load(folder)
    text = reporting.html_report(replace(run, models={name: run.models[name] for name in ("baseline", "zero")}))
    page = Page(text)
    assert page.open == []
    assert len(page.pictures) > 10
    assert all(target.startswith(("#s", "data:image/svg+xml;base64,")) for target in page.targets)
    for picture in page.pictures:
        svg = base64.b64decode(picture["src"].partition(",")[2]).decode()
        assert svg.count("<path") > 10
        assert "nan" not in re.sub(r'id="[^"]*"|"data:image/png;base64,[^"]*"', "", svg).lower()
        assert picture["alt"]
    assert "forensics bench run &lt;a&amp;b&gt;" in text
    assert "<script" not in text


def test_a_figure_is_the_same_every_time(folder):
    first, second = (
        next(section for section in sections(load(folder)) if section.title == "Time").figures[0].draw()
        for _ in range(2)
    )
    assert svg_uri(first) == svg_uri(second)


def test_pictures_resized_after_decoding_are_counted_apart(folder):
    run = load(folder)
    first = {
        name: [replace(r, variant=RESIZED_AFTER) if index % 4 == 0 else r for index, r in enumerate(found)]
        for name, found in run.models.items()
    }
    parts = {section.title: section for section in sections(replace(run, models=first))}
    judged = first["baseline"]
    usual = [r for r in judged if r.condition == "none"]
    kept, apart = [[r for r in usual if (r.variant == RESIZED_AFTER) is resized] for resized in (False, True)]
    rows = {row[0]: row[1] for row in parts["Overview"].tables[0].rows}
    assert rows["accuracy, nine classes"] == str(summaries.accuracy(kept))
    assert rows["accuracy, the variant resized after decoding"] == str(summaries.accuracy(apart))
    variants = {row[0]: row[1] for row in parts["Accuracy by class and encoder"].tables[-1].rows}
    assert variants[RESIZED_AFTER] == rows["accuracy, the variant resized after decoding"]
    assert not any(
        "resized" in row[0] for row in next(s for s in sections(run) if s.title == "Overview").tables[0].rows
    )


def test_every_section_has_counts_and_no_holes(folder):
    found = sections(load(folder))
    titles = [section.title for section in found]
    for wanted in (
        "Overview",
        "Worst cells",
        "File sizes",
        "Accuracy by codec",
        "Confusions",
        "Calibration",
        "Error by size",
        "False positives",
        "Estimated strength",
        "Generalisation",
        "Robustness",
        "JPEG alone",
        "Time",
        "How to repeat",
    ):
        assert any(title.startswith(wanted) for title in titles)
    for section in found:
        for table in section.tables:
            assert table.rows
            assert {len(row) for row in table.rows} == {len(table.header)}
            assert not any(str(cell) in ("", "nan", "None") for row in table.rows for cell in row)
    text = reporting.markdown_report(load(folder))
    assert "| accuracy, nine classes |" in text
    assert "What fusion adds to the baseline" in text


def test_many_sides_are_put_in_bands(tmp_path):
    odd = [
        replace(record, size=int(side))
        for record, side in zip(records("baseline"), np.resize([64, 100, *range(193, 200), 256], 220))
    ]
    write_table(tmp_path, odd)
    found = {section.title: section for section in sections(load(tmp_path))}
    bands = ["under 96", "96 to 160", "160 to 224", "224 to 288"]
    assert [str(row[0]) for row in found["Error by size of the patch"].tables[0].rows] == bands
    assert list(found["Calibration"].tables[0].header) == ["model", "all", *(f"{name} px" for name in bands)]
    (figure,) = found["Error by size of the patch"].figures
    ax = figure.draw().axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == bands
    assert ax.get_xticks().tolist() == [64, 100, 196, 256]
    few = [record for record in odd if record.size in (64, 100, 256)]
    assert {str(summaries.sides_of(few)(record)) for record in few} == {"64", "100", "256"}


def test_a_run_of_little_still_has_a_page(tmp_path):
    write_table(tmp_path, records("baseline", 3)[:1])
    text = reporting.html_report(load(tmp_path))
    assert Page(text).open == []


def test_two_runs_stand_side_by_side(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_table(other, records("baseline", hit=0.5))
    run = load(folder, other)
    text = reporting.markdown_report(run)
    both = summaries.difference(*(loaded.judges["baseline"] for loaded in (run, run.against)))
    assert "## Against other" in text
    mine, theirs = ([r for r in loaded.judges["baseline"] if r.condition == "none"] for loaded in (run, run.against))
    assert (
        f"| baseline | {summaries.accuracy(mine)} | {summaries.accuracy(theirs)} | "
        f"{summaries.difference(mine, theirs)} |" in text
    )
    assert both is not None
    assert both.value > 0


def test_a_difference_is_paired():
    first, second = records("a", 60, hit=1.0), records("b", 60, hit=0.5)
    found = summaries.difference(first, list(reversed(second)))
    assert found is not None
    plain = np.mean([summaries.is_right(a) - float(summaries.is_right(b)) for a, b in zip(first, second)])
    assert found.value == pytest.approx(plain)
    assert found.low <= found.value <= found.high
    assert summaries.difference(first, [replace(record, file="x") for record in second]) is None
    assert summaries.difference(first, first).value == 0


def test_outcomes_sum_to_one_and_follow_the_answer():
    base = records("a", 1)[0]

    def said(truth: str, answer: str, condition: str = "none") -> str:
        return summaries.outcome(replace(base, fine_class=truth, answer=answer, condition=condition))

    assert said("heic", "hevc-intra") == said("jpegxr-1", "jpegxr") == "kept"
    assert said("webp", "jpeg", "jpeg-90") == "last"
    assert said("jpeg", "jpeg", "jpeg-90") == "kept"
    assert said("webp", "jpeg") == said("webp", "hevc-intra") == "wrong"
    assert said("webp", "inconclusive") == "inconclusive"
    assert said("webp", "uncompressed") == "uncompressed"
    shares = summaries.outcomes(records("a"))
    assert sum(share.value for share in shares.values()) == pytest.approx(1)


def test_bands_and_their_names():
    assert [summaries.band(value, summaries.RATIO_BANDS) for value in (0.5, 4.0, 7.9, 1000.0)] == [0.0, 4.0, 4.0, 64.0]
    assert [summaries.band_name(edge, (0.0, 4.0, 8.0)) for edge in (0.0, 4.0, 8.0)] == ["under 4", "4 to 8", "from 8"]


def test_reliability_bins_hold_every_record():
    found = summaries.reliability(records("a"))
    assert sum(each.right.count for each in found) == 220
    assert all(0 <= each.confidence <= 1 for each in found)


def test_worst_cells_are_the_worst():
    table = records("a", 400, hit=0.6)
    cells = summaries.accuracy_by(table, summaries.cell_of)
    worst = summaries.worst_cells(table, 3, least=5)
    left = [value.value for cell, value in cells.items() if value.count >= 5 and cell not in dict(worst)]
    assert max(value.value for _, value in worst) <= min(left)


def test_jpeg_figures_count_jpeg_alone():
    table = records("a", 300)
    seen = summaries.jpeg_detection(table)
    jpeg = [record for record in table if record.class_name == "jpeg"]
    assert seen.found.value == pytest.approx(np.mean([record.verdict == "jpeg" for record in jpeg]))
    assert seen.found.count + seen.on_uncompressed.count + seen.on_others.count == 300
    error, count = summaries.quality_error(table)
    assert error == 3.0
    assert 0 < count <= len(jpeg)
