"""HTML reports: what a page says, what it never lets through, and how Chromium shows it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from forensics_models.validation_table import ratio_band, side_band, validation_table
from PIL import Image

from forensics.report import html_parts
from forensics.report import text as text_report
from forensics.report.comparable import NO_CASES, Comparable, comparable
from forensics.report.departures import departures
from forensics.report.figures import data_uri, draw, preview
from forensics.report.html import Report, page
from forensics.report.html_history import power, trace_key
from forensics.report.html_index import Shown, index_csv, index_page, shown_of
from forensics.results.failure import Failure
from forensics.results.history import Generation, History, Parameter, Trace
from forensics.verdict.analysis import analyze
from tests.report.browser import PROGRAM, Browser

NASTY = "a <script>alert(1)</script> \"quoted\" & 'single' <img src=x onerror=alert(2)>.png"

TRACES = (
    Trace(
        "dct_comb",
        0.52,
        -83.2,
        ("jpeg",),
        {"phase": (3, 5)},
        "Coefficients gather at whole steps.",
        {"x": np.arange(3)},
    ),
    Trace("wavelet_comb", 0.02, 0.8, (), {"step": None}, "No comb <b>here</b>.", {"x": np.arange(3)}),
    Trace("residual_spectrum", 0.1, float("nan"), (), {}, "A description."),
)
PARAMETERS = (
    Parameter("quality_factor", 76, 75, 77, basis="41 luma steps fit the standard table"),
    Parameter("upsampling", None, reason="too few <chroma> columns"),
    Parameter("quantization_steps_luma", tuple([None, *range(1, 64)])),
    Parameter("chroma_subsampling", "4:2:0", probability=0.9997),
)


class Reader(HTMLParser):
    """Collects tags with their attributes, the text, and whether every element is closed where it should be."""

    VOID = frozenset({"meta", "img", "br", "rect"})

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open, self.faults = "", [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def result(scene, fake_judge, fake_extractor):
    analysed = analyze(scene, judge=fake_judge(jpeg=0.97), extractor=fake_extractor, name=NASTY)
    history = History(
        PARAMETERS, TRACES, (Generation("webp", 0.7), Generation("jpeg", 0.97, PARAMETERS)), ("a <note>",)
    )
    container = {
        **analysed.container,
        "comment": "<script>alert(3)</script>",
        "jpeg": {"quality": 76.0, "quantization_tables": [[1]]},
    }
    return replace(analysed, history=history, container=container)


def figure(seed: int) -> bytes:
    return draw(lambda ax: ax.plot(np.random.default_rng(seed).random(50)))


@pytest.fixture
def report(result, scene):
    figures = {trace_key(i, trace): figure(i) for i, trace in enumerate(TRACES[:2])}
    return Report(
        result,
        preview(scene),
        Comparable(412, 7, "jpeg", "8 to 16", None),
        f"forensics analyze {NASTY}",
        figures,
        notes=("n <i>",),
    )


def test_nothing_from_outside_becomes_markup(report):
    read = Reader(page(report))
    assert read.faults == []
    assert read.open == []
    names = [tag for tag, _ in read.tags]
    assert not {"script", "b", "i", "note", "chroma", "iframe", "link", "object", "form"} & set(names)
    assert names.count("img") == 3
    for fragment in (
        NASTY,
        "<script>alert(3)</script>",
        "a <note>",
        "No comb <b>here</b>.",
        "too few <chroma> columns",
        "n <i>",
    ):
        assert fragment in read.text
    for _, attributes in read.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_a_page_is_self_contained_and_its_policy_fits_its_style(report):
    shown = page(report)
    read = Reader(shown)
    for tag, attributes in read.tags:
        for name in ("src", "href", "data", "action"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    policy = next(
        a["content"] for t, a in read.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search("<style>(.*?)</style>", shown, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style


def test_a_page_says_what_an_examiner_needs(report, result):
    text = Reader(page(report)).text
    for needed in (
        "probability 97.0 %", "compression ratio 8.0 (90 % interval 4.0 to "
                              "17.1)", "7 of 412 validation windows with the verdict JPEG",
        "false alarms expected: 0.0025; left by JPEG", "this test has nothing to measure here",
        "quality factor", "75 to 77 (90 % interval)",
        "> 99.9 %", "not recoverable", "WebP (70.0 %)", "a fake limit", result.sha256, "fake trained on 0123456789ab",
        "Coefficients gather at whole steps.", "JPEG: quality",
    ):  # fmt: skip
        assert needed in text, needed
    assert "quantization tables" not in text.lower()
    assert Reader(page(replace(report, comparable=None))).text.count(NO_CASES) == 1


def test_a_page_without_a_history_has_no_empty_sections(report, result):
    shown = page(replace(report, analysis=replace(result, history=None, evidence=()), figures={}, notes=()))
    for title in (
        "Traces",
        "Recovered parameters",
        "Compressions",
        "Remarks, and what could not be determined",
        "Notes on this report",
    ):
        assert f"<h2>{title}" not in shown
    assert "No single measurement stands outside" in shown


def test_windows_are_framed_and_those_that_differ_are_told(scene, fake_judge, fake_extractor, report):
    large = np.random.default_rng(0).integers(0, 256, (600, 700, 3), dtype=np.uint8)
    analysed = analyze(large, judge=fake_judge(jpeg=0.97), extractor=fake_extractor)
    windows = (analysed.windows[0]._replace(best="webp"), *analysed.windows[1:])
    shown = page(replace(report, analysis=replace(analysed, windows=windows), preview=preview(large)))
    first = windows[0].window
    assert f'<rect class="other" x="{first.left}" y="{first.top}" width="256" height="256">' in shown
    assert shown.count('<rect class="same"') == len(windows) - 1
    assert "the dashed one alone would give another codec" in shown


def test_escape_leaves_no_way_out_of_text_or_attribute():
    assert html_parts.escape("<a href=\"x\" id='y'>&") == "&lt;a href=&quot;x&quot; id=&#x27;y&#x27;&gt;&amp;"
    assert html_parts.escape("a\x00\x1b[31m\udcff\x9fb") == "a\ufffd\ufffd[31m?\ufffdb"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not stated"),
        (True, "yes"),
        (0.123456, "0.1235"),
        ((1, None, 2.5), "1, ·, 2.5"),
        ({"icc_profile": False}, "ICC profile: no"),
        ("x", "x"),
    ],
)
def test_values_as_text(value, text):
    assert html_parts.plain(value) == text


@pytest.mark.parametrize(
    ("exponent", "text"), [(-2, "0.01"), (0.8, "6.3"), (-83.2, "10<sup>−83</sup>"), (-np.inf, "under any number")]
)
def test_powers_of_ten(exponent, text):
    assert power(exponent) == text


def test_previews_are_bounded_lossless_pngs():
    noise = np.random.default_rng(1).integers(0, 65536, (700, 1500, 3), dtype=np.uint16)
    made = preview(noise, largest=200_000)
    assert len(made) <= 200_000
    image = Image.open(io.BytesIO(made))
    assert image.format == "PNG"
    assert image.width / image.height == pytest.approx(1500 / 700, rel=0.02)
    small = noise[:64, :70, 0].astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(preview(small)))), small)
    assert data_uri(b"\x00\x01") == "data:image/png;base64,AAE="


def test_comparable_cases_widen_until_there_are_enough():
    rows = [
        {"class": "jpeg", "ratio_band": "8 to 16", "side_band": "224 to 288", "cases": 40, "errors": 1},
        {"class": "jpeg", "ratio_band": "4 to 8", "side_band": "224 to 288", "cases": 5, "errors": 2},
        {"class": "jpeg", "ratio_band": "4 to 8", "side_band": "under 96", "cases": 7, "errors": 3},
        {"class": "uncompressed", "ratio_band": None, "side_band": "224 to 288", "cases": 100, "errors": 2},
    ]
    card = {"validation_table": rows}
    assert comparable({}, "jpeg", 10, 256) is None
    assert comparable(card, "webp", 10, 256) is None
    assert comparable(card, "jpeg", 10, 256) == Comparable(40, 1, "jpeg", "8 to 16", "224 to 288")
    assert comparable(card, "jpeg", 5, 256) == Comparable(45, 3, "jpeg", None, "224 to 288")
    assert comparable(card, "jpeg", 5, 70) == Comparable(52, 6, "jpeg", None, None)
    assert comparable(card, "uncompressed", None, 256) == Comparable(100, 2, "uncompressed", None, "224 to 288")
    assert comparable({"validation_table": rows[2:3]}, "jpeg", 5, 70) == Comparable(7, 3, "jpeg", None, None)


@pytest.mark.parametrize(("errors", "cases"), [(7, 412), (1, 3), (30, 31)])
def test_the_interval_of_an_error_rate_is_wilsons(errors, cases):
    """Its ends are the rates p from which the rate seen lies 1.96 standard deviations sqrt(p (1 - p) / n) away (Wilson
    1927).
    """
    low, high = Comparable(cases, errors, "jpeg", None, None).interval
    for end, side in ((low, 1), (high, -1)):
        assert errors / cases - end == pytest.approx(side * 1.96 * (end * (1 - end) / cases) ** 0.5)
    assert Comparable(30, 0, "jpeg", None, None).interval[0] == 0
    assert "0 of 30" in Comparable(30, 0, "jpeg", None, None).text


def test_the_validation_table_counts_by_the_verdict_given():
    fine = np.full((5, 11), 0.01)
    fine[0, 1] = fine[1, 1] = 0.9  # verdict jpeg: one right, one wrong
    fine[2, 6] = fine[2, 9] = 0.46  # bpg and heic: the family, and heic is right
    fine[3, 0] = 0.9  # uncompressed, truly jpeg
    fine[4, 3] = fine[4, 4] = fine[4, 7] = 0.3  # jpegxr at 0.6
    rows = validation_table(
        fine, np.array([1, 7, 9, 1, 4]), np.array([5.0, 5.0, 20.0, 3.0, 70.0]), np.array([256, 256, 100, 64, 300]), 0.5
    )
    assert {(r["class"], r["ratio_band"], r["side_band"]): (r["cases"], r["errors"]) for r in rows} == {
        ("jpeg", "4 to 8", "224 to 288"): (2, 1),
        ("hevc-intra", "16 to 32", "96 to 160"): (1, 0),
        ("uncompressed", None, "under 96"): (1, 1),
        ("jpegxr", "from 64", "from 288"): (1, 0),
    }
    undecided = validation_table(fine[:1], np.array([7]), np.array([5.0]), np.array([64.0]), 0.95)
    assert undecided == [
        {"class": "inconclusive", "ratio_band": None, "side_band": "under 96", "cases": 1, "errors": 1}
    ]
    assert [ratio_band(v) for v in (1, 3.99, 4, 63.9, 64)] == ["under 4", "under 4", "4 to 8", "32 to 64", "from 64"]
    assert side_band(256) == "224 to 288"


def test_results_show_themselves_in_one_line(result):
    assert "\n" not in repr(result)
    assert len(repr(result)) < 400
    assert ": jpeg at 0.970" in repr(result)
    assert list(result.probabilities.items()) == list(result.ranking) == list(result.to_dict()["ranking"].items())


def test_a_grid_says_which_number_is_the_row():
    lines = text_report.history_lines(History(parameters=(Parameter("grid_phase", (5, 3), unit="pixels"),)))
    assert "grid phase row 5, column 3 in pixels" in "".join(lines)


def test_text_names_parameters_of_a_candidate_as_the_page_does():
    lines = text_report.history_lines(History(parameters=(Parameter("heic.quantizer_index", 27.0, unit="QP"),)))
    assert "HEIC: quantizer index 27 QP" in "".join(lines)


def test_a_chain_tells_the_qualities_that_were_read():
    first = Generation("jpeg", 0.99995, (Parameter("first_quality_factor", 60.0),))
    last = Generation("jpeg", 0.998, (Parameter("quality_factor", 85.0),))
    lines = text_report.history_lines(History(generations=(first, last, Generation("webp", 0.7))))
    assert "JPEG of quality 60 (> 99.9 %), then JPEG of quality 85 (99.8 %), then WebP (70.0 %)" in "".join(lines)


def test_notebooks_get_a_fragment(result):
    read = Reader(result._repr_html_())
    assert "a fake limit" in read.text
    assert read.faults == []
    assert NASTY in read.text
    assert "JPEG, 97.0 %" in read.text
    assert "quality factor" in read.text
    assert "script" not in {tag for tag, _ in read.tags}


def entries(result):
    return [
        (result, "a-1.html"),
        (replace(result, verdict="inconclusive", ratio=None), "b 2.html"),
        (Failure(NASTY, "is <bad>"), None),
    ]


def test_the_index_links_pages_and_keeps_failures(result):
    read = Reader(index_page(entries(result)))
    assert read.faults == []
    assert [a["href"] for t, a in read.tags if t == "a"] == ["index.csv", "a-1.html", "b%202.html"]
    assert "3 inputs, 2 analysed, 1 failed" in read.text
    assert "is <bad>" in read.text
    lines = index_csv(entries(result)).splitlines()
    assert lines[0].startswith("page,name,status")
    assert [line.partition(",")[0] for line in lines[1:]] == ["a-1.html", "b 2.html", ""]


def test_the_box_at_the_top_names_what_departs(report, result):
    changed = replace(
        result,
        agreement=result.agreement._replace(status="disagree", text="the container says WebP, and they say JPEG"),
        afterwards={"resampled": 0.93, "nothing": 0.07},
    )
    read = Reader(page(replace(report, analysis=changed)))
    box = read.text.partition("What departs")[2].partition("Picture")[0]
    assert "The container says WebP, and they say JPEG." in box
    assert "Most likely resized or rotated since (93.0 %)." in box
    assert "Compressed more than once: WebP, then JPEG." in box
    plain = replace(changed, agreement=result.agreement._replace(status="agree"), afterwards=None, history=None)
    shown = Reader(page(replace(report, analysis=plain))).text
    assert "What departs" not in shown
    assert "Nothing departs: no map was made" in shown


def test_a_period_of_resizing_departs_where_nothing_else_is_said_to_have_happened_since(report, result):
    period = Trace("residual_spectrum", 27.0, -50.0, (), {"resized": True}, "It varies with a period.")
    plain = replace(
        result,
        agreement=result.agreement._replace(status="agree"),
        afterwards=None,
        history=replace(result.history, traces=(period,), generations=()),
    )
    assert [departure.kind for departure in departures(plain)] == ["since"]
    unseen = replace(plain, history=replace(plain.history, traces=(replace(period, log10_nfa=0.3),)))
    assert departures(unseen) == []


def test_a_page_gives_its_row_a_picture_and_what_departs(report, result):
    departing = replace(result, agreement=result.agreement._replace(status="finding", text=f"--> {NASTY} <!--"))
    shown = page(replace(report, analysis=departing))
    seen = shown_of(shown)
    assert seen.thumbnail.startswith("data:image/jpeg;base64,")
    assert seen.departs[0] == f"--> {NASTY} <!--."
    assert Reader(shown).faults == []
    assert shown_of("<p>another page</p>") == Shown()
    read = Reader(index_page([(departing, "a.html")], lambda name: seen if name == "a.html" else Shown()))
    assert read.faults == []
    assert [tag for tag, _ in read.tags].count("img") == 1
    assert "stored without loss, but compressed before" in read.text
    assert NASTY in read.text


def test_chromium_sorts_the_index(browser, result, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(index_page([(replace(result, name=f"{n}.png"), None) for n in (10, 9, 30)]), encoding="utf-8")
    assert browser.look(path, 1000).messages == ()
    ask = "JSON.stringify(Array.from(document.querySelectorAll('.files tbody tr'), row => row.cells[2].textContent))"
    click = "document.querySelectorAll('.files th')[2].click(); " + ask
    orders = [
        json.loads(browser.call("Runtime.evaluate", expression=one)["result"]["value"]) for one in (ask, click, click)
    ]
    assert orders[0] == ["10.png", "9.png", "30.png"]
    assert orders[1] == ["9.png", "10.png", "30.png"]
    assert orders[2] == ["30.png", "10.png", "9.png"]


@pytest.fixture(scope="module")
def browser():
    if PROGRAM is None:
        pytest.skip("Chromium is not installed")
    with Browser() as running:
        yield running


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_chromium_shows_pages_without_fault(browser, report, result, tmp_path, width, dark):
    for name, shown in (("page", page(report)), ("index", index_page(entries(result)))):
        path = tmp_path / f"{name}.html"
        path.write_text(shown, encoding="utf-8")
        seen = browser.look(path, width, dark=dark)
        assert seen.messages == ()
        assert seen.overflow <= 0
        assert seen.wide == ()
        assert all(seen.images)
        assert len(seen.images) == (3 if name == "page" else 0)
        assert seen.scripts == (0 if name == "page" else 1)
        if name == "page":
            assert seen.heading == NASTY


def test_the_browser_check_can_fail(browser, tmp_path):
    body = '<p style="width:3000px">wide</p><img src="missing.png"><script>console.error("x")</script>'
    path = tmp_path / "bad.html"
    path.write_text(html_parts.document("bad", body))
    seen = browser.look(path, 400)
    assert any("Content Security Policy" in message for message in seen.messages)
    assert seen.images == (0,)
    path.write_text('<!DOCTYPE html><p style="width:3000px">wide</p>')
    assert browser.look(path, 400).overflow > 2000


def test_pages_print_on_paper(browser, report, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(page(report), encoding="utf-8")
    browser.look(path, 1000)
    printed = browser.pdf()
    assert printed.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6
