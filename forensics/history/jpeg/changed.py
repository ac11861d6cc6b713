"""A JPEG that was changed after decoding, in place, by a blur or by a rotation: its quality and what was done, from the
lattice that shows again once the change is undone.

Noise, a median, another colour or a picture set over a part leave most blocks where they were: their coefficients still
lie near multiples of a table's steps (`near_lattice`). A symmetric blur multiplies frequencies, and is divided out as
far as rounding noise allows; its width is the one at which the lattice shows most. A picture that was turned is turned
back by the angle that the borders of its blocks show (`forensics_features.turned_grid`), and read at places between
pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from forensics_features import turned_grid
from forensics_features.block_dct import aligned_dct
from forensics_features.planes import as_planes, central
from scipy import fft, ndimage

from forensics.history.jpeg import near_lattice
from forensics.history.jpeg.near_lattice import BLOCK, NearLattice
from forensics.results.history import Parameter

NAME = "changed_jpeg"
"""Name of the statement of a JPEG that was changed."""
FOUND_FROM = 6.5
"""Contrast from which blocks are found that were coded in steps like a JPEG's."""
NAMED_FROM = {"none": 10.0, "turned": 8.0, "gaussian": 18.0, "box": 18.0}
"""Contrast from which they are a JPEG's, by change: of the pictures of `TRIED_OTHERS` the clearest reach 7.4 in place,
5.3 turned back and 13.6 with a blur divided out (JPEG XL)."""
ONE_SIDED = 1.15
"""Times the contrast of the table that lies farthest from multiples, from which on a reading counts: 53 validation
JPEGs that the models leave open have 1.17 and more; of sharpened AVIF one has 0.9, at a contrast of 10."""
RIVALLED = 0.9
"""Share of the contrast that steps of video may have at the same place. Of 198 validation frames of nine video codecs
of 8x8 blocks, filtered, recoloured or noisy since, 79 show a JPEG's lattice without this, 41 of them clearly enough to
be named so; with it 7 and none. Of 169 JPEGs that do, 14 are given up, 6 of 146 that are named: by encoders that have
video's tables or flat ones."""
MOST_REPEATED = 0.25
"""Share of the contrast that may show half a block away: 33 changed validation JPEGs have 0.19 and less there; noise of
64 to 200 pixels a side enlarged by 2, 3, 4 and 8 by three kernels, found without this in 10 of 21 cases, 0.32 and
more."""
TRIED, TRIED_OTHERS = 195, 516
"""Validation pictures without a lossy codec, of which none reaches `FOUND_FROM` (the clearest 4.9), and by other codecs
than JPEG, of which none reaches `NAMED_FROM`; after steps of all kinds, by all encoders and programs of the benchmark
`verdicts`."""
OTHERS_FOUND, JPEGS_FOUND = 0.02, 0.4
"""Shares of the pictures by other codecs (8 of 516), and of JPEGs that the models leave open (50 of 113), that reach
`FOUND_FROM`."""
TRIED_UNDER = 132
"""Validation JPEGs under another codec, with noise or grey since or before, of which none is named by this."""
PROBABILITY = 1 - 1 / (TRIED_UNDER + 2)
"""Of a JPEG that is named, by Laplace's rule of succession."""

SIDE = 1024
"""Larger pictures are read in their middle: what that costs does not grow with the picture."""
UNDONE_SIDE = 512
"""The same where a change is undone first."""
WIDTHS = (0.4, 0.55, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5)
"""Standard deviations of Gaussian blurs that are undone, in pixels."""
BOXES = (3, 5)
"""Sides of mean filters that are undone, in pixels."""
BETWEEN = ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5))
"""Places between pixels at which a picture that was turned back is read, in pixels down and across."""
ANGLES = (0.02, -0.02, 0.04, -0.04)
"""Degrees by which an angle is refined."""

TURNED_BELOW = 0.8
"""Probability that there is no turned grid under which a picture is turned back: of 19 validation JPEGs that were
rotated and that the models leave open all lie below it (18 below 0.4), of 70 pictures without a lossy codec 20."""

_ROUNDING, _LIKE_GRAIN = 1.0, 1.28
"""Noise on the lattice up to which it is rounding's, in levels, and how many times the grain it may be: 9 grey, set
over and blurred validation JPEGs have 0.75 to 1.0 (two recoloured ones 1.5 and 1.75), 12 noisy ones 0.96 to 1.27 times
their grain (one, of coarse grain, 9); 26 JPEGs under other codecs, with noise or grey since, 1.25 and more and 1.4
times and more, one 1.17 times."""
_AS_CLEAR = 0.8
"""Share of the largest contrast from which a reading of a blur or a rotation is taken for one in place that something
else has moved."""
_NEAR_CLEAREST = 0.7
"""Share of the largest contrast of all widths from which a width may be the right one."""
_REGULARISED = 2e-3
"""Added to the square of what a blur leaves of a frequency: of rounding noise 11 times as much comes back at most."""
_HIGHEST = ((7, 7), (6, 7), (7, 6), (6, 6), (5, 7), (7, 5))
"""Frequencies that hardly any JPEG keeps, as (vertical, horizontal)."""
_REFINED_FROM = 4.5
"""Contrast from which an angle is refined."""
_QUALITY_OFF, _BLURRED_OFF = 3, (12, 5)
"""By how much a quality may be less and more than read: in place under rounding alone, and elsewhere, where something
is missing of the coefficients' sizes and they look finer."""
_LEAST_BENT, _LEAST_BITS = 0.05, 0.3
"""Content (`forensics_features.content`) under which nothing is found: as of `reduced`."""


class Changed(NamedTuple):
    """The clearest reading of a JPEG and of what was done to it.

    Attributes
    ----------
    change : str
        `none` where the lattice shows in place, `gaussian`, `box` or `turned`.
    value : float
        Standard deviation or side of the blur in pixels, degrees counter-clockwise; 0 for `none`.
    lattice : NearLattice
    grain : float
        Standard deviation of the highest frequencies of its blocks, in levels, where the lattice shows in place: most
        of them were quantised to zero, and what is there came since. NaN elsewhere.
    rival : float
        Contrast of the steps of video at the same place (`near_lattice.rival`), where the lattice's is `FOUND_FROM`
        and more; 0 elsewhere.
    """

    change: str
    value: float
    lattice: NearLattice
    grain: float = math.nan
    rival: float = 0.0

    @property
    def found(self) -> bool:
        """Whether blocks were coded in steps like a JPEG's."""
        contrast = self.lattice.contrast
        alone = self.lattice.repeated <= MOST_REPEATED * contrast and self.rival <= RIVALLED * contrast
        return contrast >= FOUND_FROM and contrast >= ONE_SIDED * self.lattice.opposite and alone

    @property
    def named(self) -> bool:
        """Whether they are a JPEG's."""
        return self.found and self.lattice.contrast >= NAMED_FROM[self.change]

    @property
    def alone(self) -> bool:
        """Whether low frequencies in place are moved by rounding alone, or by noise that high ones show as well; a
        later codec moves low ones, and leaves nothing in high ones.
        """
        return self.lattice.noise <= max(_ROUNDING, _LIKE_GRAIN * self.grain)


def read(pixels: np.ndarray, blurred: bool = True) -> Changed | None:
    """The clearest reading of a JPEG that was changed; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
    blurred : bool
        Whether blurs are undone, too, where nothing else names a JPEG: as long as all else together.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from PIL import Image, ImageFilter
    >>> from forensics.history.jpeg import changed
    >>> y, x = np.mgrid[:320, :320]
    >>> scene = 128 + 50 * np.sin(x / 23) + 40 * np.cos(y / 31) + np.random.default_rng(0).normal(0, 9, (320, 320))
    >>> stream = io.BytesIO()
    >>> Image.fromarray(scene.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=60)
    >>> found = changed.read(np.asarray(Image.open(stream).filter(ImageFilter.BoxBlur(1))))
    >>> found.change, abs(found.lattice.quality - 60) < 5
    ('box', True)
    """
    if min(pixels.shape[:2]) < near_lattice.LEAST_SIDE or not _has_content(pixels):
        return None
    readings = list(_ordered(pixels, blurred))
    most = max((one.lattice.contrast for one in readings), default=0.0)
    clear = [one for one in readings if one.lattice.contrast >= _AS_CLEAR * most]
    return max(clear, key=lambda one: (one.change != "none" or one.alone, one.lattice.contrast), default=None)


def _ordered(pixels: np.ndarray, blurred: bool) -> Iterator[Changed]:
    """Readings that are found, one kind of change after the other until one names a JPEG."""
    named = False
    for kind in (_in_place, _turned_back, *((_unblurred,) if blurred else ())):
        for one in kind(pixels):
            named |= one.named and (one.change != "none" or one.alone)
            if one.found:
                yield one
        if named:
            return


def _in_place(pixels: np.ndarray) -> Iterator[Changed]:
    one = in_place(pixels)
    if one is not None:
        yield one


def _turned_back(pixels: np.ndarray) -> Iterator[Changed]:
    degrees = angle_of(pixels)
    one = None if degrees is None else turned_back(pixels, degrees)
    if one is not None:
        yield one


def _unblurred(pixels: np.ndarray) -> Iterator[Changed]:
    """The width whose lattice is moved least, of those at which it shows about as clearly: one that is too large makes
    coefficients, and so the steps that fit, too large.
    """
    readings = list(unblurred(pixels))
    most = max((one.lattice.contrast for one in readings), default=0.0)
    clear = [one for one in readings if one.found and one.lattice.contrast >= _NEAR_CLEAREST * most]
    if clear:
        yield min(clear, key=lambda one: (one.lattice.noise, -one.lattice.contrast))


def _has_content(pixels: np.ndarray) -> bool:
    """Whether the middle holds enough for its blocks to differ."""
    from forensics_features.content import content_of
    from forensics_features.planes import to_rgb8

    part = to_rgb8(central(pixels, UNDONE_SIDE, BLOCK)[0])
    return content_of(part).measured_by_chance(_LEAST_BENT, _LEAST_BITS)


def parameters_of(reading: Changed) -> tuple[Parameter, ...]:
    """Quality, and the angle, of a reading as parameters of a generation."""
    lattice, basis = reading.lattice, f"{_undone(reading)}{_near(reading)}; {_rarity(reading)}"
    exact = reading.change == "none" and lattice.noise <= _ROUNDING
    less, more = (_QUALITY_OFF, _QUALITY_OFF) if exact else _BLURRED_OFF
    low, high = lattice.quality - less, min(lattice.quality + more, 100)
    quality = Parameter("quality", lattice.quality, low, high, basis=basis)
    if reading.change != "turned":
        return (quality,)
    return (quality, Parameter("rotation", round(reading.value, 2), unit="degrees counter-clockwise", basis=basis))


def sentence(reading: Changed) -> str:
    """What a reading says."""
    lattice = reading.lattice
    what = (
        f"It was a JPEG of quality about {lattice.quality}"
        if reading.named
        else f"Blocks of 8x8 pixels were coded in steps like those of a JPEG of quality about {lattice.quality}"
    )
    since = {
        "none": "; something was done to it since, in place",
        "gaussian": f", and then blurred by about {reading.value:.1f} pixels",
        "box": f", and then blurred by means over {reading.value:.0f}x{reading.value:.0f} pixels",
        "turned": f", and then rotated by {abs(reading.value):.1f} degrees "
        f"{'counter-clockwise' if reading.value > 0 else 'clockwise'}",
    }[reading.change]
    return f"{what}{since}: {_undone(reading)}{_near(reading)} ({_rarity(reading)})"


def _undone(reading: Changed) -> str:
    return {"none": "", "turned": "turned back, "}.get(reading.change, "with the blur divided out, ")


def _near(reading: Changed) -> str:
    return (
        f"the coefficients of its blocks lie near multiples of that quality's steps, {reading.lattice.contrast:.0f} "
        f"times the spread at other places of the grid"
    )


def _rarity(reading: Changed) -> str:
    if reading.named:
        tried, limit = TRIED + TRIED_OTHERS, NAMED_FROM[reading.change]
        return f"none of {tried:,} pictures that were no JPEG before reaches {limit:.0f}"
    return f"none of {TRIED:,} pictures that were never compressed reaches {FOUND_FROM:g}"


def in_place(pixels: np.ndarray) -> Changed | None:
    """The lattice as the picture is; None where it is too small.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8]
    """
    luma = _luma(pixels, SIDE)
    found = _read("none", 0.0, [luma])
    return None if found is None else found._replace(grain=_grain(luma, found.lattice.phase))


def _grain(luma: np.ndarray, phase: tuple[int, int]) -> float:
    """Standard deviation of the highest frequencies of the blocks at a place of the grid, by their median magnitude."""
    blocks = aligned_dct(luma, BLOCK, phase)
    return float(np.median([1.4826 * np.median(np.abs(blocks[v, h])) for v, h in _HIGHEST]))


def unblurred(pixels: np.ndarray) -> Iterator[Changed]:
    """The lattice once each of the blurs is undone; arguments as of `in_place`."""
    luma = _luma(pixels, UNDONE_SIDE)
    spectrum = fft.dctn(luma, norm="ortho")
    for change, values in (("gaussian", WIDTHS), ("box", BOXES)):
        for value in values:
            found = _read(change, value, [divided(spectrum, change, value)])
            if found is not None:
                yield found


def divided(spectrum: np.ndarray, change: str, value: float) -> np.ndarray:
    """The plane of a spectrum with a blur divided out, `np.ndarray [shape=(height, width), dtype=float32]`.

    Parameters
    ----------
    spectrum : np.ndarray [shape=(height, width), dtype=float32]
        Its orthonormal DCT: a symmetric blur of a plane that is mirrored at its edges multiplies that.
    change : str
        `gaussian` or `box`.
    value : float
        Standard deviation or side of the blur in pixels.
    """
    down, across = (_kept(change, value, np.arange(n) / (2 * n)) for n in spectrum.shape)
    kept = down[:, None] * across
    gain = np.float32(1 + _REGULARISED) * kept / (kept * kept + np.float32(_REGULARISED))
    return np.asarray(fft.idctn(spectrum * gain, norm="ortho"))


def _kept(change: str, value: float, frequencies: np.ndarray) -> np.ndarray:
    """What a blur leaves of frequencies, in cycles a pixel."""
    if change == "gaussian":
        return np.exp(-2 * (np.pi * value * frequencies) ** 2).astype(np.float32)
    places = np.arange(round(value)) - (value - 1) / 2
    return np.cos(2 * np.pi * np.outer(frequencies, places)).mean(axis=1).astype(np.float32)


def turned_back(pixels: np.ndarray, degrees: float) -> Changed | None:
    """The lattice once a rotation by about so many degrees counter-clockwise is undone; None where too little is left.

    Parameters
    ----------
    pixels
        As of `in_place`.
    degrees : float
    """
    smooth = ndimage.spline_filter(_luma(pixels, UNDONE_SIDE), 3, output=np.float32)
    best = _turned(smooth, degrees)
    if best is None or best.lattice.contrast < _REFINED_FROM:
        return best
    for change in ANGLES:
        found = _turned(smooth, degrees + change)
        if found is not None and found.lattice.contrast > best.lattice.contrast:
            best = found
    return best


def _turned(smooth: np.ndarray, degrees: float) -> Changed | None:
    planes = [upright(smooth, degrees, place) for place in BETWEEN]
    return _read("turned", degrees, planes)


def upright(smooth: np.ndarray, degrees: float, place: tuple[float, float]) -> np.ndarray:
    """The middle of a plane turned back, `np.ndarray [shape=(h, w), dtype=float32]`, as much as lies in it whole.

    Parameters
    ----------
    smooth : np.ndarray [shape=(height, width), dtype=float32]
        Coefficients of the plane's cubic spline.
    degrees : float
        By which it was turned counter-clockwise.
    place : tuple of float
        Rows and columns by which samples are taken further on.
    """
    angle = np.deg2rad(degrees)
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    sides = np.array(smooth.shape)
    share = 1 / (cosine + float(sides.max() / sides.min()) * abs(sine))
    shape = tuple(int(side * share) // BLOCK * BLOCK for side in sides)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    first = (sides - 1) / 2 - turn @ ((np.array(shape) - 1) / 2 - np.array(place))
    return np.asarray(ndimage.affine_transform(smooth, turn, first, shape, order=3, prefilter=False, output=np.float32))


def angle_of(pixels: np.ndarray) -> float | None:
    """The angle of the clearest turned grid of blocks, degrees counter-clockwise; None where none is likely."""
    from forensics_models.block_grids import GridJudge

    grid = turned_grid.find(pixels)
    if grid is None or abs(grid.degrees) < turned_grid.LEAST_DEGREES:
        return None
    none = GridJudge.shipped("turned").judge(grid.values).probabilities[0]
    return grid.degrees if none < TURNED_BELOW else None


def _read(change: str, value: float, planes: Sequence[np.ndarray]) -> Changed | None:
    lattice = near_lattice.read(planes)
    if lattice is None:
        return None
    rival = near_lattice.rival(planes, lattice) if lattice.contrast >= FOUND_FROM else 0.0
    return Changed(change, value, lattice, rival=rival)


def _luma(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.ascontiguousarray(as_planes(central(pixels, side, BLOCK)[0]).y, np.float32)
