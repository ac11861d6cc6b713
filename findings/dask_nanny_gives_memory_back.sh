#!/usr/bin/env bash
# distributed 2026.8.0 on glibc: a worker that a nanny started (the default of `dask worker` and LocalCluster) spends many times the system
# time of the same work elsewhere, where arrays of half a megabyte come and go: seen 0.78 s and 516,139 page faults against 0.00 s and 132 for 2,000 rounds.
# Expected: the same processor time as in a process of one's own. Cause: `distributed.nanny.pre-spawn-environ` sets MALLOC_TRIM_THRESHOLD_ to
# 65536, which also ends glibc's adaption of its thresholds; workers without that entry, or with `--no-nanny`, do not show it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q distributed==2026.8.0 numpy==2.4.6
cat > "$work/seen.py" <<'PYTHON'
import resource

import dask
import distributed
import numpy as np
from distributed import Client, LocalCluster


def work(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF)
    ground = np.ones(65536)
    for _ in range(rounds):
        first = ground * 2.0
        second = first + ground
        del first, second
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_stime - before.ru_stime, after.ru_minflt - before.ru_minflt


def seen(environment):
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
        with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                client.submit(work, 200, pure=False).result()
                return client.submit(work, 2000, pure=False).result()


if __name__ == "__main__":
    usual = dict(dask.config.get("distributed.nanny.pre-spawn-environ"))
    without = seen({name: value for name, value in usual.items() if name != "MALLOC_TRIM_THRESHOLD_"})
    with_nanny = seen(usual)  # last: the entry stays in the environment
    print("distributed", distributed.__version__, "nanny sets", usual)
    print("system seconds and page faults, as set: %.2f %d; without the threshold: %.2f %d" % (*with_nanny, *without))
    assert int(usual["MALLOC_TRIM_THRESHOLD_"]) == 65536
    assert with_nanny[1] > 20 * max(without[1], 100)
PYTHON
"$work/venv/bin/python" "$work/seen.py"
