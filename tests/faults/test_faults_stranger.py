"""A stranger's folder: its files can neither redirect the key, nor raise a limit, nor make anything be sent."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from crash_harness import CANARY, Harness, Plan, environment_of
from crash_kernel import SETUP, Kernel
from fault_books import ledger_rows
from fault_proxy import FaultProxy, Seen
from hostile import CONTROLS, MARK, SCRIPTS, bundles_wrong, everything_under, report_wrong

HERE = Path(__file__).resolve().parent
SENDING = ("submit", "upload", "put", "upload_binary", "delete", "")


def strangers_notebook(harness: Harness, folder: Path, **cell: Any) -> dict[str, Any]:
    """Make a ledger with one finished clip and one planned copy of it, and give that row."""
    (folder / "notebook").mkdir()
    with FaultProxy(harness.service.base_url) as proxy:
        cells = [{"prompt": f"a stranger's fox {folder.name}", "variant": "t2v-standard", **cell}]
        notebook = harness.start(Plan("stranger", cells), proxy.base_url, folder, 9, None)
        assert notebook.wait(40)
    (row,) = ledger_rows(folder / "notebook")
    return row


def plant(folder: Path, row: Mapping[str, Any], **changes: Any) -> None:
    """Write a row of a stranger's making into the ledger."""
    made = {name: value for name, value in row.items() if name != "seq"}
    made |= {"id": f"z{time.monotonic_ns() % 10**7:07d}", "prediction_id": None, "path": None, "owner": None}
    made |= {"request_hash": f"{time.monotonic_ns():064x}", "cost_micros": None} | changes
    with closing(sqlite3.connect(folder / "notebook" / "hailuo" / "ledger.db")) as ledger, ledger:
        names = ", ".join(made)
        ledger.execute(
            f"INSERT INTO clips ({names}) VALUES ({', '.join('?' * len(made))})", list(made.values())
        )


def remember(folder: Path, key: str, value: object) -> None:
    """Write something into the ledger's memory, as if it had been fetched just now."""
    with closing(sqlite3.connect(folder / "notebook" / "hailuo" / "ledger.db")) as ledger, ledger:
        now = int(time.time() * 1000)
        ledger.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (key, json.dumps(value), now))


def sent(proxy: FaultProxy) -> list[Seen]:
    """Give every request that makes, gives away or deletes something, and every one to a stranger's address."""
    return [seen for seen in proxy.seen if seen.call in SENDING or seen.listener == "trap"]


def open_it(
    harness: Harness, folder: Path, cells: list[dict[str, Any]], wait_s: float = 2.5, **env: str
) -> tuple[dict[str, Any], FaultProxy]:
    """Load, take up what is out, and run the cells, as the person who got the folder."""
    with FaultProxy(harness.service.base_url) as proxy:
        environment = environment_of(proxy.base_url) | {"HAILUO_TIER": "silver"} | env
        environment.pop("HAILUO_MAX_CLIPS")
        notebook = harness.start(
            Plan("opened", cells), proxy.base_url, folder, 0, None, env=environment, wait_s=wait_s
        )
        assert notebook.wait(wait_s + 20)
    return json.loads((folder / "report-0.json").read_text("utf-8")), proxy


def test_planned_rows_are_never_sent_by_opening_or_resuming(harness: Harness, tmp_path: Path) -> None:
    """Rows that say planned, submitting, cancelled or failed: loading and `%hailuo resume` submit none of them."""
    row = strangers_notebook(harness, tmp_path)
    for status in ("planned", "submitting", "unconfirmed", "cancelled", "failed", "abandoned"):
        plant(tmp_path, row, status=status, was_accepted=0 if status == "failed" else None)
    before = len([r for r in ledger_rows(tmp_path / "notebook") if r["status"] == "planned"])
    report, proxy = open_it(harness, tmp_path, [])
    assert sent(proxy) == []
    assert report["traceback"] == ""
    assert len([r for r in ledger_rows(tmp_path / "notebook") if r["status"] == "planned"]) == before == 1


def test_a_kernel_that_loads_a_strangers_folder_sends_nothing(harness: Harness, tmp_path: Path) -> None:
    """`%load_ext`, jobs, show, resume, history in a real kernel: nothing is submitted, shown text stays text."""
    row = strangers_notebook(harness, tmp_path)
    for status in ("planned", "unconfirmed"):
        plant(tmp_path, row, status=status, prompt=SCRIPTS[0], name=SCRIPTS[1], error=CONTROLS, note=CONTROLS)
    strangers_files(tmp_path / "notebook", "http://127.0.0.1:9")
    with FaultProxy(harness.service.base_url) as proxy:
        kernel = Kernel(tmp_path / "notebook", environment_of(proxy.base_url))
        try:
            kernel.run(SETUP.format(here=str(HERE), log=str(tmp_path / "debug-0.log")))
            for code in (
                "%load_ext hailuo_nb",
                "%hailuo jobs",
                "%hailuo resume",
                "from hailuo_nb.notebook import api; api.session().jobs()",
            ):
                kernel.run(code)
            kernel.drain(1.5)
        finally:
            kernel.close()
        assert sent(proxy) == []
    assert bundles_wrong(kernel.outputs) == []


def strangers_files(folder: Path, trap: str) -> None:
    """Put a `.env`, a project file and a simulator's note there that want everything."""
    (folder / ".env").write_text(
        f"WAVESPEED_BASE_URL={trap}\nHAILUO_SERVICE=wavespeed\nHAILUO_CONFIRM_ABOVE_USD=1000\nHAILUO_MAX_CLIPS=999\n"
        f"HAILUO_TIER=ultra\nHAILUO_BUDGET_USD=none\nALL_PROXY={trap}\nHTTPS_PROXY={trap}\nHTTP_PROXY={trap}\n"
        f"SSL_CERT_FILE=/tmp/{MARK}\nPYTHONSTARTUP=/tmp/{MARK}.py\n"
    )
    (folder / "pyproject.toml").write_text(
        "[tool.hailuo_nb]\nconfirm_above_usd = 1000\nbudget_usd = 100000\nmax_clips = 999\ntier = 'ultra'\n"
        "videos_per_minute = 9999\nconcurrency = 9999\ncache = false\nservice = 'wavespeed'\n"
        "base_url = 'https://example.com'\n"
    )
    simulator = folder / "hailuo" / "simulator"
    simulator.mkdir(parents=True, exist_ok=True)
    note = {"base_url": trap, "pid": 1, "speed": 10, "tier": "silver"}
    (simulator / "server.json").write_text(json.dumps(note))


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ({"takes": 17}, "TooManyClips"),
        ({"takes": 4}, "ConfirmationNeeded"),
    ],
    ids=["max_clips", "confirm_above_usd"],
)
def test_files_of_a_stranger_raise_no_limit(
    harness: Harness, tmp_path: Path, cell: dict[str, Any], error: str
) -> None:
    """Seventeen clips are too many, four cost more than a dollar, whatever .env and pyproject.toml say."""
    (tmp_path / "notebook").mkdir()
    with FaultProxy(harness.service.base_url) as proxy:
        strangers_files(tmp_path / "notebook", proxy.address("trap"))
        cells = [{"prompt": "a fox over the limit", "variant": "t2v-standard", "yes": False, **cell}]
        report = live_without_yes(harness, tmp_path, proxy, cells)
        assert sent(proxy) == []
    assert error in json.dumps(report)


def live_without_yes(
    harness: Harness, folder: Path, proxy: FaultProxy, cells: list[dict[str, Any]]
) -> dict[str, Any]:
    """Run cells that bring no yes of their own."""
    environment = environment_of(proxy.base_url)
    for name in ("HAILUO_MAX_CLIPS", "HAILUO_TIER", "NO_PROXY"):
        environment.pop(name)
    notebook = harness.start(
        Plan("limits", cells), proxy.base_url, folder, 0, None, env=environment, wait_s=2.0
    )
    assert notebook.wait(20)
    found: dict[str, Any] = json.loads((folder / "report-0.json").read_text("utf-8"))
    return found


def test_files_of_a_stranger_redirect_neither_key_nor_clip(harness: Harness, tmp_path: Path) -> None:
    """A clip made beside a hostile .env goes to the service that the environment names, and nowhere else."""
    (tmp_path / "notebook").mkdir()
    with FaultProxy(harness.service.base_url) as proxy:
        strangers_files(tmp_path / "notebook", proxy.address("trap"))
        cells = [{"prompt": f"a fox beside a trap {tmp_path.name}", "variant": "t2v-standard"}]
        environment = {k: v for k, v in environment_of(proxy.base_url).items() if k != "NO_PROXY"}
        notebook = harness.start(Plan("trap", cells), proxy.base_url, tmp_path, 0, None, env=environment)
        assert notebook.wait(40)
        assert [seen for seen in proxy.seen if seen.listener == "trap"] == []
        assert len(proxy.calls("submit")) == 1
        assert all(
            f"Bearer {CANARY}" not in value
            for s in proxy.seen
            if s.listener != "service"
            for _, value in s.headers
        )
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [job["status"] for job in report["jobs"]] == ["completed"]


def test_a_strangers_note_of_a_running_simulator_is_not_believed(harness: Harness, tmp_path: Path) -> None:
    """A server.json that names another host is not asked, and no prompt goes there."""
    notebook_folder = tmp_path / "notebook"
    notebook_folder.mkdir()
    strangers_files(notebook_folder, "http://198.51.100.7:80")
    (notebook_folder / ".env").unlink()
    cells = [{"prompt": "a fox in the simulator", "variant": "t2v-standard"}]
    env = {"HAILUO_SERVICE": "simulator", "HAILUO_SIMULATOR_SPEED": "1000", "WAVESPEED_API_KEY": CANARY}
    notebook = harness.start(Plan("note", cells), "", tmp_path, 0, None, env=env)
    assert notebook.wait(45)
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [job["status"] for job in report["jobs"]] == ["completed"]
    said = json.loads((notebook_folder / "hailuo" / "simulator" / "server.json").read_text())
    assert said["base_url"].startswith("http://127.0.0.1:")


PATHS = (
    f"../../{MARK}.mp4",
    f"/tmp/{MARK}/{MARK}.mp4",
    f"hailuo/clips/../../../{MARK}.mp4",
    "..",
    f"C:\\{MARK}.mp4",
    f"~/{MARK}.mp4",
)


@pytest.mark.parametrize("status", ["downloading", "completed", "submitted"])
def test_paths_in_a_strangers_ledger_lead_nowhere(harness: Harness, tmp_path: Path, status: str) -> None:
    """Rows with paths outside the folder, at predictions that exist: nothing is written there, nor led there."""
    row = strangers_notebook(harness, tmp_path, takes=1)
    made = [row["prediction_id"]]
    with closing(sqlite3.connect(tmp_path / "notebook" / "hailuo" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE clips SET prediction_id = NULL, status = 'cancelled', path = NULL")
    before = everything_under(tmp_path)
    outside = {path: path.exists() for path in (Path("/tmp") / MARK, Path("/tmp") / f"{MARK}.mp4")}
    for number, path in enumerate(PATHS):
        plant(
            tmp_path,
            row,
            status=status,
            path=path,
            more_paths=json.dumps([path]),
            url=f"file:///etc/{MARK}",
            prediction_id=made[0] if number == 0 else f"../../{MARK}{number}",
            name=path,
        )
    report, proxy = open_it(harness, tmp_path, [], wait_s=3.0)
    new = everything_under(tmp_path) - before
    clips = tmp_path / "notebook" / "hailuo"
    assert [path for path in new if not path.is_relative_to(clips)] == []
    assert {path: path.exists() for path in outside} == outside
    assert sent(proxy) == []
    assert [seen.path for seen in proxy.seen if MARK in seen.path] == []
    assert report_wrong(report) == []
    led = [re.findall(r'(?:src|href)="([^"]*)"', job["html"]) for job in report["jobs"]]
    # A folder called ~ beside the notebook is inside; what climbs, is absolute or names a drive is not.
    assert [path for paths in led for path in paths if re.search(r"(^|/)\.\.(/|$)|^/|:", path)] == []


def test_a_strangers_ledger_of_nonsense_is_refused_in_one_line(harness: Harness, tmp_path: Path) -> None:
    """Rows of unknown service, status and broken JSON: opening it neither sends nor breaks a cell of ours."""
    row = strangers_notebook(harness, tmp_path)
    nonsense: list[dict[str, Any]] = [
        {"service": SCRIPTS[0], "status": "submitted", "prediction_id": "a-b-c"},
        {
            "service": "wavespeed",
            "status": "submitted",
            "prediction_id": "0" * 32,
            "fence": -5,
            "owner": "../../etc",
        },
        {"status": "downloading", "prediction_id": "1" * 32, "inputs": "[1,", "axes": "7"},
        {
            "status": "submitted",
            "prediction_id": "2" * 32,
            "variant": SCRIPTS[0],
            "model_id": "../../balance",
        },
        {"status": "unconfirmed", "quote_micros": -5_000_000_000, "prompt": CONTROLS},
    ]
    for changes in nonsense:
        plant(tmp_path, row, **changes)
    own = [{"prompt": f"my own fox {tmp_path.name}", "variant": "t2v-standard"}]
    report, proxy = open_it(harness, tmp_path, own, wait_s=4.0)
    assert report["errors"] == [] or all(error.startswith("LedgerError") for error in report["errors"])
    assert report["traceback"] == "" or report["errors"]
    assert len(proxy.calls("submit")) <= 1
    assert report_wrong(report) == []
