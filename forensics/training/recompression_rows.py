"""What the judge of recompression is fitted on: open pictures, most of them coded again, kept so that fits and
thresholds can be looked at without drawing anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from forensics_models.open_judge import FAMILY_NAMES
from forensics_models.recompression import ENCODERS, FAMILIES, UNKNOWN, Repeats
from forensics_models.storage import packed, unpacked, write_atomically

from forensics.errors import UsageError

_WHAT = "rows of the judge of recompression"


@dataclass(frozen=True)
class Row:
    """An open picture.

    Attributes
    ----------
    source : str
        File name of the source.
    made : str
        What was drawn: population, what coded it and what happened since, as far as that is drawn by its share.
    truth : str
        The family of its last lossy process.
    families : mapping of str to float
        The open judge's probabilities by family.
    repeats : Repeats or None
        None of a picture that is not coded again (`forensics_models.recompression.asked`).
    phases : np.ndarray [shape=(len(FAMILIES),)]
        Logarithms of the judge of block phases; `UNKNOWN` where a picture is too small for it.
    """

    source: str
    made: str
    truth: str
    families: Mapping[str, float]
    repeats: Repeats | None
    phases: np.ndarray = field(default_factory=UNKNOWN.copy)


@dataclass(frozen=True)
class Rows:
    """Rows, and what they were drawn with.

    Attributes
    ----------
    rows : tuple of Row
    seed, draws : int
        As of `forensics.training.recompression.measure`.
    """

    rows: tuple[Row, ...]
    seed: int
    draws: int


def store(kept: Rows, path: Path) -> None:
    """Write rows as arrays (`.npz`) without objects."""
    rows, never = kept.rows, Repeats(*[[np.nan] * len(ENCODERS)] * 2)
    repeats = [row.repeats or never for row in rows]
    write_atomically(
        path,
        packed(
            {
                "encoders": np.array(ENCODERS),
                "family_names": np.array(FAMILY_NAMES),
                "counts": np.array([kept.seed, kept.draws]),
                "source": np.array([row.source for row in rows], np.str_),
                "made": np.array([row.made for row in rows], np.str_),
                "truth": np.array([row.truth for row in rows], np.str_),
                "families": _table([[row.families[name] for name in FAMILY_NAMES] for row in rows], len(FAMILY_NAMES)),
                "gains": _table([one.gains for one in repeats], len(ENCODERS)),
                "consistency": _table([one.consistency for one in repeats], len(ENCODERS)),
                "phases": _table([row.phases for row in rows], len(FAMILIES)),
            }
        ),
    )


def _table(rows: Sequence[Sequence[float] | np.ndarray], columns: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(len(rows), columns)


def load(path: Path) -> Rows:
    """Rows that were stored.

    Raises
    ------
    UsageError
        The file cannot be read, holds something else, or rows of other encoders or families.
    """
    try:
        held = unpacked(path, _WHAT)
        if tuple(held["encoders"]) != ENCODERS or tuple(held["family_names"]) != FAMILY_NAMES:
            raise UsageError(f"{str(path)!r} was drawn for other encoders or families: draw it again")
        pairs = zip(held["gains"], held["consistency"], strict=True)
        repeats = [None if np.isnan(gains).any() else Repeats(gains, agreed) for gains, agreed in pairs]
        families = [dict(zip(FAMILY_NAMES, row.tolist(), strict=True)) for row in held["families"]]
        words = (held[name].tolist() for name in ("source", "made", "truth"))
        rows = tuple(Row(*values) for values in zip(*words, families, repeats, held["phases"], strict=True))
        return Rows(rows, *(int(count) for count in held["counts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{str(path)!r} cannot be fitted on: {error}") from None
