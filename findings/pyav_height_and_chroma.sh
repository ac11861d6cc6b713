#!/usr/bin/env bash
# PyAV 18.1.0 (libswscale 9.5.102): VideoFrame.reformat(format="rgb24") of a 4:2:0 frame, nothing else asked, repeats every chroma row where the
# height is even and interpolates between chroma rows where it is odd: rows of Cb 60, 200, 60... give blue 0 0 255 255 0 0 at height 64,
# 0 67 210 195 52 74 at height 65. Expected: one filter for both, since neither size nor interpolation is asked to change.
# So a frame grab's chroma path depends on the parity of its height, and cropping a row off the encoder's input changes how every pixel is made.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import av
import numpy as np


def blue(height):
    """The blue channel of a column of a frame of mid-grey whose chroma rows alternate between two values of Cb."""
    frame = av.VideoFrame(64, height, "yuv420p")
    for index, plane in enumerate(frame.planes):
        samples = np.full((plane.height, plane.line_size), 128, np.uint8)
        if index == 1:
            samples[:] = np.where(np.arange(plane.height) % 2, 200, 60)[:, None]
        plane.update(samples.tobytes())
    return frame.reformat(format="rgb24").to_ndarray()[:, 20, 2].astype(int)


print("PyAV", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
for height in (64, 65, 66, 67):
    print("height", height, "blue", blue(height)[:8].tolist())
for height in (16, 64, 66, 480):
    rows = blue(height)
    assert (rows[0::2] == rows[1::2]).all(), f"chroma rows are no longer repeated at the even height {height}"
    assert len(set(rows.tolist())) == 2
for height in (17, 65, 67, 479):
    rows = blue(height)
    assert (rows[0:-1:2] != rows[1::2]).mean() > 0.9, f"chroma is no longer interpolated at the odd height {height}"
PYTHON
