"""The whole examination of a picture: the verdict, how it was compressed, and where in it which compression shows.

`examine` is the one way to it: Python callers, the command line, the report page, `forensics map` and notebooks take
it, so that the same picture gives the same answer, and the same regions, to all of them. Nothing here writes a file.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from forensics_models.classes import INCONCLUSIVE, family

from forensics.errors import ForensicsError
from forensics.executors import Executor
from forensics.pictures.opened import MAX_PIXELS, Picture
from forensics.results import display
from forensics.results.analysis import Analysis
from forensics.results.history import History, Trace
from forensics.results.steps import for_a_map, stored_inset, undone
from forensics.verdict.analysis import analyze, as_picture, judged_pixels
from forensics.verdict.steps import UNDONE
from forensics.windows.judges import Extractor, Judge, chosen_judge, trained_judge, trained_open_judge

if TYPE_CHECKING:
    from forensics.localisation.regions import Localisation

MAP_JUDGE = "baseline"
"""The judge of the map: the trees, which tell windows of 64 pixels apart at a tenth of the network's cost."""


@dataclass(frozen=True, eq=False, repr=False)
class Examination:
    """All that is said about one picture.

    Attributes
    ----------
    analysis : Analysis
        The verdict, with its history where that was asked for.
    localisation : Localisation or None
        The map and the regions whose history differs from the rest; None where it was not asked for or could not be
        made.
    notes : tuple of str
        What could not be done, and why; one plain sentence each.

    Examples
    --------
    >>> import forensics
    >>> found = forensics.examine("examples/jpeg.png", history=False)
    >>> found.analysis.verdict, found.history, found.localisation.regions, found.notes
    ('jpeg', None, (), ())
    >>> found.to_dict()["map"]["type"]
    'FeatureCollection'
    """

    analysis: Analysis
    localisation: Localisation | None = None
    notes: tuple[str, ...] = ()

    @property
    def history(self) -> History | None:
        """How the picture was compressed; None where that was not asked for."""
        return self.analysis.history

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values: those of the analysis, the map as its feature collection, and the notes."""
        from forensics.localisation import outputs

        found, name, sha256 = self.localisation, self.analysis.name, self.analysis.sha256
        drawn = None if found is None else outputs.to_dict(found, name=name, sha256=sha256)
        return {**self.analysis.to_dict(), "map": drawn, "notes": list(self.notes)}

    def __repr__(self) -> str:
        """One line: all of it is in `to_dict`."""
        regions = None if self.localisation is None else len(self.localisation.regions)
        mapped = "no map" if regions is None else f"{regions} regions"
        return f"<Examination: {self.analysis!r}, {'history' if self.history else 'no history'}, {mapped}>"

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return display.as_html(self)


def examine(
    source: str | Path | bytes | BinaryIO | np.ndarray | Picture,
    *,
    history: bool = True,
    map: bool = True,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
    model: str | None = None,
    model_dir: Path | None = None,
    judge: Judge | None = None,
    extractor: Extractor | None = None,
    threads: int | None = None,
    all_windows: bool = False,
    helper: Executor | None = None,
) -> Examination:
    """Say whether a picture was ever lossily compressed, by which codec, how it was done, and where in the picture it
    shows.

    Parameters
    ----------
    source : path, bytes, binary file, np.ndarray or Picture
        A picture file, or samples of shape (height, width[, 1..4]), dtype uint8 or uint16.
    history : bool
        Whether parameters are recovered, traces tested and earlier compressions looked for; takes ten times as long as
        the verdict, about.
    map : bool
        Whether the picture is mapped and regions of another history are looked for. Where there are some, the history's
        parameters and earlier compressions are read in a part of the picture without them.
    max_pixels : int
        Larger pictures are refused before they are decoded.
    name : str, optional
        What to call the source.
    model : str, optional
        Which judge gives the verdict: `baseline`, `cnn` or `fused`, the default.
    model_dir : Path, optional
        Folder of the model that judges, as `forensics train` writes it; the shipped one by default.
    judge, extractor : optional
        Another model and another extractor for the verdict than those.
    threads : int, optional
        Threads that share the windows; by default as many as the process may use cores.
    all_windows : bool
        As for `analyze`; with a history or a map all windows are judged anyway.
    helper : Executor, optional
        Another process that shares the work of the map with this one (`forensics.windows.helper`).

    Returns
    -------
    Examination

    Raises
    ------
    PictureError
        The source is not a picture that can be analysed; one line says why.
    UsageError
        The model is missing, or was trained on other features than the extractor gives.

    Examples
    --------
    >>> import forensics
    >>> found = forensics.examine("examples/jpeg.png", map=False)
    >>> found.analysis.verdict
    'jpeg'
    >>> [generation.codec for generation in found.history.generations]
    ['jpeg']
    """
    picture = as_picture(source, max_pixels, name)
    judges = _judges(model_dir, model) if judge is None else {"judge": judge}
    every = all_windows or history or map
    analysis = analyze(picture, extractor=extractor, threads=threads, all_windows=every, **judges)
    with ThreadPoolExecutor(1) as aside:
        traces = aside.submit(_traces, picture, analysis) if history and map and helper is not None else None
        localisation, notes = _mapped(picture, analysis, model_dir, threads, helper) if map else (None, ())
    if history:
        analysis = _with_history(picture, analysis, localisation, None if traces is None else traces.result)
    return Examination(analysis, localisation, notes)


def _traces(picture: Picture, analysis: Analysis) -> tuple[Trace, ...]:
    """The trace tests, which wait for no map: this process does them while the other begins with the map's windows."""
    from forensics.history.recover import traces_of

    return traces_of(picture.pixels, analysis)


def _mapped(
    picture: Picture, analysis: Analysis, model_dir: Path | None, threads: int | None, helper: Executor | None
) -> tuple[Localisation | None, tuple[str, ...]]:
    """The map of a picture; None, and a note, where it fails."""
    try:
        return localise(picture, analysis, model_dir=model_dir, threads=threads, helper=helper), ()
    except ForensicsError as error:
        note = f"the map could not be made: {error}"
    except Exception as error:  # a map must not cost the rest
        note = f"the map could not be made, please report it: {type(error).__name__}: {error}"
    return None, (note,)


def _with_history(
    picture: Picture,
    analysis: Analysis,
    localisation: Localisation | None,
    traces: Callable[[], tuple[Trace, ...]] | None = None,
) -> Analysis:
    """The analysis with its history: its parameters are read where the picture has the verdict's history alone."""
    from forensics.history.recover import asked_codecs, recover_history
    from forensics.localisation.clear_part import ReadIn, where_to_read
    from forensics.verdict.evidence import without_contradiction

    asked = asked_codecs(analysis)
    codec = None if analysis.verdict == INCONCLUSIVE or not asked else family(asked[0])
    read = where_to_read(localisation, codec) if asked else ReadIn(None, "")
    recovered = recover_history(picture.pixels, analysis, read.part, traces)
    if read.note:
        recovered = replace(recovered, notes=(read.note, *recovered.notes))
    found = [trace.name for trace in recovered.traces if trace.found]
    return replace(analysis, history=recovered, evidence=without_contradiction(analysis.evidence, found))


def localise(
    picture: Picture,
    analysis: Analysis | None = None,
    *,
    model_dir: Path | None = None,
    side: int | None = None,
    step: int | None = None,
    limit: int | None = None,
    threads: int | None = None,
    helper: Executor | None = None,
) -> Localisation:
    """The map of a picture and the regions whose history differs from the rest.

    Parameters
    ----------
    picture : Picture
    analysis : Analysis, optional
        The verdict on it: the map sees the pixels as the verdict does, with the steps after decoding undone, but for a
        rotation or a reduction of which that leaves less than half of the picture. Without it the picture is analysed
        where there are steps that are undone everywhere.
    model_dir : Path, optional
        Folder of the model that judges; the shipped one by default.
    side, step, limit : int, optional
        Width of a window, pixels between windows, and most windows; see `forensics.localisation.scan`.
    threads : int, optional
        Threads that share the windows.
    helper : Executor, optional
        Another process that shares them with this one (`forensics.windows.helper`).

    Raises
    ------
    PictureError
        The picture is too small.
    UsageError
        Side, step or limit are out of range, or the model is missing.
    """
    from forensics.localisation.regions import locate
    from forensics.localisation.scan import LIMIT, STEP, window_map

    judge = chosen_judge(model_dir, MAP_JUDGE)
    if analysis is None:
        pixels, steps = judged_pixels(picture, threads=threads, **_judges(model_dir))
    else:
        steps = for_a_map(analysis.steps, int(np.prod(picture.pixels.shape[:2])))
        pixels = undone(picture.pixels, steps)
    scanned = window_map(
        pixels,
        side=side,
        step=STEP if step is None else step,
        limit=limit or LIMIT,
        judge=judge,
        threads=threads,
        helper=helper,
    )
    scanned = replace(scanned, notes=(*scanned.notes, *(UNDONE[step.name] for step in steps)))
    return replace(locate(scanned, judge=judge), inset=stored_inset(steps))


def _judges(model_dir: Path | None, model: str | None = None) -> dict[str, Any]:
    """The judges of `analyze` that a folder holds, or those shipped."""
    if model_dir is None:
        return {"model": model}
    return {"judge": trained_judge(model_dir, model), "open_judge": trained_open_judge(model_dir, model)}
