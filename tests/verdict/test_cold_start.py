"""What a fresh process must not pay for when its kernels are compiled already."""

import subprocess
import sys
from pathlib import Path

import pytest
from forensics_features import _kernel

SAMPLE = Path(__file__).parents[2] / "examples" / "uncompressed.png"
ASKED = "import sys, forensics; forensics.analyze(sys.argv[1]); print('numba.np.linalg' in sys.modules)"


@pytest.mark.skipif(not _kernel.SUPPORTED, reason="this numba's cache is read by numba itself")
def test_no_kernel_of_a_verdict_brings_the_compiler_along():
    said = [
        subprocess.run(
            [sys.executable, "-c", ASKED, str(SAMPLE)], capture_output=True, text=True, timeout=300, check=True
        ).stdout.strip()
        for _ in range(2)  # the first may compile
    ]
    assert said[1] == "False"


def test_no_verdict_waits_for_the_import_of_filters():
    asked = "import sys, forensics; forensics.analyze(sys.argv[1]); print('scipy.ndimage' in sys.modules)"
    for name in ("uncompressed", "jpeg", "heic"):
        command = [sys.executable, "-c", asked, str(SAMPLE.with_stem(name))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert done.stdout.strip() == "False"


def test_no_verdict_waits_for_the_import_of_special_functions():
    asked = "import sys, forensics; forensics.analyze(sys.argv[1]); print('scipy.special' in sys.modules)"
    for name in ("uncompressed", "jpeg", "heic"):
        command = [sys.executable, "-c", asked, str(SAMPLE.with_stem(name))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert done.stdout.strip() == "False"


def test_no_plain_picture_waits_for_containers_codecs_and_the_network():
    asked = (
        "import sys, forensics; forensics.analyze(sys.argv[1]); print([n for n in sys.argv[2:] if n in sys.modules])"
    )
    needless = ("forensics.codecs.bpg.codec", "forensics.pictures.containers.dicom", "forensics_models.cnn_forward")
    command = [sys.executable, "-c", asked, str(SAMPLE), *needless]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"


def test_what_lists_processes_waits_for_no_kernels():
    asked = (
        "import sys; from forensics.processes import registry; print(len(registry.processes()), 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=120, check=True)
    number, kernels = done.stdout.split()
    assert int(number) > 5
    assert kernels == "False"
