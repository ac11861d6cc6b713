"""How one copy can have been made from another: the steps that are tested, each with what it leaves in the pixels.

- *recompressed as JPEG*: the coefficients of the original lie within half a step of those of the copy, spread over the
  whole step. Where it is the other way round they lie beyond it, or crowd at its middle.
  Coding the original with the tables that the copy shows gives the copy's very pixels where the encoder is libjpeg's.
- *made grey*: one is grey and is the other's luma.
- *recompressed by another codec*: coding the original with that codec at some strength makes the same errors as the
  copy has.
- *enlarged or reduced*: one of the usual kernels gives the copy, but for rounding.
- *toned*: every level of the original has one level in the copy, and not the reverse.
- *cropped*: the same pixels, and the original shows more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from forensics.comparison.registration import luma
from forensics.errors import ForensicsError
from forensics.history.jpeg import recovery as jpeg_history
from forensics.history.jpeg.chroma import FACTORS
from forensics.history.jpeg.findings import JpegHistory
from forensics.history.jpeg.fixed_point import SUBSAMPLINGS
from forensics.history.jpeg.planes import coefficients, without_colour
from forensics.reconstruction.layout import blocks_of
from forensics.results.wording import percentage

_FIRM = 0.985
"""Share of coefficients within half a step from which a copy was coded from the original; 0.996 at least in 15 pairs of
validation pictures (qualities 75 to 92), 0.91 at most the other way round, but where the first coding was the coarser
one, which the next constant tells."""
_SPREAD = (0.15, 0.32)
"""Mean distance of the original's coefficients from those of the copy, in steps: 0.22 to 0.31 for one coded from it
(the same pairs), 0.04 to 0.12 for its own source.
"""
_OUTER, _OUTER_LEAST = (0.35, 0.5), 0.4
"""Distances in steps of which a copy's own source has that part, at least, of what an even spread over the step gives.
Of 22 validation pictures coded twice as JPEG, 20 of them more finely the second time, the first copy's coefficients
about the second have 0.44 to 1.29 where they pass the limits above, untouched sources 1.00 to 1.15; the second's about
the first, which still crowd about its multiples, have 0.09 to 0.38 where they pass them (five pairs)."""
_HELD = 0.9
"""Share of coefficients within half a step from which a copy still holds a JPEG's lattice. Of 46 pairs of copies of
validation sources the same 41 are ordered rightly and one wrongly at 0.8 and at 0.95."""
_MANY_COEFFICIENTS = 200
"""Coefficients that tell below which nothing is said: among 200 the share of 0.91 that stands for `_FIRM`'s other
direction scatters by 0.02 (binomial), so that 0.985 lies 3.7 of that above it."""
_ALIKE = 0.5
"""Correlation of coding errors from which they are taken for the same codec's at about the same strength. Of 46 pairs
of copies of validation sources 41 are ordered rightly and one wrongly; at 0.3 43 and one, at 0.7 40 and one."""
_KERNEL_ERROR = 1.2
"""Mean squared error below which a resize explains a copy: rounding in two passes makes 1/6, the rest is room for the
fixed point of the usual programs. Of 46 pairs of copies of validation sources 41 are ordered rightly and one wrongly,
the same at 0.6; at 2.4 40 and two."""
_LEVEL_SPREAD = 0.02
"""Share of pixels that may leave the one level that a tone curve gives. Of 46 pairs of copies of validation sources the
same 41 are ordered rightly and one wrongly at 0.005 and at 0.08."""
_CURVE = 0.001
"""Share of pixels off it up to which nothing but a curve explains the copy; coding gives every level several. Of 46
pairs of copies of validation sources the same 41 are ordered rightly and one wrongly at 0.0001 and at 0.01."""
_RECODED = 0.5
"""Share of pixels that recompression gives exactly from which the copy was coded so; the other way round few are the
same, but in flat pictures, so both directions are compared. Of 46 pairs of copies of validation sources 41 are ordered
rightly and one wrongly, the same at 0.75; at 0.25 39 and three."""
_GREY_OFF = 12.0
"""Mean distance of a grey copy from luma in levels up to which it is the other made grey: room for other weights of the
channels and for coding since; that both show one picture is known before. Of 46 pairs of copies of validation sources
the same 41 are ordered rightly and one wrongly at 6 and at 24."""
_HOLDS_MORE, _BOTH_HOLD, _WIDER = 0.05, 0.97, 1.2
"""Of two JPEGs that differ in tone too: by how much the share within half a step has to be larger one way than the
other; or, where both are at least the second, how many times as wide the mean distance has to be. Coding spreads the
source's coefficients over the whole step, while those of a copy crowd about what it was made of. Right in 37 of 61
pairs of validation pictures (qualities 60 to 95, then 70 to 95), wrong in none, open in the others."""
_OUTER_TIMES, _OUTER_HOLDS, _CROWDED = 1.3, 0.9, 0.55
"""Where the share within half a step does not tell: how many times as large the share at the distances `_OUTER` has to
be of the later copy, the share within half a step that it holds at least, and the share at `_OUTER` below which the
other way round coefficients crowd about multiples. With it 29 instead of 20 of 33 other pairs of validation pictures
(the same qualities) are right and none is wrong; three have about the same share both ways, one holds 0.85. The other
way round they have 0.50 at most, but for a coarser second coding, of which they reach beyond the step."""
KERNELS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}
_STRENGTHS = {
    "webp": ("quality", (30, 50, 65, 75, 85, 92)),
    "avif": ("quality", (30, 45, 60, 75, 88)),
    "heic": ("quality", (30, 45, 60, 75, 88)),
    "jpegxl": ("distance", (0.5, 1.0, 2.0, 4.0)),
    "bpg": ("qp", (22, 28, 34, 40)),
    "jpeg2000": ("ratio", (8, 16, 32, 64)),
    "jpegxr": ("level", (0.5, 0.7, 0.85, 0.95)),
}
_TILE = 384
"""Side of the tile that is compared, in pixels: a bound on work."""


@dataclass(frozen=True)
class Relation:
    """One copy made from the other.

    Attributes
    ----------
    step : str
        "jpeg" and other classes, "carried", "coded" (by a codec not named), "enlarged", "reduced", "toned", "grey",
        "cropped".
    text : str
        How, with the measurement.
    strength : float
        How firmly: 1 at the threshold.
    """

    step: str
    text: str
    strength: float


@dataclass(frozen=True)
class _Lattice:
    """How the coefficients of one copy lie about the multiples of another's JPEG steps: share within half a step, mean
    distance in steps, and share at the distances `_OUTER` against an even spread's.
    """

    inside: float
    spread: float
    outer: float
    quality: str


def jpeg_shown(pixels: np.ndarray) -> JpegHistory | None:
    """What the picture shows of a JPEG coding, None where there is no grid of one in luma; uint8, at least 64 a
    side.
    """
    history = jpeg_history.recover(pixels, fixed_point=False)
    return None if not history.found or history.luma is None or history.colour == "rgb" else history


def _about(jpeg: np.ndarray, history: JpegHistory | None, other: np.ndarray) -> _Lattice | None:
    """Coefficients of `other` about those of `jpeg`; None where the latter shows no JPEG grid or too few
    coefficients.
    """
    if history is None or history.luma is None:
        return None
    phase, steps, known = history.grid.phase, history.luma.steps, history.luma.identified
    theirs, mine = (_coefficients(plane, phase) for plane in (jpeg, other))
    multiples = np.rint(theirs / steps)
    telling = (multiples != 0) & known & (steps >= 3)
    telling[:, 0] = False
    if telling.sum() < _MANY_COEFFICIENTS:
        return None
    off = np.abs(mine / steps - multiples)
    quality = f" at quality {history.match.quality:g}" if history.match is not None else ""
    inside, own, (low, high) = (off <= 0.5 + 1.2 / steps)[telling], off[telling], _OUTER
    outer = ((own > low) & (own <= high)).mean() / (2 * (high - low))
    return _Lattice(float(inside.mean()), float(own.mean()), float(outer), quality)


def jpeg_from(source: np.ndarray, copy: np.ndarray, shown: JpegHistory | None) -> Relation | None:
    """Whether the second was coded as JPEG from the first; pixels lie on each other, uint8, at least 64 a side;
    `shown` is `jpeg_shown` of the copy.
    """
    found = _about(copy, shown, source)
    if found is None or found.inside < _FIRM or not _SPREAD[0] <= found.spread <= _SPREAD[1]:
        return None
    if found.outer < _OUTER_LEAST:
        return None
    text = (
        f"coded as JPEG{found.quality}: {percentage(found.inside)} of the other's coefficients lie within half a step, "
        f"{found.spread:.2f} steps off on average"
    )
    return Relation("jpeg", text, found.inside / _FIRM)


def toned_jpegs(
    pictures: tuple[np.ndarray, np.ndarray],
    seen: tuple[np.ndarray, np.ndarray],
    shown: tuple[JpegHistory | None, JpegHistory | None],
) -> tuple[int, Relation] | None:
    """Of two JPEGs that differ in tone which was coded from the other: the number of the later one, and how.

    Parameters
    ----------
    pictures : tuple of np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
        Pixel on pixel.
    seen : tuple of np.ndarray
        Each of them with the tones of the other.
    shown : tuple of JpegHistory or None
        `jpeg_shown` of each.
    """
    first, second = (_about(pictures[k], shown[k], seen[1 - k]) for k in (0, 1))
    if first is None or second is None:
        return None
    later = _later(first, second)
    if later is None:
        return None
    more, less = (second, first) if later else (first, second)
    text = (
        f"coded as JPEG{more.quality}, toned first: {percentage(more.inside)} of the other's coefficients lie within "
        f"half a step, {more.spread:.2f} steps off on average, and {percentage(more.outer)} of what an even spread has "
        f"beyond {_OUTER[0]:g} steps; the other way round {percentage(less.inside)}, {less.spread:.2f} and "
        f"{percentage(less.outer)}"
    )
    return later, Relation("jpeg", text, 1.5)


def _later(first: _Lattice, second: _Lattice) -> int | None:
    """Which of two was coded from the other, 0 or 1, by what each holds of the other's coefficients."""
    both = first, second
    if abs(second.inside - first.inside) >= _HOLDS_MORE:
        return int(second.inside > first.inside)
    outer = int(second.outer >= first.outer)
    clear = both[outer].outer >= _OUTER_TIMES * both[1 - outer].outer and both[1 - outer].outer < _CROWDED
    if clear and both[outer].inside >= _OUTER_HOLDS:
        return outer
    wider = int(second.spread >= first.spread)
    if min(one.inside for one in both) < _BOTH_HOLD or both[wider].spread < _WIDER * both[1 - wider].spread:
        return None
    return wider


def recoded_from(source: np.ndarray, copy: np.ndarray, shown: JpegHistory | None) -> Relation | None:
    """Whether coding the first as JPEG with the tables that the second shows gives the second's very pixels; as
    `jpeg_from`.
    """
    if shown is None or shown.luma is None or shown.match is None:
        return None
    near = _about(copy, shown, source)
    if near is not None and near.spread < _SPREAD[0]:  # made from the copy: quantising once more gives it back
        return None
    tables, subsampling, origin = [_filled(shown, 0)], "4:4:4", shown.grid.phase
    if shown.hypotheses and copy.ndim == 3:
        best = shown.hypotheses[0][0]
        if best.subsampling not in SUBSAMPLINGS:
            return None
        subsampling = best.subsampling
        factors = FACTORS[subsampling]
        origin = (best.origin[0] + factors[0] * best.phase[0], best.origin[1] + factors[1] * best.phase[1])
        tables.append(_filled(shown, 1))
    part = np.s_[origin[0] :, origin[1] :]
    again = _coded_as(np.ascontiguousarray(source[part]), tables, subsampling)
    same = again == copy[part]
    share = float((same if same.ndim == 2 else same.all(axis=2)).mean())
    if share < _RECODED:
        return None
    exact = f"coding the other so gives {percentage(share)} of its very pixels"
    text = f"coded as JPEG at quality {shown.match.quality:g}: {exact}"
    return Relation("jpeg", text, 1 / (1.02 - share))


def _filled(shown: JpegHistory, plane: int) -> np.ndarray:
    assert shown.match is not None
    estimate = shown.chroma if plane else shown.luma
    known = shown.match.tables[plane]
    return known if estimate is None else np.where(estimate.identified, estimate.steps, known)


def _coded_as(pixels: np.ndarray, tables: list[np.ndarray], subsampling: str) -> np.ndarray:
    from PIL.JpegImagePlugin import JpegImageFile

    from forensics.codecs.exchange import load_with_pillow, save_with_pillow

    listed = [[int(step) for step in table] for table in tables]
    options = {} if pixels.ndim == 2 else {"subsampling": SUBSAMPLINGS.index(subsampling)}
    data = save_with_pillow(pixels, "JPEG", qtables=listed if pixels.ndim == 3 else listed[:1], **options)
    return load_with_pillow(data, JpegImageFile)


def grey_from(source: np.ndarray, copy: np.ndarray) -> Relation | None:
    """Whether the second is the first made grey: without colour, where the first has some, and near its luma."""
    if source.ndim == 2 or without_colour(source) or not (copy.ndim == 2 or without_colour(copy)):
        return None
    off = float(np.abs(luma(source) - luma(copy)).mean())
    if off > _GREY_OFF:
        return None
    return Relation("grey", f"made grey: {off:.2f} levels from its luma on average", 3.0)


def carries(source: np.ndarray, copy: np.ndarray, shown: JpegHistory | None) -> Relation | None:
    """Whether the second still holds the first's JPEG lattice: its coefficients crowd about the first's multiples,
    which its own source would not; `shown` is `jpeg_shown` of the first.

    Two copies of one source, each coded by itself, lie a quarter of a step apart on average.
    """
    found = _about(source, shown, copy)
    if found is None or found.spread > _SPREAD[0] or found.inside < _HELD:
        return None
    text = (
        f"made from the other's JPEG{found.quality} and changed little since: its coefficients lie "
        f"{found.spread:.2f} steps off on average"
    )
    return Relation("carried", text, 1.0)


def _coefficients(pixels: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    plane = np.rint(luma(pixels))[phase[0] :, phase[1] :]
    rows, columns = (side // 8 * 8 for side in plane.shape)
    return coefficients(blocks_of(plane[:rows, :columns]))


def coded_from(source: np.ndarray, copy: np.ndarray, name: str) -> Relation | None:
    """Whether the second was coded from the first by a codec: the errors of coding the first are those that the second
    has. None for what is no codec to try, `other-lossy` and the like.
    """
    from forensics.codecs import registry

    if name not in _STRENGTHS:
        return None
    option, strengths = _STRENGTHS[name]
    part = _lively_tile(source)
    source, copy = np.ascontiguousarray(source[part]), copy[part]
    error = luma(copy) - luma(source)
    if float(error.std()) < 0.05:
        return None
    best, at = 0.0, 0.0
    codec = registry.get(name)
    for strength in strengths:
        try:
            again = codec.decode(codec.encode(source, **{option: strength}))
        except ForensicsError:
            continue
        value = _correlation(luma(again) - luma(source), error)
        if value > best:
            best, at = value, float(strength)
    if best < _ALIKE:
        return None
    return Relation(
        name,
        f"coded by {name}: its coding errors are those of coding the other at about {option} {at:g} (correlation "
        f"{best:.2f})",
        best / _ALIKE,
    )


def _lively_tile(pixels: np.ndarray) -> tuple[slice, slice]:
    plane = luma(pixels)
    height, width = (min(_TILE, side) for side in plane.shape)
    best, where = -1.0, (0, 0)
    for top in range(0, plane.shape[0] - height + 1, max(1, height // 2)):
        for left in range(0, plane.shape[1] - width + 1, max(1, width // 2)):
            spread = float(np.abs(np.diff(plane[top : top + height : 2, left : left + width], axis=1)).mean())
            if spread > best:
                best, where = spread, (top // 16 * 16, left // 16 * 16)
    return slice(where[0], where[0] + height), slice(where[1], where[1] + width)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    return float((x * y).sum() / (np.sqrt((x * x).sum() * (y * y).sum()) + 1e-9))


def resized_from(source: np.ndarray, copy: np.ndarray) -> Relation | None:
    """Whether the second is the whole first, resized by one of the usual kernels."""
    shape = (copy.shape[1], copy.shape[0])
    errors = {}
    for name, kernel in KERNELS.items():
        error = np.asarray(Image.fromarray(source).resize(shape, kernel), np.float32) - copy
        errors[name] = float((error * error).mean())
    best = min(errors, key=lambda name: errors[name])
    if errors[best] > _KERNEL_ERROR:
        return None
    how = "enlarged" if copy.shape[0] * copy.shape[1] > source.shape[0] * source.shape[1] else "reduced"
    factor = copy.shape[1] / source.shape[1]
    return Relation(
        how,
        f"{how} {factor:.3g} times ({best}): mean squared error {errors[best]:.2f}",
        _KERNEL_ERROR / max(errors[best], 0.01),
    )


def toned_from(source: np.ndarray, copy: np.ndarray) -> Relation | None:
    """Whether the second is the first with its levels changed by a curve, and not the reverse; pixels lie on each
    other.
    """
    ahead, back = (_one_level_each(*pair) for pair in ((source, copy), (copy, source)))
    if ahead > _LEVEL_SPREAD or back <= max(2 * ahead, 0.001):
        return None
    return Relation(
        "toned",
        f"toned: each level of the other has one level here, but for {percentage(ahead, 2)} of the pixels; the "
        f"reverse fails for {percentage(back, 2)}",
        3.0 if ahead <= _CURVE else 1.0,
    )


def _one_level_each(source: np.ndarray, copy: np.ndarray) -> float:
    """Share of pixels off the commonest level of the copy for their level of the source, over channels."""
    planes = [(source, copy)] if source.ndim == 2 else [(source[..., k], copy[..., k]) for k in range(3)]
    missed, total = 0, 0
    for x, y in planes:
        joint = np.bincount(x.ravel().astype(np.int64) * 256 + y.ravel(), minlength=65536).reshape(256, 256)
        missed += int(joint.sum() - joint.max(axis=1).sum())
        total += x.size
    return missed / total
