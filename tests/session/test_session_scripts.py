"""Plain Python scripts, without IPython, guarded or not: they work, wait, fail honestly and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from simulator_process import SimulatorProcess, start_simulator

KEY = "fake-key-of-wavespeed-1234"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a simulator that plays WaveSpeed: real money goes to loopback, under a fake key."""
    with start_simulator(tmp_path_factory.mktemp("service"), speed=1000, workers=1) as running:
        yield running


def run(folder: Path, code: str, service: SimulatorProcess | None = None, **environ: str) -> Any:
    """Run an unguarded script in `folder`; gives how it ended."""
    script = folder / "script.py"
    script.write_text("import hailuo_nb as hn\n" + code, "utf-8")
    surroundings = dict(os.environ) | environ
    if service is not None:
        surroundings |= {
            "WAVESPEED_API_KEY": KEY,
            "WAVESPEED_BASE_URL": service.base_url,
            "HAILUO_TIER": "silver",
        }
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
    )


def left_behind(folder: Path) -> list[str]:
    """List processes that still work in a folder."""
    found = []
    for each in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(each.info["cmdline"] or ())
        if str(folder) in line and each.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


def test_a_script_makes_a_clip_and_ends_cleanly(tmp_path: Path, service: SimulatorProcess) -> None:
    """It waits by itself, since nobody could look later; a second run costs nothing; no word on stderr."""
    code = (
        "batch = hn.generate('a fox', 't2v-standard')\n"
        "print(batch[0].result().name, batch[0].cached, hn.history().attrs['total_usd'])\n"
    )
    first, second = run(tmp_path, code, service), run(tmp_path, code, service)
    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stderr) == (0, "")
    assert first.stdout.split()[1:] == ["False", "0.28"]
    assert second.stdout.split()[:2] == [first.stdout.split()[0], "True"]
    assert left_behind(tmp_path) == []
    for path in (tmp_path / "hailuo").rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes()
            assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_a_script_without_a_key_uses_the_simulator_and_takes_it_along(tmp_path: Path) -> None:
    """The simulator starts by itself and ends with the script, although jobs are still on their way."""
    code = (
        "batch = hn.generate('a fox', wait=False)\n"
        "import time\n"
        "while batch[0].status in {'planned', 'submitting'}: time.sleep(0.01)\n"
        "print(batch[0].service, batch[0].status)\n"
    )
    done = run(tmp_path, code, HAILUO_SIMULATOR_SPEED="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "simulator"
    end = time.monotonic() + 10
    while left_behind(tmp_path) and time.monotonic() < end:
        time.sleep(0.02)
    assert left_behind(tmp_path) == []


def test_a_script_that_leaves_at_once_leaves_quietly(tmp_path: Path, service: SimulatorProcess) -> None:
    """Whatever its jobs are just doing: no traceback, no hanging, and nothing paid that the ledger does not know."""
    code = "hn.generate('a {x} hare', 't2v-standard', vary={'x': list('abc')}, wait=False)\n"
    done = run(tmp_path, code, service)
    assert (done.returncode, done.stderr) == (0, "")
    after = run(
        tmp_path,
        "jobs = hn.resume()\n"
        "for job in jobs: job.exception(30)\n"
        "print(sorted(set(hn.history()['status'])))\n",
        service,
    )
    assert (after.returncode, after.stderr) == (0, "")
    assert not {"submitting", "unconfirmed", "submitted", "processing"} & set(eval(after.stdout))


def test_a_script_fails_with_the_reason(tmp_path: Path, service: SimulatorProcess) -> None:
    """Above the confirmation limit nobody can be asked, so it fails and sends nothing."""
    done = run(tmp_path, "hn.generate('a {x} fox', 't2v-pro', vary={'x': ['1', '2', '3']})\n", service)
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        .splitlines()[-1]
        .startswith("hailuo_nb.errors.ConfirmationNeeded: Not sent: 3 clips")
    )
    assert not (tmp_path / "hailuo").exists()


def test_ctrl_c_ends_the_waiting_and_the_script(tmp_path: Path, service: SimulatorProcess) -> None:
    """An interrupt detaches: the script ends at once, and the clip is taken up by the next one."""
    script = tmp_path / "script.py"
    script.write_text(
        "import hailuo_nb as hn\n"
        "batch = hn.generate('a slow fox', wait=False)\n"
        "batch[0].add_done_callback(print)\n"
        "print('waiting', flush=True)\n"
        "batch.wait()\n",
        "utf-8",
    )
    surroundings = dict(os.environ) | {"HAILUO_SERVICE": "simulator", "HAILUO_SIMULATOR_SPEED": "0.2"}
    running = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "waiting\n"
    running.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = running.communicate(timeout=30)
    assert time.monotonic() - began < 15
    assert errors.strip().splitlines()[-1] == "KeyboardInterrupt"
    assert errors.count("Traceback") == 1
