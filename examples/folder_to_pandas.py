"""Analyses every picture of a folder into a pandas table.

python examples/folder_to_pandas.py FOLDER [TABLE.csv]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from forensics.batch import analyze_all
from forensics.inputs import expand
from forensics.report.csv_report import row


def table(folder: str, jobs: int = 1) -> pd.DataFrame:
    """One row a picture; those that cannot be opened have the status `error` and say why."""
    names = expand([folder], recursive=True)
    return pd.DataFrame([row(result) for result in analyze_all(names, jobs=jobs)])


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    found = table(sys.argv[1])
    print(found["verdict"].value_counts(dropna=False).to_string())
    if len(sys.argv) == 3:
        found.to_csv(Path(sys.argv[2]), index=False)
