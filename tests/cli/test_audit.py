"""`forensics audit`: the tests behind it, and planted leaks found from files to sentence."""

from __future__ import annotations

import csv
import io
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.metrics import mutual_info_score

from forensics.audit import (
    NO_LABEL,
    Member,
    audit,
    cramers_v,
    history_of,
    label_of,
    leak_test,
    mutual_information,
)
from forensics.dataset.synthetic import synthesise
from forensics.report import audit_report
from forensics.results.analysis import Interval
from forensics.results.failure import Failure
from forensics.verdict.analysis import analyze
from tests.calling import call


def drawn(files: int, seed: int, leak: float = 0.0) -> tuple[list[str], list[str]]:
    """Labels a to c, and histories of which a share `leak` follows the label."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, files)
    history = np.where(rng.random(files) < leak, label, rng.choice(4, files, p=(0.5, 0.3, 0.15, 0.05)))
    return [f"{'abc'[k]}" for k in label], [f"h{k}" for k in history]


def test_mutual_information_is_the_textbooks():
    labels, histories = drawn(300, 1, 0.3)
    test = leak_test(labels, histories, permutations=10)
    assert test.information == pytest.approx(mutual_info_score(labels, histories) / math.log(2))
    same = leak_test(labels, labels, permutations=10)
    assert same.information == pytest.approx(same.label_entropy)
    assert same.cramers_v == pytest.approx(1, abs=0.01)
    stacked = np.stack([test.table, test.table[:, ::-1]])
    np.testing.assert_allclose(mutual_information(stacked), test.information)


def naive_v(table: np.ndarray) -> float:
    n, (r, c) = table.sum(), table.shape
    chi = 0.0
    for i in range(r):
        for j in range(c):
            expected = table[i].sum() * table[:, j].sum() / n
            chi += (table[i, j] - expected) ** 2 / expected
    phi = max(0.0, chi / n - (r - 1) * (c - 1) / (n - 1))
    return math.sqrt(phi / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))


@pytest.mark.parametrize("leak", [0.0, 0.2, 0.9])
def test_cramers_v_is_the_formula(leak):
    test = leak_test(*drawn(120, 2, leak), permutations=10)
    assert cramers_v(test.table) == pytest.approx(naive_v(test.table))


def test_the_chance_is_that_of_dealt_labels():
    labels, histories = drawn(60, 12, 0.12)
    test = leak_test(labels, histories, permutations=4000)
    rng = np.random.default_rng(0)
    dealt = [mutual_info_score(rng.permutation(labels), histories) / math.log(2) for _ in range(400)]
    naive = np.mean(np.array(dealt) >= test.information - 1e-12)
    assert 0.01 < naive < 0.99
    assert test.p_value == pytest.approx(naive, abs=4 * math.sqrt(naive * (1 - naive) / 400))
    assert (
        leak_test(labels, histories, permutations=500, seed=3).p_value
        == leak_test(labels, histories, permutations=500, seed=3).p_value
    )


def test_a_planted_leak_is_found_and_none_is_not():
    assert leak_test(*drawn(120, 5, 0.6)).leak
    quiet = [leak_test(*drawn(120, seed), permutations=999).leak for seed in range(100)]
    assert sum(quiet) <= 3
    chances = [leak_test(*drawn(120, seed), permutations=199).p_value for seed in range(200)]
    assert 0.35 < float(np.mean(np.array(chances) <= 0.5)) < 0.65


def test_a_weak_dependence_of_many_files_is_no_leak():
    labels, histories = ["a"] * 50000 + ["b"] * 50000, (["x"] * 26000 + ["y"] * 24000) + (["x"] * 24000 + ["y"] * 26000)
    test = leak_test(labels, histories, permutations=999)
    assert test.p_value <= 0.001
    assert not test.leak
    assert "but hardly" in test.sentence("it")


def test_what_cannot_be_tested_says_so():
    assert "fewer than two labels" in leak_test(["a"] * 3, ["x", "y", "x"]).sentence("it")
    assert "the same for all files" in leak_test(["a", "b"], ["x", "x"]).sentence("it")
    assert "fewer than two labels" in leak_test([], []).sentence("it")
    assert leak_test(["a", "b"], ["x", "x"]).standing_out() == ()
    assert "only a strong leak would show" in leak_test(*drawn(20, 1)).sentence("it")


def test_cells_that_stand_out_are_counted_against_the_others():
    labels = ["a"] * 40 + ["b"] * 60
    histories = ["x"] * 30 + ["y"] * 10 + ["x"] * 6 + ["y"] * 54
    first = leak_test(labels, histories, permutations=99).standing_out()[0]
    assert {first[:2], leak_test(labels, histories, permutations=99).standing_out()[1][:2]} == {("a", "x"), ("b", "y")}
    cell = next(c for c in leak_test(labels, histories, permutations=99).standing_out() if c.label == "a")
    assert cell == ("a", "x", 30, 40, 6, 60)


@pytest.fixture
def result(scene, fake_judge, fake_extractor):
    return analyze(scene, judge=fake_judge(jpeg=0.97), extractor=fake_extractor, name="x.png")


def test_histories_are_verdict_and_band(result):
    assert history_of(result) == "JPEG, ratio 8 to 16"
    assert history_of(replace(result, ratio=Interval(1, 3, 9))) == "JPEG, ratio under 4"
    assert history_of(replace(result, verdict="uncompressed", ratio=None)) == "uncompressed"
    assert history_of(replace(result, verdict="inconclusive")) == "inconclusive"


def test_labels_are_the_folders_under_the_root():
    assert label_of("data/cats/deep/1.png", Path("data")) == "cats"
    assert label_of("data/1.png", Path("data")) == NO_LABEL


def members(result, leak: bool) -> list[Member]:
    other = replace(result, verdict="webp", ratio=Interval(10, 20, 30))
    rng = np.random.default_rng(3)
    return [
        Member(label, other if (label == "dogs\x1b[31m $x$" if leak else rng.random() < 0.5) else result)
        for label in ["cats"] * 40 + ["dogs\x1b[31m $x$"] * 40
    ] + [Member("cats", Failure("bad.png", "is bad"))]


def test_an_audit_in_words_table_and_plot(result):
    found = audit(members(result, True))
    shown = audit_report.text(found, "data")
    assert found.leak
    assert "\x1b" not in shown
    assert "data  81 files, 80 analysed, 1 failed" in shown
    assert "the compression history predicts the label (p = 0.0001, Cramer's V" in " ".join(shown.split())
    assert "40 of 40 files" in " ".join(shown.split())
    assert "the file format is the same for all files" in shown
    rows = list(csv.DictReader(io.StringIO(audit_report.table(found))))
    assert len(rows) == 81
    assert (rows[0]["label"], rows[0]["verdict"], rows[-1]["status"]) == ("cats", "jpeg", "error")
    axes = audit_report.plot_audit(found, ax=Figure().subplots())
    widths = sorted(patch.get_width() for patch in axes.patches)
    assert widths == [0, 0, 1, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cats (40)", "dogs\\x1b[31m $x$ (40)"]
    quiet = audit(members(result, False))
    assert not quiet.leak
    assert "no sign that the compression history predicts the label" in " ".join(
        audit_report.text(quiet, "data").split()
    )
    empty = audit([Member("cats", Failure("bad.png", "is bad"))])
    assert "no file could be analysed" in audit_report.text(empty, "data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two labels of 10 pictures of the same making, as PNG: one label was JPEG at quality 60, the other never
    compressed.
    """
    root = tmp_path_factory.mktemp("audit")
    for index in range(20):
        pixels = synthesise(("texture", "shapes")[index // 2 % 2], 96, 112, 100 + index)
        for name in ("planted", "clean"):
            image = Image.fromarray(pixels)
            if name == "planted" and index % 2:
                buffer = io.BytesIO()
                image.save(buffer, "JPEG", quality=60)
                image = Image.open(buffer)
            home = root / name / ("cats", "dogs")[index % 2]
            home.mkdir(parents=True, exist_ok=True)
            image.save(home / f"{index}.png")
    return root


def test_a_leak_planted_in_files_is_found(folder, tmp_path, capsys):
    out, plot = tmp_path / "a.csv", tmp_path / "a.png"
    assert call("audit", folder / "planted", "-o", out, "--plot", plot) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the compression history predicts the label" in shown
    assert len(out.read_text().splitlines()) == 21
    assert plot.read_bytes().startswith(b"\x89PNG")
    (tmp_path / "few").mkdir()
    shutil.copy(folder / "planted" / "cats" / "0.png", tmp_path / "few")
    assert call("audit", tmp_path / "few", "--labels", "none") == 0
    assert "not tested" in capsys.readouterr().out


def test_without_a_leak_it_stays_silent_and_failures_give_code_2(folder, tmp_path, capsys):
    (folder / "clean" / "bad.png").write_bytes(b"nothing")
    assert call("audit", folder / "clean") == 2
    out, err = capsys.readouterr()
    assert "predicts the label (p" not in " ".join(out.split()).replace(
        "no sign that the compression history predicts the label (p", ""
    )
    assert "20 analysed, 1 failed" in out
    assert [line for line in err.splitlines() if "bad.png" in line] == [
        line for line in err.splitlines() if "compil" not in line
    ]
    assert err.count("bad.png") == 1


@pytest.mark.parametrize(
    "arguments", [(), ("nowhere",), (".", "--labels", "suffix"), (".", "-o", "/nowhere/at/all.csv")]
)
def test_wrong_usage_is_one_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("audit", *arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
