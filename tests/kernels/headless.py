"""Notebooks executed without anybody looking: by nbclient, in a real kernel of this environment.

In come cells or a notebook file, out comes the executed notebook with its outputs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


def execute(folder: Path, cells: Sequence[str], *, timeout: int = 120) -> Any:
    """Run cells in `folder`; gives the notebook, or raises nbclient's CellExecutionError."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    return execute_notebook(folder, notebook, timeout=timeout)


def execute_notebook(
    folder: Path, notebook: Any, *, timeout: int = 120, environment: Mapping[str, str] | None = None
) -> Any:
    """Run a notebook in `folder`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HAILUO_", "WAVESPEED_"))
    }
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=kept | dict(environment or {}))
    return notebook


def outputs(notebook: Any, index: int) -> list[Any]:
    """Give the outputs of the n-th code cell."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return list(cells[index].outputs)
