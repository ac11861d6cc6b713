"""The comparison of two builds, with small packages in place of them."""

from __future__ import annotations

import json

import pytest
from forensics_benchmarks import two_builds

MAIN = "import sys, time\nend = time.process_time() + {}\nwhile time.process_time() < end:\n    pass\nsys.exit({})\n"


def _checkout(folder, seconds, code=0):
    package = folder / "forensics"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(MAIN.format(seconds, code))
    return folder


def test_ratios_are_those_of_the_medians(tmp_path):
    builds = {"other": _checkout(tmp_path / "a", 0.6), "this": _checkout(tmp_path / "b", 0.1)}
    table = two_builds.compare(builds, ["analyze"], 2, False)
    assert json.loads(json.dumps(table)) == table
    for measure in two_builds.MEASURES:
        expected = table["this"][measure] / table["other"][measure]
        assert table["ratio"][measure] == pytest.approx(expected)
    assert table["other"]["processor"] >= 0.6
    assert table["ratio"]["processor"] < 0.8


def test_a_build_that_fails_is_no_figure(tmp_path):
    builds = {"other": _checkout(tmp_path / "a", 0.0), "this": _checkout(tmp_path / "b", 0.0, 3)}
    with pytest.raises(RuntimeError, match="ended with 3"):
        two_builds.compare(builds, ["analyze"], 1, True)


@pytest.mark.parametrize(("values", "middle"), [([3.0], 3.0), ([1.0, 4.0], 2.5), ([5.0, 1.0, 2.0], 2.0)])
def test_medians(values, middle):
    assert two_builds._median(values) == middle
