"""Whole pictures and the verdict on them: after steps of processing, of untouched kinds, by other lossy processes.

A run writes the pictures as PNG below RUN/pictures and what is known of them to RUN/truth.csv, then judges them by
`analyze`. Another build judges the same files by `forensics analyze RUN/pictures --recursive --format csv --out
OTHER.csv`, and `report` sets both side by side.

    processed   every maker (and none), each after one step of a kind, by programs of training and by others; two steps in a row too
    untouched   every kind of untouched picture of `forensics.dataset.random_afterwards` and of `forensics.dataset.synthetic`
    processes   every process beyond the codecs, those that training never draws among them
    fixed       six makers and none at fixed strengths, each after one step of Pillow's at a fixed strength (`fixed_steps`)
    insets      every maker (and none), as decoded or enlarged, set into a page, an interface, bars or a mat

Makers, strengths, parameters and places are drawn from the seed; JPEG qualities from 50 to 95.
"""  # noqa: E501

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from forensics_models.classes import FAMILIES, INCONCLUSIVE
from forensics_models.storage import write_atomically
from PIL import Image, ImageDraw, ImageFont

from forensics.codecs import process_encoders
from forensics.dataset import random_afterwards, sources, synthetic
from forensics.dataset.encoders import encoder
from forensics.dataset.preparation import apply
from forensics.dataset.random_afterwards import AFTERWARDS_SHARES, draw_afterwards, draw_untouched
from forensics.errors import ForensicsError, UsageError
from forensics.pixels import eight_bit
from forensics.training.drawing import by_process
from forensics_benchmarks import fixed_steps, other_programs

PARTS = ("processed", "untouched", "processes", "insets", "fixed")
MAKERS: Mapping[str, tuple[str, str, float, float]] = {
    "jpeg": ("jpeg", "quality", 50, 95),
    "webp": ("webp", "quality", 50, 92),
    "avif": ("avif", "quality", 40, 85),
    "heic": ("heic", "quality", 35, 85),
    "bpg": ("bpg", "qp", 20, 36),
    "jpeg2000": ("jpeg2000", "ratio", 8, 40),
    "jpegxl": ("jpegxl", "distance", 0.8, 4),
}
"""Makers of the suite `processed`: encoder, its strength parameter, and the range it is drawn from; the name is the
true process.
"""
SIDE = 640
"""Largest side of a picture."""
TRAINED, OTHER = "drawn in training", "never drawn"


@dataclass(frozen=True)
class Case:
    """One picture and what is known of it.

    `truth` is the last lossy process, `uncompressed` where there was none; `after` the kind of step since (`nothing`,
    or of `AFTERWARDS`); `by` the program that did it; `kind` what a table is split by besides `after`.
    """

    file: str
    part: str
    source: str
    truth: str
    maker: str
    after: str
    by: str
    kind: str


def make(
    folder: Path,
    out: Path,
    parts: Sequence[str],
    *,
    split: str,
    limit: int,
    seed: int,
    tell: Callable[[int, int], None],
) -> list[Case]:
    """Write the pictures of a run and the table of what is known of them; a part of a source that is in the table is
    not made again.

    Parameters
    ----------
    folder : Path
        Sources, see `forensics.dataset.sources`.
    out : Path
        The run.
    parts : sequence of str
        Of `PARTS`.
    split : str
        Of the sources.
    limit : int
        Most sources, spread evenly; 0 for all.
    seed : int
    tell : callable
        Gets sources done and in all.

    Raises
    ------
    UsageError
        The folder holds a run of another seed or split.
    """
    _claim(out, {"seed": seed, "split": split})
    names = sources.of_split(folder, split)
    if limit and limit < len(names):
        names = [names[k * len(names) // limit] for k in range(limit)]
    makers: dict[str, Callable[[str, np.ndarray, np.random.Generator], Iterable[tuple[Case, np.ndarray]]]] = {
        "processed": _processed, "untouched": _untouched, "processes": _processes, "insets": _insets,
        "fixed": _fixed,
    }  # fmt: skip
    known: dict[tuple[str, str], list[Case]] = {}
    for case in read_truth(out / "truth.csv"):
        known.setdefault((case.source, case.part), []).append(case)
    cases: list[Case] = []
    for number, name in enumerate(names):
        tell(number, len(names))
        pixels = None
        for part in parts:
            if (name, part) in known:
                continue
            pixels = sources.load(folder / name) if pixels is None else pixels
            numbers = np.random.default_rng([seed, PARTS.index(part), zlib.crc32(name.encode())])
            known[name, part] = []
            for case, made in makers[part](name, _cut(pixels, numbers), numbers):
                _save(out / "pictures" / case.file, made)
                known[name, part].append(case)
            write_truth(out / "truth.csv", [case for group in known.values() for case in group])
        cases += [case for part in parts for case in known[name, part]]
    return cases


def _save(path: Path, pixels: np.ndarray) -> None:
    """A picture, atomically."""
    from io import BytesIO

    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, stream.getvalue())


def _claim(out: Path, settings: Mapping[str, int | str]) -> None:
    """What decides the pictures of a run, written to RUN/run.json or compared with what is there."""
    path = out / "run.json"
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if there != dict(settings):
            stated = ", ".join(f"{name} {value}" for name, value in there.items())
            raise UsageError(f"{str(out)!r} holds a run of {stated}: take another folder")
        return
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(dict(settings)).encode())


def read_truth(path: Path) -> list[Case]:
    """The table of what is known of a run's pictures; empty where there is none yet."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [Case(**row) for row in csv.DictReader(stream)]


def write_truth(path: Path, cases: Sequence[Case]) -> None:
    """The table of what is known, atomically."""
    from io import StringIO

    text = StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Case)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(case) for case in cases)
    write_atomically(path, text.getvalue().encode())


def _cut(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A random part of at most `SIDE` a side, at an odd place so that no grid starts at the corner of the source."""
    height, width = (min(n, SIDE) for n in pixels.shape[:2])
    top, left = (int(numbers.integers(0, n - m + 1)) for n, m in zip(pixels.shape[:2], (height, width), strict=True))
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _file(part: str, source: str, *what: str) -> str:
    stem = Path(source).stem[:60]
    return f"{part}/{stem}--{'--'.join(what)}.png".replace(" ", "-")


def _coded(maker: str, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    name, parameter, low, high = MAKERS[maker]
    return fixed_steps.coded_at(name, parameter, float(numbers.uniform(low, high)), pixels, tolerance=0.3)


def _processed(source: str, pixels: np.ndarray, numbers: np.random.Generator) -> Iterator[tuple[Case, np.ndarray]]:
    """Every maker as decoded, and after each kind of step: by a program of training, by another in turn, and two
    steps.
    """
    programs = [name for name in other_programs.STEPS if not other_programs.missing(name)]
    for maker in ("uncompressed", *MAKERS):
        try:
            decoded = pixels if maker == "uncompressed" else _coded(maker, pixels, numbers)
        except ForensicsError:
            continue
        yield (
            Case(
                _file("processed", source, maker, "nothing"),
                "processed",
                source,
                maker,
                maker,
                "nothing",
                "-",
                "nothing",
            ),
            decoded,
        )
        for kind in (*AFTERWARDS_SHARES, "several"):
            made = apply(draw_afterwards(kind, numbers), decoded)
            if min(made.shape[:2]) >= 128:
                yield (
                    Case(
                        _file("processed", source, maker, kind),
                        "processed",
                        source,
                        maker,
                        maker,
                        kind,
                        "training",
                        TRAINED,
                    ),
                    made,
                )
            usable = [name for name in programs if kind in other_programs.STEPS[name]]
            if not usable:
                continue
            program = usable[int(numbers.integers(len(usable)))]
            try:
                made = other_programs.apply(program, kind, decoded, numbers)
            except ForensicsError:
                continue
            if min(made.shape[:2]) >= 128:
                yield (
                    Case(
                        _file("processed", source, maker, kind, program),
                        "processed",
                        source,
                        maker,
                        maker,
                        kind,
                        program,
                        OTHER,
                    ),
                    made,
                )


def _untouched(source: str, pixels: np.ndarray, numbers: np.random.Generator) -> Iterator[tuple[Case, np.ndarray]]:
    for kind in random_afterwards.UNTOUCHED:
        steps = draw_untouched(kind, pixels.shape[0], pixels.shape[1], numbers)
        made = apply(steps, pixels)
        after = random_afterwards.kind_of(steps)
        yield (
            Case(
                _file("untouched", source, kind), "untouched", source, "uncompressed", "none", after, "training", kind
            ),
            made,
        )
    kinds = list(synthetic.KINDS)
    kind = kinds[int(numbers.integers(len(kinds)))]
    height, width, own = (int(n) for n in numbers.integers((192, 192, 0), (449, 449, 2**31)))
    made = synthetic.synthesise(kind, height, width, own)
    yield (
        Case(
            _file("untouched", source, f"drawn-{kind}"),
            "untouched",
            source,
            "uncompressed",
            "none",
            "nothing",
            "-",
            f"drawn: {kind}",
        ),
        made,
    )


def _processes(source: str, pixels: np.ndarray, numbers: np.random.Generator) -> Iterator[tuple[Case, np.ndarray]]:
    for name in process_encoders.names():
        codec = encoder(name)
        if not codec.availability().encode:
            continue
        try:
            made = by_process(codec, pixels, numbers)
        except ForensicsError:
            continue
        held = name in process_encoders.HELD_OUT
        yield (
            Case(
                _file("processes", source, name),
                "processes",
                source,
                codec.codec,
                name,
                "nothing",
                OTHER if held else TRAINED,
                name,
            ),
            made,
        )


def _insets(source: str, pixels: np.ndarray, numbers: np.random.Generator) -> Iterator[tuple[Case, np.ndarray]]:
    for maker in ("uncompressed", *MAKERS):
        try:
            decoded = pixels if maker == "uncompressed" else _coded(maker, pixels, numbers)
        except ForensicsError:
            continue
        for setting, place in SETTINGS.items():
            for after in ("nothing", "enlarged"):
                shown = decoded if after == "nothing" else apply(draw_afterwards(after, numbers), decoded)
                file = _file("insets", source, maker, setting, after)
                kind = setting if after == "nothing" else f"{setting}, enlarged"
                yield Case(file, "insets", source, maker, maker, after, "training", kind), place(shown, numbers)


def _fixed(source: str, pixels: np.ndarray, numbers: np.random.Generator) -> Iterator[tuple[Case, np.ndarray]]:
    pixels = eight_bit(pixels)  # in colour
    for maker in ("none", *fixed_steps.MAKERS):
        try:
            decoded = pixels if maker == "none" else fixed_steps.coded(maker, pixels)
        except ForensicsError:
            continue
        truth = "uncompressed" if maker == "none" else fixed_steps.MAKERS[maker][0]
        for step, (kind, _) in fixed_steps.STEPS.items():
            file = _file("fixed", source, maker.replace(":", "-"), step.replace("%", "percent"))
            yield Case(file, "fixed", source, truth, maker, kind, "pillow", step), fixed_steps.after(step, decoded)


def _on_page(photograph: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Between lines of text on a plain page."""
    height, width = photograph.shape[:2]
    dark = bool(numbers.integers(2))
    paper = tuple(int(n) for n in (numbers.integers(0, 40, 3) if dark else numbers.integers(225, 256, 3)))
    margin, above = int(numbers.integers(8, 90)), int(numbers.integers(40, 300))
    page = Image.new("RGB", (width + 2 * margin + int(numbers.integers(0, 200)), height + above + 200), paper)
    draw = ImageDraw.Draw(page)
    font, ink = ImageFont.load_default(int(numbers.integers(11, 24))), (210, 210, 215) if dark else (30, 30, 35)
    step = int(1.5 * font.getbbox("Ag")[3])
    for top in (*range(8, above - step - 8, step), *range(above + height + 12, page.height - step, step)):
        draw.text((margin, top), "Words on a line of a page, as they stand about pictures", fill=ink, font=font)
    page.paste(Image.fromarray(photograph), (margin, above))
    return np.asarray(page)


def _on_interface(photograph: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """On a plain panel of a drawn interface."""
    height, width = photograph.shape[:2]
    top, left, around = int(numbers.integers(20, 200)), int(numbers.integers(20, 200)), int(numbers.integers(6, 30))
    drawn = synthetic.synthesise("interface", height + top + 120, width + left + 120, int(numbers.integers(2**31)))
    drawn = np.stack([drawn] * 3, axis=2) if drawn.ndim == 2 else drawn.copy()
    panel = numbers.integers(0, 256, 3).astype(np.uint8)
    drawn[top - around : top + height + around, left - around : left + width + around] = panel
    drawn[top : top + height, left : left + width] = photograph
    return drawn


def _between_bars(photograph: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Black above and below, or on both sides."""
    height, width = photograph.shape[:2]
    upright = bool(numbers.integers(2))
    bar = int(numbers.uniform(0.05, 0.3) * (height if upright else width))
    made = np.zeros((height + 2 * bar * upright, width + 2 * bar * (not upright), 3), np.uint8)
    made[bar * upright :, bar * (not upright) :][:height, :width] = photograph
    return made


def _on_mat(photograph: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A border of one colour, of another width on each side."""
    height, width = photograph.shape[:2]
    top, left, bottom, right = (int(n) for n in numbers.integers(8, 80, 4))
    made = np.empty((height + top + bottom, width + left + right, 3), np.uint8)
    made[:] = numbers.integers(0, 256, 3)
    made[top : top + height, left : left + width] = photograph
    return made


SETTINGS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "page": _on_page, "interface": _on_interface, "bars": _between_bars, "mat": _on_mat,
}  # fmt: skip
"""What photographs of the part `insets` are set into."""


def judge(
    out: Path, cases: Sequence[Case], tell: Callable[[int, int], None], model_dir: Path | None = None
) -> dict[str, dict[str, str]]:
    """Verdicts on a run's pictures by this build, as rows of `forensics analyze --format csv` by file; kept in
    RUN/verdicts.csv as they come.
    """
    from forensics.report import csv_report
    from forensics.verdict.analysis import analyze
    from forensics.windows.judges import trained_judge, trained_open_judge

    path = out / "verdicts.csv"
    known = read_verdicts(path, out) if path.exists() else {}
    options = (
        {} if model_dir is None else {"judge": trained_judge(model_dir), "open_judge": trained_open_judge(model_dir)}
    )
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, csv_report.COLUMNS, lineterminator="\n")
        if not known:
            writer.writeheader()
        for number, case in enumerate(cases):
            tell(number, len(cases))
            if case.file in known:
                continue
            try:
                row = csv_report.row(analyze(out / "pictures" / case.file, name=case.file, **options))  # type: ignore[arg-type]
            except ForensicsError as error:
                row = {"name": case.file, "status": "error", "error": str(error)}
            writer.writerow(row)
            stream.flush()
    return read_verdicts(path, out)


def read_verdicts(path: Path, out: Path) -> dict[str, dict[str, str]]:
    """Rows of a table of verdicts by the picture's file below RUN/pictures; whole and relative paths are taken."""
    start = f"{(out / 'pictures').as_posix()}/"
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["name"].split("pictures/")[-1].removeprefix(start): row for row in csv.DictReader(stream)}


def outcome(case: Case, row: Mapping[str, str] | None) -> str:
    """`right`, `family`, `other` (another lossy process, or its own neighbours beyond the eight), `uncompressed`,
    `open` or `wrong`.
    """
    if row is None or row.get("status") != "ok":
        return "failed"
    said = row["verdict"]
    if said in (INCONCLUSIVE, "no-content"):
        return "open" if said == INCONCLUSIVE else "no-content"
    if said == case.truth:
        return "right"
    if said == "uncompressed":
        return "uncompressed"
    family = FAMILIES.get(case.truth)
    if family is not None and family in (said, FAMILIES.get(said)):
        return "family"
    beyond = (
        said == "other-lossy"
        or said == "palette"
        or said.startswith(("video-", "texture-"))
        or said in ("wsq", "lerc", "jpeg-ls-near", "webp-near-lossless")
    )
    if beyond and case.truth != "uncompressed" and (case.part == "processes" or said == "palette"):
        return "other"
    if said == "palette" == case.after:
        return "other"
    return "wrong"


OUTCOMES = ("right", "family", "other", "uncompressed", "open", "no-content", "wrong", "failed")


def table(
    cases: Sequence[Case], rows: Mapping[str, Mapping[str, str]], key: Callable[[Case], str]
) -> list[tuple[str, int, dict[str, int]]]:
    """Counts of outcomes by a key of the cases, in the order of first appearance."""
    counts: dict[str, dict[str, int]] = {}
    for case in cases:
        rows_of = counts.setdefault(key(case), dict.fromkeys(OUTCOMES, 0))
        rows_of[outcome(case, rows.get(case.file))] += 1
    return [(name, sum(rows_of.values()), rows_of) for name, rows_of in counts.items()]


def markdown(cases: Sequence[Case], rows: Mapping[str, Mapping[str, str]], title: str) -> str:
    """The tables of every part: by step, by maker, by kind, compressed pictures apart from untouched ones."""
    text = [f"## {title}"]
    for part in PARTS:
        here = [case for case in cases if case.part == part]
        for lossy in (True, False):
            group = [case for case in here if (case.truth != "uncompressed") == lossy]
            if not group:
                continue
            keys: tuple[tuple[str, Callable[[Case], str]], ...] = (
                ("step and program", lambda c: f"{c.after}, {c.kind}"),
                ("maker", lambda c: c.maker),
            )
            if part == "fixed":
                keys = (("step", lambda c: c.kind), keys[1])
            elif part != "processed":
                keys = (("kind", lambda c: c.kind),)
            for what, key in keys:
                text += [
                    "",
                    f"### {part}, {'compressed' if lossy else 'untouched'}, by {what}",
                    "",
                    f"| {what} | pictures | {' | '.join(OUTCOMES)} |",
                    f"|---|---|{'---|' * len(OUTCOMES)}",
                ]
                rows_of = table(group, rows, key)
                total = ("all", len(group), {name: sum(t[name] for _, _, t in rows_of) for name in OUTCOMES})
                for name, count, counts in [*rows_of, total]:
                    text.append(f"| {name} | {count} | {' | '.join(_share(counts[o], count) for o in OUTCOMES)} |")
    return "\n".join(text) + "\n"


def _share(count: int, total: int) -> str:
    return "-" if not count else f"{count} ({100 * count / total:.1f} %)"
