"""A simulator in a process of its own, for the tests of every room.

``start_simulator(tmp_path, speed=1000)`` starts one and gives a handle: ``.base_url``, ``.stop()``,
``.kill()``, ``.restart()``, ``.set_faults([...])``. Its data lie under ``tmp_path``; clips of equal requests
are drawn once per data folder, so hand ``clips=`` a folder of the test session to share drawn clips between
simulators (the bytes depend on the request alone).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["SimulatorProcess", "start_simulator"]

Rules = Sequence[Mapping[str, Any]]


@dataclass
class SimulatorProcess:
    """A running simulator."""

    data: Path
    arguments: list[str]
    faults_file: Path
    process: subprocess.Popen[str] = field(init=False)
    ready: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._start(port=0)

    @property
    def base_url(self) -> str:
        """Where it answers, without a slash at the end."""
        return str(self.ready["base_url"])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def set_faults(self, rules: Rules) -> None:
        """Change the rules of the running server, from its next request on."""
        part = self.faults_file.with_suffix(".part")
        part.write_text(json.dumps(list(rules)), "utf-8")
        part.replace(self.faults_file)

    def stop(self) -> int:
        """End it cleanly; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self._gone()

    def restart(self) -> None:
        """Start it again on the same data and, if it is still free, the same port."""
        port = int(self.base_url.rpartition(":")[2])
        if self.process.poll() is None:
            self.stop()
        self._start(port=port)

    def close_stdin(self) -> int:
        """Go away as its starter; gives its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self._gone()

    def __enter__(self) -> SimulatorProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, *, port: int) -> None:
        command = [sys.executable, "-m", "hailuo_nb.simulator", "--port", str(port), "--data", str(self.data)]
        command += ["--faults", str(self.faults_file), "--until-stdin-closes", *self.arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WAVESPEED")}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator ended with exit code {self._gone()} before it was ready")
        self.ready = json.loads(line)

    def _gone(self) -> int:
        code = self.process.wait(timeout=30)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return code


def start_simulator(
    tmp_path: Path,
    *,
    speed: float = 1000,
    tier: str = "silver",
    faults: Rules = (),
    balance: str = "100",
    workers: int | None = None,
    clips: Path | None = None,
) -> SimulatorProcess:
    """Start a simulator and wait until it answers.

    Parameters
    ----------
    tmp_path : Path
        Where its data folder ``simulator`` is made.
    speed : float
        Divides generation times; drawing a clip takes what it takes.
    tier : str
        ``bronze``, ``silver``, ``gold`` or ``ultra``.
    faults : sequence of rules
        See ``hailuo_nb.simulator.faults``.
    balance : str
        Simulated dollars to begin with.
    workers : int, optional
        How many clips are drawn at once (default: one for each core).
    clips : Path, optional
        A folder of drawn clips to share with other simulators.
    """
    data = tmp_path / "simulator"
    data.mkdir(parents=True, exist_ok=True)
    if clips is not None and not (data / "clips").exists():
        clips.mkdir(parents=True, exist_ok=True)
        (data / "clips").symlink_to(clips, target_is_directory=True)
    faults_file = tmp_path / "faults.json"
    faults_file.write_text(json.dumps(list(faults)), "utf-8")
    arguments = ["--speed", str(speed), "--tier", tier, "--balance", balance]
    if workers is not None:
        arguments += ["--workers", str(workers)]
    return SimulatorProcess(data, arguments, faults_file)
