"""``%hailuo doctor``: what is set up and what is not, as one table.

In come the session's check-up and what only a front end knows: which one it is, whether its widgets answer, and which
videos its page plays. Out goes a table that stands at once; what the page answers is put into it when it comes, or that
nothing came. So the cell never waits for a page, and a page that hears nothing is a row of the table.
"""

from __future__ import annotations

import contextvars
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hailuo_nb.notebook.surroundings import Surroundings, look_around, recognised
from hailuo_nb.session.checkup import clashes, machine, money
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check, examine

if TYPE_CHECKING:
    from hailuo_nb.notebook.magics import HailuoMagics
    from hailuo_nb.notebook.options import LineCommand
    from hailuo_nb.session.checkup.table import CheckTable
    from hailuo_nb.session.session import Session

__all__ = ["PageProbe", "doctor", "front_end", "page_checks"]

ANSWER_S = 5.0
"""So long a page has to answer; a later answer is put in as well."""

_AGAIN = "Run %hailuo doctor alone. Where no widget ever answers, cards are pictures and text; switch ipywidgets on."
_ASKED = "asked; the answer comes in a moment"
_LONGEST = 60


def doctor(magics: HailuoMagics, _: LineCommand) -> CheckTable:
    """Look at everything, and give the table."""
    from hailuo_nb.session.checkup.table import CheckTable, table_of

    session, around = magics.session(), look_around(magics.shell)
    named = front_end(magics.shell, around)
    asks_page = around.has_widgets and not around.is_headless
    checks = [named, _widgets(around)]
    checks += [Check(what, OK, _ASKED) for what in ("page", "video")] if asks_page else []
    checks += examine(_questions(session))
    table = table_of(checks)
    shell: Any = magics.shell
    if around.has_widgets:
        formatter = shell.display_formatter.ipython_display_formatter
        formatter.for_type(CheckTable, lambda shown: _show(shown, is_headless=around.is_headless))
    if asks_page:
        table.page = PageProbe(named.value)
    return table


def _questions(session: Session) -> Sequence[tuple[str, Callable[[], Check | Sequence[Check]]]]:
    """List what is asked of everything but the front end."""
    return (
        ("codec", machine.codec),
        ("clips folder", lambda: machine.hidden(session)),
        ("disk", lambda: machine.folder(session)),
        ("ledger", lambda: money.ledger(session)),
        ("key", lambda: money.key(session)),
        ("service", lambda: money.service(session)),
        ("account", lambda: money.account(session)),
        ("settings", lambda: money.settings(session)),
        ("Python", machine.python),
        ("packages", machine.packages),
        ("known clashes", clashes.clashes),
    )


def front_end(shell: Any, around: Surroundings, environ: Mapping[str, str] | None = None) -> Check:
    """Say which front end this is, and how it was recognised.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    around : Surroundings
        What its request says.
    environ : Mapping, optional
        The process environment; this process's when not given.
    """
    name, how = recognised(shell, around, environ)
    ids = "" if around.cell_id or not around.has_widgets else ", cells have no ids"
    return Check("front end", OK, f"{name} ({how}{ids})")


def _widgets(around: Surroundings) -> Check:
    """Say which widget libraries there are; that they are new enough is said with the other packages."""
    said = ", ".join(f"{name} {_version(name)}" for name in ("ipywidgets", "anywidget"))
    if not around.has_widgets:
        return Check("widgets", OK, f"{said}; a terminal shows text")
    if around.is_headless:
        return Check("widgets", OK, f"{said}; a headless run shows pictures and text")
    return Check("widgets", OK, said)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def page_checks(answer: Mapping[str, Any], named: str) -> list[Check]:
    """Make rows of what a page said.

    Parameters
    ----------
    answer : Mapping
        Whatever came from the page; anything may be in it.
    named : str
        What the front end seemed to be.
    """
    app = " ".join(filter(None, [_word(answer.get("app")), _word(answer.get("version"))]))
    browser = _word(answer.get("browser")) or "a browser"
    plays = answer.get("plays")
    known: Mapping[str, Any] = plays if isinstance(plays, Mapping) else {}
    page = Check("page", OK, f"a widget answers: {', '.join(filter(None, [app, browser]))}")
    said = ", ".join(
        f"{name} {'yes' if known.get(key) is True else 'no'}"
        for key, name in (("h264", "H.264"), ("aac", "AAC sound"), ("hevc", "HEVC"), ("av1", "AV1"))
    )
    if known.get("h264") is not True:
        do = "Clips are H.264 and do not play here: open the notebook in Chrome, Edge, Firefox or Safari."
        return [page, Check("video", BROKEN, said, do)]
    if known.get("aac") is not True:
        where = "VS Code plays" if named.startswith("VS Code") else "This page plays"
        return [page, Check("video", LOOK, said, f"{where} clips without their sound; the file has it.")]
    return [page, Check("video", OK, said)]


def _word(said: object) -> str:
    """Take one word or two from a page, and nothing long."""
    return " ".join(said.split())[:_LONGEST] if isinstance(said, str) else ""


class PageProbe:
    """Asks the page that shows the table, once.

    Parameters
    ----------
    named : str
        What the front end seems to be.
    """

    def __init__(self, named: str) -> None:
        self._named = named
        self._display_id = f"hailuo-doctor-{uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._widget: Any = None
        self._tell: Callable[[list[Check]], None] = lambda _: None
        self._timer: threading.Timer | None = None

    def ask(self, tell: Callable[[list[Check]], None], seconds: float = ANSWER_S) -> None:
        """Show an empty widget in the running cell, and hand its answer on, or that none came."""
        from hailuo_nb.notebook.card import publish_raw

        self._tell = tell
        self._widget = _probe_widget()
        self._widget.on_msg(self._on_msg)
        bundle = dict((self._widget._repr_mimebundle_() or ({}, {}))[0]) | {"text/plain": ""}
        publish_raw(bundle, self._display_id, False)
        self._timer = threading.Timer(seconds, self._give_up, [seconds])
        self._timer.daemon = True
        # In an empty context: what it shows later belongs to this cell, whatever runs then.
        contextvars.Context().run(self._timer.start)

    def _on_msg(self, _widget: object, content: object, _buffers: object) -> None:
        if isinstance(content, dict) and content.get("type") == "page":
            if self._timer is not None:
                self._timer.cancel()
            self._tell(page_checks(content, self._named))
            self._put_away()

    def _give_up(self, seconds: float) -> None:
        """Say that nobody answered; the widget stays, since a busy kernel hears an answer late."""
        said = f"no widget answered in {seconds:g} s"
        self._tell(
            [Check("page", LOOK, said, _AGAIN), Check("video", LOOK, "not known: only a page can tell")]
        )

    def _put_away(self) -> None:
        """Take the widget out of the notebook: saved, it would reopen as "Loading widget..."."""
        from hailuo_nb.notebook.card import publish_raw

        with self._lock:
            widget, self._widget = self._widget, None
        if widget is not None:
            publish_raw({"text/plain": ""}, self._display_id, True)
            widget.close()


def _probe_widget() -> Any:
    """Make the widget; ipywidgets is loaded here and not with this module."""
    import anywidget

    from hailuo_nb.notebook.scripts import joined

    return anywidget.AnyWidget(_esm=joined("probe.js"))


def _show(table: Any, *, is_headless: bool) -> None:
    """Show a table, and bring it up to date when its page has answered."""
    from hailuo_nb.notebook.card import publish_raw

    probe, table.page = table.page, None
    display_id = "" if is_headless else f"hailuo-doctor-{uuid.uuid4().hex[:8]}-table"

    def publish(*, is_update: bool) -> None:
        publish_raw({"text/html": table._repr_html_(), "text/plain": repr(table)}, display_id, is_update)

    def tell(checks: list[Check]) -> None:
        for check in checks:
            table.loc[check.what, ["state", "value", "do"]] = [check.state, check.value, check.do]
        publish(is_update=True)

    publish(is_update=False)
    if probe is not None:
        probe.ask(tell)
