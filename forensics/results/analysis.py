"""The verdict on one picture as plain data: `Analysis` and what it consists of.

`forensics.verdict.analysis.analyze` makes it; `forensics.report` writes it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from forensics.results import display
from forensics.results.history import History
from forensics.results.steps import Step, undone


class Window(NamedTuple):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """The window's pixels, a view."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


class Interval(NamedTuple):
    """An estimate with the ends of its 90 % interval.

    Examples
    --------
    >>> import forensics
    >>> ratio = forensics.analyze("examples/jpeg.png").ratio
    >>> ratio.low < ratio.estimate < ratio.high
    True
    """

    low: float
    estimate: float
    high: float


class Agreement(NamedTuple):
    """How the pixels and the container fit together.

    `status` is `agree` (the container's codec is the one in the pixels), `disagree` (a lossy container, and the pixels
    say something else), `finding` (a lossless or raw container whose pixels were compressed before), `plain` (neither
    shows lossy compression) or `open` (no verdict, or the container does not say whether it is lossy).

    Examples
    --------
    >>> import forensics
    >>> forensics.analyze("examples/jpeg.png").agreement.status
    'finding'
    """

    status: str
    text: str


class WindowVerdict(NamedTuple):
    """The best class of one window, with its probability."""

    window: Window
    best: str
    probability: float


@dataclass(frozen=True)
class Statement:
    """A trace that was found, or looked for and not found.

    Attributes
    ----------
    trace, feature : str
        Names of the trace and of the feature quoted.
    value : float
        Median over the picture's windows.
    low, median, high : float
        The feature's 0.5 %, 50 % and 99.5 % quantiles on uncompressed validation windows.
    strength : float
        How clear it is, 0..1: 0 within the range, (value - high) / (clear - high) above it.
    speaks_for : tuple of str
        Classes that leave this trace.
    supports : bool or None
        Whether it speaks for the verdict (True), for another codec (False), or was not found (None). The earlier JPEG
        of `altered_jpeg` contradicts no verdict and counts as True.
    text : str
        The sentence.

    Examples
    --------
    >>> import forensics
    >>> first = forensics.analyze("examples/jpeg.png").evidence[0]
    >>> first.supports, first.value > first.high, first.speaks_for
    (True, True, ('jpeg',))
    """

    trace: str
    feature: str
    value: float
    low: float
    median: float
    high: float
    strength: float
    speaks_for: tuple[str, ...]
    supports: bool | None
    text: str


class ToneChange(NamedTuple):
    """A smooth curve that the samples went through.

    Attributes
    ----------
    odds : float
        Natural logarithm of its likelihood over that of no change.
    low, high : int
        Ends of the values that are populated enough to tell.
    gaps, merged : int
        Values between them that no level maps to, and that two levels or more map to.
    inverse : tuple of int
        The level before the change of each of the 256 values.
    undone : bool
        Whether the verdict is that on the picture with the change undone.

    Examples
    --------
    Every level was raised by one; the way back:

    >>> import numpy as np
    >>> from forensics.results.analysis import ToneChange
    >>> change = ToneChange(40.0, 1, 255, 0, 0, (0, *range(255)), True)
    >>> change.undo(np.array([1, 128, 255], np.uint8)).tolist()
    [0, 127, 254]
    >>> change.name
    'tone_curve'
    """

    odds: float
    low: int
    high: int
    gaps: int
    merged: int
    inverse: tuple[int, ...]
    undone: bool

    @property
    def name(self) -> str:
        """As a step after decoding; see `forensics.results.steps`."""
        return "tone_curve"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        return (
            f"brightness or contrast was changed on 8-bit samples: of the values {self.low} to {self.high}, "
            f"{self.gaps} are skipped and {self.merged} hold two "
            f"levels or more, as one smooth curve leaves them (log-likelihood ratio {self.odds:.0f}); the verdict is "
            f"that on the picture with this curve undone"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """Samples (uint8, any shape) with the change undone; same shape and dtype."""
        return np.array(self.inverse, np.uint8)[pixels]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, as a step."""
        return {"step": self.name, "text": self.text, **self._asdict(), "inverse": list(self.inverse)}


class WholeAnswer(NamedTuple):
    """What may be said of a picture that its windows leave open (`forensics.verdict.open_pictures`).

    Attributes
    ----------
    family : str
        The most probable family by the models, or `uncompressed`.
    held : float
        Its probability by them.
    right : float
        How likely it is right: high enough to be said, if nothing that is read afterwards speaks against it.
    """

    family: str
    held: float
    right: float


class LeftOpen(NamedTuple):
    """What judges of whole pictures are asked about, where the windows leave a picture open.

    Attributes
    ----------
    family : str
        The most probable one by the models.
    uncompressed : float
        Probability of no compression by them.
    values : tuple of float
        As of `forensics_models.open_pictures.values_of`.
    """

    family: str
    uncompressed: float
    values: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class Analysis:
    """What is said about one picture.

    Attributes
    ----------
    name, sha256 : str
        The source and the SHA-256 of its bytes.
    width, height : int
        In pixels, as stored.
    verdict : str
        A class of `CLASSES`, a process beyond them, a family (`hevc-intra`, `vp8`, `av1`), `other-lossy`, `no-content`
        or `inconclusive`.
    probability : float
        Calibrated probability of the verdict; for `inconclusive` that of the best class, for `other-lossy` that of all
        processes beyond the codecs together.
    best : str
        The most probable class, whatever the verdict.
    compressed : float
        Probability that the picture was lossily compressed at all.
    hevc_intra : float
        Probability of BPG and HEIC together.
    ranking : tuple of (str, float)
        All classes with their probabilities, best first.
    variants : dict of str to float
        Probabilities of the finer classes within the best one, where it has any (JPEG XR's overlap modes); they sum to
        1.
    ratio, ssim : Interval or None
        Estimated compression ratio (raw bytes / file bytes) and SSIM against the picture before compression; None
        unless the verdict is a codec.
    candidates : tuple of str
        The classes that cannot be excluded at the coverage that the model's card states, most probable first; empty for
        a model without.
    strange : float
        Share of the windows that lie outside all that the network on pixels was trained on; 0 where that was not asked,
        as it is where a strength is stated.
    evidence : tuple of Statement
        The most telling measurements in words.
    agreement : Agreement
        Whether pixels and container agree.
    container : dict
        The container's own facts; see `forensics.pictures.opened.Picture`.
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
    steps : tuple of Step
        Steps after decoding that the verdict rests on undoing, in the order in which they are undone; `windows` lie in
        what is left.
    afterwards : dict of str to float or None
        Probabilities of what happened since the last lossy step: `nothing`, `resampled`, `filtered`, `recoloured`,
        `grey`, `palette`, `noise`, `composited`, `several`. None where no lossy step is likely, or where the model does
        not ask.
    whole_answer : WholeAnswer or None
        What may be said of a picture whose windows leave it open; not among the results that are written.
    left_open : LeftOpen or None
        What that rests on, where the windows leave a picture open as it is stored; not among them either.

    Examples
    --------
    >>> import forensics
    >>> analysis = forensics.analyze("examples/jpeg.png")
    >>> analysis.verdict, analysis.best, analysis.history
    ('jpeg', 'jpeg', None)
    >>> next(iter(analysis.probabilities.items())) == analysis.ranking[0]
    True
    >>> analysis.to_dict()["container"]["format"]
    'png'
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
    steps: tuple[Step, ...] = ()
    afterwards: dict[str, float] | None = None
    whole_answer: WholeAnswer | None = None
    left_open: LeftOpen | None = None

    @property
    def probabilities(self) -> dict[str, float]:
        """The ranking as a mapping, best first, as JSON has it."""
        return dict(self.ranking)

    def __repr__(self) -> str:
        """One line: all of it is in `to_dict`."""
        return (
            f"<Analysis of {self.name!r}: {self.verdict} at {self.probability:.3f}, compressed {self.compressed:.3f}, "
            f"{len(self.evidence)} statements, {len(self.limits)} limits>"
        )

    def as_judged(self, pixels: np.ndarray) -> np.ndarray:
        """The picture's pixels as the verdict saw them: with the steps after decoding undone (8-bit) that it rests on,
        the same array where there is none.
        """
        return undone(pixels, self.steps)

    def without_series(self) -> Analysis:
        """The same without what only the figures of traces need: small enough to keep many of them."""
        return self if self.history is None else replace(self, history=self.history.without_series())

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return display.as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values, under the names of the attributes."""
        plain = asdict(replace(self, history=None, steps=()))
        del plain["whole_answer"], plain["left_open"]  # they are in the verdict where they count
        plain["steps"] = [step.to_dict() for step in self.steps]
        plain["history"] = self.history.to_dict() if self.history else None
        plain["ranking"] = self.probabilities
        plain["ratio"] = self.ratio._asdict() if self.ratio else None
        plain["ssim"] = self.ssim._asdict() if self.ssim else None
        plain["tone"] = {**self.tone._asdict(), "inverse": list(self.tone.inverse)} if self.tone else None
        plain["agreement"] = self.agreement._asdict()
        plain["windows"] = [{**w.window._asdict(), "best": w.best, "probability": w.probability} for w in self.windows]
        return plain
