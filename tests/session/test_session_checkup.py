"""The check-up: each check is a row, whatever happens, and no row gives anything away."""

from __future__ import annotations

import getpass
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clip_ledger import write_ledger
from session_fakes import KEY, FakeService

from hailuo_nb.errors import AccessDenied, SettingInvalid
from hailuo_nb.media.codecs import h264_works
from hailuo_nb.session.checkup import clashes, machine, money
from hailuo_nb.session.checkup.examine import BROKEN, LOOK, OK, Check, examine
from hailuo_nb.session.checkup.table import table_of


def test_checks_run_side_by_side_and_each_becomes_a_row() -> None:
    """One that fails, one that hangs, one with several rows and one with none: in the order of the questions."""
    met = threading.Barrier(3, timeout=5)
    free = threading.Event()

    def meets(name: str) -> Check:
        met.wait()
        return Check(name, OK, "here")

    def fails() -> Check:
        met.wait()
        raise OSError(13, "Permission denied", "/home/ana/secret")

    def refuses() -> Check:
        raise SettingInvalid("dir is no folder; set another.")

    def hangs() -> list[Check]:
        free.wait(10)
        return []

    questions = [
        ("one", lambda: meets("one")),
        ("hangs", hangs),
        ("fails", fails),
        ("two", lambda: [meets("two")]),
        ("refuses", refuses),
        ("none", list),
    ]
    rows = examine(questions, seconds=0.5)
    free.set()
    assert [(row.what, row.state) for row in rows] == [
        ("one", OK),
        ("hangs", LOOK),
        ("fails", BROKEN),
        ("two", OK),
        ("refuses", BROKEN),
    ]
    assert rows[1].value == "no answer in 0.5 s"
    assert rows[2].value == "the check itself failed: PermissionError, Permission denied"
    assert rows[4].value == "dir is no folder; set another."


def test_a_table_reads_well_as_text_markdown_and_html() -> None:
    """What is wrong is counted above; Markdown survives bars and line ends, HTML whatever stands in a value."""
    table = table_of(
        [
            Check("a", OK, "fine"),
            Check("b|c", BROKEN, "<b>x\ny</b> | z", "do\nthis"),
            Check("d", LOOK, "\u202eodd"),
        ]
    )
    assert repr(table).splitlines() == [
        "1 broken, 1 to look at",
        "● ok      a    fine",
        "✕ broken  b|c  <b>x y</b> | z",
        "               do this",
        "▲ look    d    \ufffdodd",
    ]
    assert table.to_markdown().splitlines()[1:] == [
        "|---|---|---|---|",
        "| a | ● ok | fine |  |",
        "| b\\|c | ✕ broken | <b>x y</b> \\| z | do this |",
        "| d | ▲ look | \ufffdodd |  |",
    ]
    html = table._repr_html_()
    assert "<b>x" not in html
    assert "&lt;b&gt;x" in html
    assert "✕</span> broken" in html
    assert table.loc["a", "state"] == OK
    assert "broken" not in table[["value"]].to_html()


def test_an_empty_folder_is_well(tmp_path: Path, open_session: Any) -> None:
    """Nothing is made or started, and nothing in the rows names folder, user or machine."""
    session = open_session()
    rows = [
        machine.python(),
        *machine.packages(),
        machine.codec(),
        machine.hidden(session),
        *machine.folder(session),
        money.key(session),
        *money.service(session),
        *money.account(session),
        money.ledger(session),
        money.settings(session),
        *clashes.clashes(),
    ]
    assert {row.what for row in rows if row.state == BROKEN} == set()
    assert list(tmp_path.iterdir()) == []
    said = " ".join(f"{row.value} {row.do}" for row in rows)
    assert "simulator, which starts with the first clip" in said
    host = socket.gethostname()
    for private in (
        str(tmp_path),
        str(Path.home()),
        f"@{host}" if len(host) < 6 else host,
        f"/{getpass.getuser()}",
    ):
        assert private not in said


def test_what_is_in_the_ledger_is_counted(tmp_path: Path, open_session: Any) -> None:
    """How many clips, how large, which journal, what is still out; a broken file is a row."""
    write_ledger(tmp_path, 14)
    row = money.ledger(open_session())
    assert row.state == OK
    assert row.value.startswith("14 clips, 0.")
    assert row.value.endswith("write-ahead log, still out: 1 processing")
    (tmp_path / "hailuo" / "ledger.db").write_bytes(b"no database" * 100)
    assert money.ledger(open_session()).state == BROKEN


def test_packages_that_are_missing_or_old_are_named_with_the_line_that_mends_it() -> None:
    """Versions are compared as numbers: 8.10 is newer than 8.9."""
    there = {
        "hailuo_nb": "0.1.0",
        "ipywidgets": "7.8.1",
        "av": "18.1.0",
        "httpx": "0.100.1rc1",
        "ipykernel": "7.10.0",
    }

    def found(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    needs = [
        "ipywidgets>=8.1",
        "av>=14",
        "httpx>=0.28",
        "numpy>=1.26",
        "ipykernel>=7.9",
        "ruff>=1; extra == 'test'",
    ]
    rows = {row.what: row for row in machine.packages(found, needs)}
    assert rows["notebook packages"].state == BROKEN
    assert rows["notebook packages"].do == "%pip install -U 'ipywidgets>=8.1', then restart the kernel."
    assert rows["libraries"].value == "av 18.1.0, httpx 0.100.1rc1"
    assert rows["libraries"].do == "%pip install -U 'numpy>=1.26', then restart the kernel."


def test_h264_is_written_and_read_here() -> None:
    """The wheels of PyAV bring libx264; without it the simulator could make nothing."""
    assert h264_works() == (True, True)


@pytest.mark.parametrize(
    ("free", "state"), [(100_000_000, BROKEN), (1_000_000_000, LOOK), (50_000_000_000, OK)]
)
def test_little_room_is_said(
    open_session: Any, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    """Under 2 GB it is worth a look, under 200 MB nothing works for long."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert machine.folder(open_session())[0].state == state


def test_a_folder_that_cannot_be_written_and_a_network_drive_are_said(
    open_session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both say what to do."""

    def refused(**_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refused)
    monkeypatch.setattr(machine, "is_networked", lambda _: True)
    disk, drive = machine.folder(open_session())
    assert (disk.state, drive.state) == (BROKEN, LOOK)
    assert "cannot be written" in disk.value
    assert "rollback journal" in drive.value


def test_a_hidden_clips_folder_is_said(tmp_path: Path, open_session: Any) -> None:
    """Jupyter serves nothing that is hidden; above the notebook it depends on where Jupyter was started."""
    below = tmp_path / ".cache" / "work"
    below.mkdir(parents=True)
    assert machine.hidden(open_session(below)).state == LOOK
    assert machine.hidden(open_session(tmp_path)).state == OK
    session = SimpleNamespace(settings=lambda: SimpleNamespace(dir=".clips"), folder=tmp_path)
    assert machine.hidden(session).state == BROKEN  # type: ignore[arg-type]


def test_clashes_that_are_known_are_found() -> None:
    """Each names what happens and what to do."""
    versions = {"ipykernel": "7.4.0"}

    def found(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    def run() -> None:
        """Stand in for asyncio.run."""

    run.__module__ = "nest_asyncio"
    assert clashes._nesting(found, run)[0].state == BROKEN
    versions["ipykernel"] = "6.31.0"
    assert clashes._nesting(found, run)[0].state == LOOK
    run.__module__ = "nest_asyncio2"
    assert clashes._nesting(found, run) == []
    versions |= {"ipykernel": "7.0.1", "jupyter-collaboration": "4.0.0"}

    def drawn() -> None:
        """Stand in for another library's display of DataFrames."""

    drawn.__module__ = "itables.sample"
    frames = SimpleNamespace(DataFrame=SimpleNamespace(_repr_html_=drawn))
    rows = clashes.clashes(found, {"pandas": frames})
    assert [(row.what, row.state) for row in rows] == [
        ("ipykernel", LOOK),
        ("jupyter-collaboration", LOOK),
        ("tables", LOOK),
    ]
    assert rows[2].value == "plain DataFrames are drawn by itables"
    versions["ipykernel"] = "7.3.0"
    assert "does not hear a cell" in clashes.clashes(found, {})[0].value
    versions["ipykernel"] = "7.4.0"
    assert [row.what for row in clashes.clashes(found, {})] == ["jupyter-collaboration"]
    import pandas as pd

    versions.clear()
    assert [row.state for row in clashes.clashes(found, {"pandas": pd})] == [OK]


class _Answer(BaseHTTPRequestHandler):
    """Answers anything with 404, and a clock that may be off."""

    off_s = 0.0

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        self.send_header("Date", formatdate(time.time() + self.off_s, usegmt=True))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Give the address of a server that answers anything."""
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("off", "state", "said"), [(0, OK, "right"), (-90, LOOK, "90 s ahead"), (4000, BROKEN, "4,000 s behind")]
)
def test_whatever_a_service_answers_it_is_there_and_its_clock_is_compared(
    address: str, monkeypatch: pytest.MonkeyPatch, off: float, state: str, said: str
) -> None:
    """The key is not needed for that, and not sent; a clock that is off would misplace every time."""
    monkeypatch.setattr(_Answer, "off_s", off)
    there, clocks = money.reached(address)
    assert there.state == OK
    assert there.value.startswith("WaveSpeed answers in ")
    assert [clock.state for clock in clocks] == [state]
    assert clocks[0].value.split()[-1] == said.rsplit(maxsplit=1)[-1]


def test_a_service_that_is_not_there_is_a_row() -> None:
    """The line says why, and what works without it."""
    there, clocks = money.reached("http://127.0.0.1:9")
    assert (there.state, clocks) == (BROKEN, [])
    assert there.value == "WaveSpeed is not reached: Connection refused"
    assert "simulator" in there.do


def test_a_key_is_tried_for_nothing_and_never_shown(
    service: FakeService, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it comes from, whether the service takes it; not the key, and not the balance."""
    rows = [money.key(session), *money.account(session)]
    assert [(row.state, row.value) for row in rows] == [
        (OK, "from the environment"),
        (OK, "WaveSpeed takes the key"),
    ]

    def refused(*_: object) -> None:
        raise AccessDenied("The key is not active.")

    monkeypatch.setattr(session, "ask", refused)
    rows = money.account(session)
    assert (rows[0].state, rows[0].value) == (BROKEN, "WaveSpeed refuses the key: The key is not active.")
    monkeypatch.setenv("WAVESPEED_API_KEY", f"{KEY} with spaces")
    row = money.key(session)
    assert row.state == BROKEN
    assert KEY not in f"{rows}{row}"


def test_settings_that_are_ignored_or_wrong_are_said(tmp_path: Path, open_session: Any) -> None:
    """A project file may not raise a limit; a setting that means nothing stops cells, and not this table."""
    (tmp_path / "pyproject.toml").write_text("[tool.hailuo_nb]\nvariant = 't2v-pro'\nmax_clips = 900\n")
    row = money.settings(open_session())
    assert row.state == LOOK
    assert "max_clips" in row.value
    assert money.settings(open_session(budget_usd="many")).state == BROKEN
