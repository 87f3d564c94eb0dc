"""Showing frames: through IPython's own formatter, with the pictures there are, and more when they are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clip_ledger import file_of, write_ledger
from IPython.core.formatters import DisplayFormatter

from hailuo_nb.analysis.history import history
from hailuo_nb.analysis.pivots import pivot
from hailuo_nb.analysis.plots import outcomes
from hailuo_nb.errors import ClipInvalid
from hailuo_nb.jobs import waiting
from hailuo_nb.notebook import frames
from hailuo_nb.notebook.frames import Frames
from hailuo_nb.notebook.table import MOST_ROWS, ClipTable
from hailuo_nb.session.session import Session

COUNT = 8
"""Seven are done; file 3 is no video, and file 5 has gone."""


class Worker:
    """Draws a picture of any file but one, as soon as it may."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Draw."""
        assert operation == "poster"
        name = Path(arguments["path"]).name
        self.asked.append(name)
        if "#3 " in name:
            raise ClipInvalid("no video")
        return {"poster": picture_text()}

    def close(self) -> None:
        """End nothing."""


def picture_text() -> str:
    """Give a small JPEG as base64."""
    import base64
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 36), (200, 80, 20)).save(out, "JPEG")
    return base64.b64encode(out.getvalue()).decode()


class Shell:
    """A shell with a kernel, in which somebody can answer or not."""

    def __init__(self, *, is_headless: bool = False, has_kernel: bool = True) -> None:
        self.display_formatter = DisplayFormatter()
        self.user_ns: dict[str, Any] = {}
        self.execution_count = 3
        parent = {"content": {"allow_stdin": not is_headless}}
        if has_kernel:
            self.kernel = SimpleNamespace(get_parent=lambda _: parent)

    def show(self, value: object) -> dict[str, Any]:
        """Show a value as the last one of a cell; gives what IPython is left to show by itself."""
        found: dict[str, Any] = self.display_formatter.format(value)[0]
        return found


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Give a session with eight clips on disk, and a worker that only says it draws."""
    write_ledger(tmp_path, COUNT)
    (tmp_path / "hailuo" / "clips").mkdir()
    for number in set(range(COUNT)) - {5}:
        (tmp_path / file_of(number)).write_bytes(b"clip")
    made = Session(tmp_path)
    made._worker = Worker()  # type: ignore[assignment]
    yield made
    made.close()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Give what is displayed, in order."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(frames, "publish_display_data", lambda data, **more: found.append({**data, **more}))
    return found


def test_a_frame_is_shown_as_a_table_with_its_pictures(session: Session, shown: list[dict[str, Any]]) -> None:
    """Once, when the pictures are there in time; what is no video has none, and what has gone is said."""
    shell = Shell()
    Frames(session, shell).attach()
    assert shell.show(history(session.ledger)) == {}
    html = shown[-1]["text/html"]
    assert html.count("data:image/jpeg") == COUNT - 2
    assert html.count(">not on disk<") == 1
    assert html.count(">play<") == 1
    assert shown[-1]["text/plain"].count("\n") > COUNT  # pandas' own text


def test_a_picture_is_made_once_and_only_for_what_is_shown(
    session: Session, shown: list[dict[str, Any]]
) -> None:
    """The worker is asked for the rows that are drawn; the second time for none."""
    shell = Shell()
    Frames(session, shell).attach()
    worker: Any = session._worker
    shell.show(ClipTable(history(session.ledger), rows=2))
    waiting.wait(session._work_thread.submit(int), 10)
    assert worker.asked == ["fox #7 é-t1.mp4", "fox #6 é-t1.mp4"]
    shell.show(ClipTable(history(session.ledger), rows=3))
    waiting.wait(session._work_thread.submit(int), 10)
    assert worker.asked == ["fox #7 é-t1.mp4", "fox #6 é-t1.mp4"]  # the third has gone from the disk


def test_what_takes_longer_comes_later_in_the_same_place(
    session: Session, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell does not wait for it: the display is updated by its id."""
    monkeypatch.setattr(frames, "AT_ONCE_S", 0.0)
    has_pictures = threading.Event()

    def publish(data: dict[str, Any], **more: Any) -> None:
        shown.append({**data, **more})
        if data["text/html"].count("data:image/jpeg") == COUNT - 2:
            has_pictures.set()

    monkeypatch.setattr(frames, "publish_display_data", publish)
    shell = Shell()
    Frames(session, shell).attach()
    shell.show(history(session.ledger))
    assert has_pictures.wait(20)
    first, last = shown[0], shown[-1]
    assert (first["update"], last["update"]) == (False, True)
    assert first["transient"] == last["transient"] != {}


def test_headless_it_waits_and_shows_once(session: Session, shown: list[dict[str, Any]]) -> None:
    """Without an id of the display, an id of a clip, a date or a control."""
    shell = Shell(is_headless=True)
    Frames(session, shell).attach()
    frame = history(session.ledger)
    for value in (frame, pivot(frame), outcomes(frame)):
        shell.show(value)
    table, cross, plot = shown
    assert [each["transient"] for each in (table, cross)] == [{}, {}]
    assert set(plot) == {"image/png", "text/plain"}
    for each in (table, cross):
        assert each["text/html"].count("data:image/jpeg") == COUNT - 2
        for text in (each["text/html"], each["text/plain"]):
            assert not any(clip in text for clip in frame["id"])
            assert "Nov" not in text
            assert 'onload="' not in text


def test_what_is_no_table_of_clips_is_left_to_pandas(session: Session, shown: list[dict[str, Any]]) -> None:
    """IPython goes on to the ways that pandas has."""
    shell = Shell()
    Frames(session, shell).attach()
    assert "text/html" in shell.show(history(session.ledger).set_index("id"))
    assert "text/html" in shell.show(pivot(history(session.ledger)).T)
    assert shown == []


def test_a_terminal_keeps_pandas_own_text(session: Session, shown: list[dict[str, Any]]) -> None:
    """Nothing is registered where nothing but text is shown."""
    shell = Shell(has_kernel=False)
    Frames(session, shell).attach()
    assert "text/plain" in shell.show(history(session.ledger))
    assert shown == []


def test_a_closed_session_still_shows_its_frames(session: Session, shown: list[dict[str, Any]]) -> None:
    """Without the pictures that nobody can make any more."""
    shell = Shell()
    Frames(session, shell).attach()
    frame = history(session.ledger)
    session.close()
    assert shell.show(frame) == {}
    assert "hailuo-play" in shown[-1]["text/html"]


def test_of_a_long_table_the_beginning_comes_first(tmp_path: Path, shown: list[dict[str, Any]]) -> None:
    """Fifty rows at once, and all of them right after in the same place; nothing waits for a picture."""
    write_ledger(tmp_path, MOST_ROWS + 10)
    session = Session(tmp_path)
    shell = Shell()
    Frames(session, shell).attach()
    shell.show(ClipTable(history(session.ledger), rows=MOST_ROWS + 5))
    session.close()
    assert [each["text/html"].count("<tr") - 1 for each in shown] == [MOST_ROWS, MOST_ROWS + 5]
    assert [each["update"] for each in shown] == [False, True]
    assert shown[0]["transient"] == shown[1]["transient"] != {}
    assert "and 10 more</div>" in shown[0]["text/html"]
    assert "and 5 more; " in shown[1]["text/html"]


def test_what_is_large_is_drawn_again_only_when_jupyters_server_lets_it_pass() -> None:
    """It drops what exceeds 3 MB in 3 s, and a table of 500 clips with its pictures is 1.7 MB."""
    now = time.monotonic()
    assert frames._Shown(0, frames.LARGE + 1, now).rest_s() > 0
    assert frames._Shown(0, frames.LARGE + 1, now - frames.SERVER_S).rest_s() == 0
    assert frames._Shown(0, frames.LARGE, now).rest_s() == 0
