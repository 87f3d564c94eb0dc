"""Waiting in a real kernel: queued cells, comm messages, the user's own tasks, interrupts.

One kernel and one simulator serve all of it, since starting them is what takes the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from plain_kernel import Kernel
from simulator_process import start_simulator

SET_UP = """
import asyncio, os, time
from comm import create_comm, get_comm_manager
os.environ["WAVESPEED_BASE_URL"] = {url!r}
os.environ["WAVESPEED_API_KEY"] = "test-key"
from pathlib import Path
from hailuo_nb.session.session import Session
session = Session(Path.cwd(), configured=lambda: {{"tier": "silver", "confirm_above_usd": "99"}})
heard = []
def opened(comm, message):
    comm.on_msg(lambda message: heard.append(message["content"]["data"]))
get_comm_manager().register_target("test", opened)
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """Give a kernel whose session talks to a simulator that takes its time."""
    folder = tmp_path_factory.mktemp("kernel")
    with start_simulator(folder, speed=15) as simulator:
        made = Kernel(folder)
        try:
            assert made.run(SET_UP.format(url=simulator.base_url)) == ""
            yield made
        finally:
            made.run("session.close()")
            made.close()


def test_a_blocking_wait_keeps_tasks_comms_and_queued_cells(kernel: Kernel) -> None:
    """While `result()` blocks, the user's tasks tick; queued cells and comm messages arrive as with a plain wait."""
    kernel.run(
        "ticks = []\n"
        "async def tick():\n"
        "    while True:\n"
        "        ticks.append(time.monotonic())\n"
        "        await asyncio.sleep(0.05)\n"
        "ticking = asyncio.get_running_loop().create_task(tick())\n"
        "job = session.generate('a fox', 't2v-standard')[0]"
    )
    cells = [
        kernel.queue("before = len(ticks); path = job.result(60); print(len(ticks) - before, path.is_file())")
    ]
    kernel.tell("c1", {}, kind="comm_open", target_name="test")
    for number in range(3):
        kernel.tell("c1", {"number": number})
        cells.append(kernel.queue(f"print('cell', {number})"))
    said = [kernel.answer(cell) for cell in cells]
    ticks, is_file = said[0].split()
    assert int(ticks) > 5
    assert is_file == "True"
    assert said[1:] == ["cell 0\n", "cell 1\n", "cell 2\n"]
    assert kernel.run("print(heard)") == "[{'number': 0}, {'number': 1}, {'number': 2}]\n"
    kernel.run("ticking.cancel()")


@pytest.mark.parametrize("wait", ["job.result()", "await job", "session.batch_of([job]).wait()"])
def test_an_interrupt_ends_the_wait_and_not_the_job(kernel: Kernel, wait: str) -> None:
    """The cell is free while the job still goes on; it completes, and the next wait works."""
    kernel.run(f"job = session.generate('an owl {len(wait)} [simulate: takes 100]', 't2v-standard')[0]")
    asked = kernel.queue(f"print('waiting', flush=True); {wait}")
    kernel.until(lambda: any(kind == "stream" for kind, _ in kernel.of_cell(asked)))
    kernel.manager.interrupt_kernel()
    kernel.answer(asked)
    # Not done: the interrupt ended the wait, and not the clip's arrival some seconds later.
    assert kernel.run("print(job.done(), job.status != 'failed')") == "False True\n"
    assert kernel.run("print(job.result(60).is_file())") == "True\n"
    assert kernel.run("await asyncio.sleep(0.01); print(await job == job.path)") == "True\n"


def test_a_callback_may_wait_and_make_new_clips(kernel: Kernel) -> None:
    """A user's callback is not on the thread that carries the jobs, so it may use the whole API."""
    kernel.run(
        "made = []\n"
        "job = session.generate('a mole', 't2v-standard')[0]\n"
        "job.add_done_callback(lambda j: made.append(session.generate('a bat', 't2v-standard')[0].result(60)))\n"
        "job.result(60)"
    )
    assert kernel.run("while not made: time.sleep(0.05)\nprint(made[0].is_file())") == "True\n"
