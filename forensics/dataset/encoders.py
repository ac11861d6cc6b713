"""Which encoders make pictures of a fine class, and how: the one place that knows JPEG XR's overlap modes from the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forensics_models.classes import CLASSES, FINE_CLASSES, FINE_TO_CLASS

from forensics.codecs import registry
from forensics.codecs.base import Codec, Strength, Value
from forensics.codecs.jpegxr import JpegXr
from forensics.errors import UsageError


class _NoOverlap(JpegXr):
    """The stretch of levels on which the encoder takes no overlap stage and 4:4:4."""

    def segments(self, parameters: Mapping[str, Value]) -> tuple[Strength, ...]:
        return super().segments(parameters)[:1]


class _TwoOverlaps(JpegXr):
    """The stretch of levels on which the encoder takes two overlap stages and 4:2:0."""

    def segments(self, parameters: Mapping[str, Value]) -> tuple[Strength, ...]:
        return super().segments(parameters)[1:]


def class_of(fine_class: str) -> str:
    """The class of `CLASSES` that a fine class belongs to."""
    return CLASSES[FINE_TO_CLASS[FINE_CLASSES.index(fine_class)]]


def available(names: Iterable[str] = ()) -> dict[str, str]:
    """Encoders that encode and decode here, with library and version, in registry order.

    `names` limits them to encoders or whole classes; raises `UsageError` for a name that is neither.
    """
    wanted = set(names)
    known = {*registry.names(), *CLASSES[1:]}
    if not wanted <= known:
        raise UsageError(f"there is no codec {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}")
    found = {}
    for name in registry.names():
        codec = registry.get(name)
        if wanted and name not in wanted and codec.codec not in wanted:
            continue
        state = codec.availability()
        if state.encode and state.decode:
            found[name] = codec.version()
    return found


def encoders_of(fine_class: str, names: Iterable[str]) -> list[str]:
    """Those of the encoders `names` that can make a fine class; JPEG XR with one overlap stage needs jxrlib's command."""
    codec_class = class_of(fine_class)
    return [
        name
        for name in names
        if registry.get(name).codec == codec_class and not (fine_class == "jpegxr-1" and name == "jpegxr")
    ]


def encoder_for(name: str, fine_class: str) -> Codec:
    """The codec to run for a fine class: that of the registry, or its stretch of strengths that gives the class."""
    if name == "jpegxr":
        return {"jpegxr-0": _NoOverlap, "jpegxr-2": _TwoOverlaps}[fine_class]()
    return registry.get(name)


def forced_switches(name: str, fine_class: str) -> dict[str, Value]:
    """Switches that a fine class demands of an encoder."""
    return {"overlap": int(fine_class[-1])} if name == "jpegxr-jxrlib" else {}
