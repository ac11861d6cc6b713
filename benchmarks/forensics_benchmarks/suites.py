"""The suites of `forensics bench run`: which data set each needs, and which patches, decoders and conditions it judges.

| suite | data set | judged |
| --- | --- | --- |
| full | the full grid: codec x ratio and codec x SSIM, variants, preparations | random offsets, all sizes |
| kib | the published file-size grid | centres, 224 pixels |
| quick | random encoders and preparations at four ratios, a share of the sources | random offsets, one small and one usual size |
| generalization | encoders of training, and encoders and settings it never draws, at the same ratios | in addition to the usual decoders those training never draws |
| robustness | encoders of training at two ratios | after every condition of `conditions` |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics_models.classes import CLASSES

from forensics.dataset import encoders, manifest, sources
from forensics.dataset.build import build as build_grid
from forensics.dataset.decoders import USUAL
from forensics.dataset.features import carries_its_label
from forensics.dataset.manifest import Row
from forensics.dataset.plan import Settings
from forensics.dataset.readings import HELD_OUT_DECODERS
from forensics.errors import UsageError
from forensics_benchmarks import cells, conditions

SHARES = {"bench": 1.0}
"""The split of sources whose folder names none: all of them are judged."""


@dataclass(frozen=True)
class Suite:
    """One suite; `limit` is the usual number of sources, 0 for all, `per_source` draws a source where the data set has
    them.
    """

    name: str
    sizes: tuple[int, ...]
    centred: bool = False
    decoders: tuple[str, ...] = (USUAL,)
    conditions: tuple[str, ...] = (conditions.NONE,)
    limit: int = 0
    per_source: int = 1


SUITES: Mapping[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("quick", (64, 192), limit=24),
        Suite("full", (64, 128, 224, 256, 512), per_source=2),
        Suite("kib", (224,), centred=True),
        Suite("generalization", (256,), decoders=(USUAL, "swscale-bilinear", *HELD_OUT_DECODERS), limit=60),
        Suite("robustness", (256,), conditions=(conditions.NONE, *conditions.CONDITIONS), limit=60),
    )
}
"""All suites by name."""

_BUILT = {"quick": "quick", "full": "grid", "kib": "kib"}
"""Suites whose data set `forensics.dataset.build` makes, and its name there."""

_RATIOS = {"generalization": (8.0, 16.0, 32.0), "robustness": (8.0, 24.0)}


@dataclass(frozen=True)
class Material:
    """A data set and the rows of it that are judged, and what could not be had, with reasons."""

    folder: Path
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def chosen_sources(folder: Path, split: str | None, limit: int) -> list[str]:
    """Names of sources below a folder: those of a split, or all outside `train`; at most `limit`, spread over the
    sorted names.

    Raises `UsageError` where none is left.
    """
    named = {name: sources.split_of_folder(name) for name in sources.find(folder)}
    names = [name for name, given in named.items() if (given == split if split else given != "train")]
    if not names:
        raise UsageError(
            f"no source in {str(folder)!r}{f' of the split {split}' if split else ''}; pictures of training are left "
            f"out unless asked for"
        )
    if limit and limit < len(names):
        names = [names[index * len(names) // limit] for index in range(limit)]
    return names


def prepare(
    suite: Suite,
    folder: Path,
    out: Path,
    *,
    names: Sequence[str],
    seed: int,
    per_source: int,
    codecs: Sequence[str] = (),
    jobs: int = 1,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> Material:
    """Build or continue a suite's data set below `out` from the sources `names`; nothing is encoded twice.

    `codecs` limits the encoders, by name or class. Raises `UsageError` where nothing can be made.
    """
    available = encoders.available(codecs)
    home = out / "data" / f"{suite.name}-{seed}"
    if suite.name in _BUILT:
        settings = Settings(_BUILT[suite.name], seed, per_source, available, SHARES)
        home = out / "data" / f"{suite.name}-{seed}-{per_source}"
        build_grid(_linked(folder, names, out / "sources"), home, settings, jobs=jobs)
        wanted = set(names)
        rows = [row for row in manifest.read(home) if row.source in wanted]
        notes = _lost(rows)
    else:
        ratios = _RATIOS[suite.name]
        chosen = cells.seen_cells(list(available), ratios)
        reasons: dict[str, str] = {}
        if suite.name == "generalization":
            classes = {encoders.class_of(cell.fine_class) for cell in chosen}
            extra, reasons = cells.held_out_cells(ratios, [name for name in CLASSES if name in classes])
            chosen += [
                cell
                for cell in extra
                if not codecs or cell.encoder in codecs or encoders.class_of(cell.fine_class) in codecs
            ]
        rows = cells.build(
            folder, names, home, chosen, suite=suite.name, seed=seed, shares=SHARES, jobs=jobs,
            progress=lambda done, total: progress("encoding", done, total),
        )  # fmt: skip
        notes = [*(f"{variant} is left out: {reason}" for variant, reason in reasons.items()), *_lost(rows)]
    return Material(home, tuple(usable(rows)), tuple(notes))


def usable(rows: Sequence[Row], split: str | None = None) -> list[Row]:
    """Rows with a file that carries its label, of one split where one is named."""
    return [row for row in rows if carries_its_label(row) and (split is None or row.split == split)]


def _lost(rows: Sequence[Row]) -> list[str]:
    counts = {status: sum(row.status == status for row in rows) for status in ("unreachable", "failed")}
    return [f"{count} cells are {status}" for status, count in counts.items() if count]


def _linked(folder: Path, names: Sequence[str], home: Path) -> Path:
    """A folder with links to the chosen sources under their own names, so that a build sees no others."""
    if set(names) == set(sources.find(folder)):
        return folder
    home.mkdir(parents=True, exist_ok=True)
    wanted = set(names)
    for path in [path for path in home.rglob("*") if path.is_symlink()]:
        if path.relative_to(home).as_posix() not in wanted:
            path.unlink()
    for name in names:
        link = home / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to((folder / name).resolve())
    return home
