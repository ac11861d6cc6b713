"""From pixels and a verdict to a `History`: traces are tested, the verdict's codec is asked for its parameters, and
gaps are named.

The verdict chooses which codec's recovery runs. An inconclusive verdict asks the two most probable codecs; the names of
their parameters then carry the codec in front (`webp.quantizer_index`). A recovery or a test that fails costs its own
part and leaves a note, nothing else.

What a codec's module cannot read, and codecs without one, get estimates by regression (`forensics.history.estimated`),
with their errors, where those hold (`estimates_withheld`).

To add a codec: a module with `recover(pixels)`, whose result keeps to `forensics.history.contract.Recovered`, and a row
in `CODEC_MODULES`. One in `FROM_ESTIMATES` gets the estimates, to start from, and the class as well. A module of
`CONFIRMATIONS` has `confirmation(pixels, result)`, which gives further parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module

import numpy as np
from forensics_models.classes import HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE, says_lossy
from forensics_models.parameters import EARLIER

from forensics.former_paths import former_names
from forensics.history import estimated
from forensics.history.contract import Recovered
from forensics.history.generations import chain_of
from forensics.history.guarded import Noted, T, guarded
from forensics.history.recoding.coder import Recoded
from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, Window
from forensics.results.history import Generation, History, Parameter, Trace, in_order
from forensics.results.steps import EnlargementStep, InsetStep, RepetitionStep
from forensics.results.wording import TITLES, percent

CODEC_MODULES = {
    "jpeg": "forensics.history.jpeg.recovery",
    "jpeg2000": "forensics.history.jpeg2000.recovery",
    "jpegxr": "forensics.history.jpegxr.recovery",
    "bpg": "forensics.history.recoding.hevc",
    "heic": "forensics.history.recoding.hevc",
    "avif": "forensics.history.recoding.av1",
    "webp": "forensics.history.recoding.vp8",
    "jpegxl": "forensics.history.recoding.jpegxl",
}
"""The module that recovers the parameters of each class, loaded only when it is needed."""
CONFIRMATIONS = {
    "jpeg2000": "forensics.history.jpeg2000.fixed_point",
    "jpegxr": "forensics.history.jpegxr.fixed_point",
    "webp": "forensics.history.recoding.vp8_lattice",
}
"""The module that confirms what was recovered, by recompression where the recovery itself does not, and by exact
arithmetic."""
FROM_ESTIMATES = frozenset({"bpg", "heic", "avif", "webp", "jpegxl"})
RUNNER_UP_FROM = 0.05
"""Probability from which the runner-up of an inconclusive verdict is asked for parameters too, and the other standard
is tried where one is named: a bound on work, as either costs 10 to 20 s of processor time on 12 megapixels.
"""

_RIVAL = {"bpg": "avif", "heic": "avif", "avif": "heic"}
"""The codec of the other standard that is tried where recompression shows a grid and no index: colour arithmetic of
rare decoders confuses the two.
"""
_AGREEING = 20
"""Blocks that have to agree before recompression speaks for a codec."""

_QUALITY = "quality_factor"
"""The quality that a JPEG's recovery reads off a whole table."""

_READ = ("format", "near", "error", "step", "level", "colours", "dithered", "scan", "phase", "steps")
"""What exact tests read that is a parameter of the process, not a measure of the test."""


def recover_history(
    pixels: np.ndarray,
    analysis: Analysis,
    part: Window | None = None,
    tested: Callable[[], tuple[Trace, ...]] | None = None,
) -> History:
    """How a picture was compressed, from its pixels and the verdict on them.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
        The whole picture, not a window: phases are stated relative to its top left corner.
    analysis : Analysis
        The analysis of the same pixels; its verdict chooses the codecs.
    part : Window, optional
        Where parameters and earlier compressions are read, of the pixels as judged; it begins at multiples of 64
        pixels, so that phases hold for the whole picture. The whole picture by default. Traces are of the part too;
        those that the whole picture alone shows stand with them and say so.
    tested : callable, optional
        Gives what `traces_of` does, where that runs elsewhere already.

    Returns
    -------
    History
        Traces most significant first. Without a codec in the verdict there are no parameters and no generations.
    """
    stored = eight_bit(pixels)
    whole = analysis.as_judged(stored)
    pixels = whole if part is None else np.ascontiguousarray(part.cut(whole))
    notes: list[str] = []

    def noted(found: Noted[T]) -> T:
        notes.extend(found[1])
        return found[0]

    none: tuple[Trace, ...] = ()
    undone = noted(guarded(lambda: _undone(stored, analysis), none, "the trace of enlargement"))
    of_whole = noted(guarded(tested or (lambda: _traces(whole)), none, "the trace tests"))
    of_part = of_whole if part is None else noted(guarded(lambda: _traces(pixels), none, "the trace tests of a part"))
    traces = (*undone, *(of_whole if part is None else _of_both(of_part, of_whole)))
    nothing: tuple[Parameter, ...] = ()
    moved, still = noted(
        guarded(lambda: _changed(pixels, analysis), (nothing, nothing), "the reading of a changed JPEG")
    )
    if moved:
        one = (Generation("jpeg", analysis.probability, moved),)
        return History(moved, traces, one, (*notes, *_open_questions(analysis, traces, one)))
    codecs = asked_codecs(analysis)
    estimates = {codec: noted(_estimated(codec, pixels)) for codec in codecs}
    recovered = {codec: noted(_recovered(codec, pixels, estimates[codec])) for codec in codecs}
    measured = {
        codec: (*one.parameters(), *noted(_confirmed(codec, pixels, one))) if one is not None else ()
        for codec, one in recovered.items()
    }
    without = estimates_withheld(analysis)
    if without and any(estimates.values()):
        notes.append(without)
    kept = {codec: () if without else listed for codec, listed in estimates.items()}
    found = {codec: noted(completed(codec, listed, kept[codec])) for codec, listed in measured.items()}
    traces = in_order(
        (*traces, *(one.trace for one in recovered.values() if isinstance(one, Recoded) and one.trace is not None))
    )
    earlier = next((p for parameters in found.values() for p in parameters if p.name == EARLIER), None)
    notes += _settled({**recovered, **noted(_cross_checked(recovered, analysis, pixels))})
    notes += _bpg_or_heic(analysis, recovered)
    parameters = _joined({codec: tuple(p for p in listed if p.name != EARLIER) for codec, listed in found.items()})
    parameters = tuple(_unless_contradicted(one, of_part) for one in parameters)
    parameters = (*parameters, *_of_process(analysis.verdict, traces))
    if still and all(one.name != _QUALITY or one.value is None for one in parameters):
        parameters = (*still, *(one for one in parameters if one.value is not None))
    generations: tuple[Generation, ...] = ()
    if says_lossy(analysis.verdict):
        last = Generation(analysis.verdict, analysis.probability, parameters)
        generations = noted(
            chain_of(pixels, last, recovered.get("jpeg"), earlier, of_part, undone=_with_noise(analysis) or bool(still))
        )
    return History(parameters, traces, generations, (*notes, *_open_questions(analysis, traces, generations)))


def asked_codecs(analysis: Analysis) -> tuple[str, ...]:
    """The codecs whose parameters are looked for, most probable first.

    One for a verdict that names one, the two best codecs (the second from `RUNNER_UP_FROM` on) for an inconclusive
    verdict, none for `uncompressed`, too little content, and processes beyond the eight codecs. Of BPG and HEIC only
    the more probable one is asked: both have the same parameters, read in the same way.
    """
    if analysis.verdict != INCONCLUSIVE and analysis.verdict not in (*CODEC_MODULES, HEVC_FAMILY):
        return ()
    ranked = [(name, probability) for name, probability in analysis.ranking if name != "uncompressed"]
    if analysis.verdict == HEVC_FAMILY:
        return tuple(name for name, _ in ranked if name in HEVC_INTRA)[:1]
    if analysis.verdict != INCONCLUSIVE:
        return (analysis.verdict,)
    first = ranked[0][0]
    others = [(name, probability) for name, probability in ranked[1:] if not {first, name} <= set(HEVC_INTRA)]
    return (first, *(name for name, probability in others[:1] if probability >= RUNNER_UP_FROM))


def traces_of(pixels: np.ndarray, analysis: Analysis) -> tuple[Trace, ...]:
    """The trace tests of the whole picture as judged, which need no map."""
    return _traces(analysis.as_judged(eight_bit(pixels)))


def _traces(pixels: np.ndarray) -> tuple[Trace, ...]:
    from forensics.history.traces import run_traces
    from forensics.processes.run import run_exact

    return (*run_traces(pixels), *run_exact(pixels).values())


def _of_both(of_part: Sequence[Trace], of_whole: Sequence[Trace]) -> tuple[Trace, ...]:
    """The traces of a part, and those that the whole picture alone shows."""
    known = {trace.name for trace in of_part if trace.found}
    further = {trace.name: trace for trace in of_whole if trace.found and trace.name not in known}
    begin = "In the whole picture, but not in the part: "
    added = (replace(trace, sentence=f"{begin}{trace.sentence}") for trace in further.values())
    return (*(trace for trace in of_part if trace.name not in further), *added)


def _of_process(verdict: str, traces: Sequence[Trace]) -> tuple[Parameter, ...]:
    """What the exact test of a process beyond the eight codecs read; empty for another verdict."""
    if verdict in CODEC_MODULES:
        return ()
    trace = next((trace for trace in traces if trace.found and verdict in trace.speaks_for), None)
    if trace is None:
        return ()
    read = {name: value for name, value in trace.parameters.items() if name in _READ and value is not None}
    return tuple(
        Parameter(name, tuple(value) if isinstance(value, list) else value, basis=f"the exact test {trace.name}")
        for name, value in read.items()
    )


def _undone(pixels: np.ndarray, analysis: Analysis) -> tuple[Trace, ...]:
    """Enlargements that the verdict rests on undoing, as traces."""
    from forensics.history.traces.enlargement import enlargement

    traces = []
    for step in analysis.steps:
        if isinstance(step, EnlargementStep | RepetitionStep):
            traces.append(enlargement(step, pixels))
        pixels = step.undo(pixels)
    return tuple(traces)


def _changed(pixels: np.ndarray, analysis: Analysis) -> tuple[tuple[Parameter, ...], tuple[Parameter, ...]]:
    """What is read of a JPEG that was changed since, where the verdict rests on it: first where its blocks are no
    longer in place, so that nothing else is left, then where they are.
    """
    from forensics.history.jpeg import before_reduction, changed

    names = {statement.trace for statement in analysis.evidence} if analysis.verdict == "jpeg" else set()
    if before_reduction.NAME in names:
        scaled = before_reduction.read(pixels)
        return () if scaled is None else before_reduction.parameters_of(scaled), ()
    reading = changed.read(pixels) if changed.NAME in names else None
    if reading is None:
        return (), ()
    read = changed.parameters_of(reading)
    return ((), read) if reading.change == "none" else (read, ())


def _estimated(codec: str, pixels: np.ndarray) -> Noted[tuple[Parameter, ...]]:
    """The codec's parameters by regression; empty, and with a note, where that fails."""
    nothing: tuple[Parameter, ...] = ()
    return guarded(lambda: estimated.estimate(pixels, codec), nothing, f"the estimate of {TITLES[codec]} parameters")


def _recovered(codec: str, pixels: np.ndarray, estimates: tuple[Parameter, ...]) -> Noted[Recovered | None]:
    """What the codec's recovery gives; None where there is none, and with a note where it fails."""
    module = CODEC_MODULES.get(codec)
    if module is None:
        return None, ()
    given = (pixels, estimates, codec) if codec in FROM_ESTIMATES else (pixels,)
    return guarded(lambda: import_module(module).recover(*given), None, f"the recovery of {TITLES[codec]} parameters")


def _confirmed(codec: str, pixels: np.ndarray, one: Recovered) -> Noted[tuple[Parameter, ...]]:
    """What recompression with the recovered parameters shows; empty for codecs whose recovery re-encodes by itself, or
    nothing.
    """
    module, nothing = CONFIRMATIONS.get(codec), ()  # type: str | None, tuple[Parameter, ...]
    if module is None:
        return nothing, ()
    title = f"the confirmation of {TITLES[codec]} parameters"
    return guarded(lambda: import_module(module).confirmation(pixels, one), nothing, title)


def estimates_withheld(analysis: Analysis) -> str:
    """Why no parameter is estimated by regression; empty where estimates hold: their errors were validated on pictures
    of a known codec, as its decoder leaves them.
    """
    since = analysis.afterwards or {"nothing": 1.0}
    if analysis.verdict == INCONCLUSIVE:
        why = "the verdict names no codec"
    elif since["nothing"] < 0.5:
        why = "the picture was probably changed since"
    else:
        return ""
    return (
        f"what is not read off the pixels is not estimated either: {why}, and the estimates' errors are known for "
        "pictures of a known codec as its decoder leaves them"
    )


def completed(
    codec: str, measured: tuple[Parameter, ...], estimates: tuple[Parameter, ...]
) -> Noted[tuple[Parameter, ...]]:
    """What was measured, with estimates by regression in the gaps; a note where there is neither."""
    by_name = {parameter.name: parameter for parameter in estimates}
    filled = [
        by_name.get(p.name, p) if p.value is None and by_name.get(p.name, p).value is not None else p for p in measured
    ]
    names = {p.name for p in measured}
    note = f"the parameters of {TITLES[codec]} are not recovered from pixels by this version"
    return (*filled, *(p for p in estimates if p.name not in names)), () if measured or estimates else (note,)


def _cross_checked(
    recovered: Mapping[str, Recovered | None], analysis: Analysis, pixels: np.ndarray
) -> Noted[dict[str, Recovered | None]]:
    """The other standard's reading where one was asked alone and found a grid, on which too few blocks agree on an
    index, and the verdict does not all but exclude the other.
    """
    if len(recovered) != 1:
        return {}, ()
    codec, one = next(iter(recovered.items()))
    other = _RIVAL.get(codec)
    if other is None or not isinstance(one, Recoded) or not one.found or one.agreeing_blocks >= _AGREEING:
        return {}, ()
    if analysis.probabilities.get(other, 0.0) < RUNNER_UP_FROM:
        return {}, ()
    estimates, notes = _estimated(other, pixels)
    reading, further = _recovered(other, pixels, estimates)
    return {other: reading}, (*notes, *further)


def _settled(recovered: Mapping[str, Recovered | None]) -> list[str]:
    """What recompression says where it was tried for HEVC and for AV1: a codec whose blocks agree on an index, and the
    other's do not.
    """
    blocks = {
        codec: one.agreeing_blocks for codec, one in recovered.items() if codec in _RIVAL and isinstance(one, Recoded)
    }
    if len(blocks) < 2:
        return []
    (more, most), (less, least) = sorted(blocks.items(), key=lambda item: -item[1])
    if most < _AGREEING or most < 3 * least:
        return []
    return [
        f"recompression speaks for {TITLES[more]} rather than {TITLES[less]}: coded by {TITLES[more]}'s standard, "
        f"{most} blocks agree on a quantiser index, "
        f"by {TITLES[less]}'s {least or 'too few'}"
    ]


def _bpg_or_heic(analysis: Analysis, recovered: Mapping[str, Recovered | None]) -> list[str]:
    """What the QP over blocks says of BPG against HEIC, where the verdict leaves it open or says otherwise.

    Encoders of HEIC files vary the QP with the texture; BPG's (its own and x265 at a constant QP) hold it.
    """
    read = next((one for codec, one in recovered.items() if codec in HEVC_INTRA and isinstance(one, Recoded)), None)
    adaptive = None if read is None else read.index_varies
    if adaptive is None or analysis.verdict == ("heic" if adaptive else "bpg"):
        return []
    if adaptive:
        return [
            "the QP differs among blocks, which speaks for HEIC rather than BPG: encoders of HEIC files vary it with "
            "the texture, BPG's hold it"
        ]
    return [
        "the QP is the same in all blocks looked at, which speaks for BPG rather than HEIC: most encoders of HEIC "
        "files vary it with the texture"
    ]


def _unless_contradicted(parameter: Parameter, traces: Sequence[Trace]) -> Parameter:
    """A subsampling, withheld where the trace of chroma's interpolation shows half the resolution along an axis that it
    calls whole: one report does not say both.
    """
    from forensics.history.traces.chroma_spectrum import NAME, SUBSAMPLINGS

    trace = next((one for one in traces if one.name == NAME and one.found), None)
    if not parameter.name.endswith("chroma_subsampling") or trace is None or trace.parameters["planes"] != "chroma":
        return parameter
    axes = {name: halved for halved, name in SUBSAMPLINGS.items()}
    said, seen = axes.get(str(parameter.value), (False, False)), axes.get(trace.parameters["subsampling"])
    if parameter.value is None or seen is None or all(a or not b for a, b in zip(said, seen, strict=True)):
        return parameter
    interpolated = trace.parameters["subsampling"]
    reason = f"the blocks say {parameter.value}, and chroma is interpolated as after {interpolated}: of several steps"
    return Parameter(parameter.name, None, reason=reason)


def _joined(found: dict[str, tuple[Parameter, ...]]) -> tuple[Parameter, ...]:
    """The parameters of all candidates; named after their codec where there are several."""
    if len(found) == 1:
        return next(iter(found.values()))
    return tuple(replace(p, name=f"{codec}.{p.name}") for codec, parameters in found.items() for p in parameters)


def _with_noise(analysis: Analysis) -> bool:
    """Whether a step was undone that does not come undone exactly, as a repetition of samples does."""
    return any(not isinstance(step, InsetStep | RepetitionStep) for step in analysis.steps)


def _open_questions(analysis: Analysis, traces: Sequence[Trace], generations: Sequence[Generation]) -> list[str]:
    """Where verdict, earlier compressions and traces do not fit together, and what a missing trace means."""
    named = set(asked_codecs(analysis))
    named |= set(HEVC_INTRA) if named & set(HEVC_INTRA) else set()
    explained = named | {generation.codec for generation in generations}
    found = [trace for trace in traces if trace.found]
    others = sorted(
        {
            name
            for trace in found
            if trace.speaks_for and not explained & set(trace.speaks_for)
            for name in trace.speaks_for
        }
    )
    questions = []
    if analysis.verdict == INCONCLUSIVE:
        questions.append(
            f"which codec it was: the best guess, {TITLES[analysis.best]}, reaches {percent(analysis.probability)} only"
        )
    if analysis.verdict == HEVC_FAMILY:
        questions.append("whether it was BPG or HEIC: both are HEVC intra coding and leave the same traces here")
    resized = any(trace.parameters.get("resized") for trace in found)
    if resized:
        questions.append(
            "what happened before a resizing, of which a trace was found: it removes most of what the other tests look "
            "for"
        )
    if analysis.verdict == "uncompressed" and not found:
        questions.append(
            "whether it was compressed and resized or filtered afterwards, which removes the traces that were looked "
            "for"
        )
    if others:
        titles = ", ".join(TITLES[name] for name in others)
        questions.append(
            f"why traces of {titles} were found although the verdict is {TITLES[analysis.verdict]}: an earlier "
            "compression, a pasted region, or a false alarm"
        )
    if named and analysis.verdict != INCONCLUSIVE and not any(named & set(trace.speaks_for) for trace in found):
        questions.append(
            "no single trace reaches its false-alarm limit for this codec: the verdict rests on the classifier's "
            "weighing of all features"
        )
    return questions


__getattr__ = former_names(__name__)
