"""The extractors: time of every family, of the full vector, and how many times as fast a family is as its public peer
in the same run.
"""

from __future__ import annotations

from forensics_benchmarks.speed import made_picture, peers, timed
from forensics_features import FAMILIES, FeatureExtractor, as_planes, family

SIDES = (256, 1024)


class Families:
    """One family on the planes of a made picture."""

    params = (tuple(FAMILIES), SIDES)
    param_names = ("family", "side")

    def setup(self, name: str, side: int) -> None:
        self.planes = as_planes(made_picture(side))
        self.compute = family(name).compute
        self.compute(self.planes)  # compiled, or read from the cache, before the clock runs

    def time_family(self, name: str, side: int) -> None:
        self.compute(self.planes)


class FullVector:
    """All families on one picture, planes included."""

    params = SIDES
    param_names = ("side",)

    def setup(self, side: int) -> None:
        self.pixels = made_picture(side)
        self.extractor = FeatureExtractor()
        self.extractor.vector(self.pixels)

    def time_vector(self, side: int) -> None:
        self.extractor.vector(self.pixels)

    def peakmem_vector(self, side: int) -> None:
        self.extractor.vector(self.pixels)


class AgainstPeers:
    """Ratios hold on any machine, times on one."""

    params = (tuple(FAMILIES), SIDES)
    param_names = ("family", "side")
    repeat = 7

    def setup(self, name: str, side: int) -> None:
        pixels = made_picture(side)
        found = peers(pixels).get(name)
        if found is None:
            raise NotImplementedError(f"{name} has no public peer here")  # how asv leaves one out
        self.peer = found[1]
        self.planes = as_planes(pixels)
        self.compute = family(name).compute

    def track_times_as_fast(self, name: str, side: int) -> float:
        own, _ = timed(lambda: self.compute(self.planes), self.repeat)
        other, _ = timed(self.peer, self.repeat)
        return other / own

    track_times_as_fast.unit = "times"  # type: ignore[attr-defined]
