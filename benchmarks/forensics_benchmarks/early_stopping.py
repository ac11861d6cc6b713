"""How often windows judged one after another answer otherwise than all windows, and how many they are.

    python -m forensics_benchmarks.early_stopping SOURCES [--pictures N] [--seed S] [--size HEIGHT WIDTH]
        [--first K ...] [--least P ...] [--first-uncompressed K ...] [--least-uncompressed P ...]

Whole pictures of 1.2 megapixels, or of another size, are made from every source (validation sources, where settings are
chosen): the source continued by reflection, so that no seam is seen. One in `KINDS` each is left alone, compressed,
compressed and processed since, or spliced: a rectangle of 5 to 60 % of the area taken from another source with another
history. All windows are judged once; every setting of the test is then played on those judgements. JSON goes to
standard output: by setting the pictures, those with another answer, the upper end of the 95 % Clopper-Pearson interval,
and the mean share of windows judged.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from forensics.windows.sequential import Settling

SIZE = (896, 1344)
"""Height and width of a whole picture, in pixels, unless asked otherwise."""
KINDS = ("untouched", "compressed", "processed", "spliced")
"""Kinds of pictures, equally many."""
_CODECS = ("JPEG", "WEBP", "JPEG2000", "AVIF")


def whole(source: np.ndarray, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A source continued by reflection to a size; `np.ndarray [shape=(height, width, 3), dtype=uint8]` both."""
    return np.pad(source, [(0, max(0, n - m)) for n, m in zip(size, source.shape[:2], strict=True)] + [(0, 0)],
                  mode="symmetric")[: size[0], : size[1]]  # fmt: skip


def compressed(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Coded once by one of four codecs, of a quality of 40 to 95, and decoded."""
    from PIL import Image

    form, quality, stream = str(numbers.choice(_CODECS)), int(numbers.integers(40, 96)), io.BytesIO()
    options = (
        {"quality_mode": "dB", "quality_layers": [28 + quality / 5]} if form == "JPEG2000" else {"quality": quality}
    )
    Image.fromarray(pixels).save(stream, form, **options)
    return np.asarray(Image.open(stream).convert("RGB"))


def processed(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """One step after decoding: a reduction, a blur, noise or another gain of the channels."""
    from PIL import Image, ImageFilter

    image, step = Image.fromarray(pixels), int(numbers.integers(4))
    if step == 0:
        factor = numbers.uniform(0.6, 0.95)
        small = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
        return whole(np.asarray(small), pixels.shape[:2])
    if step == 1:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(numbers.uniform(0.4, 1.2))))
    if step == 2:
        noisy = pixels + numbers.normal(0, numbers.uniform(0.5, 4), pixels.shape)
    else:
        noisy = pixels * numbers.uniform(0.85, 1.15, 3)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def spliced(pixels: np.ndarray, other: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A rectangle of 5 to 60 % of the area replaced by the other picture's."""
    share, stretch = numbers.uniform(0.05, 0.6), numbers.uniform(0.7, 1.4)
    sides = np.minimum(np.sqrt(share) * np.array([stretch, 1 / stretch]), 1) * pixels.shape[:2]
    (height, width) = (int(side) for side in sides)
    top, left = (int(numbers.integers(n - side + 1)) for n, side in zip(pixels.shape[:2], (height, width), strict=True))
    made = pixels.copy()
    made[top : top + height, left : left + width] = other[top : top + height, left : left + width]
    return made


def pictures(
    sources: Sequence[Path], number: int, seed: int, size: tuple[int, int] = SIZE
) -> Iterator[tuple[str, np.ndarray]]:
    """Kinds and pixels of `number` whole pictures of a size, always the same for a seed."""
    from PIL import Image

    for index in range(number):
        numbers = np.random.default_rng([seed, index])
        kind = KINDS[index % len(KINDS)]
        first, second = (sources[at] for at in numbers.choice(len(sources), 2, replace=len(sources) < 2))
        pixels = whole(np.asarray(Image.open(first).convert("RGB")), size)
        if kind != "untouched":
            coded = compressed(pixels, numbers)
            if kind == "spliced":
                other = whole(np.asarray(Image.open(second).convert("RGB")), size)
                inserted = compressed(other, numbers) if numbers.random() < 0.5 else other
                pair = (coded, inserted) if numbers.random() < 0.5 else (pixels, compressed(other, numbers))
                pixels = spliced(*pair, numbers)
            else:
                pixels = processed(coded, numbers) if kind == "processed" else coded
        yield kind, np.ascontiguousarray(pixels)


def upper_bound(errors: int, of: int) -> float:
    """Upper end of the one-sided 95 % Clopper-Pearson interval of a rate."""
    from scipy.stats import beta

    return 1.0 if errors >= of else float(beta.ppf(0.95, errors + 1, of - errors))


def measure(
    sources: Sequence[Path], number: int, seed: int, size: tuple[int, int], settings: Sequence[Settling]
) -> dict[str, object]:
    """The table that the module text describes."""
    from forensics.verdict.analysis import SequentialReader

    departed, windows = {s: dict.fromkeys(KINDS, 0) for s in settings}, dict.fromkeys(settings, 0.0)
    seen = dict.fromkeys(KINDS, 0)
    for kind, pixels in pictures(sources, number, seed, size):
        reader = SequentialReader.of(pixels)
        count = len(reader.order)
        answer = reader.reading(count).verdict
        seen[kind] += 1
        for setting in settings:
            reading, judged = reader.settled(setting)
            departed[setting][kind] += reading.verdict != answer
            windows[setting] += len(judged) / count
        print(f"{sum(seen.values())} of {number}", file=sys.stderr, flush=True)
    return {
        "pictures": seen,
        "settings": [
            {
                **s._asdict(),
                "departed": departed[s],
                "rate": sum(departed[s].values()) / number,
                "at_most": upper_bound(sum(departed[s].values()), number),
                "share_judged": windows[s] / number,
            }
            for s in settings
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    from forensics.verdict.analysis import SETTLED_BY

    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--first", type=int, nargs="+", default=[SETTLED_BY.first])
    parser.add_argument("--least", type=float, nargs="+", default=[SETTLED_BY.least])
    parser.add_argument("--first-uncompressed", type=int, nargs="+", default=[SETTLED_BY.first_uncompressed])
    parser.add_argument("--least-uncompressed", type=float, nargs="+", default=[SETTLED_BY.least_uncompressed])
    given = parser.parse_args(arguments)
    sources = sorted(path for path in given.sources.iterdir() if path.suffix == ".png")
    asked = (given.first, given.least, given.first_uncompressed, given.least_uncompressed)
    settings = list(itertools.starmap(Settling, itertools.product(*asked)))
    print(json.dumps(measure(sources, given.pictures, given.seed, tuple(given.size), settings), indent=1))


if __name__ == "__main__":
    main()
