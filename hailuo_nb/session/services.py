"""The two places where predictions are made, opened on first use.

In comes a key and an address, or a folder for the simulator; out goes a client of `hailuo_nb.wavespeed`. The jobs take
either, since both speak the same REST API. The simulator is started in a process session of its own, so that an
interrupt of the kernel does not reach it, and it ends when its standard input closes: when this kernel is gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from filelock import FileLock

from hailuo_nb.errors import NotConnected
from hailuo_nb.session.keys import Key
from hailuo_nb.wavespeed.client import Client

# The simulator takes any key; the real one never goes there.
SIMULATOR_KEY = "simulated-key"
START_TIMEOUT_S = 30.0


class WaveSpeed:
    """The real service.

    Parameters
    ----------
    key : Key
        Goes into the client and nowhere else.
    base_url : str
        Where the service is.
    """

    name = "wavespeed"
    speed = 1.0

    def __init__(self, key: Key, base_url: str) -> None:
        self.key = key
        self._base_url = base_url
        self._client: Client | None = None

    async def client(self) -> Client:
        """Give the one client of this session."""
        if self._client is None:
            self._client = Client(self.key.value, self._base_url)
        return self._client

    async def revive(self) -> None:
        """Do nothing: only waiting helps where the network is gone."""

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def stop(self) -> None:
        """Do nothing: the service goes on."""


class Simulator:
    """The simulator of one ledger, shared by all its kernels.

    Parameters
    ----------
    data : Path
        Its folder, ``hailuo/simulator``.
    speed : float
        How many times faster than the service it works.
    tier : str
        The account level it plays.
    """

    name = "simulator"

    def __init__(self, data: Path, speed: float, tier: str) -> None:
        self.speed = speed
        self._data = data
        self._tier = tier
        self._client: Client | None = None
        self._process: subprocess.Popen[str] | None = None
        self._starting = threading.Lock()

    async def client(self) -> Client:
        """Give the one client of this session; starts the simulator if nobody has."""
        if self._client is None:
            address = await asyncio.get_running_loop().run_in_executor(None, self._ensure)
            if self._client is None:
                self._client = Client(SIMULATOR_KEY, address)
        return self._client

    async def revive(self) -> None:
        """Start it again on the same data, where the kernel that had started it is gone."""
        address = await asyncio.get_running_loop().run_in_executor(None, self._ensure)
        if self._client is not None:
            self._client.base_url = address

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    def stop(self) -> None:
        """End the process, if this session started it."""
        if self._process is not None:
            _end(self._process)

    def _ensure(self) -> str:
        """Give the address of a running simulator on this data, starting one where there is none."""
        with self._starting:
            self._data.mkdir(parents=True, exist_ok=True)
            # Two kernels must not both start one: the second waits here and then finds the first's.
            with FileLock(self._data / "starting.lock", timeout=START_TIMEOUT_S):
                note = self._data / "server.json"
                known = _read_note(note)
                if known is not None and _answers(known):
                    self.speed = float(str(known["speed"]))
                    return str(known["base_url"])
                started = self._start()
                note.write_text(json.dumps(started), "utf-8")
                return str(started["base_url"])

    def _start(self) -> dict[str, object]:
        """Start the process and read its one line."""
        command = [sys.executable, "-m", "hailuo_nb.simulator", "--port", "0", "--until-stdin-closes"]
        command += ["--speed", f"{self.speed:g}", "--tier", self._tier, "--data", str(self._data)]
        with (self._data / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_without_keys(),
                start_new_session=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            ready = json.loads(line)
            assert isinstance(ready, dict)
        except (ValueError, AssertionError):
            _end(process)
            raise NotConnected(
                "The simulator did not start; its own words are in simulator/server.log. Run the cell again."
            ) from None
        self._process = process
        return ready


def _without_keys() -> dict[str, str]:
    """Give the environment for the simulator, which must never see the real key."""
    return {name: value for name, value in os.environ.items() if "KEY" not in name.upper()}


def _read_note(path: Path) -> dict[str, object] | None:
    """Read where the last simulator was."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"base_url", "pid", "speed"} <= found.keys() else None


def _answers(note: dict[str, object]) -> bool:
    """Tell whether that simulator is still there, and not another program on its port."""
    if not str(note["base_url"]).startswith("http://127.0.0.1:"):
        return False
    opener = build_opener(ProxyHandler({}))
    # Loopback, made sure above; a proxy of the environment has no part in it.
    request = Request(f"{note['base_url']}/", headers={"Accept": "application/json"})  # noqa: S310
    try:
        with opener.open(request, timeout=5) as answer:
            found = json.loads(answer.read(4096))
    except (OSError, URLError, ValueError):
        return False
    return isinstance(found, dict) and found.get("pid") == note["pid"]


def _end(process: subprocess.Popen[str]) -> None:
    """Close its standard input, which ends it, and wait for that."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
