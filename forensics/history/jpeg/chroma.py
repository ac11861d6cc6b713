"""At which resolution chroma was stored, how the decoder brought it back to full size, and the stored samples
themselves.

A decoder that doubles chroma either repeats samples or, as libjpeg does by default, interpolates by the triangle filter
(3 near + far) / 4 along each axis and rounds once ("fancy upsampling") [1]_. Both have fewer samples in than out, so
the stored plane follows by least squares and what is left over tells whether the hypothesis holds: rounding noise of
variance 1/12 a degree of freedom when it does. Whether the stored plane's 8x8 coefficients are multiples of steps is
the second, independent witness.

The parity of the filter follows from luma's grid; of the grid of stored chroma, one bit an axis remains and is tried
out.

References
----------
.. [1] libjpeg, jdsample.c, `h2v1_fancy_upsample` and `h2v2_fancy_upsample`.
.. [2] B. Lorch, C. Riess, "Image forensics from chroma subsampling of high-quality JPEG images", Proc. ACM IH&MMSec,
       2019,
   doi:10.1145/3335203.3335722.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.history.jpeg.comb import ROUNDING, ZERO_CELL, ac_likelihoods, dc_likelihoods, nonzero_counts
from forensics.history.jpeg.planes import BLOCK, DCT_8, Tile, blocks_at, coefficients, lively
from forensics.history.jpeg.steps import log_prior, table_evidence

FACTORS: dict[str, tuple[int, int]] = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:4:0": (2, 1), "4:2:0": (2, 2)}
"""Vertical and horizontal factor of each subsampling."""
_NOISE_LEVELS = np.array([ROUNDING, 0.33, 0.38, 0.44, 0.52, 0.66])
"""Standard deviations of coefficient noise that are distinguished, in grey levels: that of rounding, then what
interpolation adds to it. The filter of `stored_noise` gives 0.32 to 0.59; taken up to the next of these a deviation
grows by 8 % in the mean, 22 % at most."""
_SIDE = 16
"""Width and height of a square over which residuals are averaged, in pixels."""
_LEAST_RANGE = 4
"""Smallest range of chroma in a square from which it counts as coloured, in grey levels. Of 21 validation crops of
112x112 pixels, JPEGs of quality 40 to 98, 2 gives 14 right and 1 wrong, this 12 and 0, 8 9 and 0."""
_FEWEST_SQUARES = 4
"""With fewer coloured squares than this the residual test says nothing. Of 21 validation crops of 80x80 pixels,
JPEGs of quality 40 to 98, this leaves 8 right, 2 leaves 7, and none wrong."""
_MOST_SQUARES = 400
"""Most squares that the residual rests on, the most colourful first: a bound on time."""
_PRIOR = {"4:4:4": 0.25, "4:2:2": 0.15, "4:4:0": 0.02, "4:2:0": 0.58}
"""Prior probability of each subsampling, 4:2:0 the default of most encoders. Of 56 validation crops of 112x112 pixels,
JPEGs of quality 40 to 98, each subsampling as often as the others, 32 are read rightly, 2 wrongly, 22 stay open; with
four equal priors 32, 0, 24 (`forensics_benchmarks.thresholds`)."""
_DECODERS = {"": 1.0, "triangle": 0.85, "repeat": 0.15, "scaled": 0.05}
"""Weight of each upsampling next to it, the triangle the default of libjpeg-turbo; "scaled" is tried only where neither
other fits. With equal weights 30 of the crops of `_PRIOR` are read rightly instead of 32, 2 wrongly as here."""
_TEMPER = 0.25
"""Exponent of the coefficients' likelihood, whose blocks are not independent. On the crops of `_PRIOR` 0 gives 13 right
and 6 wrong, 0.06 25 and 3, 0.12 30 and 3, this 32 and 2, 0.5 35 and 2, 1 36 and 1."""
_FREEDOM = 4.0
"""Degrees of freedom that a square's residual counts for, out of 256 samples that are not independent. On the crops of
`_PRIOR` 1 and 2 give 30 right, this, 8 and 16 give 32 right and 2 wrong."""
_ENOUGH_SQUARES = 40
"""Coloured squares from which the coefficients' evidence counts in full. On the crops of `_PRIOR` 10 gives 38 right and
5 wrong, 20 37 and 5, this 32 and 2, 80 25 and 1, 160 14 and 2: half as many would more than double the wrong ones."""
_MOST_SURPRISE = 300.0
"""Most that the phase with the fewest coefficients other than zero may gain, a natural logarithm. Decides little:
the crops of `_LEAST_RANGE` come out the same with 30, this and 1,000."""
_MOST_REWARD = 13.0
"""Of a residual test passed, in natural units; the test is the harder the fewer samples are stored."""
_HIGHEST = {"triangle": 1.7, "repeat": 0.02, "scaled": 1.7}
"""Residual variance, in units of that of rounding, up to which an upsampling passes; repeated samples leave nothing
but clipping. On the crops of `_LEAST_RANGE` 1.2 and 0.005 give 13 right, these 12, 2.4 and 0.05 11, none wrong."""
_MOST_NESTED = 15.0
"""Largest penalty for subsampling along one axis where along both passes too, a natural logarithm. On the crops of
`_PRIOR` 0 gives 33 right and 1 wrong, 5, this and 50 give 32 and 2."""


def _halving() -> np.ndarray:
    """Eight samples out of sixteen: the lower half of their spectrum, `np.ndarray [shape=(8, 16), dtype=float64]`."""
    angle = np.pi / (4 * BLOCK) * np.outer(np.arange(BLOCK), 2 * np.arange(2 * BLOCK) + 1)
    basis = np.cos(angle) / np.sqrt(BLOCK)
    basis[0] /= np.sqrt(2)
    return DCT_8.T @ basis / np.sqrt(2)


_HALVING = _halving()
"""Its transpose doubled is libjpeg's inverse transform of 16 samples from the coefficients of eight (jidctint.c)."""


def _by_blocks(matrix: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """A matrix applied to every block of rows."""
    count, width = plane.shape[0] // matrix.shape[1], plane.shape[1]
    return np.asarray(matrix @ plane.reshape(count, matrix.shape[1], width)).reshape(-1, width)


@dataclass(frozen=True)
class ChromaHypothesis:
    """One subsampling and upsampling, tested.

    Attributes
    ----------
    subsampling : str
        A key of `FACTORS`.
    upsampling : str
        "triangle", "repeat", "scaled" (in the DCT domain), or "" where nothing was upsampled.
    excess : float
        Mean residual variance a degree of freedom over that of rounding, about 1 when the hypothesis holds; NaN where
        nothing is subsampled or chroma hardly varies.
    squares : int
        Squares of `_SIDE` samples that `excess` rests on.
    log_evidence : float
        Of quantisation of the stored plane, natural logarithm against none.
    phase : tuple of int
        Of the block grid in stored samples counted from `origin`.
    origin : tuple of int
        Picture row and column of the first stored sample used.
    likelihoods : np.ndarray [shape=(64, 255), dtype=float64]
        Of `jpeg_comb`, of the stored plane.
    nonzero : np.ndarray [shape=(64,), dtype=int64]
        Its coefficients outside the zero cell.
    """

    subsampling: str
    upsampling: str
    excess: float
    squares: int
    log_evidence: float
    phase: tuple[int, int]
    origin: tuple[int, int]
    likelihoods: np.ndarray
    nonzero: np.ndarray


def stored_samples(plane: np.ndarray, factors: tuple[int, int], upsampling: str) -> np.ndarray:
    """The plane before upsampling, by least squares.

    Parameters
    ----------
    plane : np.ndarray [shape=(height, width), dtype=float32]
        Upsampled samples; sides are multiples of `factors` and the first sample is the first of its pair, for "scaled"
        of its MCU.
    factors : tuple of int
        Vertical and horizontal factor, 1 or 2.
    upsampling : str
        "triangle", "repeat" or "scaled".

    Returns
    -------
    np.ndarray [shape=(height / factors[0], width / factors[1]), dtype=float32]
    """
    if factors[0] == 2:
        plane = _halved(plane, upsampling)
    if factors[1] == 2:
        plane = _halved(plane.T, upsampling).T
    return np.asarray(plane, np.float32)


def stored_usable(usable: np.ndarray, factors: tuple[int, int]) -> np.ndarray:
    """Stored samples of which every upsampled one is usable, `np.ndarray [shape=(height / factors[0], width /
    factors[1]), dtype=bool]`.
    """
    return np.asarray(usable.reshape(usable.shape[0] // factors[0], factors[0], -1, factors[1]).all(axis=(1, 3)))


def stored_noise(factors: tuple[int, int], upsampling: str) -> np.ndarray:
    """Standard deviation of the noise of stored samples' coefficients, `np.ndarray [shape=(64,), dtype=float64]`, in
    levels.

    Rounding after the inverse transform, and rounding of the upsampled samples as least squares passes it on: its power
    at angular frequency w is divided by 5/4 + 3/4 cos w along an axis with the triangle filter. Repeated copies are
    equal and add nothing. Taken up to the next of a few levels.
    """
    gains = []
    for factor in factors:
        response = 1.25 + 0.75 * np.cos(np.pi * np.arange(BLOCK) / BLOCK)
        gains.append(response if factor == 2 else np.ones(BLOCK))
    added = 1 / np.outer(*gains) if upsampling == "triangle" else np.zeros((BLOCK, BLOCK))
    exact = ROUNDING * np.sqrt(1 + added.ravel())
    return _NOISE_LEVELS[np.minimum(np.searchsorted(_NOISE_LEVELS, exact - 1e-9), len(_NOISE_LEVELS) - 1)]


def _halved(plane: np.ndarray, upsampling: str) -> np.ndarray:
    """Half as many rows. The first and the last row are not used by the triangle: they mix in samples beyond the
    edge.
    """
    if upsampling == "repeat":
        return 0.5 * (plane[0::2] + plane[1::2])
    if upsampling == "scaled":
        return _by_blocks(_HALVING, plane)
    inner = plane[1:-1]
    count = len(plane) // 2
    lower, upper = inner[0::2], inner[1::2]
    right = np.zeros((count, plane.shape[1]))
    right[:-1] += (3 * lower + upper) / 4
    right[1:] += (lower + 3 * upper) / 4
    from scipy.linalg import solveh_banded  # most pictures need none of it

    bands = np.full((2, count), 20 / 16)
    bands[1, [0, -1]] = 10 / 16
    bands[0] = 6 / 16
    return solveh_banded(bands, right, overwrite_ab=True, overwrite_b=True, check_finite=False)


def upsampled(plane: np.ndarray, factors: tuple[int, int], upsampling: str) -> np.ndarray:
    """What a decoder makes of stored samples, before rounding; edge samples are repeated beyond the edge."""
    if factors[0] == 2:
        plane = _doubled(plane, upsampling)
    if factors[1] == 2:
        plane = _doubled(plane.T, upsampling).T
    return plane


def _doubled(plane: np.ndarray, upsampling: str) -> np.ndarray:
    if upsampling == "repeat":
        return np.repeat(plane, 2, axis=0)
    if upsampling == "scaled":
        return _by_blocks(_HALVING.T * 2, plane)
    out = np.empty((2 * len(plane), plane.shape[1]), plane.dtype)
    padded = np.concatenate([plane[:1], plane, plane[-1:]])
    out[0::2] = (3 * plane + padded[:-2]) / 4
    out[1::2] = (3 * plane + padded[2:]) / 4
    return out


def try_hypotheses(tiles: Sequence[Tile], phase: tuple[int, int]) -> list[ChromaHypothesis]:
    """Every subsampling and upsampling on tiles that share luma's block phase; upsampling in the DCT domain where no
    other explains the residual.
    """
    kinds = [("4:4:4", ""), *((name, kind) for name in ("4:2:2", "4:4:0", "4:2:0") for kind in ("triangle", "repeat"))]
    tried = [_tested(tiles, phase, name, kind) for name, kind in kinds]
    if any(one.upsampling and one.excess <= _HIGHEST[one.upsampling] for one in tried):
        return tried
    scaled = (_scaled(tiles, phase, name) for name in ("4:2:2", "4:4:0", "4:2:0"))
    return [*tried, *(one for one in scaled if one is not None)]


def _scaled(tiles: Sequence[Tile], phase: tuple[int, int], subsampling: str) -> ChromaHypothesis | None:
    """Upsampling by an inverse transform of twice the size, as libjpeg 7 and later do; None where the residual is
    more than rounding, which is looked at first.
    """
    factors = FACTORS[subsampling]
    found: list[tuple[float, int, tuple[int, int]]] = []
    for top in (0, BLOCK)[: factors[0]]:
        for left in (0, BLOCK)[: factors[1]]:
            origin = (phase[0] + top, phase[1] + left)
            squares = []
            for tile in tiles:
                usable = _whole_blocks(tile.usable, origin, factors)
                for plane in (tile.cb, tile.cr):
                    full = _whole_blocks(plane, origin, factors)
                    low = stored_samples(full, factors, "scaled")
                    squares.append(_square_errors(full, upsampled(low, factors, "scaled"), usable))
            found.append((*_excess(np.concatenate(squares), factors), origin))
    excess, count, origin = min(found, key=lambda one: one[0] if np.isfinite(one[0]) else np.inf)
    if not excess <= _HIGHEST["scaled"]:
        return None
    stored = []
    for tile in tiles:
        small = stored_usable(_whole_blocks(tile.usable, origin, factors), factors)
        stored += [
            (stored_samples(_whole_blocks(plane, origin, factors), factors, "scaled"), small)
            for plane in (tile.cb, tile.cr)
        ]
    evidence = _stored_evidence(stored, (0, 0), stored_noise(factors, "scaled"))
    return ChromaHypothesis(subsampling, "scaled", excess, count, evidence[0], (0, 0), origin, *evidence[1:])


def cut_at(factors: tuple[int, int], upsampling: str) -> tuple[int, int]:
    """Of what the sides of a plane are multiples when its stored samples are asked for."""
    return (BLOCK * factors[0], BLOCK * factors[1]) if upsampling == "scaled" else factors


def _whole_blocks(plane: np.ndarray, origin: tuple[int, int], factors: tuple[int, int]) -> np.ndarray:
    return cropped(plane, origin, cut_at(factors, "scaled"))


def _tested(tiles: Sequence[Tile], phase: tuple[int, int], subsampling: str, upsampling: str) -> ChromaHypothesis:
    factors = FACTORS[subsampling]
    origin = (phase[0] % factors[0], phase[1] % factors[1])
    stored: list[tuple[np.ndarray, np.ndarray]] = []
    squares: list[np.ndarray] = []
    for tile in tiles:
        usable = cropped(tile.usable, origin, factors)
        small = stored_usable(usable, factors)
        for plane in (tile.cb, tile.cr):
            full = cropped(plane, origin, factors)
            low = stored_samples(full, factors, upsampling)
            stored.append((low, small))
            if upsampling:
                squares.append(_square_errors(full, upsampled(low, factors, upsampling), usable))
    first = tuple((p - o) // f for p, o, f in zip(phase, origin, factors))
    options = [
        ((first[0] + top) % BLOCK, (first[1] + left) % BLOCK)
        for top in (0, BLOCK // 2)[: factors[0]]
        for left in (0, BLOCK // 2)[: factors[1]]
    ]
    noise = stored_noise(factors, upsampling)
    found = [_stored_evidence(stored, option, noise) for option in options]
    best = int(np.argmax([_TEMPER * evidence for evidence, _, _ in found] + _sparseness(stored, options)))
    excess, count = _excess(np.concatenate(squares), factors) if squares else (float("nan"), 0)
    return ChromaHypothesis(
        subsampling, upsampling, excess, count, found[best][0], options[best], origin, *found[best][1:]
    )


def cropped(plane: np.ndarray, origin: tuple[int, int], factors: tuple[int, int]) -> np.ndarray:
    """The part from `origin` on whose sides are multiples of `factors`."""
    height = (plane.shape[0] - origin[0]) // factors[0] * factors[0]
    width = (plane.shape[1] - origin[1]) // factors[1] * factors[1]
    return plane[origin[0] : origin[0] + height, origin[1] : origin[1] + width]


def _stored_evidence(
    stored: Sequence[tuple[np.ndarray, np.ndarray]], phase: tuple[int, int], noise: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    found = lively(np.concatenate([coefficients(blocks_at(plane, usable, phase)) for plane, usable in stored]))
    likelihoods = ac_likelihoods(found, noise=noise)
    likelihoods[0] = dc_likelihoods(found[:, 0], noise=float(noise[0]))
    total = table_evidence(likelihoods, 1) + log_prior()
    top = total.max()
    return float(top + np.log(np.exp(total - top).sum())), likelihoods, nonzero_counts(found, noise)


def _sparseness(stored: Sequence[tuple[np.ndarray, np.ndarray]], options: Sequence[tuple[int, int]]) -> np.ndarray:
    """How surprisingly few coefficients are not zero at each phase, in natural units, `np.ndarray [shape=(options,)]`.

    Half the square of a normal score against the sparsest other phase. Blocks that quantisation emptied do not reach
    the comb's evidence, which sees lively blocks only.
    """
    if len(options) == 1:
        return np.zeros(1)
    rows = [
        np.concatenate([coefficients(blocks_at(plane, usable, option)) for plane, usable in stored])
        for option in options
    ]
    counts = [(np.abs(found[:, 1:]) > ZERO_CELL).sum(axis=1) for found in rows]
    if min(len(c) for c in counts) < 2:
        return np.zeros(len(options))
    means = np.array([c.mean() for c in counts])
    errors = np.array([c.var() / len(c) for c in counts]) + 1e-12
    surprise = np.zeros(len(options))
    best = int(means.argmin())
    other = int(np.argsort(means)[1])
    surprise[best] = min(
        0.5 * float((means[other] - means[best]) ** 2 / (errors[other] + errors[best])), _MOST_SURPRISE
    )
    return surprise


def _square_errors(plane: np.ndarray, fitted: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Mean squared error and range of each usable square of `_SIDE` samples, away from the edges, `np.ndarray
    [shape=(n, 2)]`.
    """
    inner = np.s_[2 : 2 + (plane.shape[0] - 4) // _SIDE * _SIDE, 2 : 2 + (plane.shape[1] - 4) // _SIDE * _SIDE]

    def cut(array: np.ndarray) -> np.ndarray:
        part = array[inner]
        rows, columns = part.shape[0] // _SIDE, part.shape[1] // _SIDE
        return part.reshape(rows, _SIDE, columns, _SIDE).swapaxes(1, 2).reshape(rows * columns, -1)

    whole = cut(usable).all(axis=1)
    samples = cut(plane)[whole]
    error = samples - cut(fitted)[whole]
    return np.stack([(error * error).mean(axis=1), np.ptp(samples, axis=1)], axis=1)


def _excess(squares: np.ndarray, factors: tuple[int, int]) -> tuple[float, int]:
    """Mean over the most colourful squares, but for the worst tenth, of the residual variance in that of rounding;
    their number.
    """
    colourful = squares[squares[:, 1] >= _LEAST_RANGE]
    if len(colourful) < _FEWEST_SQUARES:
        return float("nan"), 0
    order = np.argsort(colourful[:, 1])[::-1][: min(_MOST_SQUARES, max(_FEWEST_SQUARES, len(colourful) // 2))]
    errors = np.sort(colourful[order, 0])[: max(1, int(0.9 * len(order)))]
    freedom = 1 - 1 / (factors[0] * factors[1])
    return float(errors.mean() / freedom / ROUNDING**2), len(order)


def probabilities(hypotheses: Sequence[ChromaHypothesis]) -> np.ndarray:
    """Of each hypothesis, `np.ndarray [shape=(n,), dtype=float64]`, sum 1.

    The evidence of the comb is tempered, for neighbouring coefficients depend on each other; a residual above
    rounding's speaks against a hypothesis as a chi-square of few degrees of freedom a square would. Chroma subsampled
    along both axes also fits the filter of either axis alone, so where the former holds on colourful squares the latter
    lose. Where chroma hardly varies, its few levels make combs of their own, and neither witness counts for much.
    """
    colourful = min(1.0, max(h.squares for h in hypotheses) / _ENOUGH_SQUARES)
    scores = np.array([_score(hypothesis, colourful) for hypothesis in hypotheses])
    for kind in ("triangle", "scaled"):
        both = next((h for h in hypotheses if h.subsampling == "4:2:0" and h.upsampling == kind), None)
        if both is not None and both.excess <= _HIGHEST[kind]:
            one_axis = np.array([h.subsampling in ("4:2:2", "4:4:0") and h.upsampling == kind for h in hypotheses])
            scores[one_axis] -= min(_MOST_NESTED, 0.1 * both.squares)
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def _score(hypothesis: ChromaHypothesis, colourful: float) -> float:
    prior = _PRIOR[hypothesis.subsampling] * _DECODERS[hypothesis.upsampling]
    score = float(np.log(prior)) + _TEMPER * colourful**2 * hypothesis.log_evidence
    if np.isfinite(hypothesis.excess):
        ratio = hypothesis.excess / _HIGHEST[hypothesis.upsampling]
        if ratio > 1:
            score -= 0.5 * _FREEDOM * hypothesis.squares * (ratio - 1 - np.log(ratio))
        else:
            rows, columns = FACTORS[hypothesis.subsampling]
            score += (1 - 1 / (rows * columns)) * _MOST_REWARD * colourful**2
    return score
