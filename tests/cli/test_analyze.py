"""`forensics analyze` and `forensics features`: inputs, formats, order, exit codes, and bad input that stops
nothing.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import types

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from forensics import batch, kernels
from forensics.errors import UsageError
from forensics.inputs import expand
from forensics.results.failure import Failure
from tests.calling import call


@pytest.fixture
def folder(tmp_path, scene):
    """Three pictures, a bad one and a text file, one of the pictures a folder deeper."""
    (tmp_path / "deep").mkdir()
    Image.fromarray(scene).save(tmp_path / "b.png")
    Image.fromarray(scene).save(tmp_path / "a.tif")
    Image.fromarray(scene).save(tmp_path / "deep" / "c.bmp")
    (tmp_path / "bad.jpg").write_bytes(b"not a picture at all")
    (tmp_path / "notes.txt").write_text("nothing")
    return tmp_path


@pytest.fixture(autouse=True)
def fakes(shipped_fakes):
    return shipped_fakes


def test_text_on_standard_output_without_escapes(folder, capsys):
    assert call("analyze", folder / "b.png") == 0
    out, err = capsys.readouterr()
    assert "JPEG, probability 97.0 %" in out
    assert "\x1b" not in out
    assert err == ""


def test_a_bad_input_is_one_line_and_the_batch_goes_on(folder, capsys):
    assert call("analyze", folder / "nothing.png", folder / "bad.jpg", folder / "b.png") == 2
    out, err = capsys.readouterr()
    assert out.count("verdict") == 1
    missing, bad = err.splitlines()
    assert missing == f"forensics: error: {folder / 'nothing.png'}: there is no such file"
    assert bad.startswith(f"forensics: error: {folder / 'bad.jpg'}: not a picture in a format that can be read (png, ")


def test_json_and_csv_keep_the_order_and_the_failures(folder, capsys):
    inputs = [folder / "b.png", folder / "bad.jpg", folder / "a.tif"]
    assert call("analyze", "--format", "json", *inputs) == 2
    pictures = json.loads(capsys.readouterr().out)["pictures"]
    assert [p["name"] for p in pictures] == [str(path) for path in inputs]
    assert [p["status"] for p in pictures] == ["ok", "error", "ok"]
    assert call("analyze", "--format", "csv", *inputs) == 2
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["name"] for row in rows] == [str(path) for path in inputs]


def test_folders_patterns_and_recursion(folder):
    assert expand([str(folder)]) == [str(folder / name) for name in ("a.tif", "b.png", "bad.jpg")]
    assert expand([str(folder)], recursive=True)[-1] == str(folder / "deep" / "c.bmp")
    assert expand([str(folder / "*.tif")]) == [str(folder / "a.tif")]
    assert expand([str(folder / "**" / "*.bmp")]) == [str(folder / "deep" / "c.bmp")]
    assert expand(["-", "missing.png"]) == ["-", "missing.png"]
    odd = folder / "scan[1].png"
    odd.write_bytes((folder / "b.png").read_bytes())
    assert expand([str(odd)]) == [str(odd)]
    (folder / "empty").mkdir()
    for wrong in ([str(folder / "*.webp")], [str(folder / "empty")], ["-", "-"]):
        with pytest.raises(UsageError):
            expand(wrong)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--format", "xml", "a.png"),
        ("--jobs", "0", "a.png"),
        ("--jobs", "many", "a.png"),
        ("*.nothing",),
        ("--out", "/nowhere/at/all.json", "a.png"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_1(arguments, capsys):
    assert call("analyze", *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("forensics: error: ")
    assert err.count("\n") == 1


def test_out_file_is_complete_or_absent(folder, capsys, monkeypatch):
    out = folder / "report.json"
    assert call("analyze", "-f", "json", "-o", out, folder / "b.png") == 0
    assert len(json.loads(out.read_text())["pictures"]) == 1
    assert capsys.readouterr().out == ""
    out.unlink()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "analyze_one", interrupted)
    assert call("analyze", "-f", "json", "-o", out, folder / "b.png") == 130
    assert not out.exists()
    assert not list(folder.glob(".report*"))


def test_standard_input(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO((folder / "b.png").read_bytes())))
    assert call("analyze", "-f", "json", "-") == 0
    assert json.loads(capsys.readouterr().out)["pictures"][0]["name"] == "-"


def test_max_pixels_refuses(folder, capsys):
    assert call("analyze", "--max-pixels", 9899, folder / "b.png") == 2
    assert "110x90 pixels are more than the 9899 allowed" in capsys.readouterr().err


def test_too_small_pictures_are_one_line(tmp_path, capsys):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert call("analyze", tmp_path / "dot.png") == 2
    assert capsys.readouterr().err.endswith("dot.png: 1x1 pixels are too few: the analysis needs 64 a side\n")


def test_an_internal_error_costs_one_input(folder, capsys, fakes, monkeypatch):
    monkeypatch.setattr(fakes, "transform", lambda _: 1 / 0)
    assert call("analyze", folder / "b.png", folder / "a.tif") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all("internal error, please report it: ZeroDivisionError" in line for line in lines)


def test_what_c_libraries_print_does_not_reach_the_user(tmp_path, scene, capfd):
    Image.fromarray(scene).save(tmp_path / "a.tif", compression="tiff_lzw")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    (tmp_path / "a.tif").write_bytes(data)
    assert call("analyze", tmp_path / "a.tif") == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_file_names_cannot_steer_the_terminal(tmp_path, capsys):
    nasty = tmp_path / "a\x1b[31m\n.png"
    nasty.write_bytes(b"")
    undecodable = os.fsencode(tmp_path) + b"/\xff.png"
    with open(undecodable, "wb"):
        pass
    assert call("analyze", nasty, os.fsdecode(undecodable)) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 2
    assert "\\x1b[31m\\n.png" in err


WORKER = """
import os, time
from forensics.batch import Unwritten
from forensics.results.failure import Failure

def work(name, max_pixels):
    if "die" in name:
        os._exit(1)
    if "full" in name:
        return Unwritten("cannot write 'x.html': No space left on device")
    time.sleep(0.05 * (name == "slow"))
    return Failure(name, str(max_pixels))
"""


def test_processes_keep_the_order_and_outlive_one_that_dies(tmp_path, monkeypatch):
    (tmp_path / "worker_for_test.py").write_text(WORKER)
    monkeypatch.syspath_prepend(tmp_path)
    import worker_for_test

    names = ["slow", "a", "b", "die", "c", "slow", "d"]
    results = list(batch.analyze_all(names, jobs=2, max_pixels=5, work=worker_for_test.work))
    assert [r.name for r in results] == names
    assert [r.error for r in results if r.name != "die"] == ["5"] * 6
    assert "died" in results[3].error


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_page_that_cannot_be_written_ends_the_batch_once(tmp_path, monkeypatch, jobs):
    (tmp_path / "worker_for_test.py").write_text(WORKER)
    monkeypatch.syspath_prepend(tmp_path)
    import worker_for_test

    results = batch.analyze_all(["a", "full", *"bcdefgh"], jobs=jobs, work=worker_for_test.work)
    assert next(results).name == "a"
    with pytest.raises(UsageError, match=r"cannot write 'x.html': No space left on device"):
        next(results)


def test_failures_of_work_alone_keep_the_order():
    names = ["b", "a"]
    assert [r.name for r in batch.analyze_all(names, work=lambda name, _: Failure(name, "x"))] == names


def test_compilation_is_announced_once_where_nothing_is_compiled(tmp_path):
    code = (
        "import numpy as np\n"
        "from forensics import kernels\n"
        "from forensics_features import planes\n"
        "print(kernels.kernels_compiled())\n"
        "planes.as_planes(np.zeros((64, 64, 3), np.uint8))\n"
        "kernels.compile_part('content')\n"
        "print(kernels.kernels_compiled())\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_kernels_of_another_source_do_not_count_as_compiled(tmp_path):
    source = tmp_path / "made_up.py"
    code = (
        "from forensics_features._kernel import is_cached, kernel\n"
        "@kernel\n"
        "def f(x):\n"
        "    return x + {}\n"
        "print(is_cached(f), f(1), is_cached(f))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for added, printed in ((1, "False 2 True"), (1, "True 2 True"), (10, "False 11 True")):
        source.write_text(code.format(added))
        done = subprocess.run(
            [sys.executable, str(source)], capture_output=True, text=True, timeout=120, env=environment
        )
        assert done.stdout.strip() == printed, done.stderr


def test_announcement_is_one_line_on_standard_error(folder, capsys, monkeypatch):
    monkeypatch.setattr(kernels, "kernels_compiled", lambda: False)
    assert call("analyze", folder / "b.png", folder / "a.tif") == 0
    assert capsys.readouterr().err.count("compiling") == 1


def test_a_misspelt_name_is_told_before_anything_is_compiled(folder, capsys, monkeypatch):
    monkeypatch.setattr(kernels, "kernels_compiled", lambda: False)
    assert call("analyze", folder / "nothere.png") == 2
    printed = capsys.readouterr().err
    assert "no such file" in printed
    assert "compiling" not in printed


def test_features_table_has_a_row_a_picture(folder, capsys, fakes):
    assert call("features", folder / "b.png", folder / "bad.jpg", folder / "a.tif", "-o", folder / "t.csv") == 2
    rows = list(csv.DictReader(io.StringIO((folder / "t.csv").read_text())))
    assert [row["name"] for row in rows] == [str(folder / "b.png"), str(folder / "a.tif")]
    assert [rows[0][key] for key in ("top", "left", "height", "width")] == ["0", "0", "90", "110"]
    assert float(rows[0]["block_dct.comb_best"]) == pytest.approx(0.4)
    assert "bad.jpg: not a picture" in capsys.readouterr().err


def test_features_table_has_a_row_a_window(tmp_path, capsys, fakes):
    Image.fromarray(np.zeros((130, 200), np.uint8)).save(tmp_path / "a.png")
    fakes.row = (0, float("nan"), 0, 0, 0)
    assert call("features", tmp_path / "a.png", "--window", 64) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["top"], row["left"]) for row in rows] == [(t, x) for t in ("0", "64") for x in ("0", "64", "128")]
    assert rows[0]["block_dct.comb_best"] == ""
    assert call("features", tmp_path / "a.png", "--window", 64, "-o", tmp_path / "t.parquet") == 0
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert table.num_rows == 6
    assert table.column("left").to_pylist() == [0, 64, 128] * 2
    assert call("features", tmp_path / "a.png", "--window", 150) == 2
    assert call("features", tmp_path / "a.png", "-o", tmp_path / "t.xlsx") == 1


@pytest.fixture
def real_extractor(monkeypatch):
    """The extractor that the tiny model was trained on, in the place of the fake."""
    from forensics_features import FeatureExtractor

    from forensics.verdict import analysis
    from forensics.windows import judges

    extractor = FeatureExtractor()
    for module in (analysis, batch, judges, kernels):
        monkeypatch.setattr(module, "shipped_extractor", lambda: extractor)


def models(text: str) -> set[str]:
    return {entry["versions"]["model"] for entry in json.loads(text)["pictures"]}


def test_a_trained_model_judges_in_every_process(folder, tiny_training, real_extractor, capsys):
    model, card = tiny_training
    arguments = ("analyze", "--model-dir", model, "-f", "json", folder / "b.png", folder / "a.tif")
    assert call(*arguments) == 0
    alone = capsys.readouterr().out
    assert models(alone) == {f"baseline trained on {card['manifest_sha256'][:12]}"}
    assert call(*arguments, "--jobs", 2) == 0
    assert capsys.readouterr().out == alone


def broken_card(folder):
    (folder / "baseline.json").write_text('{"card": {}}')


def broken_trees(folder):
    (folder / "baseline_strength.npz").write_bytes(b"no trees")


def lost_trees(folder):
    (folder / "baseline_classes.npz").unlink()


@pytest.mark.parametrize("damage", [broken_card, broken_trees, lost_trees])
def test_a_damaged_model_is_one_line(folder, tmp_path, tiny_training, real_extractor, capsys, damage):
    shutil.copytree(tiny_training[0], tmp_path / "model")
    damage(tmp_path / "model")
    assert call("analyze", "--model-dir", tmp_path / "model", "-f", "json", folder / "b.png") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"forensics: error: the model in '{tmp_path / 'model'}' cannot be used: ")
    assert err.count("\n") == 1


def test_a_folder_without_a_model_is_one_line(folder, capsys):
    assert call("analyze", "--model-dir", folder, "-f", "json", folder / "b.png") == 1
    line = f"{str(folder)!r} holds no model (baseline.json is missing); `forensics train` writes one"
    assert capsys.readouterr() == ("", f"forensics: error: {line}\n")
    assert call("analyze", "--model-dir", folder / "nowhere", folder / "b.png") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_model_of_other_features_is_one_line(folder, tiny_training, capsys):
    assert call("analyze", "--model-dir", tiny_training[0], folder / "b.png") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "the model was trained on other features" in err
    assert err.count("\n") == 1


def test_the_models_to_choose_from_are_those_there_are():
    from forensics_models.fused import MODES

    from forensics.cli.analyze import command

    (option,) = (parameter for parameter in command.params if parameter.name == "model")
    assert list(option.type.choices) == list(MODES)
