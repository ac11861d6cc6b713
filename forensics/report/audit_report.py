"""An audit as text, as CSV and as a plot."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.audit import Audit, Cell, LeakTest, Recorded
from forensics.report import csv_report
from forensics.report.text import row, rows
from forensics.results.failure import Failure
from forensics.results.wording import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LABELS = 30
"""Most labels that the plot shows: a matter of looks."""
_MOST_HISTORIES = 4
"""Most histories that a line lists: a bound on text."""


def text(found: Audit, name: str) -> str:
    """The audit for a terminal: labels with their commonest histories, then the tests."""
    done = sum(not isinstance(member.result, Failure) for member in found.members)
    failed = len(found.members) - done
    lines = [f"{printable(name)}  {len(found.members)} files, {done} analysed, {failed} failed\n"]
    lines += rows(
        "labels",
        [_label(found.history, i) for i in range(len(found.history.labels))] or ["none: no file could be analysed"],
    )
    lines.append(row("history", found.history.sentence("the compression history")))
    lines += rows("", [_cell(cell) for cell in found.history.standing_out()] if found.history.leak else [])
    lines.append(row("container", found.container.sentence("the file format")))
    return "".join(lines)


def _label(test: LeakTest, index: int) -> str:
    counts = test.table[index]
    order = np.argsort(-counts, kind="stable")
    order = order[: np.count_nonzero(counts)]
    shown = order if len(order) <= _MOST_HISTORIES + 1 else order[:_MOST_HISTORIES]
    counted = [f"{counts[k]} {test.histories[k]}" for k in shown]
    rest = order[len(shown) :]
    more = [f"{int(counts[rest].sum())} of {len(rest)} other histories"] if len(rest) else []
    return f"{printable(test.labels[index])}: {'; '.join([*counted, *more])}"


def _cell(cell: Cell) -> str:
    return (
        f"{cell.history}: {cell.files} of {cell.of_label} files with the label {printable(cell.label)}, "
        f"{cell.elsewhere} of {cell.of_others} of the others"
    )


def table(found: Audit) -> str:
    """The columns of `csv_report` behind the label, a row a file, failures included; files of a survey's table, which
    is that already, are left out.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, ("label", *csv_report.COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {"label": csv_report.text_cell(printable(label)), **csv_report.row(result)}
        for label, result in found.members
        if not isinstance(result, Recorded)
    )
    return buffer.getvalue()


def plot_audit(found: Audit, ax: Axes | None = None) -> Axes:
    """Draw the share of every history within each label as stacked bars, the largest labels where there are more than
    30.

    Parameters
    ----------
    found : Audit
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes when left out.

    Returns
    -------
    matplotlib.axes.Axes
    """
    test = found.history
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=plot_size(found), layout="constrained")
    shown = np.sort(np.argsort(-test.table.sum(axis=1), kind="stable")[:_MOST_LABELS])
    shares = test.table[shown] / test.table[shown].sum(axis=1, keepdims=True)
    start = np.zeros(len(shown))
    for column, colour in enumerate(_colours(test.histories)):
        ax.barh(
            np.arange(len(shown)),
            shares[:, column],
            left=start,
            color=colour,
            edgecolor="white",
            linewidth=0.5,
            label=test.histories[column],
        )
        start += shares[:, column]
    names = [f"{printable(test.labels[i])[:28]} ({test.table[i].sum()})" for i in shown]
    ax.set(yticks=np.arange(len(shown)), xlim=(0, 1), xlabel="share of the label's files")
    ax.set_yticklabels(names, parse_math=False)
    ax.invert_yaxis()
    ax.set_title(f"Cramer's V {test.cramers_v:.2f}, p = {test.p_value:.2g}", fontsize="medium")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
    return ax


def plot_size(found: Audit) -> tuple[float, float]:
    """Width and height of the plot in inches, by the number of labels and of histories."""
    test = found.history
    bars, entries = min(len(test.labels), _MOST_LABELS), len(test.histories)
    return 9.0, max(2.2, 1.2 + 0.32 * bars, 0.6 + 0.24 * entries)


def _colours(histories: tuple[str, ...]) -> list[Any]:
    """The map's colour of each codec, paler from one band of strength to the next."""
    from forensics.localisation.outputs import COLOURS
    from forensics.results.wording import TITLES

    classes = {title: name for name, title in TITLES.items()}
    within: Counter[str] = Counter()
    colours = []
    for history in histories:
        title = history.partition(",")[0]
        base = np.array(COLOURS.get(classes[title], (90, 90, 90))) / 255
        colours.append(tuple(base + (1 - base) * min(0.75, 0.17 * within[title])))
        within[title] += 1
    return colours
