"""What benchmarks run: a stand-in of the service and a real kernel, each a process of its own.

In come the ways of a service and a folder; out go an address with its books, and a kernel that runs cells and tells
when each of its messages came.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import psutil
from jupyter_client.manager import KernelManager
from jupyter_core.utils import ensure_event_loop

from tests.benchmarks.made.stand_in import Entry, Ways

ROOT = Path(__file__).resolve().parents[3]
KEY = "a-key-of-benchmarks"


@dataclass(frozen=True)
class Books:
    """What the stand-in counted since the last new page."""

    requests: Mapping[str, int]
    connections: int
    entries: tuple[Entry, ...]

    @property
    def polls(self) -> int:
        """Requests for a status, of one prediction or of many."""
        return self.requests.get("poll", 0) + self.requests.get("list", 0)

    @property
    def mean_lateness_s(self) -> float:
        """The mean time from a clip being done to its being seen so."""
        late = [entry.seen - entry.done for entry in self.entries if entry.seen is not None]
        return sum(late) / len(late)


@dataclass(frozen=True)
class Service:
    """A running stand-in."""

    base_url: str
    pid: int

    def books(self, *, begins: bool = True) -> Books:
        """Give what was counted, and begin a new page."""
        request = Request(f"{self.base_url}/books", method="POST" if begins else "GET")
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            said = json.load(answer)
        return Books(said["requests"], said["connections"], tuple(Entry(**each) for each in said["entries"]))


@contextmanager
def stand_in(folder: Path, ways: Ways) -> Iterator[Service]:
    """Run a stand-in."""
    command = [sys.executable, "-m", "tests.benchmarks.made.stand_in", str(folder), json.dumps(asdict(ways))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield Service(json.loads(process.stdout.readline())["base_url"], process.pid)
        process.stdin.close()


@dataclass(frozen=True)
class Told:
    """A message of the kernel, when it came, in seconds after the cell was sent, and what it brought besides JSON."""

    at_s: float
    kind: str
    content: Mapping[str, Any]
    buffer_bytes: int = 0


class Kernel:
    """One ipykernel with a person in front of it."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self._manager = KernelManager(kernel_name="python3")
        kept = {
            name: text
            for name, text in os.environ.items()
            if "HAILUO" not in name and "WAVESPEED" not in name
        }
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        kept |= {"PYTHONPATH": paths, "JUPYTER_PLATFORM_DIRS": "1", **(env or {})}
        self._manager.start_kernel(
            env=kept, cwd=str(folder), extra_arguments=["--HistoryManager.enabled=False"]
        )
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.process = psutil.Process(int(self._manager.provisioner.process.pid))

    def run(
        self, code: str, *, until: Callable[[Told], bool] | None = None, timeout: float = 300.0
    ) -> list[Told]:
        """Run a cell; gives its messages, ended by the reply, or by the first one that `until` says yes to."""
        began = time.perf_counter()
        sent = self._client.execute(code, allow_stdin=True)
        told: list[Told] = []
        has_reply = is_idle = is_met = False
        while not (has_reply and is_idle and (until is None or is_met)):
            at_s = time.perf_counter() - began
            if at_s > timeout:
                raise TimeoutError(f"this cell did not end: {code[:80]!r}")
            if not has_reply:
                with suppress(Empty):
                    message = self._client.get_shell_msg(timeout=0.0005)
                    if message["parent_header"].get("msg_id") == sent:
                        has_reply = True
                        told.append(Told(time.perf_counter() - began, "reply", message["content"]))
                        if message["content"]["status"] == "error":
                            raise RuntimeError("{ename}: {evalue}".format(**message["content"]))
            with suppress(Empty):
                message = self._client.get_iopub_msg(timeout=0.0005 if not has_reply else 0.01)
                extra = sum(len(buffer) for buffer in message["buffers"])
                new = Told(time.perf_counter() - began, message["msg_type"], message["content"], extra)
                told.append(new)
                is_met = is_met or (until is not None and until(new))
                is_ours = message["parent_header"].get("msg_id") == sent
                is_idle = is_idle or (
                    is_ours and new.kind == "status" and new.content["execution_state"] == "idle"
                )
        return told

    def value(self, expression: str) -> Any:
        """Work out an expression that JSON can carry."""
        for told in self.run(f"import json; print('value', json.dumps({expression}))"):
            if told.kind == "stream" and str(told.content["text"]).startswith("value "):
                return json.loads(str(told.content["text"])[6:])
        raise RuntimeError(f"no value: {expression}")

    def answer_s(self, code: str) -> float:
        """Give the seconds that the sender of a cell waits for its reply."""
        began = time.perf_counter()
        sent = self._client.execute(code, allow_stdin=True)
        while self._client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != sent:
            pass
        took = time.perf_counter() - began
        self.drain()
        return took

    def say(self, comm: str, content: Mapping[str, Any]) -> None:
        """Send what a widget's front end says."""
        data = {"method": "custom", "content": content}
        session = self._client.session
        self._client.shell_channel.send(session.msg("comm_msg", {"comm_id": comm, "data": data}))

    def cpu_s(self) -> float:
        """Give the seconds of a core that the kernel has used, without its children."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def memory_mb(self) -> float:
        """Give the memory that only this process has, in MB."""
        return float(self.process.memory_full_info().uss) / 1e6

    def drain(self) -> list[Told]:
        """Take in what came between cells."""
        found = []
        with suppress(Empty):
            while True:
                message = self._client.get_iopub_msg(timeout=0.001)
                found.append(Told(time.perf_counter(), message["msg_type"], message["content"]))
        return found

    def close(self) -> None:
        """End it."""
        self._client.stop_channels()
        with suppress(Exception):
            self._manager.shutdown_kernel()
        with suppress(Exception):
            self._manager.context.destroy(linger=0)
        ensure_event_loop().close()
        asyncio.set_event_loop(None)


@contextmanager
def kernel(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """Run a kernel."""
    running = Kernel(folder, env)
    try:
        yield running
    finally:
        running.close()


def at_service(service: Service, **settings: object) -> dict[str, str]:
    """Give the environment in which hailuo_nb takes the stand-in for the real service."""
    env = {"WAVESPEED_API_KEY": KEY, "WAVESPEED_BASE_URL": service.base_url, "HAILUO_SERVICE": "wavespeed"}
    return env | {f"HAILUO_{name.upper()}": str(value) for name, value in settings.items()}
