"""`forensics analyze --report/--plots/--history`: which files appear, what they hold, and that nothing is paid without
them.
"""

from __future__ import annotations

import ast
import csv
import dataclasses
import errno
import io
import json
import os
import pickle
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from forensics.destinations import Destinations
from forensics.errors import CodecError, UsageError
from forensics.examination import examine
from forensics.history import generations, recover
from forensics.pictures.opened import from_array
from forensics.report import figures, pages
from forensics.results.history import History, Parameter, Trace
from forensics.verdict.analysis import analyze
from tests.calling import call

NASTY = 'b"><script>alert(1)<_script>.png'


@pytest.fixture
def folder(tmp_path, scene):
    """Two pictures, one of an ugly name, and a file that is none."""
    home = tmp_path / "in"
    home.mkdir()
    Image.fromarray(scene).save(home / "a.png")
    Image.fromarray(scene[::-1]).save(home / NASTY)
    (home / "c.jpg").write_bytes(b"nothing")
    return home


@pytest.fixture(autouse=True)
def fakes(shipped_fakes):
    return shipped_fakes


TRACE = Trace("colour_lattice", 0.5, -9.0, ("jpeg",), {}, "A sentence of the trace.", {"x": np.arange(4)})


@pytest.fixture
def quick(monkeypatch):
    """A history that costs nothing, and a figure for its trace."""
    found = History((Parameter("quality_factor", 76, 75, 77),), (TRACE,), (), ("a note",))
    monkeypatch.setattr(recover, "recover_history", lambda pixels, result, part=None, tested=None: found)
    monkeypatch.setattr(pages, "trace_figure", lambda trace: figures.draw(lambda ax: ax.plot(trace.series["x"])))


class Links(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.links, self.scripts = [], 0
        self.feed(markup)

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name == "href"]
        self.scripts += tag == "script"


def test_one_picture_gives_one_page(folder, tmp_path, capsys, quick):
    out = tmp_path / "new" / "out.html"
    assert call("analyze", folder / NASTY, "--report", out, "--plots", tmp_path / "plots", "--no-map") == 0
    text = out.read_text(encoding="utf-8")
    assert "A sentence of the trace." in text
    assert Links(text).scripts == 0
    assert f"--report {out} --no-map" in text
    assert text.count("<img") == 2
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["01_colour_lattice.png"]
    shown = capsys.readouterr().out
    assert "quality factor 76 [75 to 77]" in shown
    assert "A sentence of the trace." in shown


def test_a_folder_gets_pages_index_and_table(folder, tmp_path, capsys, quick):
    out = tmp_path / "out"
    assert call("analyze", folder, "--report", out, "--plots", tmp_path / "plots", "--no-map", "-f", "json") == 2
    index = Links((out / "index.html").read_text(encoding="utf-8"))
    assert index.scripts == 1  # the one that sorts
    made = sorted(path.name for path in out.iterdir())
    assert made == sorted([*index.links, "index.html"])
    assert len(index.links) == 3
    rows = list(csv.DictReader(io.StringIO((out / "index.csv").read_text(encoding="utf-8"))))
    assert [row["status"] for row in rows] == ["ok", "ok", "error"]
    assert {row["page"] for row in rows} == {*index.links[1:], ""}
    assert len(list((tmp_path / "plots").glob("*/01_colour_lattice.png"))) == 2
    pictures = json.loads(capsys.readouterr().out)["pictures"]
    assert pictures[0]["history"]["parameters"][0]["value"] == 76
    assert pictures[0]["history"]["traces"][0]["found"]


def test_the_writer_travels_to_worker_processes(tmp_path, scene, fake_judge, fake_extractor, quick):
    picture = from_array(scene, name="array")
    found = examine(picture, map=False, judge=fake_judge(jpeg=0.97), extractor=fake_extractor)
    writer = pages.page_writer(
        ["a", "b"],
        tmp_path / "out",
        None,
        destinations=Destinations(),
        history=True,
        localise=False,
        model_dir=None,
        max_pixels=5,
    )
    travelled = pickle.loads(pickle.dumps(writer))
    assert travelled == writer
    writer(picture, found)
    page = tmp_path / "out" / pages.page_name("array")
    first = page.read_bytes()
    assert b"--no-map --max-pixels 5" in first
    travelled(picture, found)
    assert page.read_bytes() == first


@pytest.fixture
def real_model(monkeypatch):
    monkeypatch.undo()


def test_a_page_of_real_traces_and_map(folder, tmp_path, real_model):
    out = tmp_path / "out.html"
    assert call("analyze", folder / "a.png", "--report", out, "-o", tmp_path / "x.txt") == 0
    text = out.read_text(encoding="utf-8")
    assert "could not be drawn" not in text
    assert "please report it" not in text
    assert text.count("<img") >= 9


def test_history_alone_is_in_text_and_json(folder, capsys, quick):
    assert call("analyze", folder / "a.png", "--history") == 0
    assert "quality factor 76" in capsys.readouterr().out
    assert call("analyze", folder / "a.png", "-f", "json") == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0]["history"] is None
    assert call("analyze", folder / "a.png", "-f", "json", "--no-history") == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0]["history"] is None


def test_wrong_usage_is_one_line(folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    for arguments in (
        ("--report", tmp_path / "out.html", folder),
        ("--report", tmp_path / "file" / "out.html", folder / "a.png"),
        ("--plots", tmp_path / "file", folder / "a.png"),
    ):
        assert call("analyze", *arguments) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
    monkeypatch.setattr(pages, "available", lambda: False)
    assert call("analyze", "--plots", tmp_path / "p", folder / "a.png") == 1
    assert "figures need matplotlib" in capsys.readouterr().err


def test_without_matplotlib_a_page_says_that_it_has_no_figures(folder, tmp_path, capsys, monkeypatch, quick):
    monkeypatch.setattr(pages, "available", lambda: False)
    assert call("analyze", folder / "a.png", "--report", tmp_path / "out.html", "--no-map") == 0
    assert "without figures" in capsys.readouterr().err
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "figures need matplotlib" in text
    assert text.count("<img") == 1


def test_the_cost_of_reports_is_said_before(folder, tmp_path, capsys, quick):
    call("analyze", folder, "--report", tmp_path / "out", "--no-map")
    assert "history and report of 3 pictures: several times as long" in capsys.readouterr().err
    call("analyze", folder / "a.png", "--report", tmp_path / "out.html")
    assert "forensics: history, map and report: several times as long" in capsys.readouterr().err
    call("analyze", folder)
    assert "several times" not in capsys.readouterr().err


def test_names_of_pages_are_harmless_and_do_not_clash():
    assert pages.page_name("scans/a b.png") != pages.page_name("other/a b.png")
    assert pages.page_name("scans/a b.png").startswith("a_b.png-")
    for name in ("../../etc/passwd", ".hidden", "-rf", "\udcff", "x" * 400, "index", ""):
        made = pages.page_name(name)
        assert made == pages.page_name(name)
        assert set(made) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert made[0].isalnum()
        assert len(made) < 90


@pytest.fixture
def result(scene, fake_judge, fake_extractor):
    def make(**probabilities: float):
        return analyze(scene, judge=fake_judge(**probabilities), extractor=fake_extractor)

    return make


def test_the_verdict_chooses_whose_parameters_are_looked_for(result):
    assert recover.asked_codecs(result(jpeg=0.9)) == ("jpeg",)
    assert recover.asked_codecs(result(bpg=0.45, heic=0.48)) == ("heic",)
    assert recover.asked_codecs(result(bpg=0.3, heic=0.2, avif=0.25)) == ("bpg", "avif")
    assert recover.asked_codecs(result(webp=0.5, jpegxl=0.4)) == ("webp", "jpegxl")
    assert recover.asked_codecs(result(webp=0.5, uncompressed=0.47)) == ("webp",)
    assert recover.asked_codecs(result(uncompressed=0.9)) == ()


class Recovered:
    def __init__(self, pixels: np.ndarray) -> None:
        assert pixels.dtype == np.uint8

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("step", 3), Parameter("mode", None, reason="no texture"))


@pytest.fixture
def modules(monkeypatch):
    """Recoveries of three codecs: one that works, one that refuses, one that is broken; nothing is estimated besides
    them.
    """

    def refuse(pixels):
        raise CodecError("too small")

    recoveries = {"webp": Recovered, "jpeg2000": refuse, "jpegxl": lambda pixels: 1 / 0}
    monkeypatch.setattr(recover, "CODEC_MODULES", {name: f"json.{name}" for name in recoveries})
    monkeypatch.setattr(recover, "FROM_ESTIMATES", frozenset())
    monkeypatch.setattr(
        recover, "import_module", lambda name: type("Module", (), {"recover": staticmethod(recoveries[name[5:]])})
    )
    monkeypatch.setattr(recover, "_traces", lambda pixels: (TRACE,))
    monkeypatch.setattr(recover.estimated, "estimate", lambda pixels, codec: ())


def test_parameters_become_part_of_the_history(result, scene, modules):
    history = recover.recover_history(scene.astype(np.uint16) * 257, result(webp=0.9))
    assert [p.name for p in history.parameters] == ["step", "mode"]
    assert [g.codec for g in history.generations] == ["webp"]
    assert any("traces of JPEG were found although the verdict is WebP" in note for note in history.notes)
    assert any("no single trace reaches" in note for note in history.notes)


def test_an_inconclusive_verdict_names_both_codecs(result, scene, modules):
    history = recover.recover_history(scene, result(webp=0.5, jpegxl=0.4))
    assert [p.name for p in history.parameters] == ["webp.step", "webp.mode"]
    assert history.generations == ()
    assert any(
        "the recovery of JPEG XL parameters failed, please report it: ZeroDivisionError" in note
        for note in history.notes
    )


def test_a_refusal_is_a_note(result, scene, modules):
    history = recover.recover_history(scene, result(jpeg2000=0.9))
    assert history.parameters == ()
    assert "the recovery of JPEG 2000 parameters could not be run: too small" in history.notes


@dataclasses.dataclass
class Double:
    kind: str
    reason: str = ""
    probability: float = 0.8

    @property
    def double(self) -> bool:
        return self.kind in ("aligned", "shifted", "finer-last")

    def parameters(self) -> tuple[Parameter, ...]:
        return (Parameter("first_quality_factor", 60),)


@pytest.mark.parametrize(
    ("double", "chain", "note"),
    [
        (Double("aligned"), ["first_quality_factor", "step"], None),
        (Double("finer-last"), ["step", "first_quality_factor"], None),
        (Double("none"), ["step"], "looked for and not seen"),
        (Double("none", "too few blocks"), ["step"], "an earlier JPEG compression: too few blocks"),
    ],
)
def test_an_earlier_jpeg_is_a_generation_of_its_own(result, scene, modules, monkeypatch, double, chain, note):
    monkeypatch.setattr(recover.estimated, "estimate", lambda pixels, codec: ())
    given = {"json.jpeg": Recovered, generations.DOUBLE_JPEG_MODULE: None}
    monkeypatch.setattr(recover, "CODEC_MODULES", {"jpeg": "json.jpeg"})

    class Module:
        recover = staticmethod(Recovered)

        @staticmethod
        def detect(pixels, *, history):
            assert isinstance(history, Recovered)
            return double

    for home in (recover, generations):
        monkeypatch.setattr(home, "import_module", lambda name: Module if name in given else None)
    history = recover.recover_history(scene, result(jpeg=0.9))
    assert [generation.parameters[0].name for generation in history.generations] == chain
    assert note is None or any(note in own for own in history.notes)
    asked_beyond_jpeg = "whether there was an earlier compression by another codec was not tested" in history.notes
    assert asked_beyond_jpeg is (len(chain) == 1)


def test_files_that_cannot_be_written_are_usage_errors(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        pages.write(tmp_path / "file" / "x.html", b"")


def test_pages_on_a_full_disk_are_one_line_and_the_end(folder, tmp_path, capsys, quick, monkeypatch):
    tried = []

    def full(path, data):
        tried.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pages, "write_atomically", full)
    assert (
        call("analyze", folder, "--report", tmp_path / "out", "--no-map", "-f", "json", "-o", tmp_path / "t.json") == 1
    )
    assert len(tried) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == f"forensics: error: cannot write {str(tried[0])!r}: No space left on device"
    assert sum("cannot write" in line for line in lines) == 1


def test_a_plain_analysis_imports_nothing_of_reports(folder):
    code = (
        "import sys\n"
        "from forensics.cli.main import run\n"
        "try:\n"
        f"    run(['analyze', {str(folder / 'a.png')!r}])\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = [n for n in sys.modules if n.startswith(('matplotlib', 'forensics.history', 'forensics.localisation', "
        "'forensics.report.'))]\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    wanted = {f"forensics.report.{name}" for name in ("csv_report", "json_report", "row_file", "text", "writer")}
    # A picture without a named codec is asked for a JPEG's table and for blocks that only a JPEG decoder gives.
    imported = set(ast.literal_eval(done.stderr.splitlines()[-1]))
    # An open verdict, and some codecs, are asked for their exact readings (`forensics.history.readings`).
    asked = {
        n
        for n in imported
        if n.startswith(
            ("forensics.history.traces", "forensics.history.jpeg", "forensics.history.re", "forensics.history.fixed_")
        )
        and not n.startswith("forensics.history.recover")
    }
    assert (
        imported - asked - {"forensics.history", "forensics.results.a_contrario", "forensics.history.a_contrario"}
        == wanted
    )


def test_arrays_have_reports_too(scene, fake_judge, fake_extractor, tmp_path, quick):
    picture = from_array(scene, name="array")
    found = examine(picture, map=False, judge=fake_judge(jpeg=0.97), extractor=fake_extractor)
    pages.PageWriter(report=tmp_path / "a.html", localise=False)(picture, found)
    kept = pickle.loads(pickle.dumps(found.analysis.without_series()))
    assert kept.history.traces[0].series == {}
    assert kept.history.notes[-1] == "a note"
    assert "A sentence of the trace." in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_blocks_that_no_jpeg_decoder_gives_are_on_the_page(tmp_path, quick, capsys):
    from tests.reconstruction.scenes import jpeg_file, real_decoding
    from tests.reconstruction.scenes import scene as textured

    decoded = real_decoding(jpeg_file(textured(2, 128, 160), 75))
    decoded[40:72, 48:80] = textured(9, 128, 160)[40:72, 48:80]
    Image.fromarray(decoded).save(tmp_path / "changed.png")
    out = tmp_path / "out.html"
    assert call("analyze", tmp_path / "changed.png", "--report", out, "--no-map", "--exact", "jpeg") == 0
    text = out.read_text(encoding="utf-8")
    assert "Blocks of a former JPEG" in text
    assert "cannot have come out of the JPEG decoder" in text
    assert "that no JPEG decoder gives" in text
    assert "--exact jpeg" in text
    Image.fromarray(textured(3, 128, 160)).save(tmp_path / "never.png")
    assert call("analyze", tmp_path / "never.png", "--report", out, "--no-map", "--exact", "jpeg", "--force") == 0
    assert "No exact map: " in out.read_text(encoding="utf-8")
    capsys.readouterr()
    assert call("analyze", tmp_path / "never.png", "--exact", "jpeg") == 1
    assert call("analyze", tmp_path / "never.png", "--map") == 1
    assert "--report" in capsys.readouterr().err
