"""The classes of a verdict, in the one order used everywhere."""

from __future__ import annotations

CLASSES = ("uncompressed", "jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")
"""The nine classes a verdict is given over."""

FINE_CLASSES = (
    "uncompressed", "jpeg", "jpeg2000", "jpegxr-0", "jpegxr-1", "jpegxr-2", "bpg", "webp", "avif", "heic", "jpegxl",
)  # fmt: skip
"""What the classifiers are trained on: JPEG XR's overlap modes leave traces of their own and are distinguished."""

HEVC_INTRA = ("bpg", "heic")
"""Classes that share HEVC intra coding; their merged probability is reported as `hevc-intra`."""

FINE_TO_CLASS = tuple(CLASSES.index(name.split("-")[0]) for name in FINE_CLASSES)
"""For each fine class the index of its class in `CLASSES`."""

HEVC_FAMILY = "hevc-intra"
"""The verdict that stands for BPG or HEIC where the two cannot be distinguished."""

NO_CONTENT = "no-content"
"""The verdict where a picture holds too little to be judged."""

INCONCLUSIVE = "inconclusive"
"""The verdict where no class, and not the HEVC family, reaches the model's threshold."""


def family(name: str) -> str:
    """A class, or `HEVC_FAMILY` for the two that share HEVC intra coding."""
    return HEVC_FAMILY if name in HEVC_INTRA else name


PROCESSES = (
    "video-h264", "video-hevc", "video-mpeg2", "video-mpeg4", "video-vp8", "video-vp9", "video-av1", "video-mjpeg",
    "texture-bc", "texture-etc", "wsq", "jpeg-ls-near", "webp-near-lossless", "lerc", "other-lossy",
)  # fmt: skip
"""Lossy processes beyond the codecs of `CLASSES` that the open judge is trained on; `other-lossy` holds what is none of
the named ones.
"""

OPEN_CLASSES = (*FINE_CLASSES, *PROCESSES)
"""What the open judge is trained on: the fine classes, then the processes beyond them."""

OTHER_LOSSY = "other-lossy"
"""The verdict for a picture that was lossily compressed by a process beyond the codecs of `CLASSES` and their kin, none
of which is certain enough to be named.
"""

AFTERWARDS = (
    "nothing",
    "enlarged",
    "reduced",
    "rotated",
    "blurred",
    "sharpened",
    "median",
    "recoloured",
    "grey",
    "palette",
    "noise",
    "composited",
    "several",
)
"""What may have happened to a picture since its last lossy step, as the open judge is trained on."""

FAMILIES = {
    "bpg": HEVC_FAMILY,
    "heic": HEVC_FAMILY,
    "video-hevc": HEVC_FAMILY,
    "webp": "vp8",
    "video-vp8": "vp8",
    "avif": "av1",
    "video-av1": "av1",
    "jpeg": "jpeg",
    "video-mjpeg": "jpeg",
}
"""Families whose members share one art of coding, by process: HEVC intra, VP8 and AV1 key frames, and the JPEG of
Motion JPEG.
"""


def family_of(process: str) -> str:
    """The family of a process, itself where it shares its art of coding with none."""
    return FAMILIES.get(process, process)


def members_of(family: str) -> tuple[str, ...]:
    """The processes of a family; none where the word is no family's."""
    return tuple(name for name, one in FAMILIES.items() if one == family)


_KIN = {family_of(name) for name in CLASSES}

BEYOND = tuple(name for name in PROCESSES if family_of(name) not in _KIN)
"""Processes beyond the codecs of `CLASSES` that share their art of coding with none of those."""


OPEN_VERDICTS = (INCONCLUSIVE, NO_CONTENT)
"""Verdicts that say neither that a picture was lossily compressed nor that it was not."""


def says_lossy(verdict: str) -> bool:
    """Whether a verdict is a lossy process, a family of them, or `other-lossy`.

    Examples
    --------
    >>> from forensics_models.classes import says_lossy
    >>> says_lossy("hevc-intra"), says_lossy("uncompressed"), says_lossy("inconclusive"), says_lossy("no-content")
    (True, False, False, False)
    """
    return verdict not in (*OPEN_VERDICTS, "uncompressed")


def allowed_by(verdict: str) -> tuple[str, ...]:
    """The processes that a verdict leaves possible; none where it leaves all open.

    Examples
    --------
    >>> from forensics_models.classes import allowed_by
    >>> allowed_by("vp8"), allowed_by("wsq"), allowed_by("inconclusive"), "video-mpeg4" in allowed_by("other-lossy")
    (('webp', 'video-vp8'), ('wsq',), (), True)
    """
    if verdict == OTHER_LOSSY:
        return BEYOND
    return members_of(verdict) or (() if verdict == INCONCLUSIVE else (verdict,))


def process_of(name: str) -> str:
    """The process that a fine class stands for: JPEG XR's overlap modes are one process."""
    return name.split("-")[0] if name in FINE_CLASSES else name
