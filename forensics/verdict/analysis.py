"""From a picture to an `Analysis`: the one way every picture takes, from Python and from the command line.

Windows are chosen (`forensics.windows.choice`), measured (`forensics_features`), judged (`forensics_models`), and what
comes out is put together with the container's facts and the evidence in words. The verdict is a calibrated probability
over `forensics_models.classes.CLASSES`; below the model's own threshold it is `inconclusive`. Where BPG and HEIC
together reach the threshold and neither does alone, the verdict is their family `hevc-intra`. Where a JPEG's table is
read under another verdict (`evidence.altered_jpeg`), that leads the evidence, and the picture is not called
uncompressed.

Where the histogram shows that brightness or contrast was changed after decoding (`forensics.verdict.tone`), the windows
are judged again with that change undone. That judgement is taken, unless the picture as stored shows a codec more
clearly (`KEEP_STORED_VERDICT_FROM`); what the two leave open is `inconclusive`. A decoder's own curve, the expansion of
limited range, is told and not undone. Enlargements after decoding
(`forensics.verdict.steps`) are undone before all that: the native pixels are what is judged (`undoing`).

Last come exact readings (`forensics.verdict.exact`): too little content, processes that are proven, a JPEG that is
proven where the models are not sure. Where the verdict is still open or `uncompressed`, a block grid that was
reduced or turned is looked for (`forensics.verdict.block_grids`), then a rotation and a reduction, to be undone. No
name is given where noise was reduced by shrinking a wavelet that no codec has (`forensics.verdict.shrunk`). What is
open after all that may be told uncompressed (`forensics.verdict.innocence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from forensics_models.classes import (
    CLASSES,
    FINE_CLASSES,
    INCONCLUSIVE,
    family_of,
)
from forensics_models.judgement import WindowJudgement
from forensics_models.open_judge import by_family
from forensics_models.restored import KINDS

from forensics.errors import PictureError
from forensics.pictures.opened import MAX_PIXELS, Picture, from_array, from_pillow, open_picture
from forensics.pixels import eight_bit, luma
from forensics.results.analysis import (
    Analysis,
    Interval,
    LeftOpen,
    ToneChange,
    WholeAnswer,
    Window,
    WindowVerdict,
)
from forensics.results.steps import Step
from forensics.verdict import (
    channel_order,
    colours,
    fine_hevc,
    innocence,
    open_pictures,
    recompression,
    restored,
    shrunk,
    tone,
    undoing,
)
from forensics.verdict import steps as after
from forensics.verdict.agreement import compare, limits, partly_judged, resizing
from forensics.verdict.block_grids import with_block_grid
from forensics.verdict.doubt import held_in_doubt
from forensics.verdict.evidence import altered_jpeg, quantised_blocks, statements, without_contradiction
from forensics.verdict.exact import settled
from forensics.verdict.insets import with_insets
from forensics.verdict.members import family_without_evidence
from forensics.verdict.restated import not_excluded, ranked
from forensics.version import __version__
from forensics.windows.choice import MINIMUM_SIDE, SEED, choose_windows
from forensics.windows.judges import (
    Extractor,
    Judge,
    check_match,
    open_extractor,
    shipped_extractor,
    shipped_judge,
    shipped_open_judge,
)
from forensics.windows.picture_reading import PictureReading, read_picture
from forensics.windows.reading import OpenReading, cores, judge_windows, look
from forensics.windows.sequential import Settling, chosen, joined, spread

if TYPE_CHECKING:
    from forensics_models.open_judge import OpenJudge

KEEP_STORED_VERDICT_FROM = 0.995
"""Certainty from which a verdict on the picture as stored stands although a change of tone was found, where undoing it
shows no codec more clearly: the change then came before the compression, or was the decoder's."""
RATIO_ABOVE = 1.1
"""Factor by which the ratio's interval grows above the estimate, in logarithms: encoders of more effort make smaller
files of the same pixels. On 180 validation pictures by 14 encoders that training does not draw
(`forensics_benchmarks.ratio_calibration`, crops of 384 and 768 px) the interval as learned holds 93.3 %, 6.1 % lie
above it and 0.6 % below; with this 3.9 % lie above, and the width is 1.04 times as large."""
SETTLED_BY = Settling(4, 0.9, 5, 0.7)
"""When windows judged one after another settle the answer. On 1,600 whole pictures of 1.2 megapixels of 66 validation
sources (`forensics_benchmarks.early_stopping`, seed 11) two depart from all windows, both spliced (0.13 %, at most
0.4 % at 95 % confidence), and on 1,600 of 0.4 megapixels (seed 12) none. Three windows in the place of four, or four in
the place of five, depart in six and four of the first, and in one and nine of the second."""


def analyze(
    source: str | Path | bytes | BinaryIO | np.ndarray | Picture,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    model: str | None = None,
    judge: Judge | None = None,
    extractor: Extractor | None = None,
    seed: int = SEED,
    threads: int | None = None,
    undo_tone: bool = True,
    undo_enlargement: bool = True,
    undo_sharpening: bool = True,
    undo_rotation: bool = True,
    undo_reduction: bool = True,
    undo_inset: bool = True,
    exact: bool = True,
    open_judge: OpenJudge | None = None,
    all_windows: bool = False,
) -> Analysis:
    """Say whether a picture was ever lossily compressed, by which codec and how strongly.

    Parameters
    ----------
    source : path, bytes, binary file, np.ndarray or Picture
        A picture file, or samples of shape (height, width[, 1..4]), dtype uint8 or uint16.
    max_pixels : int
        Larger pictures are refused before they are decoded.
    name : str, optional
        What to call the source.
    model : str, optional
        Which of the shipped judges: `baseline`, `cnn` or `fused`, the default.
    judge, extractor : optional
        Other models and extractors than those shipped.
    seed : int
        Seed of the windows' places.
    threads : int, optional
        Threads that share the windows; by default as many as the process may use cores.
    undo_tone : bool
        Whether a change of brightness or contrast is looked for and undone.
    undo_enlargement : bool
        Whether an enlargement is looked for and undone.
    undo_sharpening : bool
        Whether a sharpening filter is looked for, where the models hold one possible, and undone.
    undo_rotation : bool
        Whether a rotation is looked for, where the models leave a picture open that was probably resampled, and undone.
    undo_reduction : bool
        Whether a picture that the models leave open, and that was probably resampled, is judged at sizes that it may
        have been resized from.
    undo_inset : bool
        Whether flat surroundings, as of a photograph in a screenshot, are looked for and cut off.
    exact : bool
        Whether exact readings have the last word (`forensics.verdict.exact`).
    open_judge : OpenJudge, optional
        Another judge of processes and of what happened since than the one shipped, which works with the shipped
        judges alone.
    all_windows : bool
        Whether all windows are judged, or one after another until those judged agree (`forensics.windows.sequential`):
        faster, and in less than one picture of 500 another answer (`SETTLED_BY`).

    Returns
    -------
    Analysis

    Raises
    ------
    PictureError
        The source is not a picture that can be analysed; one line says why.
    UsageError
        The model was trained on other features than the extractor gives.

    Examples
    --------
    >>> import forensics
    >>> analysis = forensics.analyze("examples/webp.png")
    >>> analysis.verdict, analysis.ranking[0][0]
    ('webp', 'webp')
    >>> forensics.analyze("examples/uncompressed.png").verdict
    'uncompressed'
    """
    picture = as_picture(source, max_pixels, name)
    if min(picture.width, picture.height) < MINIMUM_SIDE:
        raise PictureError(
            f"{picture.width}x{picture.height} pixels are too few: the analysis needs {MINIMUM_SIDE} a side"
        )
    if judge is None:
        open_judge = shipped_open_judge(model) if open_judge is None else open_judge
        judge = shipped_judge(model)
    extractor = shipped_extractor() if extractor is None else extractor
    check_match(judge, extractor)
    one = _Examined(judge, extractor, open_judge, seed, threads, undo_tone, all_windows)
    kinds = [kind for kind, asked in zip(KINDS, (undo_reduction, undo_rotation, True), strict=True) if asked]

    def heard_out(analysis: Analysis, pixels: np.ndarray) -> tuple[Analysis, recompression.Heard | None]:
        named = fine_hevc.withheld(family_without_evidence(settled(analysis, pixels), pixels), pixels)
        named = with_block_grid(named, pixels)
        heard = recompression.heard(named, open_judge, pixels)
        return open_pictures.with_answer(recompression.with_answer(named, heard), pixels), heard

    def finished(analysis: Analysis, pixels: np.ndarray) -> Analysis:
        return recompression.weighed(*heard_out(analysis, pixels))

    def judged(part: Picture) -> Analysis:
        analysis, pixels = (
            undoing.enlarged(part, one) if undo_enlargement else (one.analysis(part, part.pixels, ()), part.pixels)
        )
        if undo_enlargement and pixels is not None:
            analysis, pixels = undoing.of_light(analysis, pixels, part, one)
        if undo_sharpening and pixels is not None:
            analysis, pixels = undoing.sharpened(analysis, pixels, part, one)
        if not exact or pixels is None:
            return analysis
        read, heard = heard_out(analysis, pixels)
        before = named = recompression.weighed(read, heard)
        if undo_rotation:
            named = undoing.rotated(named, pixels, part, one, finished)
        if undo_reduction:
            named = undoing.reduced(named, pixels, part, one, finished)
        told = restored.with_answer(read, open_judge, pixels, kinds) if named.verdict == INCONCLUSIVE else read
        said = shrunk.withheld(named if told is read else told, before, part.pixels)
        return innocence.with_answer(said, open_judge, pixels)

    return with_insets(picture, judged) if undo_inset else judged(picture)


@dataclass(frozen=True)
class _Examined:
    """How pictures are judged: by what, and what is looked for."""

    judge: Judge
    extractor: Extractor
    open_judge: OpenJudge | None
    seed: int
    threads: int | None
    undo_tone: bool
    all_windows: bool

    def analysis(self, picture: Picture, pixels: np.ndarray, steps: tuple[Step, ...]) -> Analysis:
        """That of a picture's pixels, which are those left when `steps` are undone."""
        seen = picture if pixels is picture.pixels else replace(picture, pixels=pixels)
        windows = choose_windows(pixels, seed=self.seed)
        pieces = [colours.without_strays(eight_bit(window.cut(pixels))) for window in windows]
        change, note = tone.read(pixels) if self.undo_tone else (None, "")
        of = len(windows)
        if change is None and not self.all_windows:
            reading, order = SequentialReader(self, windows, pieces).settled(SETTLED_BY)
            windows, pieces = [windows[at] for at in order], [pieces[at] for at in order]
        else:
            reading = self.reading(*self.judged(pieces))
        left = open_pictures.left_open(reading, self.open_judge, pixels)
        if change is not None:
            changed = [change.undo(piece) for piece in pieces]
            reading, change = _preferred(reading, self.reading(*self.judged(changed)), change)
            pieces = changed if change.undone else pieces
        whole = self.whole(left, reading, pieces, pixels) if change is None else None
        reading = self.guarded(reading, pieces, pixels, change)
        made = _compose(seen, windows, self.completed(reading, pieces), change, self.judge, self.extractor)
        made = replace(made, whole_answer=whole, left_open=left)
        if len(windows) < of:
            made = replace(made, limits=(partly_judged(len(windows), of), *made.limits))
        if note:
            made = replace(made, limits=(*made.limits, note))
        if not steps:
            return made
        evidence = (*after.statements(steps), *made.evidence)
        return replace(made, width=picture.width, height=picture.height, evidence=evidence, steps=(*steps, *made.steps))

    def judged(self, pieces: Sequence[np.ndarray]) -> tuple[np.ndarray, WindowJudgement]:
        further = None if self.open_judge is None else open_extractor(self.extractor)
        return judge_windows(self.deciding, self.extractor, pieces, self.threads, further)

    @property
    def deciding(self) -> Judge:
        """What decides: the judge, or that part of it which the open judge takes."""
        return self.judge if self.open_judge is None else self.judge.of_features

    def reading(self, measured: np.ndarray, judged: WindowJudgement) -> PictureReading:
        return read_picture(self.deciding, len(self.extractor.feature_names), self.open_judge, measured, judged)

    def whole(
        self, left: LeftOpen | None, reading: PictureReading, pieces: Sequence[np.ndarray], pixels: np.ndarray
    ) -> WholeAnswer | None:
        """What may be said of a picture that its windows leave open, doubted as any other verdict is."""
        said = open_pictures.answer(left, reading, self.open_judge, pixels)
        if said is None:
            return None
        proposed = replace(reading, verdict=said.family, probability=said.held)
        return said if self.guarded(proposed, pieces, pixels, None).verdict == said.family else None

    def guarded(
        self, reading: PictureReading, pieces: Sequence[np.ndarray], pixels: np.ndarray, change: ToneChange | None
    ) -> PictureReading:
        """The reading without its verdict where that may be reduced noise, or rests on colours alone."""
        if not reading.names_codec:  # nothing else is doubted, and a change is undone in a copy of the whole picture
            return reading
        reading = held_in_doubt(reading, self.open_judge, _as_judged(pixels, change))
        if not colours.may_rest_on_them(reading, self.open_judge, pieces):
            return reading
        return colours.held_by_luma(reading, self.reading(*self.judged([luma(piece) for piece in pieces])))

    def completed(self, reading: PictureReading, pieces: Sequence[np.ndarray]) -> PictureReading:
        """The reading with the judge's own word on the pixels of its windows, where strength is stated: the open judge
        decides without it.
        """
        if not reading.states_strength or self.deciding is self.judge:
            return reading
        judged = self.judge.judge(reading.features, pieces, look(self.judge, pieces, self.threads))
        return replace(reading, judged=judged, whole=self.judge.combine(judged))


class SequentialReader:
    """Readings of more and more windows of a picture, each judged once.

    Attributes
    ----------
    order : list of int
        In which the windows are judged.
    """

    def __init__(self, one: _Examined, windows: Sequence[Window], pieces: Sequence[np.ndarray]) -> None:
        self._one = one
        self._at_a_time = cores(one.threads)
        self.order = spread(windows)
        self._waiting = [pieces[at] for at in self.order]
        self._measured: np.ndarray | None = None
        self._judged: WindowJudgement | None = None

    @classmethod
    def of(cls, pixels: np.ndarray) -> SequentialReader:
        """That of a picture, 8-bit, by the shipped judges."""
        one = _Examined(shipped_judge(), shipped_extractor(), shipped_open_judge(), SEED, None, False, False)
        windows = choose_windows(pixels)
        return cls(one, windows, [window.cut(pixels) for window in windows])

    def reading(self, count: int) -> PictureReading:
        """The reading of the first `count` windows, rows in the windows' own order.

        As many windows as there are threads are measured together, so that some may be known that are not read.
        """
        missing = count - (0 if self._measured is None else len(self._measured))
        if missing > 0:
            missing = max(missing, self._at_a_time)
            measured, judged = self._one.judged(self._waiting[:missing])
            self._waiting = self._waiting[missing:]
            if self._measured is not None and self._judged is not None:
                measured = np.concatenate([self._measured, measured])
                judged = joined([self._judged, judged])
            self._measured, self._judged = measured, judged
        assert self._measured is not None
        assert self._judged is not None
        rows = sorted(range(count), key=self.order.__getitem__)
        return self._one.reading(self._measured[rows], chosen(self._judged, rows))

    def settled(self, by: Settling) -> tuple[PictureReading, list[int]]:
        """The reading of as many windows as settle the answer, and which they are, in order."""
        count = min(by.first, len(self.order))
        while True:
            reading = self.reading(count)
            opened = reading.opened
            if count == len(self.order) or (opened is not None and by.settles(reading.verdict, opened.windows)):
                return reading, sorted(self.order[:count])
            count += 1


def judged_pixels(picture: Picture, judge: Judge | None = None, **options: Any) -> tuple[np.ndarray, tuple[Step, ...]]:
    """A picture's pixels as a verdict on it sees them (`Analysis.as_judged`), and the steps undone; analysed only where
    there is something to undo.

    `options` are further ones of `analyze`.
    """
    changes = (
        after.find_insets,
        lambda p: after.find_enlargements(p)[0],
        tone.find,
        after.find_sharpening,
        after.find_enlargement_of_light,
    )
    if not any(change(picture.pixels) for change in changes):
        return picture.pixels, ()
    result = analyze(picture, judge=judge, **options)
    return result.as_judged(picture.pixels), result.steps


def _preferred(stored: PictureReading, undone: PictureReading, change: ToneChange) -> tuple[PictureReading, ToneChange]:
    """The reading to go by: with the change of tone undone where that names a codec, unless another shows more clearly,
    from `KEEP_STORED_VERDICT_FROM` on, as stored.

    What one of them leaves open the other does not settle: less certain, a codec that shows in the picture as stored is
    a verdict only where the other reading holds its family likeliest, too. Of 93 validation pictures in which a change
    is found, 45 of them never compressed, that is so of four more than were named, all rightly. `uncompressed` is one
    where the other reading holds that likeliest, too: of 66 untouched validation pictures in which a change of tone is
    found 63 are called that so and 50 where both have to say it, of 52 compressed ones none; `uncompressed` is the
    likeliest in no reading of these.
    """
    if stored.names_codec and stored.certainty >= max(
        KEEP_STORED_VERDICT_FROM, undone.certainty if undone.names_codec else 0.0
    ):
        return stored, change._replace(undone=False)
    if undone.names_codec or undone.verdict == stored.verdict:
        return undone, change
    clean = [one for one in (undone, stored) if one.verdict == "uncompressed"]
    if clean and all(_likeliest(one) == "uncompressed" for one in (undone, stored)):
        return clean[0], change._replace(undone=clean[0] is undone)
    if stored.names_codec and _likeliest(undone) == family_of(stored.verdict):
        return stored, change._replace(undone=False)
    kept = stored if stored.names_codec else undone
    return replace(kept, verdict=INCONCLUSIVE, probability=max(kept.probabilities.values())), change._replace(
        undone=kept is undone
    )


def _likeliest(reading: PictureReading) -> str:
    families = by_family(reading.probabilities)
    return max(families, key=lambda name: families[name])


def _as_judged(pixels: np.ndarray, change: ToneChange | None) -> np.ndarray:
    return change.undo(eight_bit(pixels)) if tone.undoes(change) else pixels


def as_picture(source: Any, max_pixels: int, name: str | None) -> Picture:
    """The open picture of what `analyze` takes, its channels in the order red, green, blue; raises `PictureError` where
    it is none.
    """
    return channel_order.in_order(_opened(source, max_pixels, name))


def _opened(source: Any, max_pixels: int, name: str | None) -> Picture:
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source, max_pixels=max_pixels, name=name or "array")
    if hasattr(source, "getbands") and hasattr(source, "mode"):
        return from_pillow(source, max_pixels=max_pixels, name=name)
    return open_picture(source, max_pixels=max_pixels, name=name)


def _compose(
    picture: Picture,
    windows: Sequence[Window],
    reading: PictureReading,
    change: ToneChange | None,
    judge: Judge,
    extractor: Extractor,
) -> Analysis:
    judged, whole, probabilities, verdict, probability = (
        reading.judged,
        reading.whole,
        reading.probabilities,
        reading.verdict,
        reading.probability,
    )
    # A copy of the whole picture where a change is undone: not made for JPEG, for which nothing looks at it.
    pixels = picture.pixels if verdict == "jpeg" else _as_judged(picture.pixels, change)
    coded = reading.names_codec
    named = reading.named
    table = blocks = None
    if verdict != "jpeg":
        from forensics.history.traces.sample import draw_sample

        sample = draw_sample(pixels)  # blocks are transformed once for both
        table = altered_jpeg(pixels, named if coded else (), sample)
        blocks = quantised_blocks(pixels, sample) if verdict == "uncompressed" and table is None else None
    exact = [one for one in (table, blocks) if one is not None]
    if exact and verdict == "uncompressed":
        verdict, named = INCONCLUSIVE, ()
    leading = [*([tone.statement(change)] if tone.undoes(change) else []), *exact]
    best = max(probabilities, key=lambda name: probabilities[name])
    strange = 0.0 if judged.strangeness is None else float((judged.strangeness > 0).mean())
    measured = reading.states_strength
    stated = judge.card.get("limits", ()) if reading.opened is None else reading.opened.limits
    withheld = (reading.withheld,) if reading.withheld else ()
    resized = resizing(pixels) if verdict == "uncompressed" else withheld
    evidence = statements(extractor.feature_names, reading.features, judge.evidence, named)
    return Analysis(
        name=picture.name,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        verdict=verdict,
        probability=probability,
        best=best,
        compressed=1.0 - probabilities["uncompressed"],
        hevc_intra=reading.hevc_intra,
        ranking=ranked(probabilities),
        variants=_variants(best, whole.fine_probabilities),
        ratio=_ratio(*map(float, whole.ratio)) if measured else None,
        ssim=Interval(*map(float, whole.ssim)) if measured else None,
        candidates=_candidates(judge, reading),
        strange=strange,
        evidence=(*leading, *without_contradiction(evidence, [one.trace for one in exact])),
        agreement=compare(verdict, named, probability, picture.container),
        container=picture.container,
        windows=_window_verdicts(windows, reading),
        limits=(*resized, *limits(picture, windows, reading.features, extractor.feature_names, stated, strange)),
        versions=_versions(judge, extractor, reading.opened),
        tone=change,
        steps=(change,) if tone.undoes(change) else (),
        afterwards=reading.opened.afterwards if reading.opened and probabilities["uncompressed"] < 0.5 else None,
    )


def _ratio(low: float, estimate: float, high: float) -> Interval:
    """The ratio's interval with what pixels cannot know of an encoder added."""
    return Interval(low, estimate, estimate * (high / estimate) ** RATIO_ABOVE)


def _candidates(judge: Judge, reading: PictureReading) -> tuple[str, ...]:
    """The processes that cannot be excluded: the judge's set, or those at least a twentieth as likely as the best."""
    if reading.opened is None:
        return judge.candidates(reading.probabilities)
    return not_excluded(ranked(reading.probabilities))


def _variants(best: str, fine: np.ndarray) -> dict[str, float]:
    inner = {name: float(p) for name, p in zip(FINE_CLASSES, fine, strict=True) if name.split("-")[0] == best}
    total = sum(inner.values())
    return {name: p / total for name, p in inner.items()} if len(inner) > 1 and total > 0 else {}


def _window_verdicts(windows: Sequence[Window], reading: PictureReading) -> tuple[WindowVerdict, ...]:
    opened = reading.opened
    names, probabilities = (
        (CLASSES, reading.judged.probabilities) if opened is None else (tuple(opened.processes), opened.windows)
    )
    best = np.argmax(probabilities, axis=1)
    return tuple(
        WindowVerdict(window, names[k], float(row[k]))
        for window, k, row in zip(windows, best.tolist(), probabilities, strict=True)
    )


def _versions(judge: Judge, extractor: Extractor, opened: OpenReading | None) -> dict[str, str]:
    model = str(judge.card.get("model", "unnamed"))
    data = str(judge.card.get("manifest_sha256", ""))[:12]
    return {
        "forensics": __version__,
        "features": str(extractor.version),
        "model": f"{model} trained on {data}" if data else model,
        **({"processes": opened.model} if opened else {}),
    }
