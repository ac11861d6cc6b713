"""The documentation says what the product says: generated pages, output of commands, examples, schema, pictures."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import figures  # noqa: E402
import generate  # noqa: E402

MOST_BYTES = 3_000_000
"""All pictures of the documentation together."""
PAGES = sorted((DOCS / "tutorials").glob("*.rst")) + sorted((DOCS / "reference").glob("json.rst"))


@pytest.mark.parametrize("part", ["commands", "renamed", "tables"])
def test_generated_pages_are_fresh(part: str):
    # A process apart: click keeps the help option that a command had when it was first called, and other tests call
    # commands on their own.
    check = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check", part]
    done = subprocess.run(check, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"run `python docs/generate.py {part}`: {done.stderr}"


@pytest.mark.parametrize("name", generate.WITH_OUTPUT)
def test_commands_print_what_the_page_says(name: str):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    if "$ " in text:
        assert generate.with_outputs(page) == text, "run `python docs/generate.py outputs`"


def test_a_stale_page_is_seen(tmp_path: Path):
    page = tmp_path / "page.rst"
    page.write_text("Title\n=====\n\n.. code-block:: console\n\n    $ echo new\n    old\n\nEnd.\n")
    assert generate.with_outputs(page) == page.read_text().replace("    old\n", "    new\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_pages_print_what_they_say(page: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    text = page.read_text(encoding="utf-8")
    if "sklearn" in text:
        pytest.importorskip("sklearn")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    output: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=output.append)
    assert not runner.failures, "".join(output)


def test_every_trace_has_a_page_and_a_figure():
    from forensics.report.plots import PLOTS

    for name in PLOTS:
        page = (DOCS / "traces" / f"{name}.rst").read_text(encoding="utf-8")
        for part in ("The test\n", "Source\n", "Limits\n"):
            assert part in page, f"{name} lacks {part.strip()!r}"
        assert name not in figures.SHOWN or f"trace_{name}.png" in page
    assert set(figures.SHOWN) == set(PLOTS)


@pytest.mark.heavy
def test_pages_of_traces_quote_what_reports_say():
    for name, trace in figures.traces().items():
        said = figures.said(name).read_text(encoding="utf-8")
        assert said == figures.saying(trace.sentence), "run `python docs/generate.py pictures`"
    said = figures.said("block_grids").read_text(encoding="utf-8")
    assert said == figures.saying(figures.block_grid_said()), "run `python docs/generate.py pictures`"
    said = figures.said("reduced_jpeg").read_text(encoding="utf-8")
    assert said == figures.saying(figures.reduced_jpeg_said()), "run `python docs/generate.py pictures`"


def test_pictures_exist_and_are_small():
    used = {
        name
        for page in [*DOCS.rglob("*.rst"), ROOT / "README.md", DOCS / "README.md"]
        for name in re.findall(r"pictures/(\w+\.png)", page.read_text(encoding="utf-8"))
    }
    there = {path.name: path.stat().st_size for path in (DOCS / "pictures").glob("*.png")}
    assert used == set(there)
    assert min(there.values()) > 1000
    assert sum(there.values()) < MOST_BYTES


def test_links_of_the_front_pages_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "benchmarks" / "RESULTS.md", ROOT / "models" / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def _schema() -> dict[str, object]:
    return json.loads((DOCS / "schema" / "analysis-2.schema.json").read_text(encoding="utf-8"))


def test_real_output_follows_the_schema():
    jsonschema = pytest.importorskip("jsonschema")
    import forensics
    from forensics.report import json_report
    from forensics.results.failure import Failure

    results = [
        forensics.analyze(ROOT / "examples" / "uncompressed.png"),
        forensics.examine(ROOT / "examples" / "jpeg.png", map=False).analysis,
        forensics.analyze(np.zeros((64, 64), np.uint8)),
        forensics.analyze(np.repeat(np.repeat(figures.sample("webp")[:90, :90], 2, axis=0), 2, axis=1)),
        Failure("torn.png", "the file is truncated"),
    ]
    document = json.loads(json_report.render(results))
    checker = jsonschema.Draft202012Validator(_schema())
    assert [error.message for error in checker.iter_errors(document)] == []
    for name in ("verdict", "ranking", "limits"):
        del document["pictures"][0][name]
        assert list(checker.iter_errors(document)), name


def test_the_pages_build_offline_without_a_warning(tmp_path: Path):
    pytest.importorskip("sphinx")
    pytest.importorskip("numpydoc")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'(?:src|href)="(https?://[^"]+)"', re.sub(r'<a [^>]*href="[^"]*"', "", text))
        assert loaded == [], f"{page.name} loads {loaded}"
    assert (tmp_path / "analysis-2.schema.json").exists()


def test_a_browser_shows_the_pages_without_fault(tmp_path: Path):
    pytest.importorskip("sphinx")
    pytest.importorskip("numpydoc")
    from tests.report.browser import PROGRAM, Browser

    if PROGRAM is None:
        pytest.skip("Chromium is not installed")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", str(DOCS), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with Browser() as browser:
        for name in ("index", "gallery", "traces/dct_comb", "tutorials/court", "reference/python"):
            seen = browser.look(tmp_path / f"{name}.html", 1200)
            assert seen.messages == (), name
            assert all(seen.images), name
            assert seen.heading, name
