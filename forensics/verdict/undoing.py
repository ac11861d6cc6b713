"""Steps after decoding that are undone before or after a picture is judged, and which of the two verdicts stands.

Enlargements are undone first of all, where one is found: the native pixels are what is judged. The rest is looked for
where the models leave a picture open and hold such a step likely: enlargement in linear light, sharpening, and, when
every exact reading has been heard, rotation and reduction.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
from forensics_models.classes import INCONCLUSIVE, OPEN_VERDICTS, family_of, says_lossy
from forensics_models.open_judge import by_family

from forensics.pictures.opened import Picture
from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, ToneChange
from forensics.results.steps import RepetitionStep, Step
from forensics.verdict import steps as after
from forensics.verdict.restated import without_content
from forensics.windows.choice import MINIMUM_SIDE
from forensics.windows.reading import cores

if TYPE_CHECKING:
    from forensics_models.open_judge import OpenJudge

MAYBE_RESIZED = ("resampled", "several")
"""Answers to what happened since that enlargements in linear light are looked for after."""
RESIZED_FROM = 0.5
"""Their probability together from which they are looked for in a picture that the models leave open: all of 11 JPEG,
WebP and AVIF files of validation sources that Squoosh enlarged and that are left open reach 0.95."""
MAYBE_SHARPENED = ("filtered", "several")
"""Answers to what happened since that sharpening is looked for after."""
ASKED_FROM = 0.1
"""Their probability together from which it is looked for, at a second of processor time: of 30 validation pictures
whose filter was clear 29 reach it."""
STRAIGHT_FROM = 0.5
"""Least probability that nothing happened to the samples before the filter, under which it is not undone: more likely
than not. None of the 11 clear readings of 240 validation pictures after other steps passes it."""
RESAMPLED_FROM = 0.5
"""Probability of `MAYBE_RESIZED` together from which a rotation or a reduction is looked for in a picture that is left
open."""
SCALES_TRIED = 8
"""Scales of a reduction that are tried: of 83 reduced validation pictures 72 have the right one among them
(`reduction.candidates`), and of 46 that were left open it takes 0.3 to 1.8 s of processor time."""
REDUCED_SAID_FROM = 0.9
"""Probability of a codec at the size before from which it is named."""
EXACTLY_FLAT = 4.0
"""Logarithm of windows of 8x8 pixels that are flat over those that are nearly so (`forensics_features.exactness`), from
which no reduction is looked for: a codec and a filter after it leave deviations of a few levels in what was flat. None
of 82 coded pictures that the models leave open as probably resampled has so much (3.6 at most), 18 of 236 that were
never coded do; a test pattern of FFmpeg that was JPEG XR (0.92) at a size that it never had has 5.6."""
SURELY_UNCOMPRESSED = 0.9
"""Probability of `uncompressed` from which none is looked for."""


class Examined(Protocol):
    """How pictures are judged."""

    @property
    def open_judge(self) -> OpenJudge | None:
        """What says what happened since."""

    @property
    def threads(self) -> int | None:
        """That share the windows; None for as many as there are cores."""

    def analysis(self, picture: Picture, pixels: np.ndarray, steps: tuple[Step, ...]) -> Analysis:
        """That of a picture's pixels, which are those left when `steps` are undone."""


def enlarged(picture: Picture, one: Examined) -> tuple[Analysis, np.ndarray | None]:
    """The analysis, with an enlargement undone where one is found, and the pixels that exact readings may be asked of;
    None where too few are left.
    """
    stored, (steps, native) = _stored_and_enlarged(picture, one)
    if not steps:
        return stored or one.analysis(picture, picture.pixels, ()), picture.pixels
    if min(native.shape[:2]) < MINIMUM_SIDE:
        return _too_small(stored or one.analysis(picture, picture.pixels, ()), steps), None
    undone = one.analysis(picture, native, steps)
    if after.exact(steps):
        return undone, native
    stored = stored or one.analysis(picture, picture.pixels, ())
    named = stored.verdict not in ("uncompressed", INCONCLUSIVE)
    chosen = stored if named and stored.probability >= after.SPITE_OF_ENLARGEMENT else undone
    return chosen, picture.pixels


def _stored_and_enlarged(
    picture: Picture, one: Examined
) -> tuple[Analysis | None, tuple[tuple[Step, ...], np.ndarray]]:
    """The analysis of the picture as stored, where there is a core for it while enlargements are looked for; and those,
    with the native pixels.
    """
    if cores(one.threads) == 1:
        return None, after.find_enlargements(picture.pixels)
    with ThreadPoolExecutor(1) as aside:
        found = aside.submit(after.find_enlargements, picture.pixels)
        if one.open_judge is not None:
            aside.submit(one.open_judge.prepare)
        return one.analysis(picture, picture.pixels, ()), found.result()


def of_light(analysis: Analysis, pixels: np.ndarray, picture: Picture, one: Examined) -> tuple[Analysis, np.ndarray]:
    """The analysis with an enlargement in linear light undone, where the models leave a picture open that was probably
    resized.
    """
    likely = sum((analysis.afterwards or {}).get(name, 0.0) for name in MAYBE_RESIZED)
    resized = any(not isinstance(step, ToneChange) for step in analysis.steps)
    if resized or analysis.verdict != INCONCLUSIVE or likely < RESIZED_FROM:
        return analysis, pixels
    step = after.find_enlargement_of_light(pixels)
    if step is None or min(step.width, step.height) < MINIMUM_SIDE:
        return analysis, pixels
    native = step.undo(eight_bit(pixels))
    return one.analysis(picture, native, (step,)), native


def sharpened(analysis: Analysis, pixels: np.ndarray, picture: Picture, one: Examined) -> tuple[Analysis, np.ndarray]:
    """The analysis with a sharpening filter undone where one was the last step, and with an enlargement before it; as
    it is where none is clear, or where what is left does not look as a decoder leaves it.
    """
    likely = sum((analysis.afterwards or {}).get(name, 0.0) for name in MAYBE_SHARPENED)
    if analysis.steps or likely < ASKED_FROM:
        return analysis, pixels
    step = after.find_sharpening(pixels)
    if step is None:
        return analysis, pixels
    steps, native = after.find_enlargements(step.undo(eight_bit(pixels)))
    if min(native.shape[:2]) < MINIMUM_SIDE:
        return analysis, pixels
    undone = one.analysis(picture, native, (step, *steps))
    straight = (undone.afterwards or {}).get("nothing", 0.0)
    return (undone, native) if straight >= STRAIGHT_FROM else (analysis, pixels)


def rotated(
    analysis: Analysis,
    pixels: np.ndarray,
    picture: Picture,
    one: Examined,
    finished: Callable[[Analysis, np.ndarray], Analysis],
) -> Analysis:
    """The analysis with a rotation undone, where that settles a picture that is left open otherwise, or names a codec
    in one that is probably uncompressed.

    Parameters
    ----------
    analysis : Analysis
        After all exact readings.
    pixels : np.ndarray
        Those that it is on.
    picture : Picture
    one : Examined
    finished : callable
        What exact readings of pixels leave of an analysis.
    """
    if not _maybe_rotated(analysis):
        return analysis
    found = after.find_rotation(pixels)
    if found is None:
        return analysis
    step, upright = found
    undone = finished(one.analysis(picture, upright, (*_kept(analysis), step)), upright)
    return analysis if undone.verdict in (*OPEN_VERDICTS, analysis.verdict) else undone


def reduced(
    analysis: Analysis,
    pixels: np.ndarray,
    picture: Picture,
    one: Examined,
    finished: Callable[[Analysis, np.ndarray], Analysis],
) -> Analysis:
    """The analysis at the size before a reduction, where that names the codec that is likeliest at the stored size too,
    in a picture that is left open otherwise; parameters as of `rotated`.

    Of one of many sizes something resembles some codec by chance. The three of 251 open validation pictures that are
    named so, all rightly, have that family as the likeliest as they are stored; two of eight untouched mosaics of noise
    that were named JPEG XR (0.95 and 0.97) have another.
    """
    # Nothing is known of what happened since where the picture is likelier uncompressed, as where reduced noise is held
    # against a codec: enlarged, that would look like one again.
    if analysis.verdict != INCONCLUSIVE or analysis.afterwards is None or not _maybe_resampled(analysis):
        return analysis
    families = by_family(dict(analysis.ranking))
    likeliest = max(families, key=lambda name: families[name])
    if not says_lossy(likeliest) or _never_reduced(analysis, pixels):
        return analysis
    steps, named = _kept(analysis), []
    for step, before in after.possible_reductions(pixels, SCALES_TRIED):
        undone = one.analysis(picture, before, (*steps, step))
        if says_lossy(undone.verdict):
            named.append((undone, before))
    if {family_of(undone.verdict) for undone, _ in named} != {likeliest}:
        return analysis
    undone, before = max(named, key=lambda pair: pair[0].probability)
    if undone.probability < REDUCED_SAID_FROM:
        return analysis
    undone = finished(undone, before)
    return undone if says_lossy(undone.verdict) else analysis


def _never_reduced(analysis: Analysis, pixels: np.ndarray) -> bool:
    """Whether samples were repeated exactly, or flat areas are too exact to have been coded and reduced.

    What is enlarged by repetition is drawn, or a pattern: undone, one of FFmpeg's, of ramps, was JPEG (0.91) at a size
    that it never had. None of seven of 364 validation pictures that are named at the size before was repeated.
    """
    from forensics_features.exactness import LEAST_SIDE, NAMES, exactness
    from forensics_features.planes import to_rgb8

    if any(isinstance(step, RepetitionStep) for step in analysis.steps):
        return True
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return False
    return bool(exactness(to_rgb8(pixels))[NAMES.index("flat_to_near8")] >= EXACTLY_FLAT)


def _kept(analysis: Analysis) -> tuple[Step, ...]:
    """The steps of an analysis that are undone in the pixels that it is on: a change of tone is looked for again."""
    return tuple(step for step in analysis.steps if not isinstance(step, ToneChange))


def _maybe_resampled(analysis: Analysis) -> bool:
    """Whether what happened since does not rule a resampling out."""
    since = analysis.afterwards
    return since is None or sum(since.get(name, 0.0) for name in MAYBE_RESIZED) >= RESAMPLED_FROM


def _maybe_rotated(analysis: Analysis) -> bool:
    """Whether the picture is open, or not surely uncompressed, and what happened since does not rule a rotation out."""
    if analysis.verdict == "uncompressed":
        return analysis.probability < SURELY_UNCOMPRESSED
    return analysis.verdict == INCONCLUSIVE and _maybe_resampled(analysis)


def _too_small(analysis: Analysis, steps: tuple[Step, ...]) -> Analysis:
    """An analysis without a verdict: natively the picture has too few pixels."""
    note = f"{steps[-1].text.split(':')[0]}: natively fewer than {MINIMUM_SIDE} pixels a side, too little to read"
    return without_content(
        analysis,
        after.statements(steps),
        probability=analysis.ranking[0][1],
        limits=(note, *analysis.limits),
    )
