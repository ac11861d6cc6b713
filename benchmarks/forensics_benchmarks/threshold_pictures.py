"""Pictures with a known truth on which thresholds are tried, and what is asked of them: by set, a maker and a reader.

A maker draws examples from sources with a generator; a reader gives by question `right`, `open` or `wrong`. Pictures of
a set alternate between those with the trace in question and those without.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from forensics_benchmarks import threshold_copies
from forensics_benchmarks.threshold_examples import Example, Make, Read, crop, drawn, jpeg, outcome

SIDE = 256
"""Width and height of most pictures, in pixels."""
_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:4:0", "4:2:0")
_KERNELS = {
    "bilinear": Image.Resampling.BILINEAR,
    "cubic -0.5": Image.Resampling.BICUBIC,
    "Lanczos 3": Image.Resampling.LANCZOS,
}


def _jpegs(side: int, low: int, high: int) -> Make:
    """JPEGs in every subsampling, one in four with repeated chroma; one in eight codes RGB."""

    def make(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
        import imagecodecs

        from forensics.codecs import get
        from forensics.codecs.decoders import alternatives

        codec, plain = get("jpeg"), alternatives.get("jpeg", "djpeg-nosmooth")
        for index, pixels in enumerate(drawn(sources, number, side + 16, rng)):
            quality, subsampling = int(rng.integers(low, high)), _SUBSAMPLINGS[index % 4]
            if index % 8 == 4:
                made, subsampling = jpeg(pixels, quality, keep_rgb=True), "rgb"
            else:
                data = bytes(imagecodecs.jpeg8_encode(pixels, level=quality, subsampling=subsampling.replace(":", "")))
                repeated = index % 16 >= 12 and plain is not None and not plain.missing()
                made = plain.decode(data) if repeated and plain is not None else codec.decode(data)
            top, left = int(rng.integers(16)), int(rng.integers(16))
            truth = {"quality": quality, "subsampling": subsampling, "phase": (-top % 8, -left % 8)}
            yield Example(np.ascontiguousarray(made[top : top + side, left : left + side]), truth)

    return make


def _with_hypotheses(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """JPEGs as `_jpegs` makes them, with what is tried of their chroma on the true grid."""
    for example in _jpegs(112, 40, 99)(sources, number, rng):
        if example.truth["subsampling"] != "rgb":
            yield example._replace(truth={**example.truth, "tried": _tried(example)})


def _tried(example: Example) -> list[Any]:
    from forensics.history.jpeg.chroma import try_hypotheses
    from forensics.history.jpeg.planes import checked, tiles_of

    return list(try_hypotheses(tiles_of(checked(example.pixels)), example.truth["phase"]))


def _read_chroma(example: Example) -> dict[str, str]:
    """Subsampling alone, on the true grid; pictures coded as RGB have none."""
    from forensics.history.jpeg.chroma import probabilities
    from forensics.history.jpeg.recovery import STATED_FROM

    if example.truth["subsampling"] == "rgb":
        return {}
    tried = example.truth["tried"] if "tried" in example.truth else _tried(example)
    odds: dict[str, float] = {}
    for one, probability in zip(tried, probabilities(tried).tolist(), strict=True):
        odds[one.subsampling] = odds.get(one.subsampling, 0.0) + probability
    best = max(odds, key=lambda name: odds[name])
    return {"subsampling": outcome(best if odds[best] >= STATED_FROM else None, example.truth["subsampling"])}


def _read_jpeg(example: Example) -> dict[str, str]:
    from forensics.history.jpeg.recovery import STATED_FROM, recover

    found, truth = recover(example.pixels, fixed_point=False), example.truth
    coding = "rgb" if truth["subsampling"] == "rgb" else "ycbcr"
    answers = {
        "grid": outcome(found.grid.phase if found.found else None, truth["phase"]),
        "colour": outcome(found.colour if found.found else None, coding),
        "quality": outcome(found.match.quality if found.match is not None else None, truth["quality"]),
    }
    if coding == "ycbcr":
        stated = found.subsampling[1] >= STATED_FROM
        answers["subsampling"] = outcome(found.subsampling[0] if stated else None, truth["subsampling"])
    return answers


def _read_steps(example: Example) -> dict[str, str]:
    """Steps of luma, each a question of its own."""
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
    from forensics.history.jpeg.recovery import recover

    found = recover(example.pixels, fixed_point=False).luma
    table = scaled_table(TABLE_FAMILIES["standard"][0], example.truth["quality"]).ravel()
    return {
        f"steps #{at}": outcome(found.steps[at] if found is not None and found.identified[at] else None, table[at])
        for at in range(1, 64)
    }


def _twice(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Once and twice compressed in turn, the first grid aligned, with what the last compression shows."""
    from forensics.history.jpeg.recovery import recover

    for index, pixels in enumerate(drawn(sources, number, 160, rng)):
        last = int(rng.integers(70, 96))
        before = jpeg(pixels, int(rng.integers(50, 90))) if index % 2 else pixels
        made = jpeg(before, last)
        yield Example(made, {"double": bool(index % 2), "history": recover(made, fixed_point=False)})


def _read_twice(example: Example) -> dict[str, str]:
    from forensics.history.jpeg.double import detect

    kind = "twice" if example.truth["double"] else "once"
    return {kind: outcome(detect(example.pixels, history=example.truth["history"]).double, example.truth["double"])}


def _found(test: str, *, sampled: bool = False) -> Read:
    """A reader by a test with one answer, found or not, named `module:function`; `sampled`: it takes a `Sample`."""

    def read(example: Example) -> dict[str, str]:
        from importlib import import_module

        from forensics.history.traces.sample import draw_sample
        from forensics.results.history import FOUND_BELOW

        module, _, function = test.partition(":")
        looked_at = draw_sample(example.pixels) if sampled else example.pixels
        trace = getattr(import_module(module), function)(looked_at)
        found = trace.log10_nfa <= FOUND_BELOW and (sampled or bool(trace.speaks_for))
        return {"with" if example.truth["found"] else "without": outcome(found, example.truth["found"])}

    return read


def _read_earlier(example: Example) -> dict[str, str]:
    """Whether a comb of an earlier block DCT shows in a source."""
    from forensics.dataset.earlier_compression import traces_of

    found = "comb" in traces_of(example.pixels)
    return {"with" if example.truth["found"] else "without": outcome(found, example.truth["found"])}


def _wavelets(case: str, side: int) -> Make:
    """Seeds: what is coded and how is drawn by the case itself (`history_wavelets`), the same for a seed."""

    def make(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
        for pixels in drawn(sources, number, 2 * side, rng):
            yield Example(pixels, {"case": case, "side": side, "seed": int(rng.integers(2**31))})

    return make


def _read_wavelets(example: Example) -> dict[str, str]:
    from forensics_benchmarks import history_wavelets

    rng = np.random.default_rng(example.truth["seed"])
    if example.truth["case"] == "jpeg 2000":
        rows = history_wavelets.jpeg2000_case(example.pixels, example.truth["side"], rng, uncropped=False)
    else:
        rows = history_wavelets.jpegxr_case(example.pixels, example.truth["side"], rng)
    return {row.parameter: outcome(row.declared, row.truth) for row in rows}


def _tiles(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    from forensics.codecs import registry

    codec = registry.get("jpeg2000")
    for index, pixels in enumerate(drawn(sources, number, 512, rng)):
        tile, wavelet = (0, 128, 0, 256)[index % 4], ("9/7", "5/3")[index // 4 % 2]
        data = codec.encode(pixels, ratio=float(rng.uniform(6, 20)), wavelet=wavelet, tile_size=tile)
        yield Example(codec.decode(data), {"tile": tile or None})


def _read_tiles(example: Example) -> dict[str, str]:
    from forensics.history.jpeg2000.recovery import recover

    found = recover(example.pixels).tile_size
    if example.truth["tile"] is None:
        return {"one tile": "right" if found is None else "wrong"}
    return {"tiles": outcome(found, example.truth["tile"])}


def _enlarged(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    for index, pixels in enumerate(drawn(sources, number, 300, rng)):
        name = list(_KERNELS)[index % 3]
        width, height = (round(300 * float(np.exp(rng.uniform(np.log(1.05), np.log(2.5))))) for _ in range(2))
        made = np.asarray(Image.fromarray(pixels).resize((width, height), _KERNELS[name]))
        yield Example(made, {"kernel": name, "side": 300}) if index % 4 else Example(pixels, {"kernel": None})


def _read_enlarged(example: Example) -> dict[str, str]:
    from forensics_features import enlargement

    found = enlargement.find(example.pixels)
    if example.truth["kernel"] is None:
        return {"untouched": "right" if found is None else "wrong"}
    kernels = {axis.kernel.name for axis in (found.rows, found.columns) if axis} if found else set()
    sides = {axis.old for axis in (found.rows, found.columns) if axis} if found else set()
    return {
        "kernel": outcome(kernels or None, {example.truth["kernel"]}),
        "size": outcome(sides or None, {example.truth["side"]}),
        "rounded between": outcome(found.rounded_between if found else None, True),
    }


def _textures(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Pixels on the 5:6:5 lattice but for a share that was changed since, and pictures as they are."""
    from forensics_features.block_texture import widened

    for index, pixels in enumerate(drawn(sources, number, 128, rng)):
        if index % 2 == 0:
            yield Example(pixels, {"lattice": False})
            continue
        on = np.stack([widened(bits)[pixels[..., c] >> (8 - bits)] for c, bits in enumerate((5, 6, 5))], axis=2)
        changed = rng.random(on.shape[:2]) < rng.uniform(0, 0.005)
        yield Example(np.where(changed[..., None], on ^ 1, on).astype(np.uint8), {"lattice": True})


def _read_textures(example: Example) -> dict[str, str]:
    from forensics_features.block_texture import bc1_counts_narrow

    counted = bool(bc1_counts_narrow(example.pixels).any())
    return {"on the lattice" if example.truth["lattice"] else "off": outcome(counted, example.truth["lattice"])}


def _tones(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    levels = np.arange(256.0)
    for index, pixels in enumerate(drawn(sources, number, 384, rng)):
        changed, amount = bool(index % 2), float(rng.uniform(0.06, 0.35)) * (1 if index % 4 == 1 else -1)
        curve = 255 * (levels / 255) ** (1 + amount) if index % 3 else levels * (1 + amount)
        table = np.clip(np.rint(curve), 0, 255).astype(np.uint8)
        yield Example(table[pixels] if changed else pixels, {"curve": changed})


def _read_tones(example: Example) -> dict[str, str]:
    from forensics_features.tone_curve import found_curve, histograms

    found = found_curve(histograms(example.pixels)) is not None
    return {"changed" if example.truth["curve"] else "unchanged": outcome(found, example.truth["curve"])}


def _coded(low: int, high: int, side: int = SIDE) -> Make:
    def make(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
        for index, pixels in enumerate(drawn(sources, number, side, rng)):
            made = jpeg(pixels, int(rng.integers(low, high))) if index % 2 else pixels
            yield Example(made, {"found": bool(index % 2)})

    return make


def _near(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    import imagecodecs

    for index, pixels in enumerate(drawn(sources, number, 64, rng)):
        taken = np.ascontiguousarray(pixels[..., 1]) if index % 3 == 0 else pixels
        data = imagecodecs.jpegls_encode(taken, level=int(rng.integers(1, 6)))
        yield Example(imagecodecs.jpegls_decode(data) if index % 2 else taken, {"found": bool(index % 2)})


def _lerc(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """LERC with an error of 1 to 10, and posterised pictures, a share of whose pixels changed since."""
    import imagecodecs

    for index, pixels in enumerate(drawn(sources, number, 192, rng)):
        step = int(rng.integers(1, 6)) * 2
        if index % 2:
            made = imagecodecs.lerc_decode(imagecodecs.lerc_encode(pixels, level=step // 2))
        else:
            made = pixels // step * step
            changed = rng.random(made.shape[:2]) < rng.uniform(0, 0.3)
            made = np.where(changed[..., None], pixels, made)
        yield Example(np.ascontiguousarray(made), {"found": bool(index % 2)})


def _wsq(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """WSQ at a ratio of 5 to 20, and grey pictures as they are, both cut to 48 to 160 pixels."""
    import _wsq
    import wsq  # noqa: F401  brings the library with it

    for index, pixels in enumerate(drawn(sources, number, 320, rng)):
        grey = np.asarray(Image.fromarray(pixels).convert("L"))
        if index % 2:
            decoded, *_ = _wsq.decompress(_wsq.compress(grey.tobytes(), *grey.shape, float(rng.uniform(5, 20))))
            grey = np.frombuffer(bytes(decoded), np.uint8).reshape(grey.shape)
        cut = crop(grey, int(rng.integers(48, 160)), rng)
        yield Example(np.repeat(cut[..., None], 3, axis=2), {"found": bool(index % 2)})


def _guessed(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Pictures of every encoder of `history_recoding` in turn, with the index estimated and the true one."""
    from forensics.codecs import registry
    from forensics.history import estimated
    from forensics.history.recoding import jpegxl
    from forensics_benchmarks import history_recoding

    makers = [maker for maker in history_recoding.MAKERS if history_recoding.available(maker)]
    for index, pixels in enumerate(drawn(sources, number, 272, rng)):
        maker = makers[index % len(makers)]
        codec = registry.get(maker.encoder)
        ends = sorted((maker.finest, maker.coarsest))
        strength = int(rng.integers(ends[0], ends[1] + 1))
        data = codec.encode(pixels, **{maker.strength: strength}, **maker.switches)
        true = float(history_recoding.true_index(codec.codec, strength, data))
        cut = crop(codec.decode(data), SIDE, rng)
        estimates = estimated.estimate(cut, codec.codec)
        if codec.codec == "jpegxl":
            true, estimates = float(jpegxl.index_of(2**true)), tuple(jpegxl.as_indices(estimates))
        yield Example(cut, {"codec": codec.codec, "index": true, "estimates": estimates})


def _read_guessed(example: Example) -> dict[str, str]:
    """Whether the true index is among those that recompression tries (`TRIED` deviations), and within one."""
    from forensics.history.recoding.coder import TRIED, prior_of

    codec = example.truth["codec"]
    name = {"avif": "av1", "webp": "vp8", "jpegxl": "jpegxl"}.get(codec, "hevc")
    prior = prior_of(example.truth["estimates"])
    if prior is None:
        return {name: "open"}
    away = abs(example.truth["index"] - prior.mean)
    return {
        name: "right" if away <= TRIED * prior.deviation else "wrong",
        f"{name}, one deviation": "right" if away <= prior.deviation else "wrong",
    }


def _whole(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Pictures of many windows coded by Pillow's JPEG, WebP and JPEG 2000, and as they are."""
    for index in range(number):
        pixels, stream = sources[index % len(sources)], io.BytesIO()
        truth = ("jpeg", "webp", "jpeg2000", "uncompressed")[index % 4]
        if truth == "jpeg2000":
            Image.fromarray(pixels).save(stream, "JPEG2000", quality_mode="rates", quality_layers=[20])
        elif truth != "uncompressed":
            Image.fromarray(pixels).save(stream, truth, quality=int(rng.integers(60, 90)))
        coded = pixels if truth == "uncompressed" else np.asarray(Image.open(stream).convert("RGB"))
        yield Example(np.ascontiguousarray(coded[3:, 5:]), {"class": truth})


def _read_verdict(example: Example) -> dict[str, str]:
    from forensics_models.classes import INCONCLUSIVE

    from forensics.verdict.analysis import analyze

    verdict = analyze(example.pixels).verdict
    return {"verdict": outcome(None if verdict == INCONCLUSIVE else verdict, example.truth["class"])}


def _registered(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Pairs: a picture and a crop of 2 to 60 % of its area, coded as JPEG since, every other time reduced, too."""
    for index, pixels in enumerate(drawn(sources, number, 512, rng)):
        side = round(512 * float(np.sqrt(rng.uniform(0.02, 0.6))))
        top, left = (int(rng.integers(512 - side + 1)) for _ in range(2))
        part = pixels[top : top + side, left : left + side]
        scale = float(rng.uniform(0.5, 0.9)) if index % 2 else 1.0
        small = Image.fromarray(part).resize((max(48, round(side * scale)),) * 2, Image.Resampling.BICUBIC)
        copy = jpeg(np.asarray(small) if index % 2 else part, int(rng.integers(60, 95)))
        yield Example(copy, {"at": (top, left), "scale": side / len(copy)}, pixels)


def _read_registered(example: Example) -> dict[str, str]:
    from forensics.comparison.registration import SAME_PICTURE, register

    assert example.other is not None
    found = register(example.pixels, example.other)
    near = all(abs(a - b) <= 2 for a, b in zip(found.shift, example.truth["at"], strict=True))
    near &= abs(found.scale[0] / example.truth["scale"] - 1) < 0.02
    return {"place": "right" if near else "wrong" if found.correlation >= SAME_PICTURE else "open"}


def _relations(sources: Sequence[np.ndarray], number: int, rng: np.random.Generator) -> Iterator[Example]:
    """Small pictures coded as JPEG, next to their source or to another picture's crop."""
    crops = list(drawn(sources, number, 64, rng))
    for index, pixels in enumerate(crops):
        copy = jpeg(pixels, int(rng.integers(40, 95)), subsampling=0)
        yield Example(copy, {"from": bool(index % 2)}, pixels if index % 2 else crops[index - 1])


def _read_relations(example: Example) -> dict[str, str]:
    from forensics.comparison.relations import jpeg_from, jpeg_shown

    assert example.other is not None
    found = jpeg_from(example.other, example.pixels, jpeg_shown(example.pixels)) is not None
    return {"from it" if example.truth["from"] else "from another": outcome(found, example.truth["from"])}


SETS: dict[str, tuple[Make, Read]] = {
    "jpeg": (_jpegs(128, 40, 99), _read_jpeg),
    "chroma": (_jpegs(112, 40, 99), _read_chroma),
    "weighed chroma": (_with_hypotheses, _read_chroma),
    "small chroma": (_jpegs(80, 40, 99), _read_chroma),
    "fine jpeg": (_jpegs(128, 94, 101), _read_steps),
    "twice": (_twice, _read_twice),
    "blocks": (_coded(60, 95, 80), _found("forensics.history.jpeg.possible_blocks:jpeg_blocks")),
    "jpeg 2000": (_wavelets("jpeg 2000", SIDE), _read_wavelets),
    "tiles": (_tiles, _read_tiles),
    "jpeg xr": (_wavelets("jpeg xr", SIDE), _read_wavelets),
    "enlarged": (_enlarged, _read_enlarged),
    "textures": (_textures, _read_textures),
    "tones": (_tones, _read_tones),
    "tables": (_coded(40, 98), _found("forensics.history.traces.jpeg_table:jpeg_table", sampled=True)),
    "combs": (_coded(60, 98, 128), _found("forensics.history.traces.dct_comb:dct_comb", sampled=True)),
    "jpeg-ls": (_near, _found("forensics.processes.jpeg_ls_near:test")),
    "lerc": (_lerc, _found("forensics.processes.lerc:test")),
    "wsq": (_wsq, _found("forensics.processes.wsq:test")),
    "indices": (_guessed, _read_guessed),
    "whole": (_whole, _read_verdict),
    "registered": (_registered, _read_registered),
    "relations": (_relations, _read_relations),
    "copies": (threshold_copies.copies, threshold_copies.read_copies),
    "given back": (threshold_copies.given_back(threshold_copies.USUAL), threshold_copies.read_given_back),
    "fine given back": (threshold_copies.given_back(threshold_copies.FINE), threshold_copies.read_given_back),
    "earlier": (_coded(60, 98, 192), _read_earlier),
}
"""By name, how pictures are made and read."""
