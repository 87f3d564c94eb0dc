"""The simulator as a process: who starts it, what it sees, how it ends. The real one, without any drawing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from session_fakes import KEY, until

from hailuo_nb.errors import KeyMissing, SetupError
from hailuo_nb.session.keys import Key
from hailuo_nb.session.services import Simulator, WaveSpeed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and /proc")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """Give the simulator of a ledger, not started yet."""
    made = Simulator(tmp_path / "simulator", 100.0, "silver")
    yield made
    made.stop()


def note(data: Path) -> dict[str, object]:
    """Read where the simulator is."""
    found: dict[str, object] = json.loads((data / "server.json").read_text("utf-8"))
    return found


def process(data: Path) -> psutil.Process:
    """Find its process."""
    return psutil.Process(int(str(note(data)["pid"])))


def test_one_for_two_kernels_without_the_key_and_out_of_reach_of_ctrl_c(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second takes the first's with its speed and tier; the key is not in its environment; SIGINT passes by."""
    monkeypatch.setenv("WAVESPEED_API_KEY", KEY)
    monkeypatch.setenv("OTHER_SECRET", KEY)
    second = Simulator(tmp_path / "simulator", 7.0, "bronze")
    addresses: list[str] = []
    both = [threading.Thread(target=lambda s=s: addresses.append(s.ensure())) for s in (simulator, second)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert addresses[0] == addresses[1]
    assert (second.speed, second.tier) == (simulator.speed, simulator.tier)
    running = process(tmp_path / "simulator")
    everything = [running, *running.children(recursive=True)]
    assert all(KEY not in "".join(each.environ().values()) for each in everything)
    assert all(KEY not in " ".join(each.cmdline()) for each in everything)
    assert os.getpgid(running.pid) != os.getpgid(os.getpid())
    assert os.getsid(running.pid) != os.getsid(os.getpid())
    guest, host = (simulator, second) if simulator._process is None else (second, simulator)
    guest.stop()
    assert host.ensure() == addresses[0], "whoever did not start it does not end it"
    host.stop()
    written = [path.name for path in (tmp_path / "simulator").iterdir()]
    assert "server.log" not in written


def test_it_is_started_again_on_the_same_data(simulator: Simulator, tmp_path: Path) -> None:
    """Killed, it comes back with its balance, for the kernel that started it and for another one."""
    data = tmp_path / "simulator"

    async def balance(at: Simulator) -> object:
        client = await at.client()
        found = await client.balance()
        await at.close()
        return found

    before = asyncio.run(balance(simulator))
    first = note(data)
    process(data).kill()
    other = Simulator(data, 100.0, "silver")
    try:
        assert asyncio.run(balance(other)) == before
        assert note(data)["pid"] != first["pid"]
        asyncio.run(simulator.revive())
        assert asyncio.run(balance(simulator)) == before
    finally:
        other.stop()
    # Its starter has closed; whoever is left starts it for itself.
    assert asyncio.run(balance(simulator)) == before


STARTER = """
import sys, time
from pathlib import Path
from hailuo_nb.session.services import Simulator
simulator = Simulator(Path(sys.argv[1]), 100.0, "silver")
print(simulator.ensure(), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_starter_and_only_then(
    simulator: Simulator, tmp_path: Path, how: signal.Signals
) -> None:
    """A killed kernel leaves no process behind; a signal to its whole group leaves the simulator alone until then."""
    data = tmp_path / "simulator"
    kernel = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    assert kernel.stdout is not None
    address = kernel.stdout.readline().strip()
    assert simulator.ensure() == address
    running = process(data)
    os.killpg(kernel.pid, how)
    kernel.wait(10)
    kernel.stdout.close()
    until(lambda: not running.is_running() or running.status() == psutil.STATUS_ZOMBIE, "it ends too")
    assert simulator.ensure() != ""
    assert note(data)["pid"] != running.pid


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"{}",
        b"[" * 5000,
        b'{"base_url": "http://127.0.0.1:80@evil.example", "pid": 7, "speed": 1, "tier": "silver"}',
        b'{"base_url": "https://evil.example", "pid": 7, "speed": 1, "tier": "silver"}',
        b'{"base_url": "http://127.0.0.1:9", "pid": 99999999999999, "speed": 1, "tier": "silver"}',
        b'{"base_url": "http://127.0.0.1:9", "pid": 1, "speed": NaN, "tier": "silver"}',
        b'{"base_url": "http://127.0.0.1:9", "pid": "x", "speed": 1, "tier": "silver"}',
        b'{"base_url": "http://127.0.0.1:9", "pid": 4, "speed": 1, "tier": ["silver"]}',
    ],
)
def test_a_strangers_note_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: bytes
) -> None:
    """A folder from elsewhere may say anything about where a simulator is; nobody but this machine is asked."""
    asked: list[str] = []

    def opener(*_: object) -> object:
        class Opener:
            def open(self, request: object, timeout: float) -> object:
                assert timeout > 0
                asked.append(str(request.full_url))  # type: ignore[attr-defined]
                raise OSError

        return Opener()

    monkeypatch.setattr("hailuo_nb.session.services.build_opener", opener)
    monkeypatch.setattr("hailuo_nb.session.services.LAST_MOMENTS_S", 0.01)
    (tmp_path / "server.json").write_bytes(written)
    assert Simulator(tmp_path, 1.0, "silver")._found() is None
    assert all(url.startswith("http://127.0.0.1:9/") for url in asked)


def test_one_that_cannot_start_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_session: object
) -> None:
    """Its own last words are in the error, in one line; the clip is not sent, and its cell sends it again."""
    monkeypatch.setattr("hailuo_nb.session.services.sys.executable", "/bin/false")
    with pytest.raises(SetupError) as caught:
        Simulator(tmp_path / "simulator", 1.0, "silver").ensure()
    assert "did not start" in str(caught.value)
    assert "\n" not in str(caught.value)
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho Traceback >&2\necho 'ImportError: no starlette' >&2\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr("hailuo_nb.session.services.sys.executable", str(script))
    with pytest.raises(SetupError, match="ImportError: no starlette"):
        Simulator(tmp_path / "simulator", 1.0, "silver").ensure()
    job = open_session().generate("a fox", wait=False)[0]  # type: ignore[operator]
    assert isinstance(job.exception(10), SetupError)
    assert (job.status, job.row.was_accepted) == ("failed", False)


def test_one_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that hangs before it is ready does not hang the kernel."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexec sleep 60\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr("hailuo_nb.session.services.sys.executable", str(script))
    monkeypatch.setattr("hailuo_nb.session.services.START_TIMEOUT_S", 0.2)
    with pytest.raises(SetupError, match="did not start"):
        Simulator(tmp_path / "simulator", 1.0, "silver").ensure()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be: one line, without the machine's paths."""
    (tmp_path / "hailuo").write_text("", "utf-8")
    with pytest.raises(SetupError, match="cannot be started") as caught:
        Simulator(tmp_path / "hailuo" / "simulator", 1.0, "silver").ensure()
    assert str(tmp_path) not in str(caught.value)


def test_wavespeed_takes_a_new_key_while_the_old_one_is_at_work() -> None:
    """Each key has its client; without one a call says what to do."""

    async def look() -> None:
        at = WaveSpeed("https://api.wavespeed.ai")
        with pytest.raises(KeyMissing, match="%hailuo key"):
            await at.client()
        assert at.key_text == ""
        at.key = Key("first-key-123456")
        first = await at.client()
        at.key = Key("second-key-123456")
        second = await at.client()
        assert first is not second
        at.key = Key("first-key-123456", "elsewhere")
        assert await at.client() is first
        assert at.key_text == "first-key-123456"
        await at.close()
        at.stop()
        await at.revive()

    asyncio.run(look())
