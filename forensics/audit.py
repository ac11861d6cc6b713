"""Does the compression history of a data set's files predict their label? A model trained on such files can learn the
history instead.

The history of a file is its verdict and, for a codec, the band of its estimated compression ratio. How much it says of
the label is measured as mutual information, and its chance as a permutation test: labels dealt at random over the
files, both margins kept, as random contingency tables [1]_. The effect is Cramer's V with Bergsma's correction of bias
[2]_, 0 for none and 1 where each determines the other. The container's format is tested in the same way, since a loader
or a person sees that as well.

Files count as independent. Many pictures of one source under one label make every test say yes, and rightly so: that is
a leak too.

References
----------
.. [1] W. M. Patefield, "Algorithm AS 159: An efficient method of generating random R x C tables with given row and
       column totals",
   Applied Statistics 30 (1981), doi:10.2307/2346669.
.. [2] W. Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", Journal of the Korean Statistical Society 42
       (2013),
   doi:10.1016/j.jkss.2012.10.002.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from forensics_models.validation_table import ratio_band

from forensics.results.analysis import Analysis, Interval
from forensics.results.failure import Failure
from forensics.results.wording import INCONCLUSIVE, TITLES

NO_LABEL = "(none)"
"""Label of files that lie directly in the folder."""
LEVEL = 0.005
"""Largest chance of a leak that is reported; two tests at this level make one false alarm in a hundred audits."""
SMALLEST_EFFECT = 0.1
"""Smallest Cramer's V that is called a leak: below, the history tells next to nothing of the label."""
PERMUTATIONS = 9999
"""Random relabellings behind a p value; with 9,999 the smallest is 1 in 10,000."""
_FEW_FILES = 60
"""Files below which the report warns that only a strong leak would show: with 60 a leak of Cramer's V 0.5, three
quarters of one label against a quarter of the other, is found at `LEVEL` in 86 of 100 data sets and one of 0.3 in 31
(normal approximation: the square root of 60 V^2 less the 2.81 of `LEVEL`). The test itself is exact."""
_STANDS_OUT = 4.0
"""Adjusted residual, about a standard normal variable without a leak, from which a cell is named: 1 in 31,600 cells
reaches it by chance, so a table of 30 cells names one in 1,050 audits without a leak."""
_MOST_CELLS = 3
"""Most cells that are named: a bound on text."""
_CHUNK_CELLS = 2_000_000
"""Cells of permuted tables that are held at a time: a bound on memory."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a survey's table holds of a file, as far as an audit asks: a ratio that lies in the band of the true one."""

    verdict: str
    ratio: Interval | None
    format: str


class Member(NamedTuple):
    """One file of a data set with its result."""

    label: str
    result: Analysis | Recorded | Failure


class Cell(NamedTuple):
    """A history that one label has far more often than the others."""

    label: str
    history: str
    files: int
    of_label: int
    elsewhere: int
    of_others: int


@dataclass(frozen=True)
class LeakTest:
    """Whether one property of the files predicts their label.

    Attributes
    ----------
    labels, histories : tuple of str
        Rows and columns of `table`.
    table : np.ndarray [shape=(len(labels), len(histories)), dtype=int64]
        Files of each label and history.
    information : float
        Mutual information of the two, in bits, as counted (chance alone gives more than 0).
    label_entropy : float
        Entropy of the label in bits, the most that the information can be.
    cramers_v : float
        Bias-corrected, 0..1.
    p_value : float
        Chance of as much information where labels are dealt at random.
    """

    labels: tuple[str, ...]
    histories: tuple[str, ...]
    table: np.ndarray
    information: float
    label_entropy: float
    cramers_v: float
    p_value: float

    @property
    def tested(self) -> bool:
        """Whether there were two labels and two histories to compare."""
        return min(self.table.shape) > 1

    @property
    def leak(self) -> bool:
        """Whether the property predicts the label, beyond chance and by more than next to nothing."""
        return self.tested and self.p_value <= LEVEL and self.cramers_v >= SMALLEST_EFFECT

    def standing_out(self) -> tuple[Cell, ...]:
        """The cells furthest above what independence gives, by adjusted residuals of 4 and more; at most three."""
        if not self.tested:
            return ()
        total = self.table.sum()
        rows, columns = self.table.sum(axis=1, keepdims=True), self.table.sum(axis=0, keepdims=True)
        expected = rows * columns / total
        residuals = (self.table - expected) / np.sqrt(expected * (1 - rows / total) * (1 - columns / total))
        order = np.argsort(-residuals, axis=None)[:_MOST_CELLS]
        places = [divmod(int(k), self.table.shape[1]) for k in order if residuals.flat[k] >= _STANDS_OUT]
        return tuple(
            Cell(
                self.labels[i], self.histories[j], int(self.table[i, j]), int(rows[i, 0]),
                int(columns[0, j] - self.table[i, j]), int(total - rows[i, 0]),
            )
            for i, j in places
        )  # fmt: skip

    def sentence(self, subject: str) -> str:
        """The outcome in one plain sentence; `subject` is what was held against the label."""
        if len(self.labels) < 2:
            return f"not tested: there are fewer than two labels to tell apart by {subject}"
        if len(self.histories) < 2:
            return f"{subject} is the same for all files and cannot give the label away"
        figures = f"p = {self.p_value:.2g}, Cramer's V {self.cramers_v:.2f}"
        if self.leak:
            return f"{subject} predicts the label ({figures}): a model can learn it in the place of the content"
        if self.p_value <= LEVEL:
            return f"{subject} and label depend on each other, but hardly ({figures})"
        few = f"; with {self.table.sum()} files only a strong leak would show" if self.table.sum() < _FEW_FILES else ""
        return f"no sign that {subject} predicts the label ({figures}{few})"


@dataclass(frozen=True)
class Audit:
    """The audit of one data set.

    Attributes
    ----------
    members : tuple of Member
        Every file, failures too.
    history : LeakTest
        Verdict and strength against the label.
    container : LeakTest
        File format against the label.
    """

    members: tuple[Member, ...]
    history: LeakTest
    container: LeakTest

    @property
    def leak(self) -> bool:
        """Whether either test found one."""
        return self.history.leak or self.container.leak


def audit(members: Iterable[Member], *, permutations: int = PERMUTATIONS, seed: int = 0) -> Audit:
    """Sum up a data set and test whether its histories predict its labels.

    Parameters
    ----------
    members : iterable of Member
    permutations : int
        Random tables that the tests compare with; 1 / (permutations + 1) is the smallest p-value.
    seed : int
        Of the random tables.

    Examples
    --------
    >>> import forensics
    >>> from forensics.audit import Member, audit
    >>> real, fake = (forensics.analyze(f"examples/{name}.png") for name in ("jpeg", "uncompressed"))
    >>> found = audit([Member("real", real), Member("fake", fake)] * 20)
    >>> found.history.leak
    True
    """
    kept = tuple(members)
    done = [(label, result) for label, result in kept if not isinstance(result, Failure)]
    labels = [label for label, _ in done]
    return Audit(
        kept,
        leak_test(labels, [history_of(result) for _, result in done], permutations=permutations, seed=seed),
        leak_test(labels, [format_of(result) for _, result in done], permutations=permutations, seed=seed),
    )


def recorded(rows: Iterable[Mapping[str, Any]], *, labelled: bool) -> Iterator[Member]:
    """Members from a survey's rows (`name`, `label`, `error`, `verdict`, `ratio`, `format`); equal results are one
    object.
    """
    kept: dict[tuple[Any, ...], Recorded] = {}
    for row in rows:
        label = (row["label"] or NO_LABEL) if labelled else NO_LABEL
        if row["error"] is not None:
            yield Member(label, Failure(row["name"], row["error"]))
            continue
        ratio = row["ratio"]
        key = row["verdict"], None if ratio is None else ratio_band(ratio), row["format"]
        if key not in kept:
            interval = None if ratio is None else Interval(ratio, ratio, ratio)
            kept[key] = Recorded(row["verdict"], interval, row["format"])
        yield Member(label, kept[key])


def label_of(name: str, folder: Path) -> str:
    """The label of a file: the name of the folder directly under `folder` that it lies in, `NO_LABEL` for none.

    Examples
    --------
    >>> from pathlib import Path
    >>> from forensics.audit import label_of
    >>> label_of("set/real/a.png", Path("set"))
    'real'
    """
    parts = Path(name).relative_to(folder).parts
    return parts[0] if len(parts) > 1 else NO_LABEL


def format_of(result: Analysis | Recorded) -> str:
    """The file format."""
    return result.format if isinstance(result, Recorded) else str(result.container["format"])


def history_of(result: Analysis | Recorded) -> str:
    """Verdict and band of the estimated ratio in words, the category that is held against the label."""
    title = TITLES[result.verdict]
    if result.ratio is None or result.verdict == INCONCLUSIVE:
        return title
    return f"{title}, ratio {ratio_band(result.ratio.estimate)}"


def leak_test(
    labels: Sequence[str], histories: Sequence[str], *, permutations: int = PERMUTATIONS, seed: int = 0
) -> LeakTest:
    """Test whether one property of files predicts their label.

    Parameters
    ----------
    labels, histories : sequence of str
        One of each a file.
    permutations : int
    seed : int
    """
    rows, row_of = np.unique(np.asarray(labels, str), return_inverse=True)
    columns, column_of = np.unique(np.asarray(histories, str), return_inverse=True)
    table = np.zeros((len(rows), len(columns)), np.int64)
    np.add.at(table, (row_of, column_of), 1)
    names = tuple(rows.tolist()), tuple(columns.tolist())
    entropy = _entropy(table.sum(axis=1)) if table.size else 0.0
    if min(table.shape) < 2:
        return LeakTest(*names, table, 0.0, entropy, 0.0, 1.0)
    information = float(mutual_information(table))
    chance = _chance(table, information, permutations, seed)
    return LeakTest(*names, table, information, entropy, cramers_v(table), chance)


def mutual_information(tables: np.ndarray) -> np.ndarray:
    """Mutual information of rows and columns in bits, `np.ndarray [shape=(..., r, c)]` of counts to `[shape=(...)]`."""
    total = tables.sum(axis=(-2, -1))
    parts = [_sum_log(tables, (-2, -1)), -_sum_log(tables.sum(axis=-1), (-1,)), -_sum_log(tables.sum(axis=-2), (-1,))]
    return sum(parts) / total + np.log2(total)


def _sum_log(counts: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Sum of n log2 n, with 0 for n = 0."""
    return (counts * np.log2(np.maximum(counts, 1))).sum(axis=axes)


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def cramers_v(table: np.ndarray) -> float:
    """Cramer's V with Bergsma's correction (the module's reference 2), 0..1.

    No row or column of `np.ndarray [shape=(r, c)]` is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.audit import cramers_v
    >>> float(round(cramers_v(np.array([[50, 0], [0, 50]])), 2))
    1.0
    >>> float(round(cramers_v(np.array([[25, 25], [25, 25]])), 2))
    0.0
    """
    total = table.sum()
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    squared = float(((table - expected) ** 2 / expected).sum() / total)
    r, c = table.shape
    corrected = max(0.0, squared - (r - 1) * (c - 1) / (total - 1))
    sides = [side - (side - 1) ** 2 / (total - 1) for side in (r, c)]
    return min(1.0, float(np.sqrt(corrected / (min(sides) - 1)))) if min(sides) > 1 else 0.0


def _chance(table: np.ndarray, information: float, permutations: int, seed: int) -> float:
    """Share of random tables with the same margins, the table itself counted, that have as much information."""
    from scipy.stats import random_table

    drawn = random_table(table.sum(axis=1), table.sum(axis=0), seed=np.random.default_rng(seed))
    chunk = max(1, _CHUNK_CELLS // table.size)
    reached = sum(
        int((mutual_information(drawn.rvs(min(chunk, permutations - start))) >= information - 1e-12).sum())
        for start in range(0, permutations, chunk)
    )
    return (1 + reached) / (1 + permutations)
