"""How far the interval of the compression ratio holds on encoders that training does not draw, and what makes it hold.

    python -m forensics_benchmarks.ratio_calibration SOURCES/val --pictures 12

The pixels cannot tell what an entropy coder and an encoder's effort did to the file. So the interval is calibrated
across
encoders: signed errors in widths of the interval, the largest that 5 % of the pictures pass on either side (split
conformal prediction, asymmetric [1]_), each encoder counted alike. Each encoder is judged by the correction of the
others.

References
----------
.. [1] Y. Romano, E. Patterson, E. Candes, "Conformalized quantile regression", NeurIPS 2019.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

SIDE = 384
"""Side of the crops, in pixels."""
MARGIN = 0.05
"""Share of the pictures that may lie beyond either end."""


def correction(rows: np.ndarray) -> tuple[float, float]:
    """Factors by which the lower and the upper arm of intervals grow.

    `rows` is `np.ndarray [shape=(n, 4)]`: binary logarithms of the true ratio, of the lower end, estimate and upper
    end.
    """
    true, low, middle, high = rows.T
    below = (middle - true) / np.maximum(middle - low, 1e-6)
    above = (true - middle) / np.maximum(high - middle, 1e-6)
    rank = min(1.0, math.ceil((len(rows) + 1) * (1 - MARGIN)) / len(rows))
    return float(np.quantile(below, rank, method="lower")), float(np.quantile(above, rank, method="lower"))


def held(rows: np.ndarray, lower: float, upper: float) -> tuple[float, float]:
    """Share of rows that the corrected interval holds, and its median width against the uncorrected one."""
    true, low, middle, high = rows.T
    ends = middle - lower * (middle - low), middle + upper * (high - middle)
    widths = (ends[1] - ends[0]) / np.maximum(high - low, 1e-6)
    return float(((true >= ends[0]) & (true <= ends[1])).mean()), float(np.median(widths))


def measure(sources: Path, pictures: int, seed: int) -> dict[str, np.ndarray]:
    """Rows as of `correction`, by encoder, of the pictures whose verdict names a ratio."""
    from forensics.dataset.sources import find, load
    from forensics.errors import ForensicsError
    from forensics.verdict.analysis import analyze
    from forensics_benchmarks import foreign_encoders

    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    files = [sources / name for name in find(sources)]
    for index, choice in enumerate(foreign_encoders.HELD_OUT):
        if foreign_encoders.usable(choice):
            continue
        codec = foreign_encoders.codec_of(choice.encoder)
        for number in range(pictures):
            numbers = np.random.default_rng([seed, index, number])
            pixels = load(files[int(numbers.integers(len(files)))])
            top, left = (int(numbers.integers(max(1, side - SIDE))) for side in pixels.shape[:2])
            crop = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
            try:
                strength = codec.strength.at(float(numbers.uniform(0.1, 0.6)))
                data = codec.encode(crop, **choice.switches, **{codec.strength.parameter: strength})
                said = analyze(codec.decode(data), threads=1, exact=False).ratio
            except ForensicsError:
                continue
            if said is not None:
                rows[choice.variant].append(tuple(math.log2(value) for value in (crop.size / len(data), *said)))
    return {name: np.array(listed) for name, listed in rows.items()}


def main() -> None:
    """Measure, and print coverage and width as they are, corrected by the other encoders, and the correction of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = measure(options.sources, options.pictures, options.seed)
    inside = []
    for name, rows in found.items():
        others = np.concatenate([listed for other, listed in found.items() if other != name])
        share, width = held(rows, *correction(others))
        inside.append((len(rows), held(rows, 1, 1)[0], share, width, float(np.median(rows[:, 2] - rows[:, 0]))))
        print(
            f"{name:24} {len(rows):3d}  held {inside[-1][1]:.2f}  corrected {share:.2f}  width {width:.2f}  "
            f"log2 error {inside[-1][4]:+.2f}",
            flush=True,
        )
    total = np.average(np.array(inside)[:, 1:4], axis=0, weights=[one[0] for one in inside])
    lower, upper = correction(np.concatenate(list(found.values())))
    print(
        f"all: held {total[0]:.3f}, corrected by the others {total[1]:.3f}, width {total[2]:.2f}; "
        f"lower {lower:.2f}, upper {upper:.2f}"
    )


if __name__ == "__main__":
    main()
