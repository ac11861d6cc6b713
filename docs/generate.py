"""Writes what the documentation takes from the product: commands, tables, charts, output of commands, pictures.

    python docs/generate.py                # everything
    python docs/generate.py tables outputs # some of it
    python docs/generate.py --check        # say what is stale, write nothing; pictures are not drawn anew

`tests/docs/test_generated.py` fails when a page is stale. After a model was retrained: the rows of
`benchmarks/results/summary.csv` and `models/RUNS.csv` are edited by hand, the rest is `python docs/generate.py`.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCES = [str(ROOT), *(str(ROOT / folder) for folder in ("features", "models", "benchmarks"))]
sys.path[:0] = SOURCES

SUMMARY = ROOT / "benchmarks" / "results" / "summary.csv"
RUNS = ROOT / "models" / "RUNS.csv"
WITH_OUTPUT = ("README.md", *sorted(str(p.relative_to(ROOT)) for p in (DOCS / "tutorials").glob("*.rst")))
"""Pages whose console blocks are run: a line that begins with `$ ` is a command, what follows is what it prints."""
FIRST_ROWS = 6
"""Rows of the summary that stand on the first pages."""


# Commands


def commands() -> dict[Path, str]:
    """The reference of the command line, from the commands' own help."""
    import click

    from forensics.cli.main import main

    parts = [
        "Commands",
        "========",
        "",
        "What ``--help`` prints, command by command. This page is written by ``docs/generate.py``.",
        "",
    ]
    for path, command in _walk(main, ("forensics",)):
        title = " ".join(path)
        context = click.Context(command, info_name=title, max_content_width=100, terminal_width=100)
        context.help_option_names = ["-h", "--help"]
        text = command.get_help(context).strip()
        parts += [title, ("-" if len(path) <= 2 else "~") * len(title), "", ".. code-block:: text", ""]
        parts += [f"    {line}".rstrip() for line in text.splitlines()] + [""]
    return {DOCS / "reference" / "commands.rst": "\n".join(parts).rstrip() + "\n"}


def _walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    import click

    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=" ".join(path))
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _walk(found, (*path, name))


# What is called otherwise now


def renamed() -> dict[Path, str]:
    """The list of modules and names that moved, from the table that keeps their former paths working."""
    from forensics import former_paths

    modules = [(f"forensics.{old}", f"forensics.{new}") for old, new in sorted(former_paths.MODULES.items())]
    names = [
        (f"forensics.{module}.{name}", f"forensics.{home}.{former_paths.RENAMED.get(module, {}).get(name, name)}")
        for module, homes in sorted(former_paths.NAMES.items())
        for name, home in sorted(homes.items())
    ]
    names += [
        (f"forensics.{module}.{old}", f"forensics.{former_paths.MODULES.get(module, module)}.{new}")
        for module, pairs in sorted(former_paths.RENAMED.items())
        for old, new in sorted(pairs.items())
        if old not in former_paths.NAMES.get(module, {})
    ]
    text = _RENAMED.format(modules=len(modules), names=len(names))
    return {DOCS / "reference" / "renamed.rst": text + _moved("Modules", modules) + "\n" + _moved("Names", names)}


_RENAMED = """What was renamed
================

Version 0.1 had other modules before its rooms were put in order. The {modules} former modules and {names} former names
below work until the next version, with a ``DeprecationWarning`` that says the new one. This page is written by
``docs/generate.py`` from ``forensics/former_paths.py``.

Functions of the families of features follow one rule, ``forensics_features.<family>_features``: ``colour_lattice``,
``chroma_traces``, ``rounding_traces``, ``residual_cooccurrences``, ``blockiness``, ``block_dct_traces``,
``lapped_transform_traces`` and ``wavelet_statistics``, which the package never exported, are gone.

Some words of JSON stayed where prose has others, because programs read them: the trace ``coding_again``
(recompression), the measure ``beside`` (the share on other grids than the one found), and ``"cannot be told"``,
the answer of ``forensics compare`` where neither copy can be shown to be nearer to the source.

"""


def _moved(title: str, pairs: list[tuple[str, str]]) -> str:
    lines = [title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", "   :widths: 50 50", ""]
    for old, new in [("former", "now"), *((f"``{old}``", f"``{new}``") for old, new in pairs)]:
        lines += [f"   * - {old}", f"     - {new}"]
    return "\n".join(lines) + "\n"


# Tables


def tables() -> dict[Path, str]:
    """The summary of the benchmarks on three pages, and the chart of the models' runs."""
    rows = _rows(SUMMARY)
    readme, results = ROOT / "README.md", ROOT / "benchmarks" / "RESULTS.md"
    return {
        readme: _between(readme, "results", _markdown(rows[:FIRST_ROWS])),
        results: _between(results, "results", _markdown(rows)),
        DOCS / "results.inc": _list_table(rows[:FIRST_ROWS]),
        DOCS / "results_all.inc": _list_table(rows),
        ROOT / "models" / "runs.svg": _chart(_rows(RUNS)),
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _figure(row: dict[str, str]) -> str:
    interval = f" [{row['interval_95']}]" if row["interval_95"] else ""
    return f"{row['figure']}{interval}"


def _markdown(rows: list[dict[str, str]]) -> str:
    head = "| what | figure, 95 % interval | of | remark |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| {row['what']} | {_figure(row)} | {row['count'] or '-'} | {row['remark']} |\n" for row in rows
    )


def _list_table(rows: list[dict[str, str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 38 20 8 34", ""]
    for cells in [
        ("what", "figure, 95 % interval", "of", "remark"),
        *((row["what"], _figure(row), row["count"] or "-", row["remark"]) for row in rows),
    ]:
        lines += [f"   {'* -' if i == 0 else '  -'} {cell.replace('`', '``')}" for i, cell in enumerate(cells)]
    return "\n".join(lines) + "\n"


def _between(path: Path, name: str, text: str) -> str:
    """The page with what stands between its two marks replaced."""
    page = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = page.split(begin, 1)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"


def _chart(rows: list[dict[str, str]]) -> str:
    """Accuracy and false positives of the fused judge by run, each on its own validation windows, as SVG."""
    fused = [row for row in rows if row["kind"] == "fusion" and row["accuracy"] and row["false_positives"]]
    width, height, left, top, bottom = 720, 300, 60, 46, 46
    step = (width - left - 40) / max(len(fused) - 1, 1)
    panels = (("accuracy", 0.88, 0.94, "#1f6feb", 0.0), ("false_positives", 0.0, 0.03, "#b42318", 0.5))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="20" fill="#1c2126">Fused judge by run, each on the validation windows of its time '
        "(they became harder)</text>",
    ]
    for column, low, high, colour, _ in panels:
        title = "nine classes right (left scale)" if column == "accuracy" else "false positives (right scale)"
        at = [
            (left + step * i, top + (height - top - bottom) * (1 - (float(row[column]) - low) / (high - low)))
            for i, row in enumerate(fused)
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in at]
        x, anchor = (left - 8, "end") if column == "accuracy" else (width - 34, "start")
        for value in (low, (low + high) / 2, high):
            y = top + (height - top - bottom) * (1 - (value - low) / (high - low))
            parts.append(f'<text x="{x}" y="{y + 4:.1f}" text-anchor="{anchor}" fill="{colour}">{value:.3g}</text>')
        parts.append(
            f'<text x="{left if column == "accuracy" else width - 40}" y="{top - 10}" fill="{colour}" '
            f'text-anchor="{"start" if column == "accuracy" else "end"}">{title}</text>'
        )
    parts += [
        f'<text x="{left + step * i:.1f}" y="{height - 22}" text-anchor="middle" fill="#59636e">{row["run"]}</text>'
        for i, row in enumerate(fused)
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


# Output of commands


def outputs() -> dict[Path, str]:
    """Pages with the output of their commands as it is now."""
    return {ROOT / name: with_outputs(ROOT / name) for name in WITH_OUTPUT}


def with_outputs(page: Path) -> str:
    """One page with the output of its commands as it is now; they run in one folder that holds `examples`."""
    text = page.read_text(encoding="utf-8")
    find = _FENCED if page.suffix == ".md" else _INDENTED
    with tempfile.TemporaryDirectory() as folder:
        home = _home(Path(folder))
        return find.sub(lambda block: block["head"] + _filled(block["body"], home) + block["tail"], text)


_FENCED = re.compile(r"(?P<head>^```console\n)(?P<body>.*?)(?P<tail>^```$)", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(
    r"(?P<head>^\.\. code-block:: console\n\n)(?P<body>(?:^(?:    .*)?\n)+?)(?P<tail>(?=^\S)|\Z)", re.MULTILINE
)


def _home(folder: Path) -> Path:
    (folder / "examples").symlink_to(ROOT / "examples")
    program = folder / ".bin" / "forensics"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m forensics "$@"\n')
    program.chmod(0o755)
    return folder


def _filled(body: str, home: Path) -> str:
    indented = body.startswith("    ")
    lines = [line[4:] if indented else line for line in body.rstrip("\n").split("\n")]
    printed: list[str] = []
    for command in (line[2:] for line in lines if line.startswith("$ ")):
        printed += [f"$ {command}", *_run(command, home).rstrip("\n").split("\n")]
    filled = [f"    {line}".rstrip() if indented else line.rstrip() for line in printed]
    return "\n".join(line for line in filled if line) + "\n" + ("\n" if indented else "")


def _run(command: str, home: Path) -> str:
    environment = {
        **os.environ,
        "PATH": f"{home / '.bin'}:{os.environ.get('PATH', '')}",
        "PYTHONPATH": os.pathsep.join([*SOURCES, os.environ.get("PYTHONPATH", "")]),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return done.stdout


# Pictures


def pictures() -> None:
    """Figures of the traces, the report as a browser shows it, the index of a folder."""
    import figures

    figures.draw_all()


PARTS: dict[str, Callable[[], dict[Path, str]]] = {
    "commands": commands,
    "renamed": renamed,
    "tables": tables,
    "outputs": outputs,
}


def stale(*names: str) -> list[Path]:
    """Pages that differ from what would be written."""
    made = {path: text for name in names or PARTS for path, text in PARTS[name]().items()}
    return [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> None:
    """The command of this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "pictures"], help="all when left out")
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    chosen = parser.parse_args()
    parts = chosen.parts or [*PARTS, *([] if chosen.check else ["pictures"])]
    if chosen.check:
        old = stale(*(name for name in parts if name in PARTS))
        sys.exit("\n".join(f"stale: {path.relative_to(ROOT)}" for path in old) or 0)
    for name in parts:
        if name == "pictures":
            pictures()
            continue
        for path, text in PARTS[name]().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
