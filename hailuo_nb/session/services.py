"""The two places where predictions are made, opened on first use.

In comes a key and an address, or a folder for the simulator; out goes a client of `hailuo_nb.wavespeed`. The jobs take
either, since both speak the same REST API. The simulator is started in a process session of its own, so that an
interrupt of the kernel does not reach it, and it ends when its standard input closes: when this kernel is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from filelock import FileLock, Timeout

from hailuo_nb.errors import KeyMissing, SetupError
from hailuo_nb.session.keys import KEY_NAME, Key
from hailuo_nb.settings import TIERS

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

# The simulator takes any key; the real one never goes there.
SIMULATOR_KEY = "simulated-key"
START_TIMEOUT_S = 30.0
# A simulator whose starter is gone needs a moment to put its data down before another one takes it up.
LAST_MOMENTS_S = 3.0
NO_KEY = (
    f"WaveSpeed needs a key: set {KEY_NAME} in the environment or in a .env beside the notebook, type one for "
    "%hailuo key, or leave HAILUO_SERVICE out to use the simulator."
)
# What a stranger's folder says about an address is believed for a port of this machine and nothing else.
_HERE = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}")


class WaveSpeed:
    """The real service.

    Parameters
    ----------
    base_url : str
        Where the service is.

    Attributes
    ----------
    key : Key or None
        Goes into the client and nowhere else; without one, calls raise KeyMissing and the jobs wait for it.
    """

    name = "wavespeed"
    speed = 1.0
    tier: str | None = None

    def __init__(self, base_url: str, key: Key | None = None) -> None:
        self.key = key
        self._base_url = base_url
        self._clients: dict[str, Client] = {}

    async def client(self) -> Client:
        """Give the client for the key as it is now; what is under way with another goes on.

        Raises
        ------
        KeyMissing
            There is no key.
        """
        if self.key is None:
            raise KeyMissing(NO_KEY)
        # Not under the key itself: whoever prints this object's variables must not print the key.
        known = hashlib.sha256(self.key.value.encode()).hexdigest()
        if known not in self._clients:
            from hailuo_nb.wavespeed.client import Client

            self._clients[known] = Client(self.key.value, self._base_url)
        return self._clients[known]

    async def revive(self) -> None:
        """Do nothing: only waiting helps where the network is gone."""

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def stop(self) -> None:
        """Do nothing: the service goes on."""

    @property
    def key_text(self) -> str:
        """What the ledger makes a fingerprint of."""
        return self.key.value if self.key is not None else ""


@dataclass(frozen=True)
class _Running:
    """A simulator that answers."""

    base_url: str
    pid: int
    speed: float
    tier: str


class Simulator:
    """The simulator of one ledger, shared by all its kernels.

    Parameters
    ----------
    data : Path
        Its folder, ``hailuo/simulator``.
    speed : float
        How many times faster than the service it works; another kernel may have started it with another speed.
    tier : str
        The account level it plays; likewise.
    """

    name = "simulator"
    key_text = SIMULATOR_KEY

    def __init__(self, data: Path, speed: float, tier: str) -> None:
        self.speed = speed
        self.tier = tier
        self._data = data
        self._client: Client | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._is_closed = False

    async def client(self) -> Client:
        """Give the one client of this session; starts the simulator if nobody has.

        Raises
        ------
        SetupError
            It cannot be started; says why in one line.
        """
        if self._client is None:
            address = await asyncio.get_running_loop().run_in_executor(None, self.ensure)
            if self._client is None:
                from hailuo_nb.wavespeed.client import Client

                self._client = Client(SIMULATOR_KEY, address)
        return self._client

    async def revive(self) -> None:
        """Start it again on the same data, where the kernel that had started it is gone."""
        # Where it cannot be started, the connection fails again and this is tried again.
        with suppress(SetupError):
            address = await asyncio.get_running_loop().run_in_executor(None, self.ensure)
            if self._client is not None:
                self._client.base_url = address

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def stop(self) -> None:
        """End the process, if this session started it; it is not started again."""
        self._is_closed = True
        with self._starting:
            if self._process is not None:
                _end(self._process)
                self._process = None

    def ensure(self) -> str:
        """Give the address of a running simulator on this data, starting one where there is none.

        Raises
        ------
        SetupError
            It cannot be started.
        """
        with self._starting:
            if self._is_closed:
                raise SetupError("This session is closed; restart the kernel to go on.")
            try:
                self._data.mkdir(parents=True, exist_ok=True)
                # Two kernels must not both start one: the second waits here and then finds the first's.
                with FileLock(self._data / "starting.lock", timeout=START_TIMEOUT_S + LAST_MOMENTS_S):
                    running = self._found() or self._started()
            except Timeout:
                raise SetupError(
                    "Another kernel is starting the simulator and does not finish. Restart that one."
                ) from None
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise SetupError(
                    f"The simulator cannot be started: {reason}. Give this user the right to write beside the "
                    "notebook, or set another dir."
                ) from None
            self.speed, self.tier = running.speed, running.tier
            return running.base_url

    def _found(self) -> _Running | None:
        """Find the one that runs already."""
        note = _read_note(self._data / "server.json")
        if note is None:
            return None
        found = _ask(note)
        if found is None:
            self._see_off(note.pid)
        return found

    def _see_off(self, pid: int) -> None:
        """Wait until one that does not answer any more is gone; end it where it is ours."""
        if self._process is not None:
            _end(self._process)
            self._process = None
            return
        until = time.monotonic() + LAST_MOMENTS_S
        while _is_alive(pid) and time.monotonic() < until:
            time.sleep(0.02)

    def _started(self) -> _Running:
        """Start the process and read its one line."""
        # -P: a json.py beside the notebook must not be taken for the library.
        command = [sys.executable, "-P", "-m", "hailuo_nb.simulator", "--port", "0", "--until-stdin-closes"]
        command += ["--speed", f"{self.speed:g}", "--tier", self.tier, "--data", str(self._data)]
        # Its last words may hold this machine's paths, so they are read and never kept beside the notebook.
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                env=_without_keys(),
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
            watch = threading.Timer(START_TIMEOUT_S, process.kill)
            watch.daemon = True
            watch.start()
            assert process.stdout is not None
            with process.stdout:
                running = _read_running(process.stdout.readline())
            watch.cancel()
            if running is None:
                _end(process)
                raise SetupError(f"The simulator did not start{_last_line(words)}. Run the cell again.")
        self._process = process
        part = self._data / "server.json.part"
        part.write_text(json.dumps(running.__dict__), "utf-8")
        part.replace(self._data / "server.json")
        return running


def running_at(data: Path) -> str:
    """Give the address of the simulator that runs on a folder, starting none; empty where none answers."""
    note = _read_note(data / "server.json")
    found = None if note is None else _ask(note)
    return found.base_url if found is not None else ""


def _without_keys() -> dict[str, str]:
    """Give the environment for the simulator, which must never see a real key, and finds this package by it."""
    secret = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|^WAVESPEED", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if not secret.search(name)}
    home = str(Path(__file__).resolve().parents[2])
    # Where the package is installed, the child finds it anyway, and its neighbours must not hide the library.
    if Path(home).name not in ("site-packages", "dist-packages"):
        kept["PYTHONPATH"] = os.pathsep.join([home, *filter(None, [kept.get("PYTHONPATH")])])
    return kept


def _read_note(path: Path) -> _Running | None:
    """Read where the last simulator was; the file may be a stranger's."""
    try:
        return _read_running(path.read_bytes()[:4096])
    except OSError:
        return None


def _read_running(line: bytes) -> _Running | None:
    """Read the line a simulator says when it is ready."""
    try:
        said: Any = json.loads(line)
        running = _Running(said["base_url"], int(said["pid"]), float(said["speed"]), said["tier"])
    except (ValueError, RecursionError, KeyError, TypeError, OverflowError):
        return None
    is_right = isinstance(running.base_url, str) and _HERE.fullmatch(running.base_url) is not None
    is_right = is_right and running.pid > 1 and 0.01 <= running.speed <= 1_000_000
    return running if is_right and isinstance(running.tier, str) and running.tier in TIERS else None


def _ask(note: _Running) -> _Running | None:
    """Ask that simulator what it is; None where it is gone, or another program has its port."""
    # Loopback, made sure by the pattern; a proxy of the environment has no part in it.
    request = Request(f"{note.base_url}/", headers={"Accept": "application/json"})  # noqa: S310
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=5) as answer:
            found = _read_running(answer.read(4096))
    except (OSError, URLError, ValueError):
        return None
    return found if found is not None and found.pid == note.pid else None


def _is_alive(pid: int) -> bool:
    """Tell whether a process is there, as far as this system lets it be told without touching it."""
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    try:
        # One that ended and was not yet collected by its starter holds nothing any more.
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError, UnicodeDecodeError):
        return Path("/proc/self").exists() is False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, which ends it, and wait for that."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(words: Any) -> str:
    """Give the last line of what a process said before it ended."""
    words.seek(0)
    lines = words.read()[-4000:].decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last[:300].rstrip('.')}" if last else ""
