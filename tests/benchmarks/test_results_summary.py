"""The summary of results says what the tables that it names say, and the page of results names every table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TABLES = sorted((BENCHMARKS / "results").glob("*.md"))
with (BENCHMARKS / "results" / "summary.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def section_of(text: str, title: str) -> str:
    """What stands under the headings that begin with a title, up to the next heading of their kind."""
    parts = re.split(r"^(?=#{1,3} )", text, flags=re.MULTILINE)
    own = [index for index, part in enumerate(parts) if re.match(rf"#+ {re.escape(title)}", part)]
    found = []
    for index in own:
        level = len(parts[index].split(" ")[0])
        found.append(parts[index])
        for part in parts[index + 1 :]:
            if len(part.split(" ")[0]) <= level:
                break
            found.append(part)
    return "".join(found)


def missing(row: dict[str, str], text: str) -> list[str]:
    """Numbers of a row's figure and interval that a text does not hold, rounded as they are."""
    there = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", text)]
    stated = re.findall(r"\d+\.?\d*", f"{row['figure']} {row['interval_95']}")
    return [n for n in stated if not any(abs(one - float(n)) <= 0.5001 * _unit(n) for one in there)]


def _unit(number: str) -> float:
    """The value of a number's last digit."""
    return 10.0 ** -len(number.partition(".")[2])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"][:40])
def test_a_row_says_what_its_table_says(row):
    table = BENCHMARKS / "results" / row["table"]
    assert table in TABLES
    section = section_of(table.read_text(encoding="utf-8"), row["section"])
    assert section, f"{row['table']} has no section {row['section']!r}"
    assert missing(row, section) == []


def test_a_stale_row_is_seen():
    text = "# A\n\n## Figures\n\n| 95.5 | 94.4 to 96.5 |\n\n## Other\n\n12.5\n"
    row = {"figure": "95.5 %", "interval_95": "94.4 to 96.5"}
    assert missing(row, section_of(text, "Figures")) == []
    assert missing({**row, "figure": "12.5 %"}, section_of(text, "Figures")) == ["12.5"]
    assert missing({**row, "figure": "95.6 %"}, section_of(text, "Figures")) == ["95.6"]
    assert missing({**row, "figure": "95.5 %"}, "95.46 94.38 96.51") == []


def test_the_page_of_results_names_every_table():
    page = (BENCHMARKS / "RESULTS.md").read_text(encoding="utf-8")
    assert [table.name for table in TABLES if f"results/{table.name}" not in page] == []
