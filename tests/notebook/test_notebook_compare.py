"""The comparison in a cell: what is displayed, and what the page's messages do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from compared_clips import FOUR, draw, write_ledger

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook.compare import CompareWidget, SideBySide
from hailuo_nb.session import comparing
from hailuo_nb.session.session import Session

SHOWN = list[tuple[Mapping[str, Any], str, bool]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Draw three of four clips once, with a ledger."""
    folder = tmp_path_factory.mktemp("compared")
    return folder, write_ledger(folder, FOUR, done=3)


@pytest.fixture
def here(made: tuple[Path, list[str]], tmp_path: Path) -> Iterator[Session]:
    """Give a session in a copy of that folder."""
    shutil.copytree(made[0], tmp_path / "nb")
    session = Session(tmp_path / "nb", configured=lambda: {"service": "simulator"})
    yield session
    session.close()


def shell(*, allow_stdin: bool = True) -> Any:
    """Stand in for a running notebook."""
    kernel = SimpleNamespace(get_parent=lambda _: {"content": {"allow_stdin": allow_stdin}})
    return SimpleNamespace(kernel=kernel, user_ns={})


@pytest.fixture
def compare(here: Session) -> Iterator[Callable[..., tuple[SideBySide, SHOWN, list[Any]]]]:
    """Give what shows clips, with everything that it displays and sends."""
    opened: list[SideBySide] = []

    def show(what: object, *, allow_stdin: bool = True, **axes: str) -> tuple[SideBySide, SHOWN, list[Any]]:
        shown: SHOWN = []
        sent: list[Any] = []
        made = SideBySide(
            here,
            shell(allow_stdin=allow_stdin),
            comparing.found(here, what),
            publish=lambda *said: shown.append(said),
            **axes,
        )
        made._ipython_display_()
        if made.widget is not None:
            made.widget.send = lambda content, buffers=(): sent.append((content, buffers))
        opened.append(made)
        return made, shown, sent

    yield show
    for each in opened:
        each.close()


def test_a_cell_shows_the_widget_and_then_its_twin(compare: Any) -> None:
    """The widget's place is hidden by the twin in a notebook that is reopened."""
    made, shown, _ = compare("fox", x="camera")
    (widget, _, _), (twin, _, _) = shown
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert "text/html" not in widget
    assert twin["text/html"].startswith("<style>")
    # Also the one still to come: its player points at its final file already, as on a card.
    assert twin["text/html"].count("<video") == 4
    assert repr(made) == "<4 clips side by side, camera>"


def test_headless_there_is_one_static_display(compare: Any) -> None:
    """The same bytes in every run, and no widget."""
    made, (only,), _ = compare("fox", allow_stdin=False)
    assert made.widget is None
    assert only == compare("fox", allow_stdin=False)[1][0]
    assert only[1] == ""
    assert "hailuo-b-" not in only[0]["text/html"]
    assert only[0]["text/html"].count('poster="data:image/jpeg') == 3


def test_a_mark_is_written_and_answered(compare: Any, here: Session, made: Any) -> None:
    """At once, so that the page can take it off its list; the widget's state follows."""
    shown, _, sent = compare("fox")
    shown._on_msg(None, {"type": "mark", "n": 7, "key": "1", "rating": 5}, [])
    shown._on_msg(None, {"type": "mark", "n": 8, "key": "1", "remark": "good"}, [])
    assert [content for content, _ in sent if content["type"] == "kept"] == [
        {"type": "kept", "n": 7, "error": ""},
        {"type": "kept", "n": 8, "error": ""},
    ]
    row = here.ledger.row(made[1][1])
    assert (row.rating, row.note) == (5, "good")
    clip = shown.comparison().to_dict()["clips"][1]
    assert (clip["can_rate"], clip["word"]) == (True, "done")
    shown._on_msg(None, {"type": "mark", "n": 9, "key": "1", "rating": None}, [])
    shown._on_msg(None, {"type": "mark", "n": 10, "key": "1", "remark": "  "}, [])
    row = here.ledger.row(made[1][1])
    assert (row.rating, row.note) == (None, None)


def test_nonsense_from_the_page_is_answered_and_changes_nothing(
    compare: Any, here: Session, made: Any
) -> None:
    """A wrong rating is an answer in words; an unknown clip or message is none."""
    shown, _, sent = compare("fox")
    shown._on_msg(None, {"type": "mark", "n": 1, "key": "0", "rating": 77}, [])
    shown._on_msg(None, {"type": "mark", "n": 2, "key": "99", "rating": 1}, [])
    shown._on_msg(None, {"type": "bytes", "key": "../../etc"}, [])
    shown._on_msg(None, "what", [])
    shown._on_msg(None, {"type": "mark", "n": 3, "key": "0", "remark": {"a": 1}}, [])
    (first, _), (second, _), (third, buffers), _ = sent
    assert first["error"].startswith("Not written: A rating is 1 to 5 stars")
    assert second["error"] == "Only clips of this ledger take stars and notes."
    assert (third["type"], buffers) == ("bytes", [])
    assert here.ledger.row(made[1][0]).rating is None


def test_clips_come_as_bytes_where_no_url_reaches_them(compare: Any, here: Session) -> None:
    """A planned clip has none."""
    shown, _, sent = compare("fox")
    shown._on_msg(None, {"type": "bytes", "key": "0"}, [])
    shown._on_msg(None, {"type": "bytes", "key": "3"}, [])
    path = here.jobs_named("fox")[0].path
    assert path is not None
    assert sent == [({"type": "bytes", "key": "0"}, [path.read_bytes()]), ({"type": "bytes", "key": "3"}, [])]


def test_a_file_has_a_poster_and_takes_no_stars(compare: Any, here: Session) -> None:
    """It is in no ledger."""
    draw(here.folder / "mine.mp4", "waves")
    shown, _, sent = compare("mine.mp4")
    (clip,) = shown.comparison().to_dict()["clips"]
    assert (clip["can_rate"], clip["seconds"], clip["file"]) == (False, 1.0, "mine.mp4")
    shown._on_msg(None, {"type": "need", "keys": ["0"]}, [])
    ((content, buffers),) = sent
    assert content == {"type": "posters", "keys": ["0"]}
    assert buffers[0].startswith(b"\xff\xd8")


def test_a_wrong_axis_is_told_before_anything_is_shown(here: Session) -> None:
    """In the cell that asked."""
    with pytest.raises(InvalidRequest, match="--y wind: there is no such axis"):
        SideBySide(here, shell(), comparing.found(here, "fox"), y="wind")


def test_the_script_stays_small() -> None:
    """A notebook that keeps its widgets' state keeps the script once per widget."""
    assert len(str(CompareWidget._esm)) < 42_000
    assert len(str(CompareWidget._css)) < 10_000
