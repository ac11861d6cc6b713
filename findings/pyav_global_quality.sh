#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg): FFmpeg's way to a fixed quantiser, the flag qscale with global_quality in units of 118, does nothing when
# given as options of a codec context: an MPEG-2 frame has the same 15,702 bytes for quantisers 2, 8 and 31, without an error or a warning.
# Expected: as `ffmpeg -qscale:v`, a smaller file for a larger quantiser. qmin = qmax does what was meant (15,702, 4,456 and 1,315 bytes).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import io
from fractions import Fraction

import av
import numpy as np


def frame_bytes(**settings):
    numbers = np.random.default_rng(1)
    picture = numbers.integers(0, 256, (12, 16, 3)).astype(np.uint8).repeat(12, 0).repeat(12, 1)
    picture = (picture // 2 + numbers.integers(0, 60, picture.shape)).astype(np.uint8)
    with av.open(io.BytesIO(), "w", format="matroska") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        return sum(packet.size for packet in [*stream.encode(frame), *stream.encode(None)])


asked = [frame_bytes(options={"flags": "+qscale", "global_quality": str(118 * q)}) for q in (2, 8, 31)]
limited = [frame_bytes(qmin=q, qmax=q) for q in (2, 8, 31)]
print("PyAV", av.__version__, "global_quality 2, 8, 31:", asked, "bytes; qmin = qmax:", limited, "bytes")
assert len(set(asked)) == 1, "global_quality takes effect now"
assert limited[0] > 2 * limited[1] > 4 * limited[2]
PYTHON
