"""A second run of notebooks, by ``pytest --nbval`` as a user's CI would do it, which keeps what each cell showed.

In comes a folder of notebooks with outputs, out come nbval's verdict and every output of the run, byte for byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SANITIZE = Path(__file__).parents[2] / "notebooks" / "nbval_sanitize.cfg"
# nbval drops what a cell shows once it has compared it.
_KEEP = """
import json
from pathlib import Path

def pytest_runtest_teardown(item):
    with Path("shown.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps([item.path.stem, item.cell.id, item.test_outputs or []]) + "\\n")
"""


@dataclass(frozen=True)
class SecondRun:
    """What nbval said, and what the cells showed.

    Parameters
    ----------
    said : str
        All that pytest wrote.
    is_passed : bool
        Whether every cell showed what is stored.
    shown : mapping
        The outputs of each cell, by name of the notebook and id of the cell.
    """

    said: str
    is_passed: bool
    shown: Mapping[tuple[str, str], list[dict[str, Any]]]


def run_with_nbval(folder: Path, environment: Mapping[str, str]) -> SecondRun:
    """Run every notebook in the folders of `folder`, in one pytest."""
    (folder / "conftest.py").write_text(_KEEP, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "--nbval", f"--nbval-sanitize-with={SANITIZE}"]
    command += [
        "--nbval-current-env",
        "--nbval-cell-timeout=200",
        "-p",
        "no:cacheprovider",
        "--color=no",
        ".",
    ]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HAILUO_", "WAVESPEED_"))
    }
    done = subprocess.run(
        command, cwd=folder, env=kept | dict(environment), capture_output=True, text=True, timeout=400
    )
    lines = (folder / "shown.jsonl").read_text("utf-8").splitlines()
    shown = {(stem, cell): outputs for stem, cell, outputs in map(json.loads, lines)}
    return SecondRun(done.stdout + done.stderr, done.returncode == 0, shown)
