"""The tutorial runs from its first cell to its last."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="notebooks are run by nbclient, which is not installed")
nbformat = pytest.importorskip("nbformat", reason="notebooks are read by nbformat, which is not installed")
pytest.importorskip("ipykernel", reason="notebooks need the kernel ipykernel, which is not installed")
for _needed in ("keras", "tensorflow", "onnx"):
    pytest.importorskip(_needed, reason=f"the tutorial trains with {_needed}, which is not installed")

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "train_model.ipynb"


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_tutorial_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    manager = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    manager.create_kernel_manager()
    manager.km.kernel_spec.argv[0] = sys.executable
    manager.execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "accuracy" in printed
    difference = float(printed.rsplit("Keras: ", 1)[1])
    assert difference < 1e-4


def test_tutorial_is_stored_without_results():
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
