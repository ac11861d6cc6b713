"""Kernels of `processing`: what NumPy would do in many passes over a window, in one or two, with the same sums to the
last bit where they are sums of float32 or float64.
"""

from __future__ import annotations

import numpy as np

from forensics_features._kernel import fast_kernel, kernel


@kernel
def four_colours(codes: np.ndarray, counts: np.ndarray) -> None:
    """Blocks of 4x4 pixels with at most four colours and at least two, and all blocks with at least two, at each of 16
    phases: counts [shape=(4, 4, 2), dtype=int64].

    Most blocks of photographs have five different pixels at their beginning, and are told for all places of a row
    together.
    """
    colours = np.empty(5, np.uint32)
    width = codes.shape[1] - 3
    many = np.empty(max(width, 0), np.bool_)
    for i in range(codes.shape[0] - 3):
        row, below = codes[i], codes[i + 1]
        for j in range(width):
            a, b, c, d, e = row[j], row[j + 1], row[j + 2], row[j + 3], below[j]
            among = (a != b) & (a != c) & (a != d) & (b != c) & (b != d) & (c != d)
            many[j] = among & (a != e) & (b != e) & (c != e) & (d != e)
        for j in range(width):
            if many[j]:
                counts[i & 3, j & 3, 1] += 1
                continue
            number, before = 0, np.uint32(0)
            for y in range(i, i + 4):
                if number > 4:
                    break
                for x in range(j, j + 4):
                    code = codes[y, x]
                    if number > 0 and code == before:
                        continue
                    before = code
                    known = False
                    for k in range(number):
                        if colours[k] == code:
                            known = True
                    if not known:
                        colours[number] = code
                        number += 1
                        if number > 4:
                            break
            if number > 1:
                counts[i & 3, j & 3, 1] += 1
                if number <= 4:
                    counts[i & 3, j & 3, 0] += 1


@kernel
def equal_columns(codes: np.ndarray, out: np.ndarray) -> None:
    """Share of rows in which a column equals the next, for every column but the last."""
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1] - 1):
            if codes[i, j] == codes[i, j + 1]:
                out[j] += 1
    for j in range(out.size):
        out[j] /= codes.shape[0]


@kernel
def straight(luma: np.ndarray) -> float:
    """Share of samples of whole levels that lie on the straight line between their neighbours in the row."""
    count = 0
    for i in range(luma.shape[0]):
        for j in range(1, luma.shape[1] - 1):
            if np.rint(luma[i, j + 1]) - 2 * np.rint(luma[i, j]) + np.rint(luma[i, j - 1]) == 0:
                count += 1
    return count / (luma.shape[0] * (luma.shape[1] - 2))


@kernel
def alternation(luma: np.ndarray) -> float:
    """Log10 of the mean difference of rows one apart over that of rows two apart."""
    one, two = 0.0, 0.0
    for i in range(luma.shape[0] - 2):
        for j in range(luma.shape[1]):
            one += abs(luma[i + 1, j] - luma[i, j])
            two += abs(luma[i + 2, j] - luma[i, j])
    count = (luma.shape[0] - 2) * luma.shape[1]
    return np.log10((one / count + 0.05) / (two / count + 0.05))


@kernel
def around(luma: np.ndarray, mean: np.float32, centre: np.ndarray, near: np.ndarray, far: np.ndarray) -> None:
    """Samples, the sums of their two neighbours in the row and of the two beyond, without the mean; two columns less at
    either side.
    """
    twice = np.float32(2) * mean
    for i in range(luma.shape[0]):
        row, c, n, f = luma[i], centre[i], near[i], far[i]
        for j in range(c.shape[0]):
            c[j] = row[j + 2] - mean
            n[j] = row[j + 1] + row[j + 3] - twice
            f[j] = row[j] + row[j + 4] - twice


@kernel
def _leaf(one: np.ndarray, other: np.ndarray, start: int, count: int) -> np.float32:
    """Sum of products over at most 128 places, in eight sums as NumPy has them."""
    if count < 8:
        total = np.float32(0)
        for k in range(start, start + count):
            total += one[k] * other[k]
        return total
    a = b = c = d = e = f = g = h = np.float32(0)
    whole = start + count - count % 8
    for k in range(start, whole, 8):
        a += one[k] * other[k]
        b += one[k + 1] * other[k + 1]
        c += one[k + 2] * other[k + 2]
        d += one[k + 3] * other[k + 3]
        e += one[k + 4] * other[k + 4]
        f += one[k + 5] * other[k + 5]
        g += one[k + 6] * other[k + 6]
        h += one[k + 7] * other[k + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(whole, start + count):
        total += one[k] * other[k]
    return total


@kernel
def sum_of_products(one: np.ndarray, other: np.ndarray) -> np.float32:
    """Sum of the products of two rows of float32, pairwise as NumPy's: the halves are summed and added, down to 128."""
    starts, counts, parts, stage = (
        np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.float32), np.zeros(64, np.int64)
    )  # fmt: skip
    starts[0], counts[0] = 0, one.shape[0]
    depth, value = 0, np.float32(0)
    while depth >= 0:
        half = counts[depth] // 2
        half -= half % 8
        if counts[depth] <= 128:
            value = _leaf(one, other, starts[depth], counts[depth])
            depth -= 1
        elif stage[depth] == 0:
            stage[depth] = 1
            starts[depth + 1], counts[depth + 1], stage[depth + 1] = starts[depth], half, 0
            depth += 1
        elif stage[depth] == 1:
            stage[depth], parts[depth] = 2, value
            starts[depth + 1], counts[depth + 1], stage[depth + 1] = starts[depth] + half, counts[depth] - half, 0
            depth += 1
        else:
            value = parts[depth] + value
            depth -= 1
    return value


@kernel
def fine(plane: np.ndarray, out: np.ndarray) -> None:
    """What is left of a plane without the mean of the four neighbours; one pixel less at every side."""
    for i in range(out.shape[0]):
        above, row, below, here = plane[i], plane[i + 1], plane[i + 2], out[i]
        for j in range(out.shape[1]):
            around = above[j + 1] + below[j + 1] + row[j] + row[j + 2]
            here[j] = row[j + 1] - np.float32(0.25) * around


@kernel
def fine_sums(rgb: np.ndarray, sums: np.ndarray) -> None:
    """Sums over the inner pixels of the products of `fine` of the channels, times 16: rr, gg, bb, rg, gb, rb, which are
    whole numbers; and of the largest less the least channel over all pixels: sums [shape=(7,), dtype=int64].
    """
    rr = gg = bb = rg = gb = rb = spread = 0
    for i in range(rgb.shape[0]):
        row = rgb[i]
        for j in range(rgb.shape[1]):
            spread += int(max(row[j, 0], row[j, 1], row[j, 2])) - int(min(row[j, 0], row[j, 1], row[j, 2]))
        if i == 0 or i == rgb.shape[0] - 1:
            continue
        above, below = rgb[i - 1], rgb[i + 1]
        for j in range(1, rgb.shape[1] - 1):
            r = 4 * np.int32(row[j, 0]) - above[j, 0] - below[j, 0] - row[j - 1, 0] - row[j + 1, 0]
            g = 4 * np.int32(row[j, 1]) - above[j, 1] - below[j, 1] - row[j - 1, 1] - row[j + 1, 1]
            b = 4 * np.int32(row[j, 2]) - above[j, 2] - below[j, 2] - row[j - 1, 2] - row[j + 1, 2]
            rr += r * r
            gg += g * g
            bb += b * b
            rg += r * g
            gb += g * b
            rb += r * b
    sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6] = rr, gg, bb, rg, gb, rb, spread


@fast_kernel
def _transform(re: np.ndarray, im: np.ndarray, waves: np.ndarray) -> None:
    """Fourier transforms of all columns in place, a power of two rows, by halves; row r ends with its bits reversed.

    `waves` [shape=(2, rows / 2)] holds cosines and negative sines of fractions of a turn. Whole rows are added and
    subtracted, so that every step fills vector registers.
    """
    rows = re.shape[0]
    half = rows // 2
    while half >= 1:
        for start in range(0, rows, 2 * half):
            for k in range(half):
                c, s = waves[0, k * (rows // (2 * half))], waves[1, k * (rows // (2 * half))]
                a, b = re[start + k], im[start + k]
                d, e = re[start + k + half], im[start + k + half]
                for j in range(a.shape[0]):
                    x, y = a[j] - d[j], b[j] - e[j]
                    a[j] += d[j]
                    b[j] += e[j]
                    d[j] = x * c - y * s
                    e[j] = x * s + y * c
        half //= 2


@fast_kernel
def power_spectrum(
    plane: np.ndarray,
    down: np.ndarray,
    across: np.ndarray,
    down_order: np.ndarray,
    across_order: np.ndarray,
    power: np.ndarray,
) -> None:
    """|F|^2 of a plane of float32 whose sides are powers of two, [shape=(height, width / 2 + 1)] as of a real
    transform.

    `down` and `across` are the waves of `_transform`, the orders its rows' numbers. The left half of the columns is the
    real, the right half the imaginary part of one transform; what they have in common is taken apart behind it.
    """
    height, width = plane.shape
    middle, last = width // 2, height // 2
    re, im = np.empty((height, middle), np.float32), np.empty((height, middle), np.float32)
    for i in range(height):
        for j in range(middle):
            re[i, j] = plane[i, j]
            im[i, j] = plane[i, middle + j]
    _transform(re, im, down)
    of_rows, imaginary = np.empty((width, last + 1), np.float32), np.empty((width, last + 1), np.float32)
    half = np.float32(0.5)
    for u in range(last + 1):
        here, there = down_order[u], down_order[(height - u) % height]
        for j in range(middle):
            p, q, r, s = re[here, j], im[here, j], re[there, j], im[there, j]
            of_rows[j, u] = half * (p + r)
            imaginary[j, u] = half * (q - s)
            of_rows[middle + j, u] = half * (q + s)
            imaginary[middle + j, u] = half * (r - p)
    _transform(of_rows, imaginary, across)
    for v in range(middle + 1):
        here, there = across_order[v], across_order[(width - v) % width]
        for u in range(last + 1):
            power[u, v] = of_rows[here, u] ** 2 + imaginary[here, u] ** 2
        for u in range(1, last):
            power[height - u, v] = of_rows[there, u] ** 2 + imaginary[there, u] ** 2
