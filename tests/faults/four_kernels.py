"""Several kernels on one ledger, on the limits of an account that may do almost nothing.

In come a number of kernels and of clips; out goes a `Crowd` with what the proxy saw and what the ledger has. Tier
bronze (two submits a minute, two clips at once) is scaled by the simulator's speed, on both sides. Half of the clips
are wanted by two kernels at once.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crash_harness import CANARY, Harness, Notebook, Plan, Service, canary_in
from fault_books import Violation, compare
from fault_proxy import FaultProxy

__all__ = ["Crowd", "crowd"]


@dataclass
class Crowd:
    """What came of it."""

    violations: list[Violation]
    clips: int
    rate_limited: int
    double_downloads: int
    seconds: float
    least_seconds: float

    def __str__(self) -> str:
        said = "; ".join(f"{each.kind.upper()}: {each.text}" for each in self.violations) or "ok"
        return (
            f"{self.clips} clips in {self.seconds:.1f} s (the limits allow {self.least_seconds:.1f} s), "
            f"{self.rate_limited} answers 429, {self.double_downloads} double downloads: {said}"
        )


def crowd(
    folder: Path, *, kernels: int = 4, clips: int = 200, speed: float = 100, real: bool = False
) -> Crowd:
    """Let several kernels make clips on one ledger.

    Parameters
    ----------
    folder : Path
        Where everything is written.
    kernels, clips : int
        How many; the clips are distinct, and half of them are asked for twice.
    speed : float
        Divides the minute; 100 makes it 0.6 s.
    real : bool
        Real ipykernels instead of forked processes.
    """
    with (
        Harness(folder / "forge", tier="bronze", speed=speed) as harness,
        FaultProxy(harness.service.base_url) as proxy,
    ):
        _lead_through(proxy, folder, harness.service)
        since, began = datetime.now(UTC).isoformat(), time.monotonic()
        plans = _plans(kernels, clips, real)
        notebooks = [_start(harness, plan, proxy, folder, number, speed) for number, plan in enumerate(plans)]
        for notebook in notebooks:
            if not notebook.wait(30 + 10 * clips * 60 / speed):
                notebook.kill()
        seconds = time.monotonic() - began
        everything = Plan("all", [cell for plan in plans for cell in plan.cells])
        report: dict[str, Any] = {"jobs": [], "traceback": ""}
        for number in range(kernels):
            path = folder / f"report-{number}.json"
            one = (
                json.loads(path.read_text())
                if path.exists()
                else {"jobs": [], "traceback": f"kernel {number}: none"}
            )
            report["jobs"] += one["jobs"]
            report["traceback"] += one["traceback"] + "".join(one.get("errors", ()))
        found = compare(
            harness.service.base_url,
            since,
            folder / "notebook",
            everything.wishes,
            proxy.seen,
            report,
            [CANARY],
        )
        lost = clips - sum(
            1 for job in {j["id"]: j for j in report["jobs"]}.values() if job["status"] == "completed"
        )
        if lost:
            found.append(Violation("missing", f"{lost} of {clips} clips are not completed"))
        found += _keys_at_the_simulator(proxy)
        downloads = Counter(
            seen.path for seen in proxy.calls("download") if seen.was_answered and seen.told_status == 200
        )
        least = max(clips / 2 - 1, 0) * 60 / speed
        limited = sum(seen.told_status == 429 for seen in proxy.calls("submit"))
        doubles = sum(count - 1 for count in downloads.values())
    return Crowd(found + canary_in(folder), clips, limited, doubles, seconds, least)


def _plans(kernels: int, clips: int, real: bool) -> list[Plan]:
    """Share the clips out: half are one kernel's, half are wanted by two."""
    wanted: list[list[str]] = [[] for _ in range(kernels)]
    for number in range(clips):
        wanted[number % kernels].append(f"clip {number}")
        if number % 2:
            wanted[(number + 1) % kernels].append(f"clip {number}")
    return [
        Plan(f"k{n}", [{"prompt": prompt, "variant": "t2v-standard"} for prompt in prompts], is_kernel=real)
        for n, prompts in enumerate(wanted)
    ]


def _start(
    harness: Harness, plan: Plan, proxy: FaultProxy, folder: Path, number: int, speed: float
) -> Notebook:
    env = {
        "WAVESPEED_API_KEY": CANARY,
        "HAILUO_SERVICE": "simulator",
        "HAILUO_SIMULATOR_TIER": "bronze",
        "HAILUO_SIMULATOR_SPEED": f"{speed:g}",
        "HAILUO_MAX_CLIPS": "1000",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return harness.start(plan, proxy.base_url, folder, number, None, env=env, resume=False, wait_s=3600.0)


def _lead_through(proxy: FaultProxy, folder: Path, service: Service) -> None:
    """Let the notebooks find a running simulator behind the proxy, as another kernel would have left it."""
    data = folder / "notebook" / "hailuo" / "simulator"
    data.mkdir(parents=True)
    (data / "server.json").write_text(json.dumps({**service.ready, "base_url": proxy.base_url}), "utf-8")


def _keys_at_the_simulator(proxy: FaultProxy) -> Sequence[Violation]:
    """Say where the simulator saw the real key, which it never should."""
    return [
        Violation("key sent away", f"{seen.method} {seen.path} to the simulator")
        for seen in proxy.seen
        if any(CANARY in value for _, value in seen.headers)
    ]
