"""The process: how it starts, what survives it, and how everything of it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from simulator_caller import Caller
from simulator_process import start_simulator

PRO = "minimax/hailuo-2.3/t2v-pro"


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Watch something in another process until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # nothing tells us of another process's end


def alive(pids: list[int]) -> list[int]:
    """Which of these processes still run."""
    return [
        pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


def workers_of(pid: int) -> list[int]:
    """List the processes a server has started."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def test_ready_is_one_line_and_nothing_else_is_printed(own: Any) -> None:
    """The contract's line, then silence, then a clean end on SIGTERM."""
    server, call = own(speed=50, tier="gold")
    assert server.ready == {"base_url": server.base_url, "pid": server.pid, "speed": 50.0, "tier": "gold"}
    assert server.base_url.startswith("http://127.0.0.1:")
    call.finished(call.submit("[simulate: fail 1405]"))
    server.process.send_signal(signal.SIGTERM)
    rest, _ = server.process.communicate(timeout=20)
    assert (rest, server.process.returncode) == ("", 0)


def test_it_ends_with_its_starter(own: Any) -> None:
    """At the end of standard input, also while it draws."""
    server, call = own()
    call.submit("something that nobody waits for", PRO)
    until(lambda: bool(workers_of(server.pid)))
    workers = workers_of(server.pid)
    assert server.close_stdin() == 0
    until(lambda: not alive(workers))


def test_workers_die_with_a_killed_server(own: Any) -> None:
    """SIGKILL leaves nothing behind, even in the middle of a clip."""
    server, call = own(workers=2)
    for n in range(4):
        call.submit(f"cut off {n}", PRO)
    until(lambda: len(workers_of(server.pid)) == 2)
    workers = workers_of(server.pid)
    server.kill()
    until(lambda: not alive(workers))


def test_a_killed_server_goes_on_where_it_was(own: Any) -> None:
    """Predictions, money and takes are there again; what was unfinished is finished."""
    server, call = own(speed=100)
    done = call.finished(call.submit("A sailboat at sunset"))
    sent = [call.submit("A sailboat at sunset") for _ in range(2)]
    server.kill()
    server.restart()
    assert call.get("balance") == {"balance": 99.16}
    assert call.result(done)["status"] == "completed"
    clips = [httpx.get(call.finished(one)["outputs"][0]).content for one in sent]
    assert clips[0] != clips[1]
    assert call.get("balance") == {"balance": 99.16}
    assert call.post("predictions", {})["total"] == 3


def test_equal_submissions_have_equal_bytes_and_are_drawn_once(tmp_path: Path) -> None:
    """The n-th submission of the same inputs is the same clip on every server, drawn anew there and once only."""
    made = []
    for name in ("one", "other"):
        with start_simulator(tmp_path / name) as server:
            call = Caller(server.base_url)
            sent = [call.submit("twins", duration=6, unknown=n) for n in range(2)]
            made.append([httpx.get(call.finished(one)["outputs"][0]).content for one in sent])
            call.http.close()
            assert len(list((server.data / "clips").iterdir())) == 2
    assert made[0] == made[1]
    assert made[0][0] != made[0][1]


def test_a_worker_that_dies_is_replaced(own: Any) -> None:
    """One clip's worker is killed; the clip comes all the same."""
    server, call = own(workers=1)
    sent = call.submit("a worker will be killed over this", PRO)
    until(lambda: bool(workers_of(server.pid)))
    os.kill(workers_of(server.pid)[0], signal.SIGKILL)
    assert call.finished(sent)["status"] == "completed"


def test_an_interrupt_does_not_reach_the_workers(own: Any) -> None:
    """SIGINT to a worker changes nothing."""
    server, call = own(workers=1)
    sent = call.submit("interrupted", PRO)
    until(lambda: bool(workers_of(server.pid)))
    (worker,) = workers_of(server.pid)
    until(lambda: psutil.Process(worker).num_threads() > 1)  # the signal is set to be ignored before that
    os.kill(worker, signal.SIGINT)
    assert call.finished(sent)["status"] == "completed"
    assert alive([worker]) == [worker]


def test_answers_do_not_wait_for_drawing(own: Any) -> None:
    """While every worker draws, a hundred answers are here before all clips are."""
    server, call = own(workers=2)
    sent = [call.submit(f"busy {n}", PRO) for n in range(4)]
    until(lambda: len(workers_of(server.pid)) == 2)
    for _ in range(100):
        call.get("balance")
    assert any(call.result(one)["status"] != "completed" for one in sent)


def test_a_taken_port_is_one_line(own: Any) -> None:
    """No traceback; the line says what to do."""
    server, _ = own()
    port = server.base_url.rpartition(":")[2]
    ended = subprocess.run(
        [sys.executable, "-m", "hailuo_nb.simulator", "--port", port],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.strip().count("\n") == 0
    assert port in ended.stderr


@pytest.mark.parametrize(
    "wrong",
    [["--speed", "0"], ["--tier", "wood"], ["--balance", "x"], ["--host", "example.com"], ["--spee", "3"]],
)
def test_wrong_arguments_are_refused(wrong: list[str]) -> None:
    """Before anything is started."""
    ended = subprocess.run(
        [sys.executable, "-m", "hailuo_nb.simulator", *wrong], capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stdout) == (2, "")


def test_the_server_loads_no_drawing() -> None:
    """Starting is quick because numpy, PyAV, Pillow and jsonschema-rs stay out of the server."""
    script = "import sys, json, hailuo_nb.simulator.server; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert not {"numpy", "av", "PIL", "jsonschema_rs", "sqlalchemy", "httpx"} & set(json.loads(ended.stdout))


def test_no_key_is_ever_written(own: Any) -> None:
    """Not in the data, whoever asks."""
    server, call = own()
    canary = "canary-key-5f1e"
    call.http.headers["Authorization"] = f"Bearer {canary}"
    call.finished(call.submit("[simulate: fail 1405]"))
    server.stop()
    written = b"".join(path.read_bytes() for path in server.data.glob("*") if path.is_file())
    assert canary.encode() not in written
