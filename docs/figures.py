"""Draws the pictures of the documentation from the samples of the repository, by the product itself."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from forensics.results.history import Trace

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SHOWN = {
    "colour_lattice": "jpeg",
    "dct_comb": "jpeg",
    "jpeg_table": "jpeg",
    "grid_phase": "jpeg",
    "boundary_profile": "bpg",
    "chroma_spectrum": "jpeg",
    "wavelet_comb": "jpeg2000",
    "lapped_comb": "jpegxr",
    "coding_again": "webp",
    "jpeg_blocks": "blocks",
    "residual_spectrum": "resized",
    "enlargement": "enlarged",
}
"""The sample that each trace's figure is drawn from."""


def sample(name: str) -> np.ndarray:
    """A sample by name, or one of three that are made of the samples: resized, enlarged, spliced."""
    if name == "resized":
        plain = Image.open(ROOT / "examples" / "uncompressed.png").convert("RGB")
        return np.asarray(plain.resize((329, 326), Image.Resampling.BICUBIC))
    if name == "enlarged":
        plain = Image.open(ROOT / "examples" / "jpeg.png").convert("RGB")
        return np.asarray(plain.resize((413, 410), Image.Resampling.BICUBIC))
    if name == "spliced":
        return spliced()
    return np.asarray(Image.open(ROOT / "examples" / f"{name}.png").convert("RGB"))


def spliced() -> np.ndarray:
    """A JPEG, cropped to 507 x 509, with a square of the uncompressed sample pasted in."""
    plain = Image.open(ROOT / "examples" / "uncompressed.png").convert("RGB")
    host = np.asarray(_coded(_mirrored(), 80)).copy()
    host[200:360, 180:340] = np.asarray(plain)[40:200, 40:200]
    return host[3:, 5:]


def _mirrored() -> Image.Image:
    """The uncompressed sample four times, 512 x 512, neighbours mirrored."""
    plain = Image.open(ROOT / "examples" / "uncompressed.png").convert("RGB")
    large = Image.new("RGB", (512, 512))
    for i in range(4):
        part = plain if i % 3 == 0 else plain.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        large.paste(part, (256 * (i % 2), 256 * (i // 2)))
    return large


def _coded(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def draw_traces() -> None:
    """The figure of every trace in `SHOWN`, and what the report says of it."""
    from forensics.report.plots import plot_trace

    for name, trace in traces().items():
        axes = plot_trace(trace)
        axes.figure.savefig(PICTURES / f"trace_{name}.png", dpi=80, metadata={"Software": None})
        said(name).write_text(saying(trace.sentence), encoding="utf-8")


def reduced_samples() -> tuple[np.ndarray, np.ndarray]:
    """A picture that was never compressed and a JPEG of it, both reduced to 0.69 of their size."""
    pictures = (_mirrored(), _coded(_mirrored(), 75))
    plain, jpeg = (np.asarray(one.resize((354, 354), Image.Resampling.BICUBIC)) for one in pictures)
    return plain, jpeg


def reduced_jpeg_said() -> str:
    """What a report says of the lattice of the reduced JPEG."""
    from forensics.history.jpeg import reduced

    pixels = reduced_samples()[1]
    reading = reduced.read(pixels)
    if reading is None or not reading.named:
        sys.exit("no JPEG is read in the reduced sample")
    return reduced.sentence(reading, *pixels.shape[:2])


def draw_reduced_jpeg() -> None:
    """Strength of the likeliest quality by scale, in a reduced JPEG and in a picture that was never compressed."""
    from forensics.history.jpeg import reduced

    curves = [reduced.contrasts(pixels).max(axis=1) for pixels in reduced_samples()]
    labels = ("scale that is undone", "contrast of the clearest quality")
    _draw_reduced("reduced_jpeg", reduced.SCALES, curves, labels, reduced.FOUND_FROM)
    said("reduced_jpeg").write_text(saying(reduced_jpeg_said()), encoding="utf-8")


def _draw_reduced(
    name: str, over: np.ndarray, curves: Sequence[np.ndarray], labels: tuple[str, str], threshold: float | None = None
) -> None:
    """The curves of both of `reduced_samples` over the same values, with labels of the axes, as a trace's figure."""
    import matplotlib.pyplot as plt

    from forensics.report.plots import BLUE, GREY, SIZE

    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    pictures = ("never compressed, reduced", "JPEG of quality 75, reduced")
    for curve, colour, picture in zip(curves, (GREY, BLUE), pictures, strict=True):
        axes.plot(over, curve, color=colour, lw=1, label=picture)
    if threshold is not None:
        axes.axhline(threshold, color=GREY, lw=1, ls="--")
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.legend(frameon=False)
    figure.savefig(PICTURES / f"trace_{name}.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


def block_grid_said() -> str:
    """What a report says of the grid of the reduced JPEG."""
    from forensics.verdict.block_grids import found_in

    grid = found_in(reduced_samples()[1])
    if grid is None:
        sys.exit("no block grid is found in the reduced sample")
    return grid.text


def draw_block_grid() -> None:
    """How strong a block grid is by its period, in a reduced JPEG and in a picture that was never compressed."""
    from forensics_features import scaled_grid

    curves = [scaled_grid.strengths(pixels) for pixels in reduced_samples()]
    labels = ("period of the grid, pixels", "power of its lines over their surroundings")
    _draw_reduced("block_grids", scaled_grid.BLOCK * scaled_grid.SCALES, curves, labels)
    said("block_grids").write_text(saying(block_grid_said()), encoding="utf-8")


def draw_inset() -> None:
    """A photograph on a page, with the frame of what is cut out."""
    from forensics_features import inset
    from PIL import ImageDraw, ImageFont

    sample = Image.open(ROOT / "examples" / "jpeg.png").convert("RGB")
    shown = sample.resize((round(1.25 * sample.width), round(1.25 * sample.height)), Image.Resampling.BICUBIC)
    page = Image.new("RGB", (shown.width + 220, shown.height + 170), (250, 249, 246))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for top in (*range(12, 70, 21), *range(shown.height + 96, page.height - 20, 21)):
        draw.text((60, top), "Words on a line of a page, as they stand about pictures", fill=(40, 40, 48), font=font)
    page.paste(shown, (60, 84))
    (found,) = inset.find(np.asarray(page))
    box = (found.left - 3, found.top - 3, found.left + found.width + 2, found.top + found.height + 2)
    draw.rectangle(box, outline=(200, 40, 40), width=3)
    page.quantize(128, dither=Image.Dither.NONE).save(PICTURES / "trace_inset.png", optimize=True)


def draw_sharpening() -> None:
    """Fractions of a sharpened picture divided by its filter, and by one of another amount."""
    import matplotlib.pyplot as plt
    from forensics_features import sharpening
    from scipy.fft import dctn, idctn
    from scipy.ndimage import gaussian_filter

    from forensics.report.plots import BLUE, GREY, SIZE

    sigma, amount = SHARPENED
    before = sample("jpeg")[..., 1].astype(float)
    after = np.rint(before + amount * (before - gaussian_filter(before, sigma)))
    inner = (slice(sharpening.MARGIN, -sharpening.MARGIN),) * 2
    low = sharpening.low_pass("gaussian", sigma, after.shape)
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for tried, colour in ((amount, BLUE), (1.5 * amount, GREY)):
        quotient = idctn(dctn(np.clip(after, 0, 255), type=2) / sharpening.gain_of(low, tried), type=2)[inner]
        changed = np.abs(quotient - after[inner]) > sharpening.CHANGED
        fractions = quotient[changed] - np.rint(quotient[changed])
        axes.hist(fractions, 41, (-0.5, 0.5), density=True, histtype="step", color=colour, label=f"amount {tried:.2g}")
    axes.set_xlabel("distance of a quotient from the next whole number")
    axes.set_ylabel("density")
    axes.legend(frameon=False)
    figure.savefig(PICTURES / "trace_sharpening.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


def draw_rotation() -> None:
    """How far the lines of a rotation stand out by the angle, of a sample as it is and rotated."""
    import matplotlib.pyplot as plt
    from forensics_features import rotation

    from forensics.report.plots import BLUE, GREY, SIZE

    upright = sample("jpeg")
    rotated = np.asarray(Image.fromarray(upright).rotate(ROTATED, Image.Resampling.BILINEAR))
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for pixels, colour, name in ((upright, GREY, "as it is"), (rotated, BLUE, f"rotated by {ROTATED} degrees")):
        inner = pixels[20:-20, 20:-20]
        axes.plot(rotation.DEGREES, rotation.strengths(inner), color=colour, label=name, linewidth=0.8)
    axes.set_xlabel("angle, degrees")
    axes.set_ylabel("sum of the lines' logarithms")
    axes.legend(frameon=False)
    figure.savefig(PICTURES / "trace_rotation.png", dpi=80, metadata={"Software": None})
    plt.close(figure)


ROTATED = 3
"""Degrees in the figure of rotation."""

SHARPENED = (1.2, 0.8)
"""Standard deviation and amount of the filter in the figure of sharpening."""


def said(name: str) -> Path:
    """The file with what a report says of a trace."""
    return ROOT / "docs" / "traces" / f"{name}.inc"


def saying(sentence: str) -> str:
    """A sentence of a report as a block of a page."""
    return ".. code-block:: text\n\n" + "".join(f"    {line}\n" for line in textwrap.wrap(sentence, 96))


def traces() -> dict[str, Trace]:
    """Every trace of `SHOWN`, from its sample."""
    import forensics
    from forensics.history.jpeg.possible_blocks import jpeg_blocks
    from forensics.history.traces.residual_spectrum import residual_spectrum
    from forensics.history.traces.sample import draw_sample

    examined = sorted(set(SHOWN.values()) - {"resized", "blocks"})
    found = {name: forensics.examine(sample(name), map=False).history.traces for name in examined}
    # Before an examination asks for resizing, the enlargement is undone: the test is asked by itself.
    found["resized"] = (residual_spectrum(draw_sample(sample("resized"))),)
    found["blocks"] = (jpeg_blocks(sample("jpeg")),)
    shown = {}
    for trace, name in SHOWN.items():
        shown[trace] = next((one for one in found[name] if one.name == trace), None)
        if shown[trace] is None:
            sys.exit(f"the history of the sample {name!r} has no trace {trace!r}")
    return shown


def draw_pages() -> None:
    """The report of the spliced picture and the index of the samples, as Chromium shows them."""
    import subprocess
    import tempfile

    from tests.report.browser import PROGRAM, Browser

    if PROGRAM is None:
        sys.exit("no Chromium on PATH: the pictures of pages stay as they are")
    command = [sys.executable, "-m", "forensics", "analyze"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        Image.fromarray(spliced()).save(home / "suspect.png")
        subprocess.run([*command, "suspect.png", "--report", "suspect.html"], cwd=home, check=True, capture_output=True)
        (home / "examples").symlink_to(ROOT / "examples")
        subprocess.run(
            [*command, "examples", "--report", "pages", "--no-map", "--no-history"],
            cwd=home,
            check=True,
            capture_output=True,
        )
        with Browser() as browser:
            for page, name, height in (("suspect.html", "report", 1150), ("pages/index.html", "index", 900)):
                browser.look(home / page, 1100)
                _save(browser.screenshot(), name, height)


def draw_readme() -> None:
    """The first screens of the README, as a site that renders Markdown shows them in Chromium."""
    import tempfile

    from markdown_it import MarkdownIt

    from tests.report.browser import PROGRAM, Browser

    if PROGRAM is None:
        sys.exit("no Chromium on PATH: the picture of the README stays as it is")
    body = MarkdownIt("commonmark").enable("table").render((ROOT / "README.md").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        page = Path(folder) / "readme.html"
        page.write_text(
            f'<!doctype html><meta charset="utf-8"><base href="{ROOT.as_uri()}/"><style>{_README_STYLE}</style>{body}',
            encoding="utf-8",
        )
        browser.look(page, 1012)
        _save(browser.screenshot(), "readme", README_HEIGHT)


README_HEIGHT = 1500
"""Pixels of the README that its picture shows: a screen and a half."""
_README_STYLE = """
body { font: 16px/1.5 sans-serif; color: #1f2328; background: #fff; max-width: 916px; margin: 32px auto; }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; margin: 24px 0 16px; line-height: 1.25; }
a { color: #0969da; text-decoration: none; }
img { max-width: 100%; }
code { font: 85% monospace; background: #f0f1f3; padding: .2em .4em; border-radius: 6px; }
pre { background: #f6f8fa; padding: 16px; overflow: hidden; line-height: 1.45; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; text-align: left; }
"""


def _save(png: bytes, name: str, height: int) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    cut = picture.crop((0, 0, picture.width, min(height, picture.height)))
    cut.quantize(128, dither=Image.Dither.NONE).save(PICTURES / f"{name}.png", optimize=True)


def draw_all() -> None:
    """Every picture of the documentation."""
    PICTURES.mkdir(exist_ok=True)
    sys.path.insert(0, str(ROOT))
    draw_traces()
    draw_block_grid()
    draw_reduced_jpeg()
    draw_inset()
    draw_sharpening()
    draw_rotation()
    draw_pages()
    draw_readme()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    draw_readme() if sys.argv[1:] == ["readme"] else draw_all()
