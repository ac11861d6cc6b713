"""Compiled kernels: what a first run compiles, in several processes, and what an installation brings along besides."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Lock, Thread

import numpy as np
from forensics_features import FAMILIES, FURTHER_FAMILIES, FeatureExtractor, as_planes, family

from forensics.executors import executor
from forensics.processes.registry import processes
from forensics.progress import Progress
from forensics.windows.judges import chosen_judge, shipped_extractor

_COMPILED_IN = {
    "reconstruction": 38.7,
    "open pictures": 5.9,
    "lapped": 4.9,
    "network": 4.7,
    "histories": 4.6,
    "enlargements": 4.4,
    "block_dct": 4.0,
    "texture-etc": 3.8,
    "processing": 3.5,
    "chroma": 3.1,
    "rounding": 2.9,
    "texture-bc": 2.9,
    "cooccurrence": 2.5,
    "wavelet": 2.0,
    "wavelets": 1.9,
    "webp-near-lossless": 1.5,
    "lattice": 1.3,
    "jpeg-ls-near": 1.1,
    "lerc": 1.0,
    "overlaps": 0.7,
    "blockiness": 0.3,
}
"""Seconds of processor time that the kernels of a part took to compile (one run, one process, 2026-12-01): what takes
longest is begun first, so that none is waited for at the end, and the time left goes by it."""
_COMPILED_SOON = 0.1
"""The same of a part that is not there: most have no kernels of their own."""
_COMPILING_SHOWN = 5.0  # seconds between lines while kernels are compiled, off a terminal


def announce_compilation() -> None:
    """Say once on standard error that the extractors' kernels are about to be compiled, where no compiled ones are
    found.
    """
    extractor = shipped_extractor()
    if not kernels_compiled():
        sys.stderr.write(f"forensics: compiling the extractors, {_kept()}\n")
        sys.stderr.flush()
        if isinstance(extractor, FeatureExtractor) and kernels_are_kept():
            compile_kernels()


def kernels_are_kept() -> bool:
    """Whether compiled kernels outlive this process."""
    from forensics_features._kernel import cache_folder

    return bool(cache_folder())


def compile_kernels(parts: Sequence[str] | None = None) -> None:
    """Run everything with kernels once (`compiled_parts`, or the given ones), so that they are compiled, in as many
    processes as there are cores, this one among them: numba compiles one at a time in each. Says how far that is.
    """
    names, shown = deque(compiled_parts() if parts is None else parts), Lock()
    daemon = multiprocessing.current_process().daemon  # which may have no processes of its own
    others = 0 if daemon else min(len(os.sched_getaffinity(0)), len(names)) - 1
    effort = sum(map(_effort, names))
    progress = Progress("compile", len(names), plain_after=_COMPILING_SHOWN, effort=effort)
    with progress as line, ExitStack() as stack:
        workers = stack.enter_context(executor(others, apart=True)) if others else None
        started: dict[str, float] = {}

        def follow(compile_one: Callable[[str], bool]) -> None:
            while True:
                try:
                    name = names.popleft()
                except IndexError:
                    return
                with shown:
                    started[name] = time.monotonic()
                done = compile_one(name)
                with shown:
                    began, now = started.pop(name), time.monotonic()
                    if done:
                        rate = _effort(name) / max(now - began, 1e-3)  # that the parts under way have as well
                        begun = sum(min(_effort(one), rate * (now - at)) for one, at in started.items())
                        line.advance(note=name, effort=_effort(name), begun=begun)
                if not done:
                    names.append(name)
                    return

        def here(name: str) -> bool:
            compile_part(name)
            return True

        def elsewhere(name: str) -> bool:  # False: a process cannot be started or died; its part is compiled here
            assert workers is not None
            return workers.submit(compile_part, name, name=name).exception() is None

        followers = [Thread(target=follow, args=(elsewhere,), daemon=True) for _ in range(others)]
        for follower in followers:
            follower.start()
        as_planes(noise())  # what all parts need is there before the others have started
        follow(here)
        for follower in followers:
            follower.join()
        follow(here)


def _effort(name: str) -> float:
    return _COMPILED_IN.get(name, _COMPILED_SOON)


def compiled_parts(*, ahead: bool = False) -> tuple[str, ...]:
    """Names of all that has kernels for a verdict: families of features, processes with exact tests, and the keys of
    `_FURTHER_KERNELS`. `ahead`: those of `_KERNELS_AHEAD` as well, which other commands compile when they run.
    """
    tests = (name for name, process in processes().items() if process.exact is not None)
    names = dict.fromkeys((*_COMPILED_IN, *FAMILIES, *FURTHER_FAMILIES, *tests, *_FURTHER_KERNELS))
    return tuple(name for name in names if ahead or name not in _KERNELS_AHEAD)


def compile_part(name: str) -> None:
    """Run one of `compiled_parts` on noise."""
    pixels = noise()
    if (further := {**_FURTHER_KERNELS, **_KERNELS_AHEAD}.get(name)) is not None:
        further(pixels)
    elif name in processes():
        test = processes()[name].exact
        assert test is not None
        with contextlib.suppress(Exception):  # another package's may refuse noise
            test(pixels)
    else:
        family(name).compute(as_planes(pixels))


def _enlargements(pixels: np.ndarray) -> None:
    from PIL import Image

    from forensics.verdict.steps import find_enlargements

    find_enlargements(np.asarray(Image.fromarray(pixels).resize((200, 200), Image.Resampling.BICUBIC)))


def _content(pixels: np.ndarray) -> None:
    from forensics_features.content import bent_pixels

    bent_pixels(pixels)


def _trees(pixels: np.ndarray) -> None:
    judge = chosen_judge(None, "baseline")
    judge.judge(np.zeros((1, len(judge.feature_names or ())), np.float32))


def _network(pixels: np.ndarray) -> None:
    chosen_judge(None, None).look([pixels])


def _wavelets(pixels: np.ndarray) -> None:
    from forensics.history.readings import jpeg2000

    jpeg2000(pixels)


def _overlaps(pixels: np.ndarray) -> None:
    from forensics_features.lapped import stage_matrices

    stage_matrices()


def _open_pictures(pixels: np.ndarray) -> None:
    """What is asked of pictures that the models leave open."""
    from forensics_features import block_phases, packet_comb, tone_curve

    from forensics.codecs.bpg import colour
    from forensics.history.jpeg import reduced, resized

    large = np.tile(pixels, (2, 2, 1))
    resized.read(large)
    reduced.read(large)
    block_phases.block_phases(large)
    packet_comb.packet_combs(as_planes(pixels).y)
    tone_curve.strongest_curve(tone_curve.histograms(pixels))
    colour.to_planes(pixels, "ycbcr", 8, False)


def _histories(pixels: np.ndarray) -> None:
    from forensics.history.recoding import vp8_lattice
    from forensics.history.traces import grid_phase

    luma = pixels[:, :, 1]
    grid_phase.vote_map(luma)
    vp8_lattice.tried(luma.astype(np.int64), np.ones(luma.shape, np.bool_), (0, 0))


def _reconstruction(pixels: np.ndarray) -> None:
    """JPEGs given back: as decoded, cut, changed, with chroma halved along both axes and along one."""
    from PIL import Image

    from forensics.reconstruction.reconstruct import NotReconstructible, reconstruct

    def decoded(subsampling: int) -> np.ndarray:
        Image.fromarray(scene).save(stream := io.BytesIO(), "JPEG", quality=80, subsampling=subsampling)
        return np.asarray(Image.open(stream))

    wide = Image.fromarray(pixels[:28, :28]).resize((112, 112), Image.Resampling.BICUBIC)
    scene = np.uint8(pixels[:112, :112] // 8 + np.asarray(wide) // 2 + 48)
    whole = decoded(2)
    changed = whole.copy()
    changed[40:56, 40:56] = whole[20:36, 20:36]
    for picture in (whole, whole[3:, 5:], changed, decoded(1)):
        with contextlib.suppress(NotReconstructible):
            reconstruct(picture, seconds=1)


_FURTHER_KERNELS = {
    "open pictures": _open_pictures,
    "enlargements": _enlargements,
    "content": _content,
    "trees": _trees,
    "network": _network,
    "wavelets": _wavelets,
    "overlaps": _overlaps,
}
_KERNELS_AHEAD = {"reconstruction": _reconstruction, "histories": _histories}


def noise() -> np.ndarray:
    """Samples on which kernels are run, `np.ndarray [shape=(128, 128, 3), dtype=uint8]`."""
    return np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)


def _kept() -> str:
    """For how long compiled kernels are kept, and where, if not at the usual place."""
    from forensics_features._kernel import cache_folder, preferred_cache_folder

    folder, preferred = cache_folder(), preferred_cache_folder()
    if not folder:
        return (
            f"about half a minute in every run: {preferred!r} cannot be written, and NUMBA_CACHE_DIR names no other "
            f"folder to keep them"
        )
    other = f"; kept in {folder!r}, as {preferred!r} cannot be written (NUMBA_CACHE_DIR names another place)"
    return "on the first run of a version only (some twenty seconds, longer on a busy machine)" + (
        other if folder != preferred else ""
    )


def kernels_compiled() -> bool:
    """Whether the cache holds compiled code for every extractor module that has kernels, as the module is now."""
    from forensics_features._kernel import is_cached, is_kernel

    modules = [m for n, m in sys.modules.items() if n.startswith("forensics_features.") and m is not None]
    for module in modules:
        kernels = [v for v in vars(module).values() if is_kernel(v) and v.__module__ == module.__name__]
        if kernels and not any(is_cached(kernel) for kernel in kernels):
            return False
    return True
