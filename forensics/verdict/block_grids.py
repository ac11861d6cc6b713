"""A block grid after the picture was changed: compressed in blocks, then reduced, turned, or changed in place.

Windows are too small to show it, so the whole picture is read (`forensics_features.scaled_grid`, `turned_grid`), where
the models leave it open or call it uncompressed. A grid that is found speaks against `uncompressed`; together with what
the models hold likely it may name the codec.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from forensics_models.block_grids import GridJudge, GridJudgement
from forensics_models.classes import INCONCLUSIVE, OTHER_LOSSY, members_of
from forensics_models.open_judge import by_family

from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, Statement
from forensics.verdict.restated import led_by, maybe_resampled, ranked, restated, since_with, without, without_range
from forensics.verdict.weighing import LEADING

if TYPE_CHECKING:
    from forensics.history.jpeg.before_reduction import Reading
    from forensics.history.jpeg.changed import Changed
    from forensics.history.jpeg.reduced import ReducedJpeg

NAMED_FROM = 0.9
"""Probability of a family from which it is named: as certain as verdicts of the models are where nothing happened since
(`Answers.named` of the open judge's card)."""
SURELY_UNCOMPRESSED = 0.85
"""Probability of `uncompressed` by the models from which no grid is looked for: of 600 validation JPEGs (qualities 40
to 95, 400 reduced to 0.5 to 0.96 by five kernels, 200 turned by 0.5 to 5 degrees) they give ten 0.6 or more, and a grid
is found in none of those; in 231 of the 319 others that are not named."""
PROBABLY_STRAIGHT = 0.5
"""Probability that nothing happened since from which a codec that the models name is not asked about a changed JPEG:
three recoloured JPEGs of validation sources that were named JPEG XL at 0.88 to 0.93 have 0.18 to 0.22, a blurred one
that was named HEVC intra 0.00."""
HARDLY_MOVED = {"none": 1.5, "box": 1.5, "gaussian": 2.5}
"""Noise on a JPEG's lattice, in levels, up to which another codec is not named, by change. JPEGs (60 to 92) of 12
validation sources that were blurred and are read: 26 of 28 by means have 1.5 and less, 22 of 29 by Gaussians 2.5; of
24 recoloured ones 19 have 1.5 and less. Under WebP 80, AVIF 65, HEIC 60 and JPEG XL 1.5 and then changed, two of six by
means and none of 18 by Gaussians, none of 12 recoloured ones; finer codecs move it less (HEIC 75: 0.5 to 1), so that
this withholds a name and gives none."""
_LIKE_JPEG = members_of("jpeg")
"""Processes whose blocks a JPEG's are."""
_OF_EIGHT = ("video-mpeg2", "video-mpeg4", OTHER_LOSSY)
"""Processes whose blocks are of 8x8 samples as a JPEG's, or may be: how rarely the codecs beside JPEG show a grid says
nothing of them. Of 324 validation pictures, 198 of them frames of nine video codecs of 8x8 blocks, reduced or changed
in place since, five frames were JPEG by a grid that resembles one (0.94 to 0.99) where they counted as other codecs; so
one is (by ASV 1), the others have 0.61 at most. Of four JPEGs three are still, the fourth has 0.88."""


_GROUP_OF = {"reduced": "resampled", "turned": "resampled", "gaussian": "filtered", "box": "filtered"}
"""The answers to what happened since that changes of `changed.Changed` belong to."""
_ANOTHER = "Another codec may have followed: the verdict names the last one."
_BLURRED = ("filtered", "several")
SURELY_BLURRED = 0.9
"""Probability of a filter, or of several steps, from which blurs are undone, and a lattice that shows then is a JPEG's:
17 blurred validation JPEGs that the models leave open have 0.95 and more; of 24 JPEGs under other codecs, not blurred,
one has 0.57 and the others 0.2 and less."""
LEAST_JPEG = 0.05
"""Share of the probability of the likeliest other lossy process that the models have to give JPEG where a lattice names
one that was reduced (likelihoods 20 to 1): the 4 of 20 reduced validation JPEGs that are named by it have 0.09 and
more; two reduced JPEGs under HEIC have 0.00 and 0.01."""


class BlockGrid(NamedTuple):
    """A grid: which kind (`scaled`, `turned` or `changed`), its scale, its angle in degrees or the strength of the
    change, the judge's word, what came out in words, and what was done to the picture as of `changed.Changed`.
    """

    kind: str
    value: float
    judged: GridJudgement
    text: str
    change: str


def with_block_grid(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis with what a reduced or turned block grid tells; the very same where the models are sure of a codec
    (but for one that a changed JPEG's lattice speaks against, and a resampled JPEG, whose size before is told) or of
    none, or no grid is found.

    Parameters
    ----------
    analysis : Analysis
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The whole picture as it was judged.
    """
    if analysis.verdict not in ("uncompressed", INCONCLUSIVE):
        return _unless_changed_jpeg(analysis, pixels)
    if dict(analysis.ranking).get("uncompressed", 0.0) >= SURELY_UNCOMPRESSED:
        return analysis
    height, width = pixels.shape[:2]
    changed = changed_lattice(pixels, analysis)
    if changed is not None and changed.named:
        return (
            _changed_jpeg(analysis, changed) if _was_last(analysis, changed, pixels) else _some_time(analysis, changed)
        )
    lattice = reduced_lattice(pixels, analysis)
    if lattice is not None:
        return _with_reduced_lattice(analysis, lattice, height, width)
    if changed is not None:
        return _compressed(analysis, _like_a_changed_jpeg(changed, _was_last(analysis, changed, pixels)))
    found = found_in(pixels)
    return analysis if found is None else _compressed(analysis, found)


def _with_reduced_lattice(analysis: Analysis, lattice: Reading, height: int, width: int) -> Analysis:
    """The open analysis with what a lattice says that was reduced."""
    from forensics.history.jpeg.reduced import ReducedJpeg

    if lattice.named and _jpeg_over_others(dict(analysis.ranking)) >= LEAST_JPEG:
        return _jpeg(analysis, lattice, height, width)
    if isinstance(lattice, ReducedJpeg):
        return _compressed(analysis, _like_a_jpeg(lattice, height, width))
    return _reduced_some_time(analysis, lattice, height, width)


def _unless_changed_jpeg(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis without the name of another codec where something was probably done since, and the lattice of a JPEG
    shows, hardly moved: a blur smooths borders of blocks as loop filters do, other colours loosen tables.
    """
    nothing = (analysis.afterwards or {}).get("nothing", 1.0)
    if nothing >= PROBABLY_STRAIGHT:
        return analysis
    if analysis.verdict in _LIKE_JPEG:
        return _with_size_before(analysis, pixels)
    reading = changed_lattice(pixels, analysis)
    if reading is not None and reading.named:
        moved = reading.lattice.noise > HARDLY_MOVED.get(reading.change, 0.0)
        return analysis if moved else _some_time(analysis, reading)
    if not maybe_resampled(analysis.afterwards):
        return analysis
    lattice = reduced_lattice(pixels, analysis)
    if lattice is None or not lattice.named or not lattice.hardly_moved:
        return analysis
    return _reduced_some_time(analysis, lattice, *pixels.shape[:2])


def _with_size_before(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis of a JPEG that was probably resampled, with the size that it had before, where its lattice tells."""
    if analysis.verdict != "jpeg" or not maybe_resampled(analysis.afterwards):
        return analysis
    lattice = reduced_lattice(pixels, analysis)
    if lattice is None or not lattice.named:
        return analysis
    from forensics.history.jpeg import before_reduction

    height, width = pixels.shape[:2]
    statement = _said_of(lattice, height, width, ("jpeg",))
    since = _since(analysis.afterwards, "reduced", before_reduction.PROBABILITY)
    return replace(analysis, evidence=(statement, *analysis.evidence), afterwards=since)


def changed_lattice(pixels: np.ndarray, analysis: Analysis) -> Changed | None:
    """The JPEG that a picture was before it was changed in place, turned or, where that is likely, blurred, or blocks
    like those of one; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    analysis : Analysis
        What the models say happened since.
    """
    from forensics.history.jpeg import changed

    return changed.read(eight_bit(pixels), blurred=_blurred(analysis) >= SURELY_BLURRED)


def _blurred(analysis: Analysis) -> float:
    """Probability that a filter was among what happened since; 1 where that was not asked."""
    return sum((analysis.afterwards or {"filtered": 1.0}).get(name, 0.0) for name in _BLURRED)


def _was_last(analysis: Analysis, reading: Changed, pixels: np.ndarray) -> bool:
    """Whether a JPEG whose lattice shows may be taken for the last codec: under a later one it is still there.

    The models, or for a rotation they and the judge of turned grids together, hold no other lossy process likelier; and
    what moved coefficients in place is rounding or noise alone. Blurs are undone where the models are sure of one.
    """
    lead = _jpeg_over_others(dict(analysis.ranking))
    if reading.change == "turned" and lead < 1:
        from forensics_features import turned_grid

        grid = turned_grid.find(pixels)
        if grid is not None:
            judged = GridJudge.shipped("turned").judge(grid.values)
            lead = _jpeg_over_others(_weighed(dict(analysis.ranking), judged))
    if lead < 1:
        return False
    return reading.alone if reading.change == "none" else True


def _jpeg_over_others(processes: dict[str, float]) -> float:
    """Probability of JPEG over that of the likeliest other lossy process."""
    jpeg = sum(processes.get(name, 0.0) for name in _LIKE_JPEG)
    others = (p for name, p in processes.items() if name not in (*_LIKE_JPEG, "uncompressed"))
    return jpeg / max(*others, 1e-9)


def _some_time(analysis: Analysis, reading: Changed) -> Analysis:
    """A JPEG that may have been compressed again by another codec since: not uncompressed, and no more."""
    from forensics.history.jpeg import changed

    text = f"{changed.sentence(reading)}. {_ANOTHER}"
    return _open_with(analysis, without_range(changed.NAME, reading.value, (), text), changed.PROBABILITY)


def _reduced_some_time(analysis: Analysis, reading: Reading, height: int, width: int) -> Analysis:
    """The same of one that was reduced since."""
    from forensics.history.jpeg import before_reduction

    return _open_with(analysis, _said_of(reading, height, width, (), _ANOTHER), before_reduction.PROBABILITY)


def _open_with(analysis: Analysis, statement: Statement, probability: float) -> Analysis:
    """The analysis left open behind a statement that there was a lossy codec, so probably."""
    ranking = without("uncompressed", analysis.ranking, 1 - probability)
    leading = [one for one in analysis.evidence if one.trace in LEADING]
    kept = [one for one in _kept(analysis, INCONCLUSIVE) if one not in leading]
    return restated(analysis, ranking, INCONCLUSIVE, ranking[0][1], (), [*leading, statement, *kept])


def _changed_jpeg(analysis: Analysis, reading: Changed) -> Analysis:
    from forensics.history.jpeg import changed

    return restated(
        analysis,
        led_by(analysis.ranking, "jpeg", changed.PROBABILITY),
        "jpeg",
        changed.PROBABILITY,
        ("jpeg",),
        [
            without_range(changed.NAME, reading.value, ("jpeg",), f"{changed.sentence(reading)}."),
            *_kept(analysis, "jpeg"),
        ],
        afterwards=_since(analysis.afterwards, reading.change, changed.PROBABILITY),
    )


def _like_a_changed_jpeg(reading: Changed, last: bool) -> BlockGrid:
    """Blocks whose lattice resembles a JPEG's, not clearly enough to be named one by that; `last` as of `_was_last`."""
    from forensics.history.jpeg import changed

    shares = np.array([1 / (changed.TRIED + 2), changed.OTHERS_FOUND, changed.JPEGS_FOUND])
    judged = GridJudgement(True, last, shares / shares.sum(), changed.TRIED, 0)
    return BlockGrid("changed", reading.value, judged, f"{changed.sentence(reading)}.", reading.change)


def _since(afterwards: dict[str, float] | None, change: str, least: float) -> dict[str, float] | None:
    """What happened since, where a change of `changed.Changed` is at least so probable; of one in place the lattice
    says nothing.
    """
    group = _GROUP_OF.get(change)
    if group is None:
        return afterwards
    return since_with(afterwards, group, max((afterwards or {}).get(group, 0.0), least))


def reduced_lattice(pixels: np.ndarray, analysis: Analysis) -> Reading | None:
    """The JPEG that a picture was before it was reduced, or blocks like those of one; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    analysis : Analysis
        What the models say happened since: all sizes are tried where that may be a resizing.
    """
    from forensics.history.jpeg import before_reduction

    return before_reduction.read(eight_bit(pixels), thorough=maybe_resampled(analysis.afterwards))


def _jpeg(analysis: Analysis, reading: Reading, height: int, width: int) -> Analysis:
    from forensics.history.jpeg import before_reduction

    return restated(
        analysis,
        led_by(analysis.ranking, "jpeg", before_reduction.PROBABILITY),
        "jpeg",
        before_reduction.PROBABILITY,
        ("jpeg",),
        [_said_of(reading, height, width, ("jpeg",)), *_kept(analysis, "jpeg")],
        afterwards=_since(analysis.afterwards, "reduced", before_reduction.PROBABILITY),
    )


def _said_of(reading: Reading, height: int, width: int, named: tuple[str, ...], more: str = "") -> Statement:
    """What a reduced lattice says, of a picture of that size, and what it names."""
    from forensics.history.jpeg import before_reduction

    text = f"{before_reduction.sentence(reading, height, width)}. {more}".rstrip()
    return without_range(before_reduction.NAME, reading.scale, named, text)


def _like_a_jpeg(reading: ReducedJpeg, height: int, width: int) -> BlockGrid:
    """Blocks whose lattice resembles a JPEG's, not clearly enough to be named one."""
    from forensics.history.jpeg import reduced

    shares = np.array([1 / (reduced.TRIED + 2), reduced.OTHERS_FOUND, reduced.JPEGS_FOUND])
    judged = GridJudgement(True, False, shares / shares.sum(), reduced.TRIED, 0)
    text = f"{reduced.like_a_jpeg(reading, height, width)}. {_rarity(judged)}"
    return BlockGrid("scaled", reading.scale, judged, text, "reduced")


def found_in(pixels: np.ndarray) -> BlockGrid | None:
    """The reduced or turned block grid of a picture; None where none is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
    """
    return _scaled(pixels) or _turned(pixels)


def _scaled(pixels: np.ndarray) -> BlockGrid | None:
    from forensics_features import scaled_grid

    grid = scaled_grid.find(pixels)
    judged = None if grid is None else GridJudge.shipped("scaled").judge(grid.values)
    if grid is None or judged is None or not judged.found:
        return None
    height, width = (round(side / grid.scale) for side in pixels.shape[:2])
    text = (
        f"Borders of blocks stand {grid.period:.2f} pixels apart instead of 8: the picture was compressed in blocks of "
        f"8x8 pixels and then reduced to {grid.scale:.3f} of its size, from about {width}x{height} pixels. "
        f"{_rarity(judged)}"
    )
    return BlockGrid("scaled", grid.scale, judged, text, "reduced")


def _turned(pixels: np.ndarray) -> BlockGrid | None:
    from forensics_features import turned_grid

    grid = turned_grid.find(pixels)
    if grid is None or abs(grid.degrees) < turned_grid.LEAST_DEGREES:
        return None
    judged = GridJudge.shipped("turned").judge(grid.values)
    if not judged.found:
        return None
    way = "counter-clockwise" if grid.degrees > 0 else "clockwise"
    text = (
        f"Borders of blocks are turned by {abs(grid.degrees):.1f} degrees {way}: the picture was compressed in blocks "
        f"of 8x8 pixels and then rotated. {_rarity(judged)}"
    )
    return BlockGrid("turned", grid.degrees, judged, text, "turned")


def _rarity(judged: GridJudgement) -> str:
    return (
        f"{judged.reached or 'None'} of {judged.tried:,} pictures that were never compressed "
        f"{'shows' if judged.reached < 2 else 'show'} it as clearly."
    )


def _compressed(analysis: Analysis, found: BlockGrid) -> Analysis:
    judged = found.judged
    processes = _weighed(dict(analysis.ranking), judged)
    families, ranking = by_family(processes), ranked(processes)
    family, best = max(families, key=lambda name: families[name]), ranking[0][0]
    jpeg = family in _LIKE_JPEG
    named = family != "uncompressed" and families[family] >= NAMED_FROM and (judged.jpeg or not jpeg)
    verdict = (best if jpeg else family) if named else INCONCLUSIVE
    return restated(
        analysis,
        ranking,
        verdict,
        families[family] if named else ranking[0][1],
        (members_of(family) or (family,)) if named else (),
        [_statement(found), *_kept(analysis, verdict)],
        afterwards=_since(analysis.afterwards, found.change, 1 - (judged.reached + 1) / (judged.tried + 2)),
    )


def _weighed(processes: dict[str, float], judged: GridJudgement) -> dict[str, float]:
    """What the models hold likely, times how much likelier the reading is of each kind of picture than of an equal
    mixture of them; never more than validation carries.
    """
    least = (judged.reached + 1) / (judged.tried + 2)
    none, other, jpeg = np.clip(judged.probabilities, least, 1.0)
    weighed = {
        name: p * (none if name == "uncompressed" else jpeg if name in (*_LIKE_JPEG, *_OF_EIGHT) else other)
        for name, p in processes.items()
    }
    total = sum(weighed.values())
    return {name: p / total for name, p in weighed.items()}


def _statement(found: BlockGrid) -> Statement:
    speaks_for = ("jpeg",) if found.judged.jpeg else ()
    return without_range(f"{found.kind}_grid", found.value, speaks_for, found.text)


def _kept(analysis: Analysis, verdict: str) -> tuple[Statement, ...]:
    """The evidence that still fits: what spoke for the verdict, and steps."""
    return tuple(one for one in analysis.evidence if one.supports and (not one.speaks_for or verdict in one.speaks_for))
