"""Which records the sections of a report rest on, and the table that most of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from forensics.dataset.grids import RESIZED_AFTER
from forensics_benchmarks import summaries
from forensics_benchmarks.conditions import NONE
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.report_parts import Table
from forensics_benchmarks.stored_run import Run
from forensics_benchmarks.summaries import Share, Side


def plain(records: Iterable[Record]) -> list[Record]:
    """Records without a condition, from usual decoders where there are any, not resized after decoding: what the
    figures on strength rest on.
    """
    usual = usual_records(records)
    return [record for record in usual if record.variant != RESIZED_AFTER] or usual


def usual_records(records: Iterable[Record]) -> list[Record]:
    """Records without a condition, from usual decoders where there are any."""
    untouched = [record for record in records if record.condition == NONE]
    usual = [record for record in untouched if record.decoder == "usual"]
    return usual if any(record.class_name != "uncompressed" for record in usual) else untouched


def shown_records(run: Run) -> dict[str, list[Record]]:
    return {name: found for name, records in run.judges.items() if (found := plain(records))}


def resized_records(run: Run) -> dict[str, list[Record]]:
    """The records that `shown_records` leaves out for having been resized after decoding."""
    return {
        name: [r for r in usual_records(records) if r.variant == RESIZED_AFTER] for name, records in run.judges.items()
    }


def per_cent(value: float, digits: int = 1) -> str:
    return "-" if not np.isfinite(value) else f"{100 * value:.{digits}f}"


def per_model(
    models: Mapping[str, Sequence[Record]], key: Callable[[Record], object], title: str, *, fine: bool = False
) -> Table:
    """A row a group and a column a model, with intervals."""
    groups: dict[str, dict[object, Share]] = {
        name: summaries.accuracy_by(records, key, fine=fine) for name, records in models.items()
    }
    names = list(dict.fromkeys(group for found in groups.values() for group in found))
    return Table(
        [title, *models], [[group, *(str(groups[name].get(group, "-")) for name in models)] for group in names]
    )


def sides_of_models(models: Mapping[str, Sequence[Record]]) -> Callable[[Record], Side]:
    """Groups of patches by size, the same for all models."""
    return summaries.sides_of(record for records in models.values() for record in records)
