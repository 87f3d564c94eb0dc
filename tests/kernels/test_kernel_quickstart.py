"""The quickstart notebook, executed as a new user's machine would, with no key."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path

import nbformat
from headless import execute_notebook, outputs

from hailuo_nb.catalog.variants import find
from hailuo_nb.media.clip import probe
from hailuo_nb.media.recipe import read

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
MOST_SECONDS = 90


def test_the_quickstart_runs_to_playable_clips(tmp_path: Path) -> None:
    """It ends without error in under 90 s, holds a player for every clip, and every file is what was promised."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    started = time.monotonic()
    execute_notebook(tmp_path, notebook)
    assert time.monotonic() - started < MOST_SECONDS
    clips = sorted((tmp_path / "hailuo" / "clips").glob("*.mp4"))
    assert len(clips) == 3
    players = re.findall(r'<video[^>]* src="([^"]+)"', _all_html(notebook))
    assert sorted(map(html.unescape, players)) == [f"hailuo/clips/{clip.name}" for clip in clips]
    for clip in clips:
        recipe = read(clip)
        assert recipe is not None
        variant = find(recipe["variant"])
        facts = probe(clip)
        assert (facts.width, facts.height) == variant.size
        assert facts.duration_s == variant.lengths_s[0]
        assert clip.with_suffix(".json").is_file()


def test_the_saved_quickstart_is_small_and_shows_its_clips() -> None:
    """The notebook in the repository has its outputs: pictures, captions, costs; no key, no path of a machine."""
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < 300_000
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert _all_html(notebook).count("<video") == 3
    assert "SIMULATED" in text or "simulated" in text
    for secret in ("/home/", "/tmp/", "Bearer", "widget-view"):
        assert secret not in text
    assert any("image/jpeg" in output.get("data", {}) for output in outputs(notebook, 1))


def _all_html(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
