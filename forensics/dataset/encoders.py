"""Which encoders make pictures of a fine class, and how: the one place that knows JPEG XR's overlap modes from the
rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from forensics_models.classes import CLASSES, FINE_CLASSES, FINE_TO_CLASS, PROCESSES

from forensics.codecs import process_encoders, registry
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
    """The class of `CLASSES` that a fine class belongs to; a process beyond them stands for itself."""
    return fine_class if fine_class in PROCESSES else CLASSES[FINE_TO_CLASS[FINE_CLASSES.index(fine_class)]]


def available(names: Iterable[str] = ()) -> dict[str, str]:
    """Encoders that encode and decode here, with library and version, in registry order.

    `names` limits them to encoders or whole classes; those of processes beyond the codecs come only where they are
    named. Raises `UsageError` for a name that is neither.
    """
    wanted = set(names)
    known = {*registry.names(), *process_encoders.names(), *CLASSES[1:], *PROCESSES}
    if not wanted <= known:
        raise UsageError(f"there is no codec {', '.join(sorted(wanted - known))}; there are {', '.join(sorted(known))}")
    found = {}
    for name in (*registry.names(), *process_encoders.names()):
        codec = encoder(name)
        beyond = codec.codec in PROCESSES
        if (wanted or beyond) and name not in wanted and codec.codec not in wanted:
            continue
        state = codec.availability()
        if state.encode and state.decode:
            found[name] = codec.version()
    return found


def encoders_of(fine_class: str, names: Iterable[str]) -> list[str]:
    """Those of the encoders `names` that can make a fine class; JPEG XR with one overlap stage needs jxrlib's
    command.
    """
    codec_class = class_of(fine_class)
    return [
        name
        for name in names
        if name.split("-")[0] not in process_encoders.HELD_OUT
        and encoder(name).codec == codec_class
        and not (fine_class == "jpegxr-1" and name == "jpegxr")
    ]


def encoder_for(name: str, fine_class: str) -> Codec:
    """The codec to run for a fine class: that of the registry, or its stretch of strengths that gives the class."""
    if name == "jpegxr":
        return {"jpegxr-0": _NoOverlap, "jpegxr-2": _TwoOverlaps}[fine_class]()
    return encoder(name)


def encoder(name: str) -> Codec:
    """The encoder of a name: one of the registry, or one of a process beyond the codecs."""
    return process_encoders.get(name) if name in process_encoders.names() else registry.get(name)


def forced_switches(name: str, fine_class: str) -> dict[str, Value]:
    """Switches that a fine class demands of an encoder."""
    return {"overlap": int(fine_class[-1])} if name == "jpegxr-jxrlib" else {}
