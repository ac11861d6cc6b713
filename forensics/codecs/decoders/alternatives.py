"""Other decoders of each class: what a user's picture may have gone through, other than the decoder of the registry.

The planes of a picture are fixed by its format (or all but fixed); enlarging chroma, the colour conversion's rounding
and the arithmetic of the inverse transform are not. Each decoder here differs from the usual one in one of these, or is
of another maker or age. All read the file after the usual decoder has: it recognises damage that others fill up in
silence, and states the picture's size and whether it is grey.
"""

from __future__ import annotations

import hashlib
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.codecs import registry
from forensics.codecs.commands import complaint, run_program
from forensics.codecs.decoders import conversions, planes, swscale
from forensics.codecs.exchange import as_picture, library_errors, load_with_pillow, to_grey
from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.scratch import scratch_folder

YUV_CODECS = ("jpeg", "webp", "avif", "heic", "bpg")
"""Classes whose files hold luma and chroma planes."""


@dataclass(frozen=True)
class Decoder(ABC):
    """One further decoder of a class of pictures."""

    name: str
    codec: str
    """The class of `forensics_models.classes.CLASSES` that it reads."""

    @abstractmethod
    def missing(self) -> str:
        """Why it does not run here, empty where it does."""

    @abstractmethod
    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        """The picture of a whole file, which the usual decoder decodes to `usual`."""

    def decode(self, data: bytes) -> np.ndarray:
        """Decode a file to uint8 pixels of the usual decoder's shape.

        Raises `CodecError` on damaged data and on files that this decoder does not read or reads in another size,
        `CodecUnavailable` where it does not run here.
        """
        reason = self.missing()
        if reason:
            raise CodecUnavailable(f"{self.name}: {reason}")
        usual = registry.get(self.codec).decode(data)
        pixels = self._read(data, usual)
        if pixels.ndim == 2 and usual.ndim == 3:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        elif pixels.ndim == 3 and usual.ndim == 2:
            pixels = to_grey(pixels)
        if pixels.shape != usual.shape:
            raise CodecError(f"{self.name} decodes a picture of shape {pixels.shape} and not {usual.shape}")
        return pixels


@dataclass(frozen=True)
class _Program(Decoder):
    """A command of PATH: file in, picture file out."""

    program: str
    package: str
    arguments: tuple[str, ...]
    """With `{source}` and `{target}` in the places of the two files; `{format}` is JxrDecApp's number of grey or RGB
    pixels.
    """
    target: str

    def missing(self) -> str:
        return "" if shutil.which(self.program) else f"{self.program} is not on PATH ({self.package})"

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        with scratch_folder(memory=True) as folder:
            source, target = Path(folder, "source" + _suffix(self.codec, data)), Path(folder, self.target)
            source.write_bytes(data)
            words = {"{source}": source.name, "{target}": target.name, "{format}": "2" if usual.ndim == 2 else "9"}
            done = run_program(self.program, [words.get(word, word) for word in self.arguments], folder)
            if done.returncode != 0 or not target.is_file():
                raise CodecError(f"{self.name}: {complaint(done)}")
            return _picture(target)


def _suffix(codec: str, data: bytes) -> str:
    """Suffix of the file handed to a command: OpenJPEG's goes by the suffix, so a bare codestream is named as one."""
    return ".j2k" if codec == "jpeg2000" and data[:2] == b"\xff\x4f" else registry.get(codec).suffix


def _picture(path: Path) -> np.ndarray:
    from PIL.PngImagePlugin import PngImageFile
    from PIL.PpmImagePlugin import PpmImageFile

    with library_errors(path.name, "read"):
        return load_with_pillow(path.read_bytes(), PngImageFile if path.suffix == ".png" else PpmImageFile)


class _FFmpeg(Decoder):
    """A decoder that works through PyAV."""

    def missing(self) -> str:
        try:
            import av  # noqa: F401
        except ImportError as error:
            return f"PyAV cannot be imported: {error}"
        return ""


@dataclass(frozen=True)
class _ByPlanes(_FFmpeg):
    method: str

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        return planes.to_picture(_planes(self.codec, data, usual), self.method)


@dataclass(frozen=True)
class _ByDrawnConversion(_FFmpeg):
    """A conversion drawn by the file's hash: the same file always gets the same one."""

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        numbers = np.random.default_rng(int.from_bytes(hashlib.sha256(data).digest()[:16], "big"))
        return conversions.to_picture(_planes(self.codec, data, usual), conversions.draw(numbers))


@dataclass(frozen=True)
class _AsLibheif(_FFmpeg):
    """The arithmetic of recent libheif, whose builds in Python's packages read HEIC alone."""

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        return conversions.as_libheif(_planes(self.codec, data, usual))


@dataclass(frozen=True)
class _BySwscale(_FFmpeg):
    method: str

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        return swscale.to_picture(_planes(self.codec, data, usual), self.method)


@dataclass(frozen=True)
class _FFmpegJpeg2000(_FFmpeg):
    """FFmpeg's own JPEG 2000 decoder, which gives RGB or grey itself."""

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        with library_errors(self.name, "decode"):
            frame = planes.first_frame(data)
            if frame.format.name not in ("gray", "rgb24"):
                raise CodecError(f"{self.name} gives {frame.format.name}, which has no conversion here")
            return as_picture(frame.to_ndarray())


def _planes(codec: str, data: bytes, usual: np.ndarray) -> planes.CodedPlanes:
    return planes.read_planes(codec, data).cropped(*usual.shape[:2])


def _command(codec: str, name: str, program: str, package: str, words: str, target: str = "target.ppm") -> Decoder:
    return _Program(name, codec, program, f"Debian package {package}", tuple(words.split()), target)


def _jpeg(name: str, words: str) -> Decoder:
    return _command("jpeg", name, "djpeg", "libjpeg-turbo-progs", f"{words} -pnm -outfile {{target}} {{source}}")


def _webp(name: str, words: str) -> Decoder:
    return _command("webp", name, "dwebp", "webp", f"{words} -quiet -ppm {{source}} -o {{target}}")


def _avif(upsampling: str) -> Decoder:
    words = f"-j 1 -d 8 --png-compress 0 --upsampling {upsampling} {{source}} {{target}}"
    return _command("avif", f"avifdec-{upsampling}", "avifdec", "libavif-bin", words, "target.png")


_DECODERS: tuple[Decoder, ...] = (
    _jpeg("djpeg-nosmooth", "-nosmooth"),
    _jpeg("djpeg-fast", "-dct fast"),
    _jpeg("djpeg-float", "-dct float"),
    _webp("dwebp-dither", "-dither 50"),
    _webp("dwebp-nofancy", "-nofancy -nodither"),
    *(_avif(upsampling) for upsampling in ("nearest", "bilinear")),
    *(
        _command(codec, "heif-convert", "heif-convert", "libheif-examples", "--quiet {source} {target}", "target.png")
        for codec in ("heic", "avif")
    ),
    *(_ByPlanes(f"planes-{method}", codec, method) for codec in YUV_CODECS for method in planes.FILTERS),
    *(_ByDrawnConversion("planes-drawn", codec) for codec in YUV_CODECS),
    _AsLibheif("planes-libheif", "avif"),
    *(_BySwscale(f"swscale-{method}", codec, method) for codec in YUV_CODECS for method in swscale.METHODS),
    _command("jpegxl", "djxl", "djxl", "libjxl-tools", "{source} {target} --num_threads=0 --quiet"),
    _command(
        "jpeg2000", "opj_decompress", "opj_decompress", "libopenjp2-tools", "-quiet -i {source} -o {target}",
        "target.pnm",
    ),
    _FFmpegJpeg2000("ffmpeg", "jpeg2000"),
    _command("jpegxr", "jxrdecapp", "JxrDecApp", "libjxr-tools", "-i {source} -o {target} -c {format}", "target.pnm"),
)  # fmt: skip


def of_class(codec: str) -> tuple[Decoder, ...]:
    """The further decoders of a class, those missing here among them; empty for a class without one."""
    return tuple(decoder for decoder in _DECODERS if decoder.codec == codec)


def names() -> tuple[str, ...]:
    """All decoders' names; one name may stand for a decoder of several classes."""
    return tuple(dict.fromkeys(decoder.name for decoder in _DECODERS))


def by_name(name: str) -> tuple[Decoder, ...]:
    """The decoders of that name, one a class; raises `UsageError` where there is none."""
    found = tuple(decoder for decoder in _DECODERS if decoder.name == name)
    if not found:
        raise UsageError(f"there is no decoder {name!r}; besides the usual ones there are {', '.join(names())}")
    return found


def get(codec: str, name: str) -> Decoder | None:
    """The decoder of that name for a class, None where the class has none; raises `UsageError` for a name of no
    class.
    """
    return next((decoder for decoder in by_name(name) if decoder.codec == codec), None)
