"""Every notebook of the repository, executed as a new user's machine would, with no key: twice, by five tools in all.

The first run of each is by nbclient, nbconvert or papermill, in a fresh folder, and the second by nbval in another. All
that is asked of a run is asked of these, because a run is half a minute.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from headless import execute_notebook
from second_run import SecondRun, run_with_nbval

from hailuo_nb.catalog.variants import find
from hailuo_nb.media.clip import probe
from hailuo_nb.media.recipe import read

FOLDER = Path(__file__).parents[2] / "notebooks"
FAST = {"HAILUO_SIMULATOR_SPEED": "100"}
# How many clips each makes, how many of them it shows as players, and what it is run by the first time.
MAKES = {
    "01_quickstart": (3, 3, "nbconvert"),
    "02_compare_variants": (10, 6, "nbclient"),
    "03_forms": (2, 2, "papermill"),
    "04_pictures_and_chains": (5, 6, "nbclient"),
    "05_vote_and_rank": (6, 6, "nbclient"),
}
# It asks for files that only this run has made, and has a test of its own that executes it.
ELSEWHERE = {"06_share_and_rerun": "test_kernel_sharing.py"}
NAMES = list(MAKES)
# These measure, or draw what was measured.
MEASURED = {("02_compare_variants", "compare-19"), ("02_compare_variants", "compare-22")}

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Run:
    """A notebook that was executed, and the folder where."""

    folder: Path
    notebook: nbformat.NotebookNode

    @property
    def clips(self) -> list[Path]:
        """The clips it has made."""
        return sorted((self.folder / "hailuo" / "clips").glob("*.mp4"))

    @property
    def shown(self) -> dict[str, list[dict[str, Any]]]:
        """What each cell shows."""
        return {cell.id: list(cell.outputs) for cell in self.notebook.cells if cell.cell_type == "code"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Run each notebook once."""
    root = tmp_path_factory.mktemp("first")
    return {name: first_run(root / name, name, tool) for name, (_, _, tool) in MAKES.items()}


def first_run(folder: Path, name: str, tool: str) -> Run:
    """Run a notebook, without the outputs that are stored in it, in a folder of its own."""
    folder.mkdir()
    path = folder / f"{name}.ipynb"
    notebook = nbformat.read(FOLDER / path.name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if tool == "nbclient":
        return Run(folder, execute_notebook(folder, notebook, timeout=300, environment=FAST))
    nbformat.write(notebook, path)
    if tool == "papermill":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HAILUO_SIMULATOR_SPEED", FAST["HAILUO_SIMULATOR_SPEED"])
            papermill.execute_notebook(
                str(path), str(path), cwd=str(folder), progress_bar=False, log_output=False
            )
    else:
        command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--inplace", str(path)]
        subprocess.run(command, cwd=folder, env=os.environ | FAST, check=True, capture_output=True)
    return Run(folder, nbformat.read(path, as_version=4))


@pytest.fixture(scope="module")
def second(runs: Mapping[str, Run], tmp_path_factory: pytest.TempPathFactory) -> SecondRun:
    """Run all of them again by nbval, against the outputs that are stored in the repository."""
    root = tmp_path_factory.mktemp("second")
    for name, run in runs.items():
        shutil.copytree(
            run.folder / "hailuo" / "simulator" / "clips", root / name / "hailuo" / "simulator" / "clips"
        )
        shutil.copy(FOLDER / f"{name}.ipynb", root / name)
    return run_with_nbval(root, FAST)


def test_every_notebook_is_known_here() -> None:
    """A new notebook gets a line in the table above, and is executed from then on."""
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {*MAKES, *ELSEWHERE}
    assert all((Path(__file__).parent / file).is_file() for file in ELSEWHERE.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_to_playable_clips(runs: Mapping[str, Run], name: str) -> None:
    """It ends without error, its players point at its clips, and every file is what was promised."""
    made, shown, _ = MAKES[name]
    run = runs[name]
    assert len(run.clips) == made
    players = [html.unescape(src) for src in re.findall(r'<video[^>]* src="([^"]+)"', html_of(run.notebook))]
    assert len(set(players)) == shown
    files = {f"hailuo/clips/{clip.name}" for clip in run.clips} | {
        film.name for film in run.folder.glob("*.mp4")
    }
    assert set(players) <= files
    for clip in run.clips:
        recipe = read(clip)
        assert recipe is not None
        variant = find(recipe["variant"])
        facts = probe(clip)
        if not variant.needs_image and "image" not in recipe["inputs"]:
            assert (facts.width, facts.height) == variant.size_for(recipe["inputs"])
        assert facts.duration_s == variant.lengths_s[0]
        assert clip.with_suffix(".json").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_run_leaves_nothing_but_results(runs: Mapping[str, Run], name: str) -> None:
    """No widget and no state of one, no error, nothing printed but what a cell prints, and one display a cell."""
    run = runs[name]
    assert "widgets" not in run.notebook.metadata
    printing = {"forms-07", "forms-08", "forms-14", "pictures-05", "pictures-16"}
    for cell, outputs in run.shown.items():
        kinds = [output["output_type"] for output in outputs]
        assert "error" not in kinds
        assert ("stream" in kinds) == (cell in printing)
        assert len([kind for kind in kinds if kind != "stream"]) <= 1
        assert not any("widget" in kind for output in outputs for kind in output.get("data", {}))


def test_the_same_request_shows_the_same_bytes(runs: Mapping[str, Run], second: SecondRun) -> None:
    """In another folder and by another tool each cell shows the same, pictures and all, but for what it measures."""
    first = {(name, cell): bare(outputs) for name, run in runs.items() for cell, outputs in run.shown.items()}
    again = {cell: bare(outputs) for cell, outputs in second.shown.items()}
    assert set(first) == set(again)
    assert [cell for cell in first if first[cell] != again[cell] and cell not in MEASURED] == []


def bare(outputs: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Give what is shown, without counts of executions."""
    return [(output["output_type"], output.get("data", output.get("text"))) for output in outputs]


def test_nbval_passes_on_every_notebook_with_the_file_that_is_shipped(second: SecondRun) -> None:
    """The outputs in the repository are those of a run; what differs between two runs is in the file."""
    assert second.is_passed, (
        f"jupyter nbconvert --execute --to notebook --inplace stores new ones\n{second.said}"
    )
    assert {name for name, _ in second.shown} == set(MAKES)
    assert "unhandled iopub msg" not in second.said


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_notebook_is_small_and_shows_its_clips(name: str) -> None:
    """The notebook in the repository has its outputs: pictures, captions, costs; no key, no path of a machine."""
    text = (FOLDER / f"{name}.ipynb").read_text("utf-8")
    assert len(text) < 300_000
    notebook = nbformat.reads(text, as_version=4)
    assert len(set(re.findall(r'<video[^>]* src="([^"]+)"', html_of(notebook)))) == MAKES[name][1]
    assert "simulated" in text
    assert not re.search(r"/home/|/tmp/|Bearer (?!\$WAVESPEED_API_KEY)|widget-view|Traceback", text)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is not None for cell in code)
    assert any("image/jpeg" in output.get("data", {}) for cell in code for output in cell.outputs)


def test_the_notebook_about_forms_shows_them_as_text(runs: Mapping[str, Run]) -> None:
    """A form is text and no widget, its code says the same, and its clips are made and shown."""
    shown = runs["03_forms"].shown
    (form,) = shown["forms-04"]
    assert set(form["data"]) == {"text/html", "text/plain"}
    assert "The same as a cell:" in form["data"]["text/plain"]
    assert shown["forms-07"][0]["text"].startswith("%%hailuo t2v-standard\nA paper boat")
    assert "$WAVESPEED_API_KEY" in shown["forms-08"][0]["text"]
    assert "at dusk, [Tracking shot]" in shown["forms-12"][0]["data"]["text/plain"]
    assert "[Pedestal down]" in shown["forms-14"][0]["text"]


def test_the_notebook_of_pictures_makes_a_film(runs: Mapping[str, Run]) -> None:
    """Its last three clips are one film; the chain as a cell is the same clips again."""
    run = runs["04_pictures_and_chains"]
    film = probe(run.folder / "story.mp4")
    assert film.frames == sum(probe(clip).frames for clip in run.clips if clip.name.startswith("story-"))
    shown = json.dumps(run.shown, ensure_ascii=False)
    assert "too long (2:5 to 5:2 goes); --fit pad or crop helps" in shown
    assert "i2v-pro for $0.49: $0.21 more than the draft in i2v-standard ($0.28)." in shown
    assert "story.mp4 · 3 clips · 18 s" in shown


def test_the_recorded_votes_give_their_ranking(runs: Mapping[str, Run]) -> None:
    """Ids, times and tokens are others in each run; the pairs, the order, the plot and the pictures are not."""
    shown = runs["05_vote_and_rank"].shown
    told = {cell: outputs[0]["data"]["text/plain"] for cell, outputs in shown.items() if outputs}
    assert told["vote-08"] == "90"
    assert [line.partition("  ")[0] for line in told["vote-10"].splitlines()[2:5]] == [
        *("at dawn", "at night", "at noon"),
    ]
    assert told["vote-13"] == "['Not enough votes: there are none between these yet.']"
    assert set(shown["vote-11"][0]["data"]) == {"image/png", "text/plain"}
    assert set(shown["vote-17"][0]["data"]) == {"image/jpeg", "text/plain"}


def html_of(notebook: nbformat.NotebookNode) -> str:
    """Give all HTML that a notebook shows."""
    return "\n".join(
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
