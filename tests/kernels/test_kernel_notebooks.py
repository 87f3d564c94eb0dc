"""Every notebook of the repository, executed as a new user's machine would, with no key."""

from __future__ import annotations

import html
import re
import time
from pathlib import Path

import nbformat
import pytest
from headless import execute_notebook, outputs

from hailuo_nb.catalog.variants import find
from hailuo_nb.media.clip import probe
from hailuo_nb.media.recipe import read

FOLDER = Path(__file__).parents[2] / "notebooks"
# How many clips each makes, how many of them it shows as players, and the most seconds that is promised for it.
MAKES: dict[str, tuple[int, int, int | None]] = {
    "01_quickstart": (3, 3, 90),
    "02_compare_variants": (10, 6, None),
}
# These show other things than players of every clip, and have a test of their own that executes them.
ELSEWHERE = {
    "03_forms": "test_kernel_forms.py",
    "04_pictures_and_chains": "test_kernel_pictures.py",
    "05_vote_and_rank": "test_kernel_votes.py",
    "06_share_and_rerun": "test_kernel_sharing.py",
}
NOTEBOOKS = [FOLDER / f"{name}.ipynb" for name in MAKES]

pytestmark = pytest.mark.timeout(420)


def test_every_notebook_is_known_here() -> None:
    """A new notebook gets a line in a table above, and is executed from then on."""
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(MAKES) | set(ELSEWHERE)
    assert all(Path(__file__).with_name(test).is_file() for test in ELSEWHERE.values())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_playable_clips(path: Path, tmp_path: Path) -> None:
    """It ends without error, its players point at its clips, and every file is what was promised."""
    made, shown, most_seconds = MAKES[path.stem]
    notebook = nbformat.read(path, as_version=4)
    started = time.monotonic()
    execute_notebook(tmp_path, notebook, timeout=300)
    assert most_seconds is None or time.monotonic() - started < most_seconds
    clips = sorted((tmp_path / "hailuo" / "clips").glob("*.mp4"))
    assert len(clips) == made
    players = [html.unescape(src) for src in re.findall(r'<video[^>]* src="([^"]+)"', _all_html(notebook))]
    assert len(players) == len(set(players)) == shown
    assert set(players) <= {f"hailuo/clips/{clip.name}" for clip in clips}
    for clip in clips:
        recipe = read(clip)
        assert recipe is not None
        variant = find(recipe["variant"])
        facts = probe(clip)
        assert (facts.width, facts.height) == variant.size_for(recipe["inputs"])
        assert facts.duration_s == variant.lengths_s[0]
        assert clip.with_suffix(".json").is_file()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_saved_notebook_is_small_and_shows_its_clips(path: Path) -> None:
    """The notebook in the repository has its outputs: pictures, captions, costs; no key, no path of a machine."""
    text = path.read_text("utf-8")
    assert len(text) < 300_000
    notebook = nbformat.read(path, as_version=4)
    assert _all_html(notebook).count("<video") == MAKES[path.stem][1]
    assert "simulated" in text
    for secret in ("/home/", "/tmp/", "Bearer", "widget-view"):
        assert secret not in text
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is not None for cell in code)
    shown = [output for number in range(len(code)) for output in outputs(notebook, number)]
    assert any("image/jpeg" in output.get("data", {}) for output in shown)
    assert not any(output.output_type in {"error", "stream"} for output in shown)


def _all_html(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
