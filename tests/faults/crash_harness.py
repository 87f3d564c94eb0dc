"""Runs notebooks against a spoiled service, kills them with SIGKILL, starts them again and compares the books.

In comes a `Plan` (from `fault_plans`, or written by a test); out goes a `Result` with its violations. A notebook is a
forked Python process or a real ipykernel; both are killed in earnest. Next: `fault_books` says what is wrong,
`__main__` prints the table.
"""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fault_books import Violation, Wish, after_a_kill, compare, within_budget
from fault_proxy import FaultProxy, Rule

__all__ = ["CANARY", "Harness", "Kill", "Plan", "Result"]

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
CANARY = "canary-7f3a9c51d2e84b60-wsk"
SPEED = 200
RIVAL = 90
# Of one clip of the variants that the plans use, at their own length.
PRICE_USD = Decimal("0.28")


@dataclass(frozen=True)
class Kill:
    """When a notebook dies.

    Attributes
    ----------
    point : str
        A name of `kill_points.POINTS`, passed for the `nth` time.
    call, stage : str
        Or a call and a stage at which the proxy holds its connection, for the `nth` time.
    after_s : float
        Or a time after its start.
    is_late : bool
        Whether what is held arrives at the service after the death, as what is on the wire does.
    """

    point: str = ""
    call: str = ""
    stage: str = ""
    nth: int = 1
    after_s: float = 0.0
    is_late: bool = False

    def __str__(self) -> str:
        if self.point:
            return f"{self.point}#{self.nth}"
        if self.call:
            return f"{self.call}@{self.stage}#{self.nth}{' late' if self.is_late else ''}"
        return f"{self.after_s:.2f}s"


@dataclass(frozen=True)
class Plan:
    """One run: what the cell wants, what goes wrong, when it dies.

    With a rival, a second notebook runs the same cells on the same ledger at the same time, and is never killed. With a
    budget, that is as large as what the cells want costs, and no larger.
    """

    tag: str
    cells: Sequence[Mapping[str, Any]]
    rules: Sequence[Rule] = ()
    kills: Sequence[Kill] = ()
    is_kernel: bool = False
    has_rival: bool = False
    has_budget: bool = False

    @property
    def budget_usd(self) -> Decimal:
        """Exactly what its wishes cost: a clip that were counted twice would not fit, one that were not would."""
        return PRICE_USD * sum(wish.takes for wish in self.wishes)

    @property
    def wishes(self) -> list[Wish]:
        """What there should be in the end; equal requests of several cells are one."""
        takes: dict[tuple[str, str], int] = {}
        for cell in self.cells:
            for number, prompt in enumerate(cell.get("steps", [cell.get("prompt")])):
                variant = cell["variant"][min(number, 1)] if "steps" in cell else cell["variant"]
                key = (str(variant), str(prompt))
                takes[key] = max(takes.get(key, 0), int(cell.get("takes", 1)))
        return [Wish(variant, prompt, n) for (variant, prompt), n in takes.items()]


@dataclass
class Result:
    """What came of a run."""

    plan: Plan
    violations: list[Violation]
    deaths: list[str]
    seconds: float
    statuses: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None

    def __str__(self) -> str:
        faults = "+".join(f"{rule.kind}/{rule.call}" for rule in self.plan.rules) or "-"
        ends = " ".join(f"{n} {status}" for status, n in sorted(self.statuses.items())) or "no rows"
        kind = "kernel " if self.plan.is_kernel else "rivals " if self.plan.has_rival else "process"
        said = "; ".join(f"{each.kind.upper()}: {each.text}" for each in self.violations) or "ok"
        deaths = ", ".join(self.deaths) or "-"
        return f"{self.plan.tag:<10} {kind} {self.seconds:5.1f}s  {faults:<44} {deaths:<40} {ends:<28} {said}"


class Forge:
    """The process that forks notebooks."""

    def __init__(self, folder: Path) -> None:
        environment = clean_environment()
        self._log = (folder / "forge.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fault_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
        )
        self._line()

    def start(self, spec: Mapping[str, Any]) -> int:
        """Start a notebook; gives its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(spec) + "\n")
        self._process.stdin.flush()
        return int(self._line()["pid"])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._log.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the forge ended; see {self._log.name}")
        found: dict[str, Any] = json.loads(line)
        return found


def clean_environment() -> dict[str, str]:
    """Give an environment without anybody's keys, settings and proxies, in which the package is found."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WAVESPEED", "HAILUO")) and not name.lower().endswith("_proxy")
    }
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    paths = [str(REPO), str(HERE), str(HERE.parent)]
    return kept | single | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


class Service:
    """The simulator, with drawing made cheap."""

    def __init__(
        self, folder: Path, *, speed: float = SPEED, tier: str = "ultra", balance: str = "100000"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "simulator.log").open("ab")
        command = [sys.executable, str(HERE / "cheap_simulator.py"), "--port", "0", "--until-stdin-closes"]
        command += [
            "--speed",
            str(speed),
            "--tier",
            tier,
            "--balance",
            balance,
            "--data",
            str(folder / "simulator"),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=clean_environment(),
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator did not start; see {self._log.name}")
        self.ready = json.loads(line)
        self.base_url = str(self.ready["base_url"])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()


class Harness:
    """A simulator and a forge, for any number of runs one after the other.

    Parameters
    ----------
    folder : Path, optional
        Where everything is written; a temporary one by default, taken away at the end if no run went wrong.
    """

    def __init__(self, folder: Path | None = None, *, speed: float = SPEED, tier: str = "ultra") -> None:
        self._is_temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="hailuo-faults-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.service = Service(self.folder, speed=speed, tier=tier)
        self._forge: Forge | None = None

    def __enter__(self) -> Harness:
        return self

    def __exit__(self, *_: object) -> None:
        self.service.close()
        if self._forge is not None:
            self._forge.close()
        if self._is_temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def forge(self) -> Forge:
        """The forge, started with the first process."""
        if self._forge is None:
            self._forge = Forge(self.folder)
        return self._forge

    def run(self, plan: Plan, *, keep: bool = False) -> Result:
        """Live through a plan, and compare the books."""
        began, since = time.monotonic(), datetime.now(UTC).isoformat()
        folder = self.folder / plan.tag
        (folder / "notebook").mkdir(parents=True)
        rules = [replace(rule, options=dict(rule.options), hits=0) for rule in plan.rules]
        violations: list[Violation] = []
        deaths: list[str] = []
        with FaultProxy(self.service.base_url, rules) as proxy:
            rival = self.start(plan, proxy.base_url, folder, RIVAL, None) if plan.has_rival else None
            for number, kill in enumerate(plan.kills):
                deaths.append(self._life(plan, proxy, folder, number, kill))
                violations += after_a_kill(self.service.base_url, since, folder / "notebook", plan.wishes)
            violations += _rivals_end(rival, folder)
            deaths.append(self._life(plan, proxy, folder, len(plan.kills), None))
            report = _read(folder / f"report-{len(plan.kills)}.json")
            violations += compare(
                self.service.base_url, since, folder / "notebook", plan.wishes, proxy.seen, report, [CANARY]
            )
            if plan.has_budget:
                violations += within_budget(
                    self.service.base_url, since, plan.wishes, report, float(plan.budget_usd)
                )
        violations += canary_in(folder)
        statuses: dict[str, int] = {}
        for job in (report or {}).get("jobs", ()):
            statuses[job["status"]] = statuses.get(job["status"], 0) + 1
        result = Result(
            plan, violations, [d for d in deaths if d], time.monotonic() - began, statuses, folder
        )
        if violations or keep:
            self._is_temporary = False
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return result

    def _life(self, plan: Plan, proxy: FaultProxy, folder: Path, number: int, kill: Kill | None) -> str:
        """Let one notebook live; gives how it died, or nothing where it came to its end."""
        hold = _hold_for(kill)
        if hold is not None:
            proxy.set_rules([hold, *proxy.rules])
        notebook = self.start(plan, proxy.base_url, folder, number, kill)
        how = _watch(notebook, proxy, kill, folder / f"report-{number}.json")
        if hold is not None:
            proxy.set_rules([rule for rule in proxy.rules if rule is not hold])
        proxy.release()
        return how

    def start(
        self, plan: Plan, base_url: str, folder: Path, number: int, kill: Kill | None, **more: Any
    ) -> Notebook:
        """Start a notebook on a folder, as a process or as a kernel."""
        spec = {
            "folder": str(folder / "notebook"),
            "env": environment_of(base_url)
            | ({"HAILUO_BUDGET_USD": str(plan.budget_usd)} if plan.has_budget else {}),
            "cells": list(plan.cells),
            "arm": [kill.point, kill.nth] if kill and kill.point else None,
            "wait_s": 30.0,
            "report": str(folder / f"report-{number}.json"),
            "log": str(folder / f"debug-{number}.log"),
            "out": str(folder / f"out-{number}.txt"),
        } | more
        if plan.is_kernel:
            from crash_kernel import KernelNotebook

            return KernelNotebook(spec)
        return ForkedNotebook(self.forge.start(spec))


def environment_of(base_url: str, key: str = CANARY) -> dict[str, str]:
    """Give what a notebook's environment says."""
    return {
        "WAVESPEED_API_KEY": key,
        "WAVESPEED_BASE_URL": base_url,
        "HAILUO_TIER": "ultra",
        "HAILUO_MAX_CLIPS": "500",
        "NO_PROXY": "127.0.0.1,localhost",
    }


class Notebook:
    """A running notebook."""

    pid: int

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tell whether it came."""
        raise NotImplementedError

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        raise NotImplementedError


class ForkedNotebook(Notebook):
    """A notebook that is a forked process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = -1

    def wait(self, seconds: float) -> bool:
        """Wait for its end."""
        if self._handle < 0:
            return True
        ready, _, _ = select.select([self._handle], [], [], seconds)
        if ready:
            os.close(self._handle)
            self._handle = -1
        return bool(ready)

    def kill(self) -> None:
        """SIGKILL."""
        if self._handle >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            self.wait(10)


def _rivals_end(rival: Notebook | None, folder: Path) -> list[Violation]:
    """Wait for the notebook that was not killed: it takes over what the dead one left."""
    if rival is None:
        return []
    if not rival.wait(45.0):
        rival.kill()
    report = _read(folder / f"report-{RIVAL}.json")
    if report is None:
        return [Violation("error", "the rival left no report")]
    left = [f"{job['id']} {job['status']} {job['note']}" for job in report["jobs"] if not job["is_done"]]
    found = [Violation("stuck", f"the rival still waits for {left}")] if left else []
    return found + ([Violation("error", report["traceback"][-1500:])] if report["traceback"] else [])


def _hold_for(kill: Kill | None) -> Rule | None:
    """Make the proxy hold the connection at which to kill."""
    if kill is None or not kill.call:
        return None
    return Rule(
        "hold", kill.call, nth=kill.nth, stage=kill.stage, options={} if kill.is_late else {"drop": True}
    )


def _watch(notebook: Notebook, proxy: FaultProxy, kill: Kill | None, report: Path) -> str:
    """Wait for the moment to kill, or for the end."""
    longest = 45.0
    if kill is None:
        if not notebook.wait(longest):
            notebook.kill()
            return "hung"
        return "" if report.exists() else "died"
    if kill.after_s:
        is_over = notebook.wait(kill.after_s)
    elif kill.call:
        is_over = _held_or_over(notebook, proxy, longest)
    else:
        is_over = notebook.wait(longest)
        if is_over and not report.exists():
            return str(kill)
    notebook.kill()
    return f"({kill}: over before)" if is_over else str(kill)


def _held_or_over(notebook: Notebook, proxy: FaultProxy, longest: float) -> bool:
    """Wait until the proxy holds; tells whether the notebook ended before."""
    until = time.monotonic() + longest
    while time.monotonic() < until:
        try:
            proxy.held.get(timeout=0.02)
        except queue.Empty:
            if notebook.wait(0):
                return True
        else:
            return False
    return False


def canary_in(folder: Path, canary: str = CANARY) -> list[Violation]:
    """Look for the key in everything that was written."""
    needle = canary.encode()
    return [
        Violation("key sent away", f"the key stands in {path.relative_to(folder)}")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and needle in path.read_bytes()
    ]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found
