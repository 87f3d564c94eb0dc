"""Two things measured in turn, so that a busy moment of the machine hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cpu_seconds(work: Callable[[], object]) -> float:
    """Give the seconds of a core that a call takes in this process: what other programs do counts less."""
    began = time.process_time()
    work()
    return time.process_time() - began


def in_turn(
    ours: Callable[[], float], theirs: Callable[[], float], times: int = 5
) -> tuple[list[float], list[float]]:
    """Measure both so many times, one after the other, and the other first every second time."""
    mine: list[float] = []
    peer: list[float] = []
    for number in range(times):
        for measure, into in ((ours, mine), (theirs, peer))[:: -1 if number % 2 else 1]:
            into.append(measure())
    return mine, peer


def median(figures: list[float]) -> float:
    """Give the middle one: a single busy moment moves a mean."""
    return statistics.median(figures)
