"""Figures of a report: each function takes figures already counted and gives a matplotlib `Figure`, with units, a
legend and intervals.

Figures are drawn for a page of 1080 pixels and for print: nothing depends on colour alone, numbers stand in the cells
of maps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from forensics_models.classes import CLASSES

from forensics_benchmarks.conditions import CONDITIONS, NONE
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.published import PUBLISHED
from forensics_benchmarks.summaries import (
    OUTCOMES,
    RATIO_BANDS,
    SSIM_BANDS,
    ReliabilityBin,
    Share,
    Side,
    band_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Colours that the colour-blind tell apart (Okabe and Ito), in the order of models."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_MAP = "RdYlBu"
_WIDTH = 10.0
"""Width of a figure in inches: a matter of looks."""


def _figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, np.ndarray]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _errors(shares: Sequence[Share]) -> np.ndarray:
    """Lengths of error bars in per cent, `np.ndarray [shape=(2, n)]`; never negative, as an interval may end at its
    value.
    """
    lows = [100 * max(share.value - share.low, 0.0) for share in shares]
    highs = [100 * max(share.high - share.value, 0.0) for share in shares]
    return np.array([lows, highs])


def _heat(ax: Axes, values: np.ndarray, texts: Sequence[Sequence[str]], *, low: float = 0.0, size: float = 8.0) -> Any:
    """A map of shares in per cent with a text in each cell; cells without a value stay white."""
    artist = ax.pcolormesh(np.ma.masked_invalid(values), cmap=_MAP, vmin=low, vmax=100, edgecolors="white", linewidth=1)
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            share = (value - low) / (100 - low)
            ax.text(
                j + 0.5,
                i + 0.5,
                texts[i][j],
                ha="center",
                va="center",
                fontsize=size,
                color="white" if share < 0.12 or share > 0.88 else "black",
            )
    ax.invert_yaxis()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return artist


def _ticks(ax: Axes, columns: Sequence[str], rows: Sequence[str], rotation: float = 0.0) -> None:
    ax.set_xticks(
        np.arange(len(columns)) + 0.5, columns, rotation=rotation, ha="right" if rotation else "center", fontsize=8
    )
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows, fontsize=8)


def cell_map(
    cells: Mapping[tuple[str, float], Share], columns: Sequence[float], names: Sequence[str], title: str
) -> Figure:
    """Accuracy by class (rows) and strength (columns), counts in small under the share."""
    rows = [name for name in CLASSES if any((name, column) in cells for column in columns)]
    values = np.array(
        [[100 * cells[row, column].value if (row, column) in cells else np.nan for column in columns] for row in rows]
    )
    texts = [
        [f"{100 * c.value:.0f}\nn {c.count}" if (c := cells.get((row, column))) else "" for column in columns]
        for row in rows
    ]
    figure, axes = _figure(5.6 if len(columns) <= 7 else min(_WIDTH, 2.2 + 0.75 * len(columns)), 1.2 + 0.42 * len(rows))
    ax = axes[0, 0]
    artist = _heat(ax, values, texts, size=7)
    _ticks(ax, names, rows, 30 if max(map(len, names)) > 6 else 0)
    ax.set_xlabel(title)
    figure.colorbar(artist, ax=ax, label="accuracy, %", pad=0.01)
    return figure


def plane(cells: Mapping[tuple[float, float], Share]) -> Figure:
    """Accuracy over bands of SSIM (rows, high ones at the top) and compression ratio (columns)."""
    figure, axes = _figure(5.6, 3.8)
    artist = _plane(axes[0, 0], cells, 6.5)
    axes[0, 0].set_xlabel("reached compression ratio (raw bytes / file bytes)")
    axes[0, 0].set_ylabel("reached SSIM")
    figure.colorbar(artist, ax=axes[0, 0], label="accuracy, %", pad=0.01)
    return figure


def _plane(ax: Axes, cells: Mapping[tuple[float, float], Share], size: float, *, counted: bool = True) -> Any:
    rows = list(reversed(SSIM_BANDS))
    shares = [[cells.get((row, column)) for column in RATIO_BANDS] for row in rows]
    values = np.array([[np.nan if share is None else 100 * share.value for share in line] for line in shares])
    texts = [
        [
            "" if share is None else f"{100 * share.value:.0f}" + (f"\nn {share.count}" if counted else "")
            for share in line
        ]
        for line in shares
    ]
    artist = _heat(ax, values, texts, size=size)
    _ticks(
        ax, [band_name(edge, RATIO_BANDS) for edge in RATIO_BANDS], [band_name(edge, SSIM_BANDS) for edge in rows], 30
    )
    return artist


def planes_by_codec(cells: Mapping[tuple[str, float, float], Share]) -> Figure:
    """The plane of each codec in small."""
    names = [name for name in CLASSES if any(key[0] == name for key in cells)]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, axes = _figure(_WIDTH, 0.7 + 2.3 * rows, rows, columns, sharex=True, sharey=True)
    artist: Any = None
    for index, ax in enumerate(axes.ravel()):
        if index >= len(names):
            ax.set_visible(False)
            continue
        artist = _plane(
            ax, {key[1:]: share for key, share in cells.items() if key[0] == names[index]}, 6.5, counted=False
        )
        ax.set_title(names[index], fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylim(len(SSIM_BANDS), 0)
    figure.supxlabel("reached compression ratio (raw bytes / file bytes)", fontsize=9)
    figure.supylabel("reached SSIM", fontsize=9)
    figure.colorbar(artist, ax=axes, label="accuracy, %", pad=0.01)
    return figure


def confusions(counts: Mapping[str, np.ndarray]) -> Figure:
    """A matrix of truth and verdict for each band of strength, cells in per cent of their row."""
    columns = min(3, len(counts))
    rows = -(-len(counts) // columns)
    figure, axes = _figure(max(5.0, _WIDTH * columns / 3), 0.6 + 3.1 * rows, rows, columns, sharex=True, sharey=True)
    for ax, (title, matrix) in zip(axes.ravel(), counts.items()):
        total = matrix.sum(axis=1, keepdims=True)
        share = np.where(matrix > 0, 100.0 * matrix / np.maximum(total, 1), np.nan)
        texts = [[f"{value:.0f}" if np.isfinite(value) else "" for value in line] for line in share]
        ax.pcolormesh(np.ma.masked_invalid(share), cmap="Blues", vmin=0, vmax=100, edgecolors="#e6e6e6", linewidth=0.5)
        for (i, j), value in np.ndenumerate(share):
            if np.isfinite(value):
                ax.text(
                    j + 0.5,
                    i + 0.5,
                    texts[i][j],
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color="white" if value > 55 else "black",
                )
        ax.set_ylim(len(CLASSES), 0)
        ax.set_title(f"{title} ({int(matrix.sum())} patches)", fontsize=9)
        _ticks(ax, CLASSES, CLASSES, 45)
    for ax in axes.ravel()[len(counts) :]:
        ax.set_visible(False)
    for ax in axes.ravel()[: len(counts)]:
        ax.tick_params(length=0, labelbottom=True)
    figure.supxlabel("verdict", fontsize=9)
    figure.supylabel("truth", fontsize=9)
    return figure


def reliability(curves: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Share right against the stated probability, and under it the number of patches."""
    figure, axes = _figure(5.7, 4.6, 2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    ax, counts = axes[:, 0]
    ax.plot([0, 100], [0, 100], color="#999999", linestyle="--", linewidth=1, label="perfect calibration")
    for index, (name, bins) in enumerate(curves.items()):
        place = [100 * found.confidence for found in bins]
        shares = [found.right for found in bins]
        ax.errorbar(place, [100 * share.value for share in shares], yerr=_errors(shares), label=name, **_look(index))
        width = 6.0 / len(curves)
        counts.bar(
            [p + (index - (len(curves) - 1) / 2) * width for p in place],
            [share.count for share in shares],
            width=width,
            color=_colour(index),
        )
    ax.set_ylabel("right, %")
    ax.set_ylim(0, 103)
    ax.set_xlim(0, 103)
    counts.set_ylabel("patches")
    counts.set_yscale("log")
    counts.set_xlabel("highest stated probability, %")
    _finish(ax)
    return figure


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _look(index: int) -> dict[str, Any]:
    return {
        "color": _colour(index),
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.3,
        "capsize": 2,
        "elinewidth": 0.8,
    }


def _finish(ax: Axes) -> None:
    ax.grid(True, color="#e0e0e0", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(fontsize=8, frameon=False)


def sizes(found: Mapping[str, Mapping[Side, Share]]) -> Figure:
    """Error in per cent by the side of the patch in pixels or by bands of it, on a logarithmic axis of sides."""
    figure, axes = _figure(5.7, 3.4)
    ax = axes[0, 0]
    sides = sorted({side for shares in found.values() for side in shares})
    for index, (name, shares) in enumerate(found.items()):
        place = [side.place for side in shares]
        ax.errorbar(
            place,
            [100 * (1 - s.value) for s in shares.values()],
            yerr=_errors(list(shares.values()))[::-1],
            label=name,
            **_look(index),
        )
    ax.set_xscale("log", base=2)
    banded = any(not side.name.isdigit() for side in sides)
    ax.set_xticks(
        [side.place for side in sides],
        [side.name for side in sides],
        rotation=30 if banded else 0,
        ha="right" if banded else "center",
    )
    ax.minorticks_off()
    ax.set_xlabel("side of the patch, pixels")
    ax.set_ylabel("error, %")
    ax.set_ylim(bottom=0)
    _finish(ax)
    return figure


def file_sizes(found: Mapping[str, Mapping[float, Share]]) -> Figure:
    """Accuracy over ten classes by file size in KiB, with the published row."""
    figure, axes = _figure(7.5, 3.8)
    ax = axes[0, 0]
    for index, (name, shares) in enumerate(found.items()):
        ax.errorbar(
            [float(kib) for kib in shares],
            [100 * s.value for s in shares.values()],
            yerr=_errors(list(shares.values())),
            label=name,
            **_look(index),
        )
    ax.plot(
        [float(str(kib)) for kib in PUBLISHED],
        list(PUBLISHED.values()),
        color="black",
        linestyle=":",
        marker="x",
        label="published (ResNet-18)",
    )
    ax.set_xscale("log")
    ticks = sorted(
        {float(str(kib)) for shares in found.values() for kib in shares} | {float(str(kib)) for kib in PUBLISHED}
    )
    ax.set_xticks(ticks, [f"{kib:g}" for kib in ticks], fontsize=8)
    ax.minorticks_off()
    ax.set_xlabel("largest file size at 512x512, KiB")
    ax.set_ylabel("accuracy, ten classes, %")
    _finish(ax)
    return figure


def false_positives(found: Mapping[str, Mapping[object, Share]]) -> Figure:
    """Bars of false positives by origin, all together first."""
    names = sorted(
        {str(group) for shares in found.values() for group in shares}, key=lambda name: (name != "all", name)
    )
    figure, axes = _figure(7.5, 1.4 + 0.3 * len(names) * max(1.0, 0.5 * len(found)))
    ax = axes[0, 0]
    height = 0.8 / len(found)
    for index, (name, shares) in enumerate(found.items()):
        there = [(place, shares[group]) for place, group in enumerate(names) if group in shares]
        ax.barh(
            [place + index * height for place, _ in there],
            [100 * s.value for _, s in there],
            height=height,
            color=_colour(index),
            label=name,
            xerr=_errors([s for _, s in there]),
            error_kw={"elinewidth": 0.8, "capsize": 2},
        )
    counts = {group: next(shares[group].count for shares in found.values() if group in shares) for group in names}
    ax.set_yticks(
        np.arange(len(names)) + 0.4 - height / 2, [f"{name} (n {counts[name]})" for name in names], fontsize=8
    )
    ax.invert_yaxis()
    ax.set_xlabel("uncompressed patches called compressed, %")
    ax.set_xlim(left=0)
    _finish(ax)
    return figure


def strengths(records: Sequence[Record]) -> Figure:
    """Estimated against true ratio (logarithmic) and SSIM, a colour a class."""
    figure, axes = _figure(_WIDTH, 4.4, 1, 2)
    for ax, truth, said, title in zip(
        axes[0], ("ratio", "ssim"), ("ratio_median", "ssim_median"), ("compression ratio", "SSIM"), strict=True
    ):
        for index, name in enumerate(CLASSES[1:]):
            chosen = [r for r in records if r.class_name == name]
            if chosen:
                ax.plot(
                    [getattr(r, truth) for r in chosen],
                    [getattr(r, said) for r in chosen],
                    linestyle="",
                    markersize=3,
                    alpha=0.6,
                    marker=MARKERS[index],
                    color=_colour(index),
                    label=name,
                    rasterized=True,
                )
        ends = [min(getattr(r, truth) for r in records), max(getattr(r, truth) for r in records)]
        ax.plot(ends, ends, color="black", linewidth=1)
        ax.set_xlabel(f"true {title}")
        ax.set_ylabel(f"estimated {title}")
        ax.grid(True, color="#e0e0e0", linewidth=0.6)
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_yscale("log")
    axes[0, 1].legend(fontsize=8, frameon=False, markerscale=1.8)
    return figure


def encoders(found: Mapping[str, Mapping[tuple[str, str], Share]]) -> Figure:
    """Bars of accuracy by class and encoder, the seen one of each class first and hatched."""
    groups = {group for shares in found.values() for group in shares}
    names = sorted(groups, key=lambda group: (CLASSES.index(group[0]), group[1] != "seen", group[1]))
    figure, axes = _figure(7.5, 1.3 + 0.26 * len(names) * max(1.0, 0.6 * len(found)))
    ax = axes[0, 0]
    height = 0.8 / len(found)
    for index, (name, shares) in enumerate(found.items()):
        there = [(place, group, shares[group]) for place, group in enumerate(names) if group in shares]
        bars = ax.barh(
            [place + index * height for place, _, _ in there],
            [100 * s.value for *_, s in there],
            height=height,
            color=_colour(index),
            label=name,
            xerr=_errors([s for *_, s in there]),
            error_kw={"elinewidth": 0.8, "capsize": 2},
        )
        for bar, (_, group, _) in zip(bars, there):
            if group[1] == "seen":
                bar.set_hatch("////")
                bar.set_edgecolor("white")
    ax.set_yticks(
        np.arange(len(names)) + 0.4 - height / 2, [f"{codec}: {variant}" for codec, variant in names], fontsize=8
    )
    ax.invert_yaxis()
    ax.set_xlabel("accuracy, % (hatched: encoder of training)")
    ax.set_xlim(0, 100.5)
    ax.grid(True, axis="x", color="#e0e0e0", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(
        fontsize=8,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12 if len(names) < 12 else -0.06),
        ncols=4,
    )
    return figure


_OUTCOME_LOOKS = dict(zip(OUTCOMES, ("#0072b2", "#56b4e9", "#e69f00", "#999999", "#d55e00"), strict=True))


def robustness(curves: Mapping[str, Mapping[str, Share]]) -> Figure:
    """A panel a group of conditions: shares of outcomes over the group's levels, the untouched pictures as dotted
    lines.
    """
    groups: dict[str, list[str]] = {}
    for name, condition in CONDITIONS.items():
        if name in curves:
            groups.setdefault(condition.group, []).append(name)
    columns = min(3, max(1, len(groups)))
    rows = -(-max(1, len(groups)) // columns)
    figure, axes = _figure(_WIDTH * columns / 3, 0.5 + 2.9 * rows, rows, columns, sharey=True)
    for ax, (group, names) in zip(axes.ravel(), groups.items()):
        members = sorted((CONDITIONS[name] for name in names), key=lambda condition: condition.level)
        for index, what in enumerate(OUTCOMES):
            shares = [curves[condition.name][what] for condition in members]
            if what == "last" and not any(share.value for share in shares):
                continue
            look = {**_look(index), "color": _OUTCOME_LOOKS[what]}
            ax.errorbar(
                [condition.level for condition in members],
                [100 * s.value for s in shares],
                yerr=_errors(shares),
                label=_WORDS[what],
                **look,
            )
            if NONE in curves:
                ax.axhline(100 * curves[NONE][what].value, color=_OUTCOME_LOOKS[what], linestyle=":", linewidth=0.9)
        ax.set_title(group, fontsize=9)
        ax.set_xlabel(members[0].unit, fontsize=8)
        ax.set_ylim(-3, 103)
        ax.grid(True, color="#e0e0e0", linewidth=0.6)
    for ax in axes.ravel()[len(groups) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("patches, %")
    shown = dict(pair[::-1] for ax in axes.ravel() for pair in zip(*ax.get_legend_handles_labels()))
    figure.legend(
        shown.values(),
        shown.keys(),
        loc="outside lower center",
        ncols=5,
        fontsize=8,
        frameon=False,
        title="dotted: untouched",
        title_fontsize=8,
    )
    return figure


_WORDS = {
    "kept": "codec kept",
    "last": "the last codec (JPEG) named",
    "uncompressed": "called uncompressed",
    "inconclusive": "inconclusive",
    "wrong": "another codec",
}


def times(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Seconds a megapixel by size, a line a model, both axes logarithmic."""
    figure, axes = _figure(5.7, 3.4)
    ax = axes[0, 0]
    sides = sorted({int(row["size"]) for row in rows})
    for index, name in enumerate(dict.fromkeys(row["model"] for row in rows)):
        mine = [row for row in rows if row["model"] == name]
        look = {key: value for key, value in _look(index).items() if key not in ("capsize", "elinewidth")}
        ax.plot(
            [int(row["size"]) for row in mine],
            [1 / max(float(row["megapixels_per_second"]), 1e-9) for row in mine],
            label=name,
            **look,
        )
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    shown = sides if len(sides) <= 8 else [64, 128, 256, 512]
    ax.set_xticks(shown, [f"{side:g}" for side in shown])
    ax.minorticks_off()
    ax.set_xlabel("side of the patch, pixels")
    ax.set_ylabel("seconds a megapixel")
    _finish(ax)
    return figure
