"""Encoders of other makers, run as commands where PATH has them: variety in training, and a test of generalisation.

Every command gets a registry name `CODEC-COMMAND` and offers the switches of its encoder that leave traces of their
own. Files are decoded in process, by the codec that stands for the class in the registry, so that two pictures of one
class differ in their encoder and in nothing else. A grey picture is handed over as grey; switches about chroma do not
touch it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from forensics.codecs.base import MATRIX, RANGE, Availability, Codec, Strength, Switch, Value
from forensics.codecs.built_in import built_in
from forensics.codecs.exchange import strength_value
from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.scratch import scratch_folder

TIMEOUT = 600.0
"""Seconds after which a command is given up."""

_SUBSAMPLING = Switch("4:2:0", ("4:2:0", "4:2:2", "4:4:4"), "chroma resolution")
_SUBSAMPLING_OR_GREY = Switch("4:2:0", ("4:2:0", "4:2:2", "4:4:4", "grey"), "chroma resolution, or luma alone")


def run_program(program: str, arguments: Sequence[str], folder: str | None = None) -> subprocess.CompletedProcess:
    """Run a program of PATH to its end, without a shell or an input; output is captured as text.

    Raises `CodecUnavailable` when PATH has no such program, `CodecError` when it does not end within `TIMEOUT`.
    """
    path = shutil.which(program)
    if path is None:
        raise CodecUnavailable(f"{program} is not on PATH")
    try:
        return subprocess.run(
            [path, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CodecError(f"{program} was given up after {TIMEOUT:g} seconds") from None
    except OSError as error:
        raise CodecError(f"{program} does not start: {error.strerror}") from None


def complaint(done: subprocess.CompletedProcess) -> str:
    """What a failed program said: its last line that speaks of an error, else its last line, else its exit code."""
    said = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    errors = [line for line in said if "error" in line.lower()]
    return (errors or said or [f"exit code {done.returncode}"])[-1]


@cache
def _first_match(path: str, arguments: tuple[str, ...], pattern: str) -> str:
    done = run_program(path, arguments)
    found = re.search(pattern, done.stdout + "\n" + done.stderr)
    return found.group(1) if found else "of unknown version"


class CommandCodec(Codec):
    """An encoder run as a command: picture file in, coded file out, both in a folder of their own."""

    program: ClassVar[str]
    package: ClassVar[str]
    """Where the program comes from, for the reason shown when it is missing."""
    library: ClassVar[str]
    source_suffix: ClassVar[str] = ".ppm"
    """What the program reads: `.ppm` (written as PGM for grey pictures) or `.png`."""
    version_arguments: ClassVar[tuple[str, ...]]
    version_pattern: ClassVar[str]
    """Regular expression whose first group is the version in what the program says to `version_arguments`."""

    @abstractmethod
    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """The command's arguments for complete parameters and the names of the two files."""

    def availability(self) -> Availability:
        """Encoding needs the program, decoding what the class's own codec needs."""
        decoder = built_in(self.codec).availability()
        if shutil.which(self.program) is None:
            reason = f"{self.program} is not on PATH ({self.package})"
            return Availability(False, decoder.decode, reason)
        return Availability(True, decoder.decode, "" if decoder.decode else decoder.reason)

    def version(self) -> str:
        """Library, version and program, for instance `OpenJPEG 2.5.0 (opj_compress)`; the program is asked once."""
        path = shutil.which(self.program)
        if path is None:
            return f"{self.library} ({self.program}, absent)"
        found = _first_match(path, self.version_arguments, self.version_pattern)
        return f"{self.library} {found} ({self.program})"

    def decode(self, data: bytes) -> np.ndarray:
        """Decode by the in-process codec of the same class."""
        return built_in(self.codec).decode(data)

    def complete(self, parameters: Mapping[str, Value]) -> dict[str, Value]:
        """As `Codec.complete`; open switches of these commands are whole numbers, and the strength is in its range."""
        complete = super().complete(parameters)
        for name, switch in self.switches.items():
            if switch.open and not isinstance(complete[name], int):
                raise UsageError(f"{self.name}: {name} is a whole number, not {complete[name]!r}")
        strength_value(self, complete)
        return complete

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        if shutil.which(self.program) is None:
            raise CodecUnavailable(f"{self.name}: {self.availability().reason}")
        with scratch_folder() as folder:
            source = Path(folder, "source" + (".pgm" if self._is_pgm(pixels) else self.source_suffix))
            target = Path(folder, "target" + self.suffix)
            _write_picture(source, pixels)
            arguments = self.arguments(parameters, pixels, source.name, target.name)
            done = run_program(self.program, arguments, folder)
            if done.returncode != 0 or not target.is_file() or target.stat().st_size == 0:
                raise CodecError(f"{self.name}: {complaint(done)}")
            return target.read_bytes()

    def _is_pgm(self, pixels: np.ndarray) -> bool:
        return self.source_suffix == ".ppm" and pixels.ndim == 2


def _write_picture(path: Path, pixels: np.ndarray) -> None:
    if path.suffix == ".png":
        from PIL import Image

        Image.fromarray(pixels).save(path, "PNG", compress_level=1)
        return
    magic = "P5" if pixels.ndim == 2 else "P6"
    header = f"{magic}\n{pixels.shape[1]} {pixels.shape[0]}\n255\n".encode()
    path.write_bytes(header + pixels.tobytes())


def _number(value: Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class JpegXrJxrlib(CommandCodec):
    """JPEG XR by jxrlib, the reference encoder, with its overlap modes and chroma formats."""

    name = "jpegxr-jxrlib"
    codec = "jpegxr"
    suffix = ".jxr"
    program = "JxrEncApp"
    package = "Debian package libjxr-tools"
    library = "jxrlib"
    version_arguments = ()
    version_pattern = r"Copyright (\d{4})"  # all it says of itself
    strength = Strength("quantizer", finest=2, coarsest=160, default=40, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING_OR_GREY,
        "overlap": Switch(1, (0, 1, 2), "levels of the lapped transform that overlap blocks"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """Pixel format 9 is 24-bit RGB, 2 is 8-bit grey."""
        chroma = ("grey", "4:2:0", "4:2:2", "4:4:4").index(str(parameters["subsampling"]))
        colour = ["-c", "2"] if pixels.ndim == 2 else ["-c", "9", "-d", str(chroma)]
        numbers = ["-q", _number(parameters["quantizer"]), "-l", _number(parameters["overlap"])]
        return ["-i", source, "-o", target, *colour, *numbers]


class Jpeg2000OpenJpeg(CommandCodec):
    """JPEG 2000 by OpenJPEG's own command: the file's ratio is what is asked for."""

    name = "jpeg2000-openjpeg"
    codec = "jpeg2000"
    suffix = ".jp2"
    program = "opj_compress"
    package = "Debian package libopenjp2-tools"
    library = "OpenJPEG"
    version_arguments = ("-h",)
    version_pattern = r"openjp2 library v([\d.]+\d)"
    strength = Strength("ratio", finest=1.5, coarsest=500, default=20, logarithmic=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "wavelet": Switch("9/7", ("9/7", "5/3"), "irreversible or reversible transform"),
        "levels": Switch(5, (0, 1, 2, 3, 4, 5, 6, 7, 8), "wavelet levels, as far as the tile's sides allow"),
        "tile_size": Switch(0, (0, 128, 256, 512), "tile side in pixels, 0 for one tile", open=True),
        "codeblock": Switch("64x64", ("64x64", "32x32", "16x16", "128x32", "32x128"), "code-block size"),
        "colour_transform": Switch(True, (True, False), "code YCbCr instead of RGB"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """`-n` counts resolutions, one more than levels."""
        tile = int(parameters["tile_size"])
        side = min(pixels.shape[0], pixels.shape[1], tile or pixels.shape[0])
        resolutions = min(int(parameters["levels"]), side.bit_length() - 1) + 1
        arguments = ["-i", source, "-o", target, "-r", _number(parameters["ratio"]), "-n", str(resolutions)]
        arguments += ["-b", str(parameters["codeblock"]).replace("x", ",")]
        if parameters["wavelet"] == "9/7":
            arguments.append("-I")
        if tile:
            arguments += ["-t", f"{tile},{tile}"]
        if pixels.ndim == 3:
            arguments += ["-mct", "1" if parameters["colour_transform"] else "0"]
        return arguments


class JpegCjpeg(CommandCodec):
    """JPEG by libjpeg-turbo's own command."""

    name = "jpeg-cjpeg"
    codec = "jpeg"
    suffix = ".jpg"
    program = "cjpeg"
    package = "Debian package libjpeg-turbo-progs"
    library = "libjpeg-turbo"
    version_arguments = ("-version",)
    version_pattern = r"version ([\d.]+\d)"
    strength = Strength("quality", finest=100, coarsest=1, default=75, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING_OR_GREY,
        "progressive": Switch(False, (False, True), "progressive scans"),
        "smooth": Switch(0, (0, 10, 30, 100), "smoothing of the source before coding, 0 to 100", open=True),
        "dct": Switch("int", ("int", "fast", "float"), "arithmetic of the forward DCT"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """Sampling factors are those of luma, `-sample 2x2` being 4:2:0."""
        subsampling = str(parameters["subsampling"])
        arguments = ["-quality", _number(parameters["quality"]), "-dct", str(parameters["dct"])]
        if parameters["progressive"]:
            arguments.append("-progressive")
        if parameters["smooth"]:
            arguments += ["-smooth", _number(parameters["smooth"])]
        if subsampling == "grey" or pixels.ndim == 2:
            arguments.append("-grayscale")
        else:
            arguments += ["-sample", {"4:2:0": "2x2", "4:2:2": "2x1", "4:4:4": "1x1"}[subsampling]]
        return [*arguments, "-outfile", target, source]


class WebPCwebp(CommandCodec):
    """WebP by libwebp's own command; the lossy format is always 4:2:0."""

    name = "webp-cwebp"
    codec = "webp"
    suffix = ".webp"
    program = "cwebp"
    package = "Debian package webp"
    library = "libwebp"
    version_arguments = ("-version",)
    version_pattern = r"([\d.]+\d)"
    strength = Strength("quality", finest=100, coarsest=0, default=75)
    switches: ClassVar[Mapping[str, Switch]] = {
        "preset": Switch("default", ("default", "photo", "picture", "drawing", "icon", "text"), "tuning"),
        "method": Switch(4, (0, 1, 2, 3, 4, 5, 6), "effort"),
        "filter": Switch(-1, (-1, 0, 20, 60, 100), "deblocking strength, 0 to 100; -1 the preset's", open=True),
        "noise_shaping": Switch(-1, (-1, 0, 50, 100), "spatial noise shaping, 0 to 100; -1 the preset's", open=True),
        "sharp_yuv": Switch(False, (False, True), "chroma decimated with care for edges"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """The preset comes first, for it overwrites what stands before it."""
        arguments = ["-preset", str(parameters["preset"]), "-q", _number(parameters["quality"])]
        arguments += ["-m", _number(parameters["method"])]
        if int(parameters["filter"]) >= 0:
            arguments += ["-f", _number(parameters["filter"])]
        if int(parameters["noise_shaping"]) >= 0:
            arguments += ["-sns", _number(parameters["noise_shaping"])]
        if parameters["sharp_yuv"]:
            arguments.append("-sharp_yuv")
        return [*arguments, "-quiet", source, "-o", target]


class AvifAvifenc(CommandCodec):
    """AVIF by libavif's own command, with whichever AV1 encoders it was built with; SVT-AV1 codes 4:2:0 alone."""

    name = "avif-avifenc"
    codec = "avif"
    suffix = ".avif"
    program = "avifenc"
    package = "Debian package libavif-bin"
    library = "libavif"
    source_suffix = ".png"
    version_arguments = ("--version",)
    version_pattern = r"Version: (.+)"
    strength = Strength("quantizer", finest=1, coarsest=63, default=30, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING_OR_GREY,
        "encoder": Switch("aom", ("aom", "rav1e", "svt"), "AV1 encoder"),
        "speed": Switch(6, tuple(range(11)), "0 the slowest, 10 the fastest"),
        "bit_depth": Switch(8, (8, 10), "bits a sample in the file"),
        "range": RANGE,
        "matrix": MATRIX,
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """Raises `CodecUnavailable` when this build of libavif lacks the AV1 encoder asked for."""
        encoder, quantizer = str(parameters["encoder"]), _number(parameters["quantizer"])
        if f"{encoder} [enc" not in self.version():
            raise CodecUnavailable(f"{self.name}: this build has no AV1 encoder {encoder}")
        grey = (pixels.ndim == 2 and encoder != "svt") or parameters["subsampling"] == "grey"
        chroma = "400" if grey else str(parameters["subsampling"]).replace(":", "")
        arguments = ["-j", "1", "-c", encoder, "-s", _number(parameters["speed"]), "-y", chroma]
        arguments += ["--min", quantizer, "--max", quantizer, "-d", _number(parameters["bit_depth"])]
        arguments += ["-r", str(parameters["range"]), "--cicp", f"1/13/{parameters['matrix']}"]
        return [*arguments, source, target]


class _HeifEnc(CommandCodec):
    """libheif's own command, whichever codec it writes."""

    program = "heif-enc"
    package = "Debian package libheif-examples"
    library = "libheif"
    source_suffix = ".png"
    version_arguments = ("-h",)
    version_pattern = r"libheif version: ([\d.]+\d)"

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """Quality, files, and the encoder's own switches, which travel as `-p NAME=VALUE`."""
        settings = {name: parameters[name] for name in self.switches if name != "subsampling"}
        settings["chroma"] = str(parameters["subsampling"]).replace(":", "")
        words = (word for name, value in settings.items() for word in ("-p", f"{name}={value}"))
        return ["-q", _number(parameters["quality"]), "-o", target, *words, source]


class AvifHeifEnc(_HeifEnc):
    """AVIF by libheif's own command and its AV1 encoder, as libvips and ImageMagick write it too."""

    name = "avif-heif-enc"
    codec = "avif"
    suffix = ".avif"
    strength = Strength("quality", finest=99, coarsest=0, default=50, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING,
        "speed": Switch(6, tuple(range(10)), "0 the slowest, 9 the fastest"),
        "tune": Switch("ssim", ("ssim", "psnr"), "what the encoder optimises"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """One thread, so that the same bytes come out on any machine."""
        return ["-A", "-p", "threads=1", *super().arguments(parameters, pixels, source, target)]


class JpegXlCjxl(CommandCodec):
    """JPEG XL by libjxl's own command, with its filters and its modular mode."""

    name = "jpegxl-cjxl"
    codec = "jpegxl"
    suffix = ".jxl"
    program = "cjxl"
    package = "Debian package libjxl-tools"
    library = "libjxl"
    version_arguments = ("--version",)
    version_pattern = r"v([\d.]+\d)"
    strength = Strength("distance", finest=0.1, coarsest=25, default=1, logarithmic=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "effort": Switch(7, tuple(range(1, 10)), "1 the fastest, 9 the slowest"),
        "epf": Switch(-1, (-1, 0, 1, 2, 3), "edge-preserving filter; -1 the encoder's choice"),
        "gaborish": Switch(-1, (-1, 0, 1), "smoothing filter off or on; -1 the encoder's choice"),
        "modular": Switch(-1, (-1, 0, 1), "0 DCT blocks, 1 wavelet-like squeeze; -1 the encoder's choice"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """What the encoder is to choose is not mentioned to it."""
        arguments = [
            source,
            target,
            "-d",
            _number(parameters["distance"]),
            "-e",
            _number(parameters["effort"]),
        ]
        chosen = [name for name in ("epf", "gaborish", "modular") if int(parameters[name]) >= 0]
        return [*arguments, "--num_threads=0", *(f"--{name}={parameters[name]}" for name in chosen)]


class HeicHeifEnc(_HeifEnc):
    """HEIC by libheif's own command and x265."""

    name = "heic-heif-enc"
    codec = "heic"
    suffix = ".heic"
    strength = Strength("quality", finest=100, coarsest=0, default=50, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING,
        "preset": Switch(
            "slow",
            ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
            "x265's effort",
        ),
        "tune": Switch("ssim", ("ssim", "psnr", "grain", "fastdecode"), "what x265 optimises"),
    }


class BpgBpgenc(CommandCodec):
    """BPG by the reference encoder, with either of its HEVC encoders."""

    name = "bpg-bpgenc"
    codec = "bpg"
    suffix = ".bpg"
    program = "bpgenc"
    package = "libbpg, built from source; no Debian package"
    library = "libbpg"
    source_suffix = ".png"
    version_arguments = ("-h",)
    version_pattern = r"version ([\d.]+\d)"
    strength = Strength("qp", finest=0, coarsest=51, default=29, integer=True)
    switches: ClassVar[Mapping[str, Switch]] = {
        "subsampling": _SUBSAMPLING,
        "bit_depth": Switch(8, (8, 9, 10, 12), "bits a sample in the file"),
        "colour_space": Switch(
            "ycbcr", ("ycbcr", "rgb", "ycgco", "ycbcr_bt709", "ycbcr_bt2020"), "colour space of the file"
        ),
        "encoder": Switch("default", ("default", "x265", "jctvc"), "HEVC encoder, as far as the build has it"),
    }

    def arguments(self, parameters: Mapping[str, Value], pixels: np.ndarray, source: str, target: str) -> list[str]:
        """`-f` is a preference: RGB and YCgCo are coded in 4:4:4."""
        chroma = str(parameters["subsampling"]).replace(":", "")
        arguments = ["-q", _number(parameters["qp"]), "-f", chroma, "-b", _number(parameters["bit_depth"])]
        arguments += ["-c", str(parameters["colour_space"])]
        if parameters["encoder"] != "default":
            arguments += ["-e", str(parameters["encoder"])]
        return [*arguments, "-o", target, source]


def command_codecs() -> list[Codec]:
    """Every command this package knows, present on PATH or not."""
    return [
        JpegCjpeg(),
        Jpeg2000OpenJpeg(),
        JpegXrJxrlib(),
        BpgBpgenc(),
        WebPCwebp(),
        AvifAvifenc(),
        AvifHeifEnc(),
        HeicHeifEnc(),
        JpegXlCjxl(),
    ]
