"""The notebook about forms, executed as a new user's machine would, with no key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from headless import execute_notebook, outputs

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "03_forms.ipynb"


def text_of(notebook: Any, index: int, kind: str = "text/plain") -> str:
    """Give the first output of the n-th code cell as text."""
    output = outputs(notebook, index)[0]
    return str(output["text"] if output.output_type == "stream" else output["data"][kind])


def test_the_notebook_about_forms_runs(tmp_path: Path) -> None:
    """A form is shown as text and no widget, its code says the same, and its clips are made and shown."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    saved = [text_of(notebook, index) for index in (1, 2, 3)]
    execute_notebook(tmp_path, notebook)
    assert [text_of(notebook, index) for index in (1, 2, 3)] == saved
    [shown] = outputs(notebook, 1)
    assert set(shown["data"]) == {"text/html", "text/plain"}
    assert "The same as a cell:" in shown["data"]["text/plain"]
    assert text_of(notebook, 2).startswith("%%hailuo t2v-standard\nA paper boat")
    assert "$WAVESPEED_API_KEY" in text_of(notebook, 3)
    assert len(list((tmp_path / "hailuo" / "clips").glob("*.mp4"))) == 2
    assert text_of(notebook, 4, "text/html").count("<video") == 2
    assert "at dusk, [Tracking shot]" in text_of(notebook, 5)
    assert "[Pedestal down]" in text_of(notebook, 6)


def test_the_saved_notebook_is_small_and_shows_its_clips() -> None:
    """It has its outputs, without a widget, a key or a path of a machine."""
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < 300_000
    for secret in ("/home/", "/tmp/", "widget-view"):
        assert secret not in text
    assert text.count("<video") == 2
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert any("image/jpeg" in output.get("data", {}) for output in outputs(notebook, 4))
