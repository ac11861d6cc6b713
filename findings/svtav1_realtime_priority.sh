#!/usr/bin/env bash
# PyAV 18.1.0 (its wheel's FFmpeg with libsvtav1), Linux, run by root with leave to set priorities: opening an SVT-AV1 encoder puts the thread
# that called it at the real-time policy SCHED_FIFO, priority 99, and leaves it there when the picture is coded and the encoder is gone.
# Expected: the caller's scheduling as it was (SCHED_OTHER, priority 0), as libvpx's VP9 encoder leaves it. By another user nothing shows: skipped.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "skipped: shows for root only"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q av==18.1.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PYTHON'
import gc
import os
import sys
from fractions import Fraction

import av
import numpy as np

if os.fork() == 0:  # a process that may not take this priority tells nothing
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
    except PermissionError:
        os._exit(1)
    os._exit(0)
if os.wait()[1] != 0:
    print("skipped: this root may not set real-time priorities")
    sys.exit()


def scheduling():
    return os.sched_getscheduler(0), os.sched_getparam(0).sched_priority


def encode(encoder):
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 192, 128, "yuv420p"
    context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
    numbers = np.random.default_rng(1)
    picture = numbers.integers(0, 256, (192, 192)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    frame.pts = 0
    coded = sum(packet.size for packet in [*context.encode(frame), *context.encode(None)])
    del context, frame
    gc.collect()
    return coded


plain = (os.SCHED_OTHER, 0)
assert scheduling() == plain, "start this at the usual policy"
assert encode("libvpx-vp9") > 0
after_vpx = scheduling()
assert encode("libsvtav1") > 0
after_svt = scheduling()
print("PyAV", av.__version__, "(policy, priority) after libvpx-vp9:", after_vpx, "after libsvtav1:", after_svt)
assert after_vpx == plain
assert after_svt == (os.SCHED_FIFO, 99), "SVT-AV1 leaves the caller's scheduling now"
PYTHON
