"""WSQ: at one phase of its packet tree the coefficients of 32 subbands gather at the levels of a quantiser.

The test looks at the central 320x320 pixels of a grey picture. Turned and mirrored pictures are the same to it.
"""

from __future__ import annotations

import math

import numpy as np

from forensics.processes.base import Process
from forensics.processes.figures import plot_phases
from forensics.processes.sampling import unless_computed
from forensics.results.a_contrario import log10_gamma_tail, log10_nfa
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "wsq_subbands"
_MOST = 320
"""Side of the central part that is looked at, in pixels: a bound on work."""
_LEAST_SIDE = 96
"""Smallest side in pixels that is tested: of validation pictures coded as WSQ none of 42 crops of 48 to 95 pixels is
found, 1 of 42 of 96 to 143, 5 of 12 of 144 to 159. So it bounds work and decides nothing; with 48, 64 and 128 the same
4 of 48 are found, and none of 48 others (`forensics_benchmarks.thresholds`)."""
_LEAST_LEVELS = 32
"""Fewest grey levels in a picture that is tested: the coefficients of a pattern in black and white depend on each other
(four of five cellular automata passed). WSQ gives 115 and more, of six photographs and of ridges in black and white, at
0.5 to 2.25 bits a pixel."""
LN10 = math.log(10.0)


def test(pixels: np.ndarray) -> Trace:
    """Test the 256 phases of the packet tree, in a grey picture: WSQ has one channel.

    The evidence of every subband (Hoeffding's bound of its sum of cosines, paid for by the steps tried) is summed over
    the 32 subbands against the sum of as many unit exponentials (Fisher).

    Returns
    -------
    Trace
        `statistic`: median over the subbands of the mean cosine at their own step, -1..1. `parameters`: `phase` of the
        tree modulo 16, `subbands`, `steps` (median, in levels).
    """
    from forensics_features.packet_comb import PERIOD, packet_combs
    from forensics_features.planes import central, to_rgb8

    part, (top, left) = central(pixels, _MOST, PERIOD)
    rgb = to_rgb8(part)
    reason = _untestable(rgb)
    if reason:
        return _absent(math.nan, f"WSQ's packet subbands were not tested: {reason}.", np.zeros((PERIOD, PERIOD)))
    read = packet_combs(rgb[..., 0].astype(np.float32))
    at = np.unravel_index(int(read.evidence.argmax()), read.evidence.shape)
    tail = log10_gamma_tail(float(read.evidence[at]), read.subbands) if read.evidence[at] > read.subbands else 0.0
    nfa = unless_computed(log10_nfa(tail, read.evidence.size), rgb, read.evidence.size)
    if nfa > FOUND_BELOW:
        return _absent(
            nfa, "The packet subbands of WSQ show no quantisation at any of the 256 phases of its tree.", read.evidence
        )
    phase = [(int(at[0]) + top) % PERIOD, (int(at[1]) + left) % PERIOD]
    step = float(np.median(read.steps[read.steps > 0]))
    return Trace(
        name=NAME,
        statistic=float(np.median(read.strengths)),
        log10_nfa=nfa,
        speaks_for=("wsq",),
        parameters={
            "phase": phase,
            "subbands": read.subbands,
            "steps": round(step, 2),
            "measure": "evidence, natural logarithm",
        },
        sentence=(
            f"In the packet subbands that WSQ has and JPEG 2000 has not, with the tree starting at row {phase[0]}, "
            f"column {phase[1]} (modulo 16), coefficients gather at the levels of "
            f"WSQ's quantiser, steps about {step:.1f} levels; at the other 255 phases they do not. Chance gives this "
            f"in {chance(nfa)}."
        ),
        series={"phases": read.evidence},
    )


def _untestable(rgb: np.ndarray) -> str:
    """Why a picture is not tested; empty where it is."""
    if not ((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all()):
        return "the picture has colours"
    if min(rgb.shape[:2]) < _LEAST_SIDE:
        return f"a side is under {_LEAST_SIDE} pixels"
    levels = np.count_nonzero(np.bincount(rgb[..., 0].ravel(), minlength=256))
    return f"it has {levels} grey levels, and a decoder gives more" if levels < _LEAST_LEVELS else ""


def _absent(nfa: float, sentence: str, phases: np.ndarray) -> Trace:
    parameters = {"phase": None, "subbands": 0, "steps": None, "measure": "evidence, natural logarithm"}
    return Trace(NAME, 0.0, nfa, (), parameters, sentence, {"phases": phases})


PROCESS = Process(
    name="wsq",
    title="WSQ",
    what=(
        "Wavelet scalar quantisation, the FBI's format for fingerprints: JPEG 2000's 9/7 filters, but 64 "
        "packet subbands."
    ),
    made_by="the package wsq",
    undecided="the encoder",
    exact=test,
    veto=True,
    trace=NAME,
    plot=plot_phases,
)
