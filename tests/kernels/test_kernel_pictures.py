"""The notebook of pictures and chains, executed as a new user's machine would, with no key."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from headless import execute_notebook

from hailuo_nb.media.clip import probe

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "04_pictures_and_chains.ipynb"


def text_of(notebook: nbformat.NotebookNode) -> str:
    """Give everything that the cells show."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return "\n".join(shown)


def test_the_notebook_runs_to_a_film(tmp_path: Path) -> None:
    """Five clips, the last three of them one film; the chain as a cell is the same clips again."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    execute_notebook(tmp_path, notebook, environment={"HAILUO_SIMULATOR_SPEED": "50"})
    clips = sorted((tmp_path / "hailuo" / "clips").glob("*.mp4"))
    assert len(clips) == 5
    film = probe(tmp_path / "story.mp4")
    assert film.frames == sum(probe(clip).frames for clip in clips if clip.name.startswith("story-"))
    shown = text_of(notebook)
    assert "too long (2:5 to 5:2 goes); --fit pad or crop helps" in shown
    assert "i2v-pro for $0.49: $0.21 more than the draft in i2v-standard ($0.28)." in shown
    assert len(set(re.findall(r'<video[^>]* src="([^"]+)"', shown))) == 6


def test_the_saved_notebook_is_small_and_holds_what_a_run_shows() -> None:
    """Pictures, captions and costs, and no path of a machine."""
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < 300_000
    for secret in ("/home/", "/tmp/", "Bearer", "widget-view", "Traceback"):
        assert secret not in text
    shown = text_of(nbformat.read(NOTEBOOK, as_version=4))
    assert shown.count("<video") == 8
    assert "story.mp4 · 3 clips · 18 s" in shown
