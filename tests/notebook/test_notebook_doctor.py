"""The doctor: which front end this is, what its page says, and a table that never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest
from notebook_shell import Shell, open_shell

from hailuo_nb.notebook import card
from hailuo_nb.notebook import doctor as ours
from hailuo_nb.notebook.surroundings import Surroundings
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check
from hailuo_nb.session.checkup.table import table_of

LIVE = Surroundings(cell_id="c1", has_widgets=True)
HEADLESS = Surroundings(cell_id="c1", has_widgets=True, is_headless=True)
ALL = {"h264": True, "aac": True, "hevc": False, "av1": True}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a shell in a terminal."""
    with open_shell(tmp_path) as opened:
        yield opened


def test_in_a_terminal_the_table_is_text(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every row is there, nothing is asked of a page, nothing is made, and the key does not show."""
    shell.run(
        "import os; os.environ['WAVESPEED_API_KEY'] = 'a-key-of-no-shape'; os.environ['HAILUO_SERVICE'] = 'simulator'"
    )
    try:
        table = shell.run("%hailuo doctor")
    finally:
        shell.run("del os.environ['WAVESPEED_API_KEY'], os.environ['HAILUO_SERVICE']")
    assert list(table.index) == [
        *(
            "front end",
            "widgets",
            "codec",
            "clips folder",
            "disk",
            "drive",
            "ledger",
            "key",
            "service",
            "settings",
        ),
        *("Python", "hailuo_nb", "notebook packages", "libraries", "known clashes"),
    ]
    assert table.loc["front end", "value"] == "IPython in a terminal (there is no kernel)"
    assert table.loc["key", "value"] == "from the environment"
    said = repr(table) + table.to_markdown() + table._repr_html_() + capsys.readouterr().out
    assert "of-no-shape" not in said
    assert not shell.has_ledger()


@pytest.mark.parametrize(
    ("names", "environ", "around", "said"),
    [
        ({}, {"JPY_SESSION_NAME": "a.ipynb"}, LIVE, "Jupyter server (it names the notebook)"),
        ({"__vsc_ipynb_file__": "a.ipynb"}, {"JPY_SESSION_NAME": "a"}, LIVE, "VS Code (its variables are set)"),
        ({}, {"COLAB_RELEASE_TAG": "1"}, LIVE, "Colab (its module is loaded)"),
        ({}, {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, LIVE, "Kaggle (its variable is set)"),
        ({}, {}, LIVE, "a kernel (nothing says which front end)"),
        ({}, {}, Surroundings(has_widgets=True), "a kernel (nothing says which front end, cells have no ids)"),
        ({}, {"JPY_SESSION_NAME": "a"}, HEADLESS, "headless (the request takes no input)"),
    ],
)  # fmt: skip
def test_a_front_end_is_known_by_its_signs(
    names: dict[str, Any], environ: dict[str, str], around: Surroundings, said: str
) -> None:
    """The row says which, and by what; the notebook's own name is not in it."""
    row = ours.front_end(SimpleNamespace(user_ns=names), around, environ)
    assert (row.state, row.value) == (OK, said)


@pytest.mark.parametrize(
    ("plays", "named", "state", "said"),
    [
        (ALL, "Jupyter server", OK, "H.264 yes, AAC sound yes, HEVC no, AV1 yes"),
        (ALL | {"aac": False}, "VS Code (x)", LOOK, "VS Code plays clips without their sound"),
        (ALL | {"h264": False}, "Jupyter server", BROKEN, "open the notebook in Chrome"),
        ("nonsense", "Jupyter server", BROKEN, "H.264 no"),
    ],
)
def test_a_page_says_which_videos_it_plays(plays: Any, named: str, state: str, said: str) -> None:
    """H.264 must play; sound is missing in VS Code; what else there is helps whoever reads the issue."""
    page, video = ours.page_checks(
        {"app": "JupyterLab", "version": "4.6.6", "browser": "Chrome 156", "plays": plays}, named
    )
    assert page.value == "a widget answers: JupyterLab 4.6.6, Chrome 156"
    assert video.state == state
    assert said in f"{video.value} {video.do}"


def test_whatever_a_page_sends_is_short_text() -> None:
    """A page may be anybody's."""
    page, video = ours.page_checks(
        {"app": ["x"], "version": "4" * 900, "browser": None, "plays": {"h264": "yes"}}, "x"
    )
    assert page.value == f"a widget answers: {'4' * 60}, a browser"
    assert video.state == BROKEN


class Desk:
    """What the page would see: every bundle that was published, and the widget."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.published: list[tuple[dict[str, Any], str, bool]] = []
        self.handlers: list[Any] = []
        self.is_closed = False
        self.heard = threading.Event()
        monkeypatch.setattr(card, "publish_raw", self._publish)
        monkeypatch.setattr(ours, "_probe_widget", lambda: self)

    def _publish(self, bundle: dict[str, Any], display_id: str, is_update: bool) -> None:
        self.published.append((dict(bundle), display_id, is_update))
        if is_update:
            self.heard.set()

    def on_msg(self, handler: Any) -> None:
        self.handlers.append(handler)

    def _repr_mimebundle_(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"application/vnd.jupyter.widget-view+json": {"model_id": "m"}, "text/plain": "W"}, {}

    def close(self) -> None:
        self.is_closed = True


def a_table(seconds: float) -> Any:
    """Give a table whose page is asked."""
    table = table_of([Check("front end", OK, "x"), Check("page", OK, "asked"), Check("video", OK, "asked")])
    table.page = ours.PageProbe("x")
    table.page.ask = lambda tell, ask=table.page.ask: ask(tell, seconds)
    return table


def test_the_table_stands_at_once_and_is_completed_when_the_page_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same display is written anew, and no widget is left that a saved notebook could not show."""
    desk = Desk(monkeypatch)
    table = a_table(60)
    ours._show(table, is_headless=False)
    (first, shown, _), (widget, probed, _) = desk.published
    assert "asked" in first["text/plain"]
    assert (widget["text/plain"], "application/vnd.jupyter.widget-view+json" in widget) == ("", True)
    desk.handlers[0](None, {"type": "else"}, [])
    desk.handlers[0](None, {"type": "page", "app": "JupyterLab", "plays": ALL}, [])
    (after, display_id, is_update), (gone, last_id, _) = desk.published[2:]
    assert (display_id, is_update, last_id) == (shown, True, probed)
    assert "a widget answers: JupyterLab, a browser" in after["text/plain"]
    assert "H.264 yes" in after["text/html"]
    assert gone == {"text/plain": ""}
    assert desk.is_closed
    assert table.loc["video", "value"].startswith("H.264 yes"), "whoever keeps the table has the answer too"
    desk.handlers[0](None, {"type": "page", "plays": ALL}, [])
    assert sum(bundle == gone for bundle, *_ in desk.published) == 1


def test_a_page_that_does_not_answer_is_a_row_and_may_still_answer_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cell has ended long ago; a kernel that was busy hears the answer late."""
    desk = Desk(monkeypatch)
    table = a_table(0.01)
    ours._show(table, is_headless=False)
    assert desk.heard.wait(10)
    assert table.loc["page", "state"] == LOOK
    assert "no widget answered in 0.01 s" in desk.published[-1][0]["text/plain"]
    assert not desk.is_closed
    desk.handlers[0](None, {"type": "page", "plays": ALL}, [])
    assert table.loc["page", "state"] == OK
    assert desk.is_closed


def test_a_headless_table_is_shown_once_and_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no page that could answer, and what comes after the cell is lost."""
    desk = Desk(monkeypatch)
    ours._show(table_of([Check("front end", OK, "headless")]), is_headless=True)
    assert [(display_id, is_update) for _, display_id, is_update in desk.published] == [("", False)]
    assert desk.handlers == []


def test_parts_of_the_table_are_plain_frames(shell: Shell) -> None:
    """What is chosen from it shows as pandas shows it, and asks no page again."""
    table = shell.run("%hailuo doctor")
    assert "value" in repr(table[["value"]])
    assert "<table" in table[["value"]]._repr_html_()
    assert type(table[table.state == OK]) is type(table[["value"]]) is pandas.DataFrame
