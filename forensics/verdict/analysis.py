"""From a picture to an `Analysis`: the one way every picture takes, from Python and from the command line.

Windows are chosen (`forensics.windows.choice`), measured (`forensics_features`), judged (`forensics_models`), and what comes out is put
together with the container's facts and the evidence in words. The verdict is a calibrated probability over
`forensics_models.classes.CLASSES`; below the model's own threshold it is `inconclusive`. Where BPG and HEIC together reach the
threshold and neither does alone, the verdict is their family `hevc-intra`. Where a JPEG's table is read under another verdict
(`evidence.altered_jpeg`), that leads the evidence, and the picture is not called uncompressed.

Where the histogram shows that brightness or contrast was changed after decoding (`forensics.verdict.tone`), the windows are judged again with that change
undone. That judgement is taken, unless the picture as stored shows a codec more clearly (`SPITE_OF_TONE`); what the two leave open is `inconclusive`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES, HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE
from forensics_models.judgement import decide

from forensics.errors import PictureError
from forensics.pictures.opened import MAX_PIXELS, Picture, from_array, open_picture
from forensics.pixels import eight_bit
from forensics.results.analysis import Analysis, Interval, ToneChange, Window, WindowVerdict
from forensics.verdict import tone
from forensics.verdict.agreement import compare, limits, resizing
from forensics.verdict.evidence import altered_jpeg, statements
from forensics.version import __version__
from forensics.windows.choice import MINIMUM_SIDE, SEED, choose_windows
from forensics.windows.judges import Extractor, Judge, check_match, shipped_extractor, shipped_judge
from forensics.windows.reading import judge_windows

if TYPE_CHECKING:
    pass

SPITE_OF_TONE = 0.995
"""Certainty from which a verdict on the picture as stored stands although a change of tone was found, where undoing it shows no codec more clearly: the
change then came before the compression, or was the decoder's."""
INCONCLUSIVE_BELOW = 0.5
"""Probability under which no verdict is given, unless the model's card states its own."""


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

    Returns
    -------
    Analysis

    Raises
    ------
    PictureError
        The source is not a picture that can be analysed; one line says why.
    UsageError
        The model was trained on other features than the extractor gives.
    """
    picture = _picture(source, max_pixels, name)
    if min(picture.width, picture.height) < MINIMUM_SIDE:
        raise PictureError(
            f"{picture.width}x{picture.height} pixels are too few: the analysis needs {MINIMUM_SIDE} a side"
        )
    judge = shipped_judge(model) if judge is None else judge
    extractor = shipped_extractor() if extractor is None else extractor
    check_match(judge, extractor)
    windows = choose_windows(picture.pixels, seed=seed)
    pieces = [eight_bit(window.cut(picture.pixels)) for window in windows]
    reading, change = _read(judge, extractor, pieces, threads), tone.find(picture.pixels) if undo_tone else None
    if change is not None:
        undone = _read(judge, extractor, [change.undo(piece) for piece in pieces], threads)
        reading, change = _preferred(reading, undone, change)
    return _compose(picture, windows, reading, change, judge, extractor)


def judged_pixels(picture: Picture, judge: Judge) -> np.ndarray:
    """A picture's pixels as a verdict on it sees them (`Analysis.as_judged`); it is analysed only where its histogram shows a change of tone."""
    if tone.find(picture.pixels) is None:
        return picture.pixels
    return analyze(picture, judge=judge).as_judged(picture.pixels)


@dataclass(frozen=True)
class _Reading:
    """What a judge says of the windows and of the picture they make up; `probability` is that of the verdict, of the best class where it is inconclusive."""

    features: np.ndarray
    judged: Any
    whole: Any
    probabilities: dict[str, float]
    verdict: str
    probability: float

    @property
    def names_codec(self) -> bool:
        """Whether the verdict is a codec or a family of them."""
        return self.verdict not in ("uncompressed", INCONCLUSIVE)

    @property
    def certainty(self) -> float:
        """Probability of the verdict, that of BPG and HEIC together where it is one of them."""
        return self.hevc_intra if self.verdict in HEVC_INTRA else self.probability

    @property
    def hevc_intra(self) -> float:
        """Probability of BPG and HEIC together."""
        return sum(self.probabilities[name] for name in HEVC_INTRA)


def _read(judge: Judge, extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None) -> _Reading:
    features, judged = judge_windows(judge, extractor, pieces, threads)
    whole = judge.combine(judged)
    threshold = float(judge.card.get("inconclusive_below", INCONCLUSIVE_BELOW))
    probabilities = {name: float(p) for name, p in zip(CLASSES, whole.probabilities, strict=True)}
    return _Reading(
        features,
        judged,
        whole,
        probabilities,
        *decide(probabilities, threshold, float(judge.card.get("compressed_from", 0.0))),
    )


def _preferred(stored: _Reading, undone: _Reading, change: ToneChange) -> tuple[_Reading, ToneChange]:
    """The reading to go by: with the change of tone undone where that names a codec, unless another shows more clearly, from `SPITE_OF_TONE` on, as stored.

    What one of them leaves open the other does not settle: less certain, a codec that shows in the picture as stored alone is no verdict.
    """
    if stored.names_codec and stored.certainty >= max(SPITE_OF_TONE, undone.certainty if undone.names_codec else 0.0):
        return stored, change._replace(undone=False)
    if undone.names_codec or undone.verdict == stored.verdict:
        return undone, change
    kept = stored if stored.names_codec else undone
    return replace(kept, verdict=INCONCLUSIVE, probability=max(kept.probabilities.values())), change._replace(
        undone=kept is undone
    )


def _as_judged(pixels: np.ndarray, change: ToneChange | None) -> np.ndarray:
    return change.undo(eight_bit(pixels)) if tone.undoes(change) else pixels


def _picture(source: Any, max_pixels: int, name: str | None) -> Picture:
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source, max_pixels=max_pixels, name=name or "array")
    return open_picture(source, max_pixels=max_pixels, name=name)


def _compose(
    picture: Picture,
    windows: Sequence[Window],
    reading: _Reading,
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
    named: tuple[str, ...] = HEVC_INTRA if verdict == HEVC_FAMILY else () if verdict == INCONCLUSIVE else (verdict,)
    table = altered_jpeg(pixels, named if coded else ()) if verdict != "jpeg" else None
    if table is not None and verdict == "uncompressed":
        verdict, named = INCONCLUSIVE, ()
    leading = [*([tone.statement(change)] if tone.undoes(change) else []), *([table] if table else [])]
    best = max(probabilities, key=lambda name: probabilities[name])
    strangeness = getattr(judged, "strangeness", None)
    strange = 0.0 if strangeness is None else float((strangeness > 0).mean())
    resized = resizing(pixels) if verdict == "uncompressed" else ()
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
        ranking=tuple(sorted(probabilities.items(), key=lambda item: -item[1])),
        variants=_variants(best, whole.fine_probabilities),
        ratio=Interval(*map(float, whole.ratio)) if coded else None,
        ssim=Interval(*map(float, whole.ssim)) if coded else None,
        candidates=tuple(judge.candidates(probabilities)) if hasattr(judge, "candidates") else (),
        strange=strange,
        evidence=(*leading, *statements(extractor.feature_names, reading.features, judge.evidence, named)),
        agreement=compare(verdict, named, probability, picture.container),
        container=picture.container,
        windows=_window_verdicts(windows, judged.probabilities),
        limits=(*resized, *limits(picture, windows, reading.features, extractor.feature_names, judge, strange)),
        versions=_versions(judge, extractor),
        tone=change,
    )


def _variants(best: str, fine: np.ndarray) -> dict[str, float]:
    inner = {name: float(p) for name, p in zip(FINE_CLASSES, fine, strict=True) if name.split("-")[0] == best}
    total = sum(inner.values())
    return {name: p / total for name, p in inner.items()} if len(inner) > 1 and total > 0 else {}


def _window_verdicts(windows: Sequence[Window], probabilities: np.ndarray) -> tuple[WindowVerdict, ...]:
    best = np.argmax(probabilities, axis=1)
    return tuple(
        WindowVerdict(window, CLASSES[k], float(row[k]))
        for window, k, row in zip(windows, best.tolist(), probabilities, strict=True)
    )


def _versions(judge: Judge, extractor: Extractor) -> dict[str, str]:
    model = str(judge.card.get("model", "unnamed"))
    data = str(judge.card.get("manifest_sha256", ""))[:12]
    return {
        "forensics": __version__,
        "features": str(getattr(extractor, "version", "")),
        "model": f"{model} trained on {data}" if data else model,
    }
