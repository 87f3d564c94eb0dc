"""The notebook of votes and rankings, executed twice as a new user's machine would, with no key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from headless import execute_notebook

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "05_vote_and_rank.ipynb"
FAST = {"HAILUO_SIMULATOR_SPEED": "50"}

pytestmark = pytest.mark.timeout(420)


def shown(notebook: nbformat.NotebookNode) -> list[tuple[str, dict[str, Any]]]:
    """Give everything that the cells show, cell by cell."""
    return [
        (cell.id, dict(output.get("data", {})))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]


def texts(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Give the text of each cell's display."""
    return {name: str(data["text/plain"]) for name, data in shown(notebook)}


def test_the_recorded_votes_give_the_same_ranking_in_every_run(tmp_path: Path) -> None:
    """Ids, times and tokens are others each time; the pairs, the order, the plot and the pictures are not."""
    runs = []
    for name in ("one", "other"):
        folder = tmp_path / name
        folder.mkdir()
        notebook = execute_notebook(folder, nbformat.read(NOTEBOOK, as_version=4), environment=FAST)
        assert len(list((folder / "hailuo" / "clips").glob("*.mp4"))) == 6
        runs.append(notebook)
    assert shown(runs[0]) == shown(runs[1])
    told = texts(runs[0])
    assert told["vote-08"] == "90"
    assert [line.partition("  ")[0] for line in told["vote-10"].splitlines()[2:5]] == [
        *("at dawn", "at night", "at noon"),
    ]
    assert told["vote-13"] == "['Not enough votes: there are none between these yet.']"
    # What is measured of a file is another encoder's to change.
    kept = texts(nbformat.read(NOTEBOOK, as_version=4))
    assert told | {"vote-15": ""} == kept | {"vote-15": ""}


def test_the_saved_notebook_is_small_and_holds_what_a_run_shows() -> None:
    """Both grids, the plot and the sheet as pictures, no widget, no error, and no path of a machine."""
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < 300_000
    for secret in ("/home/", "/tmp/", "Bearer", "widget-view", "Traceback"):
        assert secret not in text
    kept = shown(nbformat.read(NOTEBOOK, as_version=4))
    assert [str(data.get("text/html", "")).count("<video") for _, data in kept[:2]] == [6, 6]
    pictures = {name: set(data) - {"text/plain", "text/html"} for name, data in kept}
    assert pictures["vote-11"] == {"image/png"}
    assert pictures["vote-17"] == {"image/jpeg"}
