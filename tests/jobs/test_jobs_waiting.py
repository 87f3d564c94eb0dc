"""The background thread, and waiting for it without stopping anything else."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress

import pytest

from hailuo_nb.errors import HailuoError
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.background import BackgroundLoop


@pytest.fixture
def background() -> Iterator[BackgroundLoop]:
    """Give a background loop, ended with the test."""
    made = BackgroundLoop("hailuo-test")
    yield made
    made.close()


def test_a_coroutine_runs_on_the_one_named_daemon_thread(background: BackgroundLoop) -> None:
    """Whatever is submitted runs there, and that thread keeps no process alive."""

    async def where() -> threading.Thread:
        return threading.current_thread()

    threads = {background.submit(where()).result(5) for _ in range(3)}
    assert [(thread.name, thread.daemon) for thread in threads] == [("hailuo-test", True)]


def test_nothing_of_the_cell_s_context_goes_along(background: BackgroundLoop) -> None:
    """A copy of the cell's context would pin ipykernel's parent header to that cell."""
    cell: contextvars.ContextVar[str] = contextvars.ContextVar("cell", default="none")
    cell.set("this one")

    async def read() -> str:
        return cell.get()

    seen: Future[str] = Future()
    background.call(lambda: seen.set_result(cell.get()))
    assert (background.submit(read()).result(5), seen.result(5)) == ("none", "none")


def test_what_was_handed_over_comes_before_what_is_submitted_and_before_the_end(
    background: BackgroundLoop,
) -> None:
    """Calls are gathered for a moment; neither a later coroutine nor the end of the loop overtakes them."""
    did: list[str] = []

    async def submitted() -> None:
        did.append("submitted")

    background.call(did.append, "first")
    background.submit(submitted()).result(5)
    background.call(did.append, "last")
    background.close()
    assert did == ["first", "submitted", "last"]


def test_the_thread_lets_go_of_the_interpreter_sooner_and_only_while_it_is_there() -> None:
    """A cell that is ready waits a fifth of a millisecond for it at most; a shorter interval of the user's stays."""
    before = sys.getswitchinterval()
    try:
        for theirs, during in ((0.005, 0.0002), (0.0001, 0.0001)):
            sys.setswitchinterval(theirs)
            with closing(BackgroundLoop("hailuo-test")) as loop:
                loop.submit(asyncio.sleep(0)).result(5)
                found = sys.getswitchinterval()
            assert found == pytest.approx(during, abs=5e-6)  # Python cuts it to whole microseconds
            assert sys.getswitchinterval() == pytest.approx(theirs, abs=5e-6)
    finally:
        sys.setswitchinterval(before)


def test_a_closed_loop_refuses_and_leaves_nothing(background: BackgroundLoop) -> None:
    """After the end a submit says so, a call is dropped, and the thread is gone."""

    async def forever() -> None:
        await asyncio.Event().wait()

    running = background.submit(forever())
    background.call(int)
    background.close()
    assert running.cancelled()
    with pytest.raises(HailuoError, match="closed"):
        background.submit(forever())
    background.call(int)
    background.close()
    assert "hailuo-test" not in {thread.name for thread in threading.enumerate()}
    gc.collect()


def test_what_nobody_caught_is_logged_not_printed(
    background: BackgroundLoop, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mistake in a call is in the log, and in nobody's cell."""
    with caplog.at_level(logging.ERROR, logger="hailuo_nb.jobs.background"):
        background.call(lambda: 1 / 0)
        background.submit(asyncio.sleep(0)).result(5)
    assert "ZeroDivisionError" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_waiting_without_a_loop(background: BackgroundLoop) -> None:
    """In a plain script a wait ends with the job, or with the time."""
    quick, slow = background.submit(asyncio.sleep(0.05)), background.submit(asyncio.sleep(60))
    assert waiting.wait(quick, 5)
    assert not waiting.wait(slow, 0.05)
    assert not waiting.wait_all([quick, slow], 0.05)
    assert not slow.done()


def test_waiting_inside_a_running_loop_keeps_its_tasks_going(background: BackgroundLoop) -> None:
    """The user's own tasks tick while a cell blocks, and nothing of ours stays on their loop."""
    ticks: list[float] = []

    async def cell() -> tuple[bool, int]:
        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.01)

        ticking = asyncio.ensure_future(tick())
        await asyncio.sleep(0)
        before = len(asyncio.all_tasks())
        done = waiting.wait(background.submit(asyncio.sleep(0.3)), 5)
        await asyncio.sleep(0)
        after = len(asyncio.all_tasks())
        ticking.cancel()
        return done, after - before

    with asyncio.Runner() as runner:
        assert runner.run(cell()) == (True, 0)
    assert len(ticks) > 5


def test_an_interrupt_ends_the_wait_and_no_task_of_the_user_s(background: BackgroundLoop) -> None:
    """Wherever the signal lands, what else the loop runs goes on."""
    slow = background.submit(asyncio.sleep(60))

    async def cell() -> list[bool]:
        async def press() -> None:
            """Press in the middle of a task, where Python would raise it."""
            await asyncio.sleep(0.01)
            signal.raise_signal(signal.SIGINT)
            went_on.append(True)

        went_on: list[bool] = []
        for _ in range(2):
            pressing = asyncio.ensure_future(press())
            with pytest.raises(KeyboardInterrupt):
                waiting.wait(slow, 10)
            await pressing
        return went_on

    before = signal.getsignal(signal.SIGINT)
    with asyncio.Runner() as runner:
        assert runner.run(cell()) == [True, True]
    assert signal.getsignal(signal.SIGINT) is before
    assert not slow.done()


def test_interrupts_that_are_ignored_stay_so(background: BackgroundLoop) -> None:
    """Whoever has switched them off goes on waiting."""
    quick: Future[None] = Future()

    async def cell() -> bool:
        def press() -> None:
            signal.raise_signal(signal.SIGINT)
            quick.set_result(None)

        asyncio.get_running_loop().call_soon(press)
        return waiting.wait(quick, 10)

    with asyncio.Runner() as runner:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            assert runner.run(cell())
        finally:
            signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_is_raised_at_once(background: BackgroundLoop) -> None:
    """A task that never gives way holds the loop; pressing again reaches it."""
    slow = background.submit(asyncio.sleep(60))

    async def cell() -> None:
        async def stuck() -> None:
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            raise AssertionError("the second one did not end it")

        held = asyncio.ensure_future(stuck())
        with pytest.raises(KeyboardInterrupt):
            waiting.wait(slow, 10)
        with suppress(KeyboardInterrupt):
            held.result()

    with asyncio.Runner() as runner:
        runner.run(cell())


def test_the_first_wait_on_a_loop_leaves_it_what_it_counted() -> None:
    """Python's own loop counts its callbacks before it runs them, and ended here with an IndexError."""
    code = """
import asyncio
from hailuo_nb.jobs import waiting
from hailuo_nb.jobs.background import BackgroundLoop
background = BackgroundLoop("test")
async def main():
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    def cell():
        waiting.wait(background.submit(asyncio.sleep(0.05)), 5)
        over.set()
    loop.call_soon(cell)
    for number in range(4):
        loop.call_soon(print, number)
    await over.wait()
asyncio.run(main())
background.close()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("0\n1\n2\n3\n", "")


def test_a_loop_that_ended_first_is_no_error(
    background: BackgroundLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """A script whose loop is over before the job is done hears nothing of it later."""
    slow: Future[None] = Future()

    async def gives_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting.told(slow, asyncio.get_running_loop()), 0.01)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(gives_up())
    pending = waiting.told(slow, loop)
    loop.close()
    slow.set_result(None)
    assert not pending.done()
    assert caplog.text == ""


def test_arrivals_come_one_by_one(background: BackgroundLoop) -> None:
    """What was handed over is taken in order; a wait that runs out loses nothing."""
    arrivals: waiting.Arrivals[int] = waiting.Arrivals()
    with pytest.raises(TimeoutError):
        arrivals.take(0.01)
    threads = threading.active_count()

    async def hand_over() -> None:
        for number in range(5):
            arrivals.put(number)
            await asyncio.sleep(0.01)

    background.submit(hand_over())
    assert [arrivals.take(5) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert threading.active_count() <= threads + 1  # the background thread; none for each arrival


def test_a_loop_of_nest_asyncio_1_6_is_waited_for_plainly(background: BackgroundLoop) -> None:
    """It was there first, and its loop within a loop loses queued cells: no task of ours runs on it."""

    def once_more(_: object) -> None:
        raise AssertionError("this loop must not be run inside itself")

    once_more.__module__ = "nest_asyncio"
    theirs = type("Theirs", (asyncio.SelectorEventLoop,), {})

    async def later() -> str:
        await asyncio.sleep(0.01)
        return "done"

    async def cell() -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(theirs, "_run_once", once_more)
            return waiting.wait(background.submit(later()), 5)

    with asyncio.Runner(loop_factory=theirs) as runner:
        assert runner.run(cell())
