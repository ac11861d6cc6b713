"""The suite for airspeed velocity: every benchmark of it runs, as `asv` would run it, with its least demanding
parameters.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SUITE = BENCHMARKS / json.loads((BENCHMARKS / "asv.conf.json").read_text(encoding="utf-8"))["benchmark_dir"]
KINDS = ("time_", "track_", "peakmem_")
SMALLER = {"Commands": (0.1,)}
"""Instead of the least demanding parameters, where those still take long."""


def classes() -> list[Any]:
    found = []
    for path in sorted(SUITE.glob("[a-z]*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found += [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == path.stem]
    return found


def first(params: Any) -> tuple[Any, ...]:
    """The first parameters of a benchmark; asv takes one list of values, or a list of lists."""
    return tuple(values[0] for values in params) if isinstance(params[0], (list, tuple)) else (params[0],)


@pytest.mark.parametrize("made", classes(), ids=lambda made: made.__name__)
def test_benchmarks_run(made):
    benchmark = made()
    arguments = SMALLER.get(made.__name__, first(made.params))
    assert len(arguments) == len(made.param_names)
    benchmark.setup(*arguments)
    try:
        names = [name for name in dir(benchmark) if name.startswith(KINDS)]
        assert names
        for name in names:
            value = getattr(benchmark, name)(*arguments)
            assert not name.startswith("track_") or value > 0
    finally:
        getattr(benchmark, "teardown", lambda *_: None)(*arguments)


def test_families_without_a_peer_are_left_out():
    against = next(made for made in classes() if made.__name__ == "AgainstPeers")()
    with pytest.raises(NotImplementedError):
        against.setup("rounding", 256)
