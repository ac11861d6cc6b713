"""Kernels compiled while the package is built, so that the first run of an installation compiles none.

    python -m forensics.ahead FOLDER

compiles what a first run would and what other commands run besides, in as many processes as there are cores, and keeps
it in FOLDER in the form in which an installation holds it (`forensics_features._kernel.BROUGHT`). The build calls it
(`kernel_build.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from forensics_features._kernel import SUPPORTED, bring, is_cached, is_kernel

from forensics.kernels import compile_kernels, compile_part, compiled_parts, kernels_are_kept


def kernels() -> Iterator[Any]:
    """All kernels of the modules that are imported."""
    for name, module in list(sys.modules.items()):
        if name.startswith("forensics"):
            yield from (v for v in vars(module).values() if is_kernel(v) and v.__module__ == name)


def main() -> None:
    """The command."""
    if not (SUPPORTED and kernels_are_kept()):
        sys.exit("this numba's compiled code cannot be brought along")
    parts = compiled_parts(ahead=True)
    compile_kernels(parts)
    for part in parts:  # what other processes compiled is imported here too
        compile_part(part)
    found = [kernel for kernel in kernels() if is_cached(kernel)]
    for kernel in found:
        bring(kernel, sys.argv[1])
    print(f"{len(found)} kernels")


if __name__ == "__main__":
    main()
