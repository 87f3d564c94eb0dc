"""The notebook of packs and reruns, executed as a new user's machine would, with no key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from headless import execute_notebook

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "06_share_and_rerun.ipynb"
FAST = {"HAILUO_SIMULATOR_SPEED": "100"}

pytestmark = pytest.mark.timeout(240)


def said(notebook: Any) -> dict[str, str]:
    """Give what each cell says in text."""
    return {
        cell.id: "".join(
            o.get("text", "") or str(o.get("data", {}).get("text/plain", "")) for o in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def test_two_clips_travel_and_come_back(tmp_path: Path) -> None:
    """A pack is taken in elsewhere for nothing, and a clip is found from its file, stripped or not."""
    notebook = execute_notebook(tmp_path, nbformat.read(NOTEBOOK, as_version=4), environment=FAST)
    told = said(notebook)
    assert told["share-05"] == "foxes.zip: 2 clips"
    assert told["share-18"].startswith("report.html: 2 clips")
    assert "A fox crosses a river" in (tmp_path / "report.html").read_text("utf-8")
    told_elsewhere = told["share-07"]
    assert told_elsewhere.startswith("2 clips taken in from foxes.zip; nothing was sent or paid.")
    assert "at dawn t2v-standard      0.28       4 the good light" in told_elsewhere
    assert "shown for nothing: [True, True] totals: {'total_usd': 0.0" in told_elsewhere
    assert "'simulated_usd': 0.0" in told_elsewhere
    assert told_elsewhere.strip().endswith("2 clips of foxes.zip were here before.")
    assert told["share-11"] == "('A fox crosses a river, at night', 't2v-standard', 1)"
    assert "$0.28" in told["share-12"]
    assert "from-a-site.mp4 has lost its recipe; it holds the very pictures of clip" in told["share-14"]
    assert told["share-16"].count("hailuo/clips/fox-") == 2
    for folder in (tmp_path, tmp_path / "colleague"):
        assert len(list((folder / "hailuo" / "clips").glob("*.mp4"))) == 2
    text = nbformat.writes(notebook)
    assert str(tmp_path) not in text


def test_the_saved_notebook_has_no_outputs() -> None:
    """It is there to be run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
