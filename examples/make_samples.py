"""Make the sample pictures: one a class, each the decoded pixels of a real file, cropped so that no block grid starts
at pixel 0.

    python examples/make_samples.py

`uncompressed.png` is the source: the astronaut Eileen Collins, photograph by NASA, public domain, as scikit-image ships
it (`skimage.data.astronaut()`), area-downsampled to 256x256. It must lie next to this script.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from forensics.codecs import registry

HERE = Path(__file__).resolve().parent
SAMPLES = {
    "jpeg": ("jpeg", {"quality": 88, "subsampling": "4:2:0"}),
    "jpeg2000": ("jpeg2000", {"ratio": 12.0}),
    "jpegxr": ("jpegxr", {"level": 0.8}),
    "bpg": ("bpg", {"qp": 28}),
    "webp": ("webp", {"quality": 75}),
    "avif": ("avif", {"quality": 65}),
    "heic": ("heic", {"quality": 55}),
    "jpegxl": ("jpegxl", {"distance": 1.5}),
}


def main() -> None:
    with Image.open(HERE / "uncompressed.png") as picture:
        source = np.asarray(picture.convert("RGB"))
    for name, (encoder, parameters) in SAMPLES.items():
        codec = registry.get(encoder)
        decoded = codec.decode(codec.encode(source, **parameters))
        Image.fromarray(decoded[5:, 3:]).save(HERE / f"{name}.png", optimize=True)
        print(f"{name}.png: {codec.version()}, {parameters}")


if __name__ == "__main__":
    main()
