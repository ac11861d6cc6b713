"""Figures of traces: one function a trace test, and `plot_trace` that chooses among them.

Every function draws what its trace's `series` hold on `ax` (a new figure's when not given) and returns the axes; none
shows or saves anything. Colours are those of Okabe and Ito, which colour-blind readers tell apart and print in distinct
greys; maps use `cividis`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.results.chance import reported
from forensics.results.history import FOUND_BELOW, Trace
from forensics.results.wording import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK, ORANGE, BLUE, GREEN, VERMILION, GREY = "#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#999999"
"""Okabe and Ito's colours, and a grey."""
SIZE = (6.4, 3.6)
"""Width and height of a new figure, in inches."""
_BANDS = ("HL", "LH", "HH")
_MAP = "cividis"


def plot_trace(trace: Trace, ax: Axes | None = None) -> Axes:
    """Draw the figure of any trace.

    Parameters
    ----------
    trace : Trace
        As `forensics.history.traces.run_traces` returns it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure's axes when not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For a trace that no figure is known for.

    Examples
    --------
    >>> import forensics
    >>> from forensics.report.plots import plot_trace
    >>> traces = forensics.examine("examples/jpeg.png", map=False).history.traces
    >>> axes = plot_trace(next(trace for trace in traces if trace.name == "jpeg_table"))
    >>> axes.get_xlabel()
    'quality of the table'
    """
    if trace.name in PLOTS:
        return PLOTS[trace.name](trace, ax)
    from forensics.processes.registry import processes

    draw = next((one.plot for one in processes().values() if one.trace == trace.name and one.plot), None)
    if draw is None:
        raise ValueError(f"figures exist for {', '.join(PLOTS)} and the tests of processes, not for {trace.name!r}")
    return draw(trace, _axes(trace, ax))


def plot_colour_lattice(trace: Trace, ax: Axes | None = None) -> Axes:
    """Share of the pixels on each lattice next to the share expected of the picture's own colours."""
    axes = _axes(trace, ax)
    names, share, expected = (trace.series[key] for key in ("names", "share", "expected"))
    if not len(names):
        return _nothing(axes, "no coloured pixels")
    places = np.arange(len(names))
    own = trace.parameters.get("lattice")
    label = None if own is None else own + (" luma" if trace.parameters.get("luma_only") else "")
    colours = [VERMILION if name == label else BLUE for name in names]
    axes.barh(places, share, color=colours, height=0.7)
    axes.plot(expected, places, "|", color=BLACK, markersize=8, markeredgewidth=1.6, label="share among nearby colours")
    axes.set_yticks(places, [name.replace("_", " ") for name in names], fontsize=6.5)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.02), xlabel="share of pixels (luma: strength of whole numbers), 0 to 1")
    axes.legend(loc="lower right", fontsize=7, frameon=False)
    return axes


def plot_dct_comb(trace: Trace, ax: Axes | None = None) -> Axes:
    """Quantisation steps by frequency, on how clearly the comb is seen."""
    axes = _axes(trace, ax)
    steps, tail = trace.series["steps"], trace.series["tail"]
    evidence = np.clip(-tail, 0, 30)
    image = axes.imshow(evidence, cmap=_MAP, vmin=0, vmax=30, aspect="auto")
    for row, column in np.argwhere(np.isfinite(steps)):
        clear = tail[row, column] < _CLEAR
        text = f"{steps[row, column]:.3g}" if clear else "–"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=_on(evidence[row, column] / 30))
    axes.text(0, 0, "mean", ha="center", va="center", fontsize=7, color=GREY)
    axes.set(xlabel="horizontal frequency (half cycles a block)", ylabel="vertical frequency")
    _bar(axes, image, "evidence, −log10 of chance (30 and more alike)")
    return axes


_CLEAR = -4.0
"""Decimal logarithm of the tail from which a place of the figure is marked: a matter of looks, the test's own threshold
is another."""


def plot_jpeg_table(trace: Trace, ax: Axes | None = None) -> Axes:
    """Evidence for each quality's table of the best family at the best grid."""
    axes = _axes(trace, ax)
    qualities, evidence = trace.series["qualities"], trace.series["evidence"]
    axes.plot(qualities, evidence, color=BLUE, linewidth=1.2)
    quality = trace.parameters.get("quality")
    if quality is not None:
        axes.axvline(quality, color=VERMILION, linewidth=0.8, linestyle=":", zorder=0)
        axes.annotate(
            f"{trace.parameters['family']} {quality}",
            (quality, float(evidence.max())),
            xytext=(4, -2),
            textcoords="offset points",
            fontsize=7,
        )
    axes.set(
        xlim=(qualities[0], qualities[-1]), xlabel="quality of the table", ylabel="sum of combs (standard deviations)"
    )
    return axes


def plot_coding_again(trace: Trace, ax: Axes | None = None) -> Axes:
    """Change by recompression over the quantiser, on the grid and off it."""
    axes = _axes(trace, ax)
    values = trace.series["values"]
    for name, label, colour, dash in (("on", "on the grid", BLUE, "-"), ("beside", "off the grid", GREY, "--")):
        axes.plot(values, trace.series[name], dash, color=colour, linewidth=1.2, label=label)
    axes.axvline(trace.parameters["at"], color=VERMILION, linewidth=0.8, linestyle=":", zorder=0, label="read")
    axes.set(
        xlabel=f"{trace.parameters['quantity']} of {trace.parameters['encoder']}",
        ylabel="change of luma, dB of squared levels",
    )
    axes.legend(fontsize=7, frameon=False)
    return axes


def plot_wavelet_comb(trace: Trace, ax: Axes | None = None) -> Axes:
    """Strength of a comb at each candidate step, by band of the best transform."""
    axes = _axes(trace, ax)
    for values, band, colour, dash in zip(
        trace.series["spectrum"], _BANDS, (BLUE, ORANGE, GREEN), ("-", "--", ":"), strict=True
    ):
        axes.plot(trace.series["candidates"], values, dash, color=colour, linewidth=1.2, label=band)
    _steps_axis(axes, trace)
    axes.legend(fontsize=7, frameon=False, title="band", title_fontsize=7)
    return axes


def plot_lapped_comb(trace: Trace, ax: Axes | None = None) -> Axes:
    """Strength of a comb at each candidate step in JPEG XR's high-pass coefficients."""
    axes = _axes(trace, ax)
    axes.plot(trace.series["candidates"], trace.series["spectrum"][0], color=BLUE, linewidth=1.2)
    _steps_axis(axes, trace)
    return axes


def plot_grid_phase(trace: Trace, ax: Axes | None = None) -> Axes:
    """The map of votes for the best origin (dark), for others (light), and of pixels without a vote."""
    axes = _axes(trace, ax)
    votes, scores = trace.series["votes"], trace.series["log10_nfa"]
    best = int(scores.argmin())
    kinds = np.where(votes < 0, 0.5, np.where(votes == best, 0.0, 1.0))
    axes.imshow(kinds, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)")
    row, column = divmod(best, 8)
    _legend_patches(axes, (("black", f"origin ({row}, {column})"), ("white", "another origin"), ("0.5", "no vote")))
    return axes


def plot_boundary_profile(trace: Trace, ax: Axes | None = None) -> Axes:
    """Mean difference across the boundary before each position modulo 64, over its mean, on both axes."""
    axes = _axes(trace, ax)
    for key, colour, marker in (("columns", BLUE, "o"), ("rows", ORANGE, "s")):
        values = trace.series[key]
        axes.plot(
            values / (values.mean() + 1e-9), marker=marker, markersize=2.5, linewidth=0.9, color=colour, label=key
        )
    position = trace.parameters.get("position")
    if position is not None:
        period = int(trace.parameters["period"])
        for start, colour, dash in ((position[1], BLUE, ":"), (position[0], ORANGE, "--")):
            for at in range(start, 64, period):
                axes.axvline(at, color=colour, linestyle=dash, linewidth=0.6, zorder=0)
    low, high = axes.get_ylim()
    axes.set(
        xlim=(-1, 64),
        ylim=(low, high + 0.15 * (high - low)),
        xlabel="position modulo 64 (pixels)",
        ylabel="|difference| over its mean",
    )
    axes.set_xticks(range(0, 65, 8))
    axes.legend(fontsize=7, frameon=False, ncols=2, loc="upper right")
    return axes


def plot_chroma_spectrum(trace: Trace, ax: Axes | None = None) -> Axes:
    """Power spectral densities of luma and chroma along rows and columns."""
    axes = _axes(trace, ax)
    frequency = trace.series["frequency"]
    for key, colour, dash, label in (
        ("luma_x", BLACK, "-", "luma, along rows"), ("luma_y", BLACK, "--", "luma, along columns"),
        ("chroma_x", BLUE, "-", "chroma, along rows"), ("chroma_y", ORANGE, "--", "chroma, along columns"),
    ):  # fmt: skip
        axes.plot(frequency[1:], trace.series[key][1:], dash, color=colour, linewidth=1.2, label=label)
    axes.axvline(0.25, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(xlim=(0, 0.5), xlabel="frequency (cycles a pixel)", ylabel="power density (dB re 1 level²)")
    axes.legend(fontsize=7, frameon=False)
    return axes


def plot_residual_spectrum(trace: Trace, ax: Axes | None = None) -> Axes:
    """Power of each line of the second difference over its surroundings, along rows and columns."""
    axes = _axes(trace, ax)
    top = 1.0
    for key, colour, marker in (("x", BLUE, "o"), ("y", ORANGE, "s")):
        power = trace.series[f"power_{key}"]
        seen = np.isfinite(power)
        label = {"x": "along rows", "y": "along columns"}[key]
        axes.vlines(trace.series[f"frequency_{key}"][seen], 0, power[seen], color=colour, linewidth=0.8)
        axes.plot(
            trace.series[f"frequency_{key}"][seen], power[seen], marker, color=colour, markersize=2.2, label=label
        )
        top = max(top, float(power[seen].max(initial=0)))
    line = trace.parameters.get("frequency")
    if line is not None:
        axes.annotate(f"{line:.3f}", (line, top), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=7)
    axes.set(xlim=(0, 0.5), ylim=(0, 1.15 * top), xlabel="frequency (cycles a pixel)", ylabel="power over surroundings")
    axes.legend(fontsize=7, frameon=False, loc="upper left")
    return axes


def plot_enlargement(trace: Trace, ax: Axes | None = None) -> Axes:
    """Residual of lines outside the range of an enlargement from each length nearby."""
    axes = _axes(trace, ax)
    lengths, residual = trace.series["lengths"], trace.series["residual"]
    if not len(lengths):
        return _nothing(axes, "samples were repeated: rows and columns equal the one before")
    axes.semilogy(lengths, residual, "o-", color=BLUE, markersize=3, linewidth=0.8)
    least = int(residual.argmin())
    axes.semilogy(lengths[least], residual[least], "o", color=VERMILION, label=f"{lengths[least]} pixels")
    axes.axhline(1 / 12, color=BLACK, linewidth=0.8, linestyle=":", label="one rounding")
    axes.set(xlabel="length before (pixels)", ylabel="variance a missing dimension (levels squared)")
    axes.legend(fontsize=7, frameon=False, loc="lower left")
    return axes


def plot_jpeg_blocks(trace: Trace, ax: Axes | None = None) -> Axes:
    """Share of the blocks that a JPEG decoder can give, on the grid and on grids off it."""
    axes = _axes(trace, ax)
    shares = trace.series["shares"]
    names = ("of the JPEG", *(f"control {k}" for k in range(1, len(shares))))
    axes.bar(names, shares, color=[VERMILION, *[GREY] * (len(shares) - 1)], width=0.6)
    axes.set(ylim=(0, 1.02), xlabel="grid", ylabel="share of blocks that are possible, 0 to 1")
    return axes


PLOTS: dict[str, Callable[[Trace, Any], Any]] = {
    "colour_lattice": plot_colour_lattice,
    "dct_comb": plot_dct_comb,
    "jpeg_table": plot_jpeg_table,
    "jpeg_blocks": plot_jpeg_blocks,
    "wavelet_comb": plot_wavelet_comb,
    "lapped_comb": plot_lapped_comb,
    "grid_phase": plot_grid_phase,
    "boundary_profile": plot_boundary_profile,
    "chroma_spectrum": plot_chroma_spectrum,
    "residual_spectrum": plot_residual_spectrum,
    "coding_again": plot_coding_again,
    "enlargement": plot_enlargement,
}
"""The figure of each trace test by its name."""

_TITLES = {
    "colour_lattice": "Colours on lattices of 8-bit luma and chroma",
    "dct_comb": "Quantisation steps in 8x8 DCT coefficients",
    "jpeg_table": "Known quantisation tables in 8x8 DCT coefficients",
    "jpeg_blocks": "Blocks that a JPEG decoder can give",
    "wavelet_comb": "Comb in wavelet coefficients",
    "lapped_comb": "Comb in JPEG XR's transform",
    "grid_phase": "Votes for the origin of an 8x8 grid",
    "boundary_profile": "Differences across pixel boundaries",
    "chroma_spectrum": "Spectra of luma and chroma",
    "residual_spectrum": "Periodicity of the second difference",
    "coding_again": "Change by recompression",
    "enlargement": "Lengths that the picture may have been enlarged from",
}


def _titled(name: str) -> str:
    """A test's name as a title."""
    title = words(name)
    return title[:1].upper() + title[1:]


def _axes(trace: Trace, ax: Axes | None) -> Axes:
    """The axes to draw on, with the trace's title."""
    if ax is None:
        # A figure of its own, not pyplot's: nothing keeps it alive or shows it, and no backend is chosen.
        from matplotlib.figure import Figure

        ax = Figure(figsize=SIZE, layout="constrained").add_subplot()
    rate = (
        f"log10 NFA {reported(trace.log10_nfa, trace.name):.1f}" if np.isfinite(trace.log10_nfa) else "not applicable"
    )
    state = (
        f"found, {rate}"
        if trace.log10_nfa <= FOUND_BELOW
        else f"not found, {rate}"
        if np.isfinite(trace.log10_nfa)
        else rate
    )
    ax.set_title(f"{_TITLES.get(trace.name, _titled(trace.name))}\n{state}", fontsize=8.5, loc="left")
    ax.tick_params(labelsize=7)
    ax.xaxis.label.set_fontsize(8)
    ax.yaxis.label.set_fontsize(8)
    return ax


def _nothing(axes: Axes, text: str) -> Axes:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_axis_off()
    return axes


def _steps_axis(axes: Axes, trace: Trace) -> None:
    """A logarithmic axis of steps, with the steps that the trace read marked."""
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    candidates = trace.series["candidates"]
    axes.set_xscale("log")
    ticks = [step for step in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128) if candidates.min() <= step <= candidates.max()]
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(
        xlim=(candidates.min(), candidates.max()),
        ylim=(0, None),
        xlabel="candidate quantisation step (levels)",
        ylabel="comb strength, |D|",
    )
    read = trace.parameters.get("steps", trace.parameters.get("step"))
    steps = read.values() if isinstance(read, dict) else [read]
    for step in {step for step in steps if step is not None}:
        axes.axvline(step, color=VERMILION, linewidth=0.8, linestyle=":", zorder=0)


def _legend_patches(axes: Axes, entries: tuple[tuple[str, str], ...]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.5, label=label) for colour, label in entries]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=7, frameon=False)


def _bar(axes: Axes, image: Any, label: str) -> None:
    """A colour bar next to the axes, where they belong to a figure."""
    figure = axes.get_figure()
    if figure is not None:
        bar = figure.colorbar(image, ax=axes)
        bar.set_label(label, fontsize=7)
        bar.ax.tick_params(labelsize=7)


def _on(level: float) -> str:
    """Black or white, whichever reads on a map colour of this level."""
    return "black" if level > 0.6 else "white"
