"""From a picture to an `Analysis`: the one way every picture takes, from Python and from the command line.

Windows are chosen (`forensics.windows`), measured (`forensics_features`), judged (`forensics_models`), and what comes out is put
together with the container's facts and the evidence in words. The verdict is a calibrated probability over
`forensics_models.classes.CLASSES`; below the model's own threshold it is `inconclusive`. Where BPG and HEIC together reach the
threshold and neither does alone, the verdict is their family `hevc-intra`. Where a JPEG's table is read under another verdict
(`evidence.altered_jpeg`), that leads the evidence, and the picture is not called uncompressed.

Where the histogram shows that brightness or contrast was changed after decoding (`forensics.tone`), the windows are judged again with that change
undone. That judgement is taken, unless the picture as stored shows a codec more clearly (`SPITE_OF_TONE`); what the two leave open is `inconclusive`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES, HEVC_FAMILY, HEVC_INTRA, INCONCLUSIVE
from forensics_models.judgement import decide

from forensics import __version__, tone
from forensics.errors import PictureError
from forensics.evidence import Statement, altered_jpeg, statements
from forensics.judges import Extractor, Judge, check_match, shipped_extractor, shipped_judge
from forensics.picture import MAX_PIXELS, Picture, from_array, open_picture
from forensics.tone import ToneChange
from forensics.windows import LIMIT, SEED, SIDE, Window, choose_windows
from forensics.wording import TITLES, percent

if TYPE_CHECKING:
    from forensics.history.findings import History

MINIMUM_SIDE = 64
"""Smallest width and height that is analysed, in pixels."""
_CENTRE, _RESIZED_BELOW = 1024, -2.0
"""Largest side of the central part in which resizing is looked for, and the decimal logarithm of false alarms a picture at which it counts."""
STRANGE_SHARE = 0.5
"""Share of windows unlike the training from which on a report says so."""
SPITE_OF_TONE = 0.995
"""Certainty from which a verdict on the picture as stored stands although a change of tone was found, where undoing it shows no codec more clearly: the
change then came before the compression, or was the decoder's."""
INCONCLUSIVE_BELOW = 0.5
"""Probability under which no verdict is given, unless the model's card states its own."""


class Interval(NamedTuple):
    """An estimate with the ends of its 90 % interval."""

    low: float
    estimate: float
    high: float


class Agreement(NamedTuple):
    """How the pixels and the container fit together.

    `status` is `agree` (the container's codec is the one in the pixels), `disagree` (a lossy container, and the pixels say
    something else), `finding` (a lossless or raw container whose pixels were compressed before), `plain` (neither shows lossy
    compression) or `open` (no verdict, or the container does not say whether it is lossy).
    """

    status: str
    text: str


class WindowVerdict(NamedTuple):
    """The best class of one window, with its probability."""

    window: Window
    best: str
    probability: float


@dataclass(frozen=True)
class Analysis:
    """What is said about one picture.

    Attributes
    ----------
    name, sha256 : str
        The source and the SHA-256 of its bytes.
    width, height : int
        In pixels, as stored.
    verdict : str
        A class of `CLASSES`, `hevc-intra` or `inconclusive`.
    probability : float
        Calibrated probability of the verdict; for `inconclusive` that of the best class.
    best : str
        The most probable class, whatever the verdict.
    compressed : float
        Probability that the picture was lossily compressed at all.
    hevc_intra : float
        Probability of BPG and HEIC together.
    ranking : tuple of (str, float)
        All classes with their probabilities, best first.
    variants : dict of str to float
        Probabilities of the finer classes within the best one, where it has any (JPEG XR's overlap modes); they sum to 1.
    ratio, ssim : Interval or None
        Estimated compression ratio (raw bytes / file bytes) and SSIM against the picture before compression; None unless the
        verdict is a codec.
    candidates : tuple of str
        The classes that cannot be excluded at the coverage that the model's card states, most probable first; empty for a model without.
    strange : float
        Share of the windows that lie outside all that the model was trained on; 0 for a model that does not measure it.
    evidence : tuple of Statement
        The most telling measurements in words.
    agreement : Agreement
        Whether pixels and container agree.
    container : dict
        The container's own facts; see `forensics.picture.Picture`.
    windows : tuple of WindowVerdict
        The windows that were judged.
    limits : tuple of str
        What was left out and what this analysis cannot tell.
    versions : dict of str to str
        Package, features and model.
    history : History or None
        How it was compressed; None unless `forensics.history.recover` was asked.
    tone : ToneChange or None
        A change of brightness or contrast after decoding; None where the histogram shows none.
    """

    name: str
    sha256: str
    width: int
    height: int
    verdict: str
    probability: float
    best: str
    compressed: float
    hevc_intra: float
    ranking: tuple[tuple[str, float], ...]
    variants: dict[str, float]
    ratio: Interval | None
    ssim: Interval | None
    candidates: tuple[str, ...]
    strange: float
    evidence: tuple[Statement, ...]
    agreement: Agreement
    container: dict[str, Any]
    windows: tuple[WindowVerdict, ...]
    limits: tuple[str, ...]
    versions: dict[str, str]
    history: History | None = None
    tone: ToneChange | None = None

    def as_judged(self, pixels: np.ndarray) -> np.ndarray:
        """The picture's pixels as the verdict saw them: with the change of tone undone (8-bit), where that is what it rests on."""
        return _as_judged(pixels, self.tone)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from forensics.report.html_notebook import fragment

        return fragment(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values, under the names of the attributes."""
        plain = asdict(replace(self, history=None))
        plain["history"] = self.history.to_dict() if self.history else None
        plain["ranking"] = {name: probability for name, probability in self.ranking}
        plain["ratio"] = self.ratio._asdict() if self.ratio else None
        plain["ssim"] = self.ssim._asdict() if self.ssim else None
        plain["tone"] = {**self.tone._asdict(), "inverse": list(self.tone.inverse)} if self.tone else None
        plain["agreement"] = self.agreement._asdict()
        plain["windows"] = [{**w.window._asdict(), "best": w.best, "probability": w.probability} for w in self.windows]
        return plain


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
        undone = _read(judge, extractor, [tone.undo(piece, change) for piece in pieces], threads)
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


def judge_windows(
    judge: Judge, extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None
) -> tuple[np.ndarray, Any]:
    """Features of windows, given as 8-bit pixels, and the judge's `WindowJudgement` of them.

    A judge that can `look` at the pixels does so while the features are measured, unless one thread is asked for.
    """
    look, answer = getattr(judge, "look", None), judge.judge  # type: Any, Any
    if look is None or threads == 1:
        features = measure_windows(extractor, pieces, threads)
        return features, answer(features, pieces) if getattr(judge, "needs_patches", False) else answer(features)
    with ThreadPoolExecutor(1) as aside:
        seen = aside.submit(look, pieces)
        features = measure_windows(extractor, pieces, threads)
    return features, answer(features, pieces, seen.result())


def measure_windows(extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None) -> np.ndarray:
    """Features of the windows, measured side by side: the extractors' kernels run without the interpreter's lock.

    The first window is measured alone, so that one thread only loads the kernels.
    """
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    if threads <= 1 or len(pieces) <= 1:
        return extractor.transform(pieces)
    rows = [extractor.transform(pieces[:1])]
    with ThreadPoolExecutor(threads) as pool:
        rows += pool.map(lambda piece: extractor.transform([piece]), pieces[1:])
    return np.concatenate(rows)


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Samples at 8 bits, by the extractors' own rule: 16-bit values v become round(v / 257)."""
    if pixels.dtype == np.uint8:
        return pixels
    from forensics_features.planes import to_rgb8

    return to_rgb8(pixels)


def _as_judged(pixels: np.ndarray, change: ToneChange | None) -> np.ndarray:
    return tone.undo(eight_bit(pixels), change) if tone.undoes(change) else pixels


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
    resized = _resizing(pixels) if verdict == "uncompressed" else ()
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
        limits=(*resized, *_limits(picture, windows, reading.features, extractor.feature_names, judge, strange)),
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


def compare(verdict: str, named: Sequence[str], probability: float, container: dict[str, Any]) -> Agreement:
    """How a verdict fits the container's own facts; `named` are the classes that the verdict allows."""
    form, codec, lossy = container["format"], container.get("codec"), container.get("lossy")
    shown = f"{TITLES[verdict]} ({percent(probability)})"
    if verdict == INCONCLUSIVE:
        return Agreement("open", "the pixels give no verdict to hold against the container")
    if codec is not None and codec in named:
        return Agreement("agree", f"the pixels say {shown}, as the {form} container does")
    if codec is None or lossy is False:
        if verdict == "uncompressed":
            return Agreement(
                "plain", f"{form} stores the pixels without loss, and they show no earlier lossy compression"
            )
        return Agreement(
            "finding",
            f"{form} stores the pixels without loss, and they say {shown}: compressed before they were saved",
        )
    if lossy is None:
        if verdict == "uncompressed":
            return Agreement(
                "open", f"the pixels show no lossy compression; the {form} container can hold lossless data"
            )
        return Agreement(
            "disagree",
            f"the container is {form} and the pixels say {shown}: compressed before, and the {form} step is lossless or too fine to show",
        )
    return Agreement(
        "disagree",
        f"the container is lossy {form} and the pixels say {shown}: an earlier compression shows through, or the verdict is wrong",
    )


def _limits(
    picture: Picture,
    windows: Sequence[Window],
    features: np.ndarray,
    names: Sequence[str],
    judge: Judge,
    strange: float,
) -> tuple[str, ...]:
    """What holds for this picture, then the limits that the model's card states."""
    limits = list(picture.notes)
    if min(picture.width, picture.height) < SIDE:
        limits.append(f"a side is under {SIDE} pixels: fewer samples, a wider error")
    area = sum(window.height * window.width for window in windows)
    if len(windows) == LIMIT and area < picture.width * picture.height:
        share = 100 * area / (picture.width * picture.height)
        limits.append(
            f"{len(windows)} windows were judged, {share:.0f} % of the pixels: a change confined to the rest is not seen"
        )
    if "picture.grey" in names and bool((features[:, list(names).index("picture.grey")] > 0).all()):
        limits.append("the picture is grey: no trace in colour could be tested")
    if strange >= STRANGE_SHARE:
        limits.append(
            f"{round(strange * len(windows))} of {len(windows)} windows are unlike all that the model was trained on "
            "(resized or filtered after decoding, drawn, very noisy): their probabilities are held back"
        )
    return (*limits, *judge.card.get("limits", ()))


def _resizing(pixels: np.ndarray) -> tuple[str, ...]:
    """What a trace of resizing means for a picture in which no compression shows; empty where there is no such trace."""
    from forensics_features import resampling
    from forensics_features.planes import as_planes

    rows, columns = (
        slice((length - min(length, _CENTRE)) // 2, (length + min(length, _CENTRE)) // 2) for length in pixels.shape[:2]
    )
    line = resampling.strongest_line(as_planes(pixels[rows, columns]).y)
    if line.log10_nfa > _RESIZED_BELOW:
        return ()
    return (
        f"the picture bears a trace of resizing (a periodic line at {line.frequency:.3f} cycles a pixel, expected by chance in one of "
        f"{10 ** min(-line.log10_nfa, 9):,.0f} pictures): resizing removes other traces, so that an earlier compression is not excluded",
    )


def _versions(judge: Judge, extractor: Extractor) -> dict[str, str]:
    model = str(judge.card.get("model", "unnamed"))
    data = str(judge.card.get("manifest_sha256", ""))[:12]
    return {
        "forensics": __version__,
        "features": str(getattr(extractor, "version", "")),
        "model": f"{model} trained on {data}" if data else model,
    }
