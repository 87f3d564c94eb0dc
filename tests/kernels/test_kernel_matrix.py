"""The traps of background work, in each ipykernel and Python that the package is for, and with all at its oldest.

An environment is made once, and one kernel in it is asked everything; the environments are asked side by side.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from environments import Environment, Made, make_all
from jupyter_core.utils import ensure_event_loop
from kernel_questions import QUESTIONS, SET_UP
from kernel_studio import Service
from plain_kernel import Kernel

NEST = "nest-asyncio==1.6.0"
WANTED = (
    Environment("ipykernel-6.31", "3.11", ("ipykernel==6.31.0", NEST)),
    Environment("ipykernel-7.3", "3.11", ("ipykernel==7.3.0", NEST)),
    Environment("ipykernel-7.4", "3.11", ("ipykernel==7.4.0", NEST)),
    Environment("oldest", "3.11", (NEST,), is_oldest=True),
    Environment("python-3.12", "3.12", (NEST,)),
    Environment("python-3.13", "3.13", (NEST,)),
)
NAMES = [each.name for each in WANTED]

pytestmark = pytest.mark.timeout(600)

Answers = dict[str, dict[str, BaseException | None]]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Give every environment, or why there is none."""
    return make_all(tmp_path_factory.mktemp("environments"), WANTED)


@pytest.fixture(scope="module")
def answers(environments: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Ask every kernel every question; gives what went wrong."""
    folder = tmp_path_factory.mktemp("asked")
    service = Service(folder)
    with ThreadPoolExecutor(3) as pool:
        there = [name for name in NAMES if environments[name].python]
        asked = pool.map(lambda name: ask(folder / name, environments[name].python, service), there)
        yield dict(zip(there, asked, strict=True))
    service.close()


def ask(folder: Path, python: str, service: Service) -> dict[str, BaseException | None]:
    """Ask one kernel everything."""
    folder.mkdir()
    kernel = Kernel(folder, python, surroundings(folder) | {"WAVESPEED_BASE_URL": service.base_url})
    found: dict[str, BaseException | None] = {}
    try:
        assert kernel.run(SET_UP) == ""
        for question in QUESTIONS:
            try:
                question(kernel, folder.name)
                found[question.__name__] = None
            except Exception as error:
                found[question.__name__] = error
    finally:
        kernel.close()
        ensure_event_loop().close()  # of this thread; the client opened it
    return found


def surroundings(folder: Path) -> dict[str, str]:
    """Give a kernel's environment: nothing of this machine's user, and only what is installed there."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "NO_PROXY") if name in os.environ}
    return kept | {
        "HOME": str(folder),
        "WAVESPEED_API_KEY": "test-key",
        "HAILUO_CONFIRM_ABOVE_USD": "99",
        "HAILUO_TIER": "ultra",
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("question", [each.__name__ for each in QUESTIONS])
def test_a_kernel_answers(environments: dict[str, Made], answers: Answers, name: str, question: str) -> None:
    """Each kernel, each question: see `kernel_questions`."""
    environments[name].check()
    error = answers[name][question]
    if error is not None:
        raise error
