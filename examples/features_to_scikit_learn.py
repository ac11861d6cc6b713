"""Learns to tell two folders of pictures apart by their compression traces, with scikit-learn.

    python examples/features_to_scikit_learn.py FOLDER_A FOLDER_B

Crops of one picture share its history, so they stay on one side of every split.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from forensics_features import FeatureExtractor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import forensics
from forensics.errors import ForensicsError

SIDE = 64


def crops(folder: Path) -> Iterator[tuple[np.ndarray, str]]:
    """Up to four crops of every picture, with its name."""
    for path in sorted(folder.iterdir()):
        try:
            pixels = forensics.open_picture(path).pixels
        except ForensicsError as error:
            print(f"{path}: {error}", file=sys.stderr)
            continue
        for top in (3, pixels.shape[0] - SIDE):
            for left in (5, pixels.shape[1] - SIDE):
                if min(top, left) >= 0:
                    yield pixels[top : top + SIDE, left : left + SIDE], str(path)


def main(folders: list[Path]) -> float:
    """The mean accuracy of a cross-validation over pictures."""
    found = [(pixels, name, label) for label, folder in enumerate(folders) for pixels, name in crops(folder)]
    pictures, groups, labels = zip(*found, strict=True)
    model = make_pipeline(
        FeatureExtractor(n_jobs=-1),
        SimpleImputer(strategy="constant", fill_value=-1.0, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    scores = cross_val_score(model, list(pictures), labels, groups=groups, cv=GroupKFold(3))
    return float(scores.mean())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(f"right for {100 * main([Path(name) for name in sys.argv[1:]]):.1f} % of the crops")
