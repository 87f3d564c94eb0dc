"""Cells that nobody looks at: they wait, show one final card, and fail when a clip fails."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import nbformat
import papermill
import pytest
from headless import execute, outputs
from kernel_studio import Studio
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from papermill.exceptions import PapermillExecutionError

FAST = "%load_ext hailuo_nb\n%config HailuoMagics.simulator_speed = 100"


def test_a_headless_cell_shows_one_plain_card(tmp_path: Path) -> None:
    """No widget, no progress, nothing printed; the same bytes when it is run again, which pays nothing."""
    cells = [FAST, "%%hailuo t2v-standard\na red fox in the snow", "%hailuo history --limit 5"]
    first, second = execute(tmp_path, cells), execute(tmp_path, cells)
    shown = outputs(first, 1)
    assert [output.output_type for output in shown] == ["display_data"]
    assert set(shown[0].data) == {"text/html", "text/plain", "image/jpeg"}
    assert shown[0].data == outputs(second, 1)[0].data
    assert outputs(first, 2)[0].data == outputs(second, 2)[0].data
    assert set(outputs(first, 2)[0].data) == {"text/html", "text/plain"}
    assert outputs(first, 0) == []
    assert len(list((tmp_path / "hailuo" / "clips").glob("*.mp4"))) == 1


def test_real_money_above_the_limit_fails_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key and nobody to ask, a cell above the confirmation limit sends nothing and writes nothing."""
    key = "import os\nos.environ['WAVESPEED_API_KEY'] = 'not-a-real-key-0000'\nos.environ['WAVESPEED_BASE_URL'] = 'http://127.0.0.1:9'"
    with pytest.raises(CellExecutionError) as caught:
        execute(tmp_path, [key, FAST, "%%hailuo t2v-pro --takes 3\na fox"])
    assert "ConfirmationNeeded" in str(caught.value)
    assert "$1.47" in str(caught.value)
    assert not (tmp_path / "hailuo" / "clips").exists()


def test_papermill_fills_parameters_in_and_names_the_reason_of_a_failure(studio: Studio) -> None:
    """A cell's {{animal}} is papermill's; the clip that fails ends the run in one line, and its card is stored."""
    cells = [
        nbformat.v4.new_code_cell("animal = 'fox'", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("%load_ext hailuo_nb"),
        nbformat.v4.new_code_cell("%%hailuo t2v-standard\nan {{animal}} in the snow"),
        nbformat.v4.new_code_cell("%%hailuo bad << t2v-standard\nan {{animal}} [simulate: fail 1200]"),
        nbformat.v4.new_code_cell("bad"),
    ]
    given, made = (studio.folder / name for name in ("given.ipynb", "made.ipynb"))
    language = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), given)
    with pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(
            str(given),
            str(made),
            {"animal": "owl"},
            kernel_name="python3",
            cwd=str(studio.folder),
            progress_bar=False,
        )
    assert sorted(studio.prompts()) == ["an owl [simulate: fail 1200]", "an owl in the snow"]
    reason = str(caught.value).strip().splitlines()
    assert len(reason) == 3  # a rule, the number of the cell, and the reason
    assert reason[-1].startswith("ContentRejected: The service's moderation refused this clip (code 1200)")
    stored = nbformat.read(made, as_version=4)
    assert "widgets" not in stored.metadata
    by_source = {cell.source.partition("\n")[2]: cell.outputs for cell in stored.cells if "outputs" in cell}
    (good,) = by_source["an {{animal}} in the snow"]
    assert set(good.data) == {"text/html", "text/plain", "image/jpeg"}
    card, error = by_source["an {{animal}} [simulate: fail 1200]"]
    assert "· failed · " in card.data["text/plain"]
    assert len(error.traceback) == 1
    assert stored.cells[-1].outputs == []


def test_a_cell_that_ran_out_of_time_leaves_a_clip_that_the_next_run_joins(studio: Studio) -> None:
    """A run ends the kernel while it waits; the clip goes on, is fetched by the next run, and is paid once."""
    cells = ["%load_ext hailuo_nb", "%%hailuo t2v-standard\nan owl [simulate: takes 2000]"]
    with pytest.raises(CellTimeoutError):
        execute(studio.folder, cells, timeout=4)
    assert studio.billed_usd == Decimal("0.28")
    notebook = execute(studio.folder, cells)
    (shown,) = outputs(notebook, 1)
    assert shown.data["text/html"].count("<video") == 1
    assert studio.billed_usd == Decimal("0.28")
    assert len(list((studio.folder / "hailuo" / "clips").glob("*.mp4"))) == 1
