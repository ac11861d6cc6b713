#!/usr/bin/env bash
# PyAV 18.1.0 (libswscale 9.5.102): VideoFrame.reformat(format="rgb24") of a frame without colour (luma 16 to 235, chroma 128 throughout) gives
# other greys for other layouts of chroma: exact ones for 4:4:4 (white 255), up to 1 lower for 4:2:0 and 4:2:2 (white 255), and up to 2 lower,
# 1.77 in the mean, for 4:1:1, 4:1:0 and 4:4:0, whose white is 253. Expected: the same greys, since chroma says nothing.
# So frames of DV, SVQ1 and other 4:1:1 or 4:1:0 video have no sample at 255 where the picture was white, and a test that looks for clipped
# whites, or compares the luma of two layouts, must not take 253 for a change of tone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import av
import numpy as np

LEVELS = np.arange(16, 236)
EXACT = np.rint((LEVELS - 16) * 255 / 219).astype(int)


def greys(layout):
    """What each luma of the limited range becomes, by a frame of columns of 16 equal samples."""
    frame = av.VideoFrame(len(LEVELS) * 16, 16, layout)
    for index, plane in enumerate(frame.planes):
        samples = np.full((plane.height, plane.line_size), 128, np.uint8)
        if index == 0:
            samples[:, : len(LEVELS) * 16] = np.repeat(LEVELS, 16)
        plane.update(samples.tobytes())
    made = frame.reformat(format="rgb24", src_color_range=1, dst_color_range=2).to_ndarray()[8, 8::16].astype(int)
    assert (made == made[:, :1]).all(), "greys are coloured"
    return made[:, 0]


print("PyAV", av.__version__, "libswscale", ".".join(map(str, av.library_versions["libswscale"])))
lower = {}
for layout in ("yuv444p", "yuv422p", "yuv420p", "yuv440p", "yuv411p", "yuv410p"):
    made = greys(layout)
    lower[layout] = EXACT - made
    print(layout, "white", made[-1], "lower than exact by", round(lower[layout].mean(), 2), "at most", lower[layout].max())
assert not lower["yuv444p"].any()
for layout in ("yuv422p", "yuv420p"):
    assert (lower[layout].min(), lower[layout].max(), lower[layout][-1]) == (0, 1, 0), layout
for layout in ("yuv440p", "yuv411p", "yuv410p"):
    assert (lower[layout].max(), lower[layout][-1]) == (2, 2), layout
PYTHON
