"""What exact readings decide after the models: too little content, a process proven, a JPEG proven.

The models weigh features; an exact test asks whether the samples are possible without a process. In this order:

1. **Too little content.** A flat picture or a computed ramp holds nothing that a codec could have left or destroyed:
   `no-content`.
2. **A process beyond the eight codecs** (`forensics.processes`): found, it is the verdict. A palette, a block texture
   must have been the last step; what was before a palette may still show.
3. **A JPEG kept in JPEG XL**, where a JPEG's table shows under another verdict: its coefficients as libjxl moves them
   (`forensics.history.jpeg.kept`).
4. **The codecs' own tests**, weighed against the models (`forensics.verdict.weighing`).
5. **JPEG**, where the models are not sure: blocks that only a JPEG decoder gives
   (`forensics.history.jpeg.possible_blocks`).

Probabilities are those that validation supports: of `validated` pictures without the process none was named, so that
one in that number + 2 is granted (Laplace's rule of succession).
"""

from __future__ import annotations

import math

import numpy as np
from forensics_models.classes import INCONCLUSIVE, OTHER_LOSSY

from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, Statement, ToneChange
from forensics.results.chance import validated
from forensics.results.history import Trace
from forensics.verdict import tone
from forensics.verdict.evidence import ALTERED
from forensics.verdict.restated import led_by, restated, since_with, without_content, without_range
from forensics.verdict.weighing import weigh

CONTENT = "content"
"""Name of the statement that says why there is too little."""
LEAST_CONTENT, LEAST_CONTENT_SHARE = 100, 0.001
"""Pixels at which brightness bends, and their share, under which a picture has too little content. Of 400 crops each of
the training pictures: the smallest count is 3,573 at 256 px, the 2 % quantile 217 at 64 px; ramps, radial and sine
gradients have 0, ramps with uniform dither 138 at 256 px."""
SURE = 0.9
"""Probability from which a verdict of the models is not asked for a JPEG, and a codec's name is overruled only by exact
tests that have a veto.
"""

KEPT_FROM = 0.05
"""Probability of JPEG XL from which a JPEG kept in it is looked for: what the candidates leave not excluded."""
_KIN = ("video-mpeg2", "video-mpeg4", "other-lossy")
"""Processes that transform blocks of 8x8 samples as JPEG does: a JPEG's table makes most of their blocks possible, too
(up to 0.96 of 240)."""
_KIN_FROM = 0.5
"""Probability of those by the models from which a JPEG's blocks prove nothing: none of 279 validation windows of
JPEGs as decoded reaches it, and 83 to 93 % of those of the three do."""


def settled(analysis: Analysis, pixels: np.ndarray) -> Analysis:
    """The analysis with what exact readings decide.

    Parameters
    ----------
    analysis : Analysis
        What the models say.
    pixels : np.ndarray [shape=(height, width[, 1..4]), dtype=uint8 or uint16]
        The whole picture as stored.
    """
    from forensics.processes.run import found_in, run_exact, without_veto

    whole = eight_bit(pixels)
    empty = _too_little(whole)
    if empty is not None:
        return _without_content(analysis, empty)
    traces = run_exact(whole, without_veto() if _names_codec(analysis) and analysis.probability >= SURE else ())
    name = found_in(traces)
    if name is not None:
        return proven(analysis, name, traces[name])
    kept = _kept_in_jpegxl(analysis, whole)
    if kept is not None:
        return proven(analysis, "jpeg", kept)
    seen = tone.undo(whole, analysis.tone) if tone.undoes(analysis.tone) else whole
    sure = analysis.verdict != INCONCLUSIVE and analysis.probability >= SURE
    weighed = weigh(analysis, seen)
    if weighed.verdict == "jpeg" or (weighed.verdict != INCONCLUSIVE and (sure or analysis.verdict == INCONCLUSIVE)):
        return weighed
    if sum(dict(analysis.ranking).get(one, 0.0) for one in _KIN) >= _KIN_FROM:
        return weighed
    from forensics.history.jpeg.possible_blocks import jpeg_blocks

    blocks = jpeg_blocks(whole)
    return proven(weighed, "jpeg", blocks) if blocks.found else weighed


def _kept_in_jpegxl(analysis: Analysis, pixels: np.ndarray) -> Trace | None:
    """The trace of a JPEG that was kept in JPEG XL, looked for where both are possible."""
    if analysis.verdict == "jpeg":
        return None
    possible = dict(analysis.ranking).get("jpegxl", 0.0) >= KEPT_FROM
    if not possible and all(statement.trace != ALTERED for statement in analysis.evidence):
        return None
    from forensics.history.jpeg.kept import kept_jpeg

    trace = kept_jpeg(pixels)
    return trace if trace.found else None


def proven(analysis: Analysis, name: str, trace: Trace) -> Analysis:
    """The analysis with a process as its verdict that an exact test proves.

    Whatever came after the process would have destroyed what the test reads, so that nothing did.
    """
    probability = 1 - 1 / (validated(trace.name) + 2)
    kept = [s for s in analysis.evidence if s.trace == ALTERED and name != "jpeg"]
    kept += [s for s in analysis.evidence if s.supports and name in s.speaks_for and s not in kept]
    return restated(
        analysis,
        led_by(analysis.ranking, name, probability),
        name,
        probability,
        (name,),
        [_statement(trace), *kept],
        strange=analysis.strange if name == analysis.best else 0.0,
        afterwards=since_with(analysis.afterwards, "nothing", probability),
        tone=analysis.tone._replace(undone=False) if tone.undoes(analysis.tone) else analysis.tone,
        steps=tuple(step for step in analysis.steps if not isinstance(step, ToneChange)),
    )


def _statement(trace: Trace) -> Statement:
    return without_range(trace.name, float(trace.statistic), trace.speaks_for, trace.sentence)


def _names_codec(analysis: Analysis) -> bool:
    return analysis.verdict not in (INCONCLUSIVE, "uncompressed", OTHER_LOSSY)


def _too_little(pixels: np.ndarray) -> str | None:
    """Why a picture has too little content; None where it has enough."""
    from forensics_features.content import bent_pixels
    from forensics_features.planes import to_rgb8

    rgb = to_rgb8(pixels)
    inner = max((rgb.shape[0] - 2) * (rgb.shape[1] - 2), 1)
    enough = max(LEAST_CONTENT, LEAST_CONTENT_SHARE * inner)
    bent = bent_pixels(rgb, math.ceil(enough))
    if bent >= enough:
        return None
    if not np.ptp(rgb.reshape(-1, 3), axis=0).any():
        return "the picture has one colour"
    return (
        f"brightness bends at {bent} of {inner} pixels only: flat areas or a smooth gradient, in which no "
        f"compression could be seen"
    )


def _without_content(analysis: Analysis, reason: str) -> Analysis:
    none = float("nan")
    statement = Statement(CONTENT, CONTENT, 0.0, none, none, none, 0.0, (), None, reason)
    return without_content(analysis, (statement,))
