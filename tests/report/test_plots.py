"""Figures of traces: every test's figure is drawn without a display, with labels, on given axes, and looks as its
numbers say.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from forensics.history.jpeg.possible_blocks import jpeg_blocks
from forensics.history.recoding.coder import Grid
from forensics.history.recoding.sweep import Side, Sweep
from forensics.history.recoding.trace import coding_again
from forensics.history.traces import run_traces
from forensics.history.traces.enlargement import enlargement
from forensics.report.plots import PLOTS, plot_trace
from forensics.results.history import Trace
from forensics.verdict.steps import find_enlargement

matplotlib = pytest.importorskip("matplotlib")
figure = pytest.importorskip("matplotlib.figure")
agg = pytest.importorskip("matplotlib.backends.backend_agg")


def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:128, :128] / 128
    smooth = np.stack([120 + 60 * np.sin(9 * x + 5 * y + p) + 20 * np.cos(40 * x * y + p) for p in (0, 2, 4)], axis=2)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=85
    )
    return np.asarray(Image.open(io.BytesIO(buffer.getvalue())))


def again(share: float) -> Trace:
    """A sweep that dips in the middle, on the grid more than off it."""
    indices, blocks = np.arange(20, 40), np.stack(np.divmod(np.arange(64), 8), axis=1) * 16
    control = np.tile(4 + 0.1 * (indices[:, None] - 30.0) ** 2, (1, 64)).astype(np.float32)
    swept = Sweep(indices, Side(share * control, blocks), Side(control, blocks + np.array([3, 5])))
    return coding_again(
        swept,
        Grid((5, 3), 9.0, 9.0),
        30.0,
        encoder="x265",
        quantity="QP",
        values=indices,
        tree=8,
        encoders=1,
        speaks_for=("bpg",),
    )


def enlarged(factor: int, resample: Image.Resampling) -> Trace:
    """The picture enlarged, by interpolation or by repetition, as its trace."""
    rough = np.random.default_rng(4).normal(128, 20, (128, 128, 3)).clip(1, 254).astype(np.uint8)
    pixels = np.asarray(Image.fromarray(rough).resize((128 * factor, 128 * factor), resample))
    step = find_enlargement(pixels)
    assert step is not None
    return enlargement(step, pixels)


TRACES = {
    "jpeg": {
        trace.name: trace
        for trace in (*run_traces(picture()), again(0.3), jpeg_blocks(picture()), enlarged(2, Image.Resampling.BICUBIC))
    },
    "grey": {
        trace.name: trace
        for trace in (
            *run_traces(np.full((64, 64), 9, np.uint8)),
            again(1.0),
            jpeg_blocks(np.full((64, 64), 9, np.uint8)),
            enlarged(3, Image.Resampling.NEAREST),
        )
    },
}


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("which", TRACES)
def test_every_trace_has_a_labelled_figure(which: str, name: str) -> None:
    trace = TRACES[which][name]
    axes = plot_trace(trace)
    axes.get_figure().savefig(io.BytesIO(), format="png", dpi=50)
    title = axes.get_title(loc="left")
    assert "\n" in title
    assert title.split("\n")[1].startswith("found" if trace.found else "not ")
    if axes.axison:
        assert axes.get_xlabel()
        assert axes.get_ylabel() or name == "colour_lattice"


@pytest.mark.parametrize("name", PLOTS)
def test_given_axes_are_used_and_pyplot_is_left_alone(name: str) -> None:
    before = opened()
    own = figure.Figure(figsize=(5, 3))
    left, right = own.subplots(1, 2)
    assert plot_trace(TRACES["jpeg"][name], ax=right) is right
    assert not left.has_data()
    assert opened() == before  # other tests may have opened some


def opened() -> list[int]:
    """The figures that pyplot holds, if it was imported."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return [] if pyplot is None else pyplot.get_fignums()


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_is_clipped(name: str) -> None:
    axes = plot_trace(TRACES["jpeg"][name])
    drawn = axes.get_figure()
    agg.FigureCanvasAgg(drawn).draw()
    box = axes.get_tightbbox()
    width, height = drawn.get_size_inches() * drawn.dpi
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= width + 1
    assert box.y1 <= height + 1


def test_steps_are_written_into_their_cells() -> None:
    trace = TRACES["jpeg"]["dct_comb"]
    texts = {text.get_position(): text.get_text() for text in plot_trace(trace).texts}
    step, tail = trace.series["steps"][0, 1], trace.series["tail"][0, 1]
    assert texts[(1, 0)] == (f"{step:.3g}" if tail < -4 else "–")
    assert texts[(0, 0)] == "mean"


def test_bars_are_the_shares() -> None:
    trace = TRACES["jpeg"]["colour_lattice"]
    widths = [bar.get_width() for bar in plot_trace(trace).patches]
    np.testing.assert_allclose(widths, trace.series["share"])


def test_an_unknown_trace_has_no_figure() -> None:
    with pytest.raises(ValueError, match="figures exist"):
        plot_trace(replace(TRACES["jpeg"]["dct_comb"], name="other"))


def test_figures_that_another_process_draws_are_those_drawn_here() -> None:
    from forensics.executors import executor
    from forensics.report import pages
    from forensics.results.history import History

    history = History((), tuple(TRACES["jpeg"].values())[:5], ())
    notes: list[str] = []
    here = pages._figures(history, notes, {})
    with executor(1, apart=True) as other:
        there = pages._figures(history, notes, pages._begun(history, other))
    assert list(there) == list(here)
    assert there == here
    assert len(here) == 5
    assert notes == []


def test_a_figure_that_the_other_process_does_not_give_is_drawn_here() -> None:
    from concurrent.futures import Future

    from forensics.executors import Died
    from forensics.report import pages
    from forensics.results.history import History

    history = History((), tuple(TRACES["jpeg"].values())[:2], ())
    dead: dict[str, Future[bytes]] = {name: Future() for name in pages._figures(history, [], {})}
    for future in dead.values():
        future.set_running_or_notify_cancel()
        future.set_exception(Died("signal 9"))
    notes: list[str] = []
    assert pages._figures(history, notes, dead) == pages._figures(history, [], {})
    assert notes == []
