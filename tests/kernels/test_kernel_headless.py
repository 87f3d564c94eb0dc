"""Cells that nobody looks at: they wait, show one final card, and fail when a clip fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from headless import execute, outputs
from nbclient.exceptions import CellExecutionError

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


def test_a_failed_clip_fails_the_run_with_its_reason(tmp_path: Path) -> None:
    """The service's refusal is the error of the cell, in one line, and its card is there."""
    with pytest.raises(CellExecutionError) as caught:
        execute(tmp_path, [FAST, "%%hailuo t2v-standard\na fox [simulate: fail 1200]"])
    assert "ContentRejected" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_real_money_above_the_limit_fails_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key and nobody to ask, a cell above the confirmation limit sends nothing and writes nothing."""
    key = "import os\nos.environ['WAVESPEED_API_KEY'] = 'not-a-real-key-0000'\nos.environ['WAVESPEED_BASE_URL'] = 'http://127.0.0.1:9'"
    with pytest.raises(CellExecutionError) as caught:
        execute(tmp_path, [key, FAST, "%%hailuo t2v-pro --takes 3\na fox"])
    assert "ConfirmationNeeded" in str(caught.value)
    assert "$1.47" in str(caught.value)
    assert not (tmp_path / "hailuo" / "clips").exists()
