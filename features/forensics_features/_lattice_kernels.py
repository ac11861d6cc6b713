"""Kernels of `residual_lattice`: prediction errors and block offsets on lattices. They know only arrays."""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import kernel

CONTEXTS = 365
"""Contexts of JPEG-LS: nine gradient classes cubed, opposite signs merged, and the run context left out."""
MODES = 14
"""Predictors of lossless WebP."""
_FAR_BELOW = 0.8
"""Share of the least share under which a scan is given up at once. Of 124 validation crops of 200 to 512 px coded
near-lossless, turned and cut, which are found, the true scan foretells 0.41 and more of the first 300 to 2,000 errors,
at a NEAR of 1 0.50 of 500 and more; chance gives 0.33 to 0.38 at NEAR 1, at most 0.24 at others."""


@kernel
def gradient_class(d: int, near: int, t1: int, t2: int, t3: int) -> int:
    """Class -4..4 of a local gradient (ITU-T T.87, A.3.3)."""
    if d <= -t3:
        return -4
    if d <= -t2:
        return -3
    if d <= -t1:
        return -2
    if d < -near:
        return -1
    if d <= near:
        return 0
    if d < t1:
        return 1
    if d < t2:
        return 2
    return 3 if d < t3 else 4


@kernel
def median_edge(a: int, b: int, c: int) -> int:
    """JPEG-LS's prediction from the left, upper and upper left sample."""
    if c >= max(a, b):
        return min(a, b)
    if c <= min(a, b):
        return max(a, b)
    return a + b - c


@kernel
def foretold_residues(
    plane: np.ndarray, near: int, thresholds: np.ndarray, least: float, telling: int, counts: np.ndarray
) -> None:
    """Follows JPEG-LS's contexts (ITU-T T.87, A.3 to A.6) without knowing how they began; adds to counts[foretold,
    other, samples alike].

    A prediction error of a context is foretold when it is a multiple of the step 2 `near` + 1 with the bias that the
    errors before it led to; after another one the bias is set to what this error shows. Errors smaller than a step are
    followed and not counted; the third counts samples whose own residue is that of the context's last one.

    The rest is left out where fewer than the share `least` of `telling` errors are foretold after a sixteenth of the
    rows, at a `near` of 1 after any, and where fewer than `_FAR_BELOW` of that are of half as many, after any.
    """
    step = 2 * near + 1
    numbers = np.ones(CONTEXTS + 1, np.int64)
    sums = np.zeros(CONTEXTS + 1, np.int64)
    biases = np.zeros(CONTEXTS + 1, np.int64)
    known = np.zeros(CONTEXTS + 1, np.bool_)
    last = np.zeros(CONTEXTS + 1, np.int64)
    classes = np.empty(511, np.int64)
    for k in range(-255, 256):
        classes[k + 255] = gradient_class(k, near, thresholds[0], thresholds[1], thresholds[2])
    rests = np.empty(511, np.int64)
    for k in range(-255, 256):
        rests[k + 255] = k - step * int(np.floor(k / step + 0.5))
    residues = np.empty(256, np.int64)
    for v in range(256):
        residues[v] = v % step
    for i in range(1, plane.shape[0]):
        total = counts[0] + counts[1]
        if total >= telling and counts[0] < least * total and (near == 1 or 16 * i > plane.shape[0]):
            return
        if 2 * total >= telling and counts[0] < _FAR_BELOW * least * total:
            return
        j = 1
        while j < plane.shape[1] - 1:
            a, b = np.int64(plane[i, j - 1]), np.int64(plane[i - 1, j])
            c, d = np.int64(plane[i - 1, j - 1]), np.int64(plane[i - 1, j + 1])
            signed = 81 * classes[d - b + 255] + 9 * classes[b - c + 255] + classes[c - a + 255]
            if signed == 0:  # a run, and the sample that ends it
                while j < plane.shape[1] - 1 and plane[i, j] == a:
                    j += 1
                j += 1
                continue
            sign = 1 if signed > 0 else -1
            context = abs(signed)
            value = np.int64(plane[i, j])
            j += 1
            guess = min(max(median_edge(a, b, c) + sign * biases[context], 0), 255)
            error = sign * (value - guess)
            if value == 0 or value == 255:
                continue
            rest = rests[error + 255]
            if abs(error) >= step:
                if known[context]:
                    counts[0 if rest == 0 else 1] += 1
                    if residues[value] == last[context]:
                        counts[2] += 1
                known[context] = True
                last[context] = residues[value]
            if rest != 0:
                biases[context] += rest
                sums[context] = 0
                error -= rest
            sums[context] += error
            if numbers[context] == 64:
                sums[context] = sums[context] >> 1
                numbers[context] = 32
            numbers[context] += 1
            if sums[context] <= -numbers[context]:
                biases[context] = max(biases[context] - 1, -128)
                sums[context] = max(sums[context] + numbers[context], 1 - numbers[context])
            elif sums[context] > 0:
                biases[context] = min(biases[context] + 1, 127)
                sums[context] = min(sums[context] - numbers[context], 0)


@kernel
def average(a: int, b: int) -> int:
    """Mean, rounded down."""
    return (a + b) >> 1


@kernel
def cut(value: int) -> int:
    """A value cut to 0..255."""
    return min(max(value, 0), 255)


@kernel
def predictions(left: int, top: int, corner: int, right: int, out: np.ndarray) -> None:
    """All predictions of lossless WebP (RFC 9649, 4.1) of one channel but mode 11, which takes the place of 12 here."""
    out[0] = 0
    out[1], out[2], out[3], out[4] = left, top, right, corner
    out[5] = average(average(left, right), top)
    out[6], out[7] = average(left, corner), average(left, top)
    out[8], out[9] = average(corner, top), average(top, right)
    out[10] = average(average(left, corner), average(top, right))
    out[12] = cut(left + top - corner)
    mean = average(left, top)
    half = mean - corner
    out[13] = cut(mean + (half // 2 if half >= 0 else -(-half // 2)))


@kernel
def select(planes: np.ndarray, i: int, j: int, c: int) -> int:
    """Mode 11: the left or the upper pixel, whichever is nearer to the gradient's estimate over all channels."""
    to_left, to_top = 0, 0
    for k in range(planes.shape[0]):
        left, top = np.int64(planes[k, i, j - 1]), np.int64(planes[k, i - 1, j])
        corner = np.int64(planes[k, i - 1, j - 1])
        to_left += abs(top - corner)  # type: ignore[assignment]
        to_top += abs(left - corner)  # type: ignore[assignment]
    return np.int64(planes[c, i, j - 1]) if to_left < to_top else np.int64(planes[c, i - 1, j])  # type: ignore[return-value]


@kernel
def predictor_lattice(
    planes: np.ndarray,
    channel: int,
    first: int,
    every: int,
    side: int,
    errors: np.ndarray,
    samples: np.ndarray,
) -> None:
    """Adds, for squares of `side` pixels, to errors[row, column, bit, mode, off or on the lattice] and samples[row,
    column, bit, residue].

    The lattice of a bit k has a step of 2 ** (k + 1). Counted for it are samples that differ from a neighbour by more
    than the step, and errors other than 0. Bits before `first` are left out, and squares whose row and column do not
    add up to a multiple of `every`.
    """
    plane = planes[channel]
    bits = errors.shape[2]
    guesses = np.zeros(MODES, np.int64)
    for i in range(1, plane.shape[0] - 1):
        for column in range(errors.shape[1]):
            if (i // side + column) % every:
                continue
            for j in range(max(1, column * side), min((column + 1) * side, plane.shape[1] - 1)):
                value = np.int64(plane[i, j])
                left, top = np.int64(plane[i, j - 1]), np.int64(plane[i - 1, j])
                after, below = np.int64(plane[i, j + 1]), np.int64(plane[i + 1, j])
                contrast = max(abs(value - left), abs(value - top), abs(value - after), abs(value - below))
                if contrast <= 2 << first:
                    continue
                predictions(left, top, np.int64(plane[i - 1, j - 1]), np.int64(plane[i - 1, j + 1]), guesses)
                guesses[11] = select(planes, i, j, channel)
                square, counts = samples[i // side, column], errors[i // side, column]
                for k in range(first, bits):
                    step = 2 << k
                    if contrast <= step:
                        break
                    square[k, value & (step - 1)] += 1
                    for mode in range(MODES):
                        error = value - guesses[mode]
                        if error != 0:
                            counts[k, mode, 0 if error & (step - 1) else 1] += 1


@kernel
def block_ends(plane: np.ndarray, side: int, lows: np.ndarray, highs: np.ndarray) -> None:
    """Least and largest sample of every square of `side` pixels, shape (height - side + 1, width - side + 1)."""
    width = plane.shape[1]
    low, high = np.empty(width, np.uint8), np.empty(width, np.uint8)
    for i in range(lows.shape[0]):
        for j in range(width):  # a slice's assignment compiles for a second
            low[j] = plane[i, j]
            high[j] = plane[i, j]
        for m in range(i + 1, i + side):
            for j in range(width):
                v = plane[m, j]
                low[j] = v if v < low[j] else low[j]
                high[j] = v if v > high[j] else high[j]
        for j in range(lows.shape[1]):
            least, most = low[j], high[j]
            for n in range(j + 1, j + side):
                least = low[n] if low[n] < least else least
                most = high[n] if high[n] > most else most
            lows[i, j] = least
            highs[i, j] = most


@kernel
def block_lattice(
    plane: np.ndarray, lows: np.ndarray, highs: np.ndarray, side: int, step: int, counts: np.ndarray
) -> None:
    """Adds to counts[row phase, column phase, outcome] of every block: 0 says nothing, 1 every sample keeps to the
    minimum's lattice, 2 not.

    A block tells from three levels on and three steps of range; its largest value may be cut. `lows` and `highs` are
    those of `block_ends`.
    """
    off = np.empty(256, np.bool_)
    for d in range(256):
        off[d] = d % step != 0
    for i in range(lows.shape[0]):
        for j in range(lows.shape[1]):
            low, high = np.int64(lows[i, j]), np.int64(highs[i, j])
            if high - low < 3 * step:
                counts[i % side, j % side, 0] += 1
                continue
            fits = True
            for m in range(i, i + side):
                for n in range(j, j + side):
                    v = np.int64(plane[m, n])
                    if off[v - low] and v != high:
                        fits = False
                        break
                if not fits:
                    break
            counts[i % side, j % side, 1 if fits else 2] += 1
