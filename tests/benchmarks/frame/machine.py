"""Where the figures were made: processor, memory, system, versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def machine_line() -> str:
    """Name the machine and the date in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [f"{_processor()}, {cores} cores", _memory(), f"{platform.system()} {platform.machine()}"]
    parts += [f"Python {platform.python_version()}", f"{datetime.now(UTC):%d %B %Y}"]
    return ", ".join(part for part in parts if part)


def load_line() -> str:
    """Say how busy the machine is with other things, where the system tells."""
    if not hasattr(os, "getloadavg"):
        return ""
    return f"load average {os.getloadavg()[0]:.1f} before the first measurement"


def versions_line(names: Iterable[str]) -> str:
    """Name the version of each installed distribution once."""
    return ", ".join(f"{name} {found}" for name in sorted(set(names)) if (found := version_of(name)))


def version_of(name: str) -> str:
    """Give the version of a distribution, or an empty text."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return f"{int(line.split()[1]) / 1024**2:.0f} GB"
    return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []
