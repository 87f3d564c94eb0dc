"""What every kernel is asked: the traps of background work in a notebook, one function each.

In comes a running kernel with the extension loaded and the word that makes its prompts its own; a question that is
answered wrongly raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plain_kernel import Kernel

__all__ = ["QUESTIONS", "SET_UP"]

SET_UP = """%load_ext hailuo_nb
import asyncio, time, hailuo_nb as hn
from comm import get_comm_manager
heard = []
def opened(comm, message):
    comm.on_msg(lambda message: heard.append(message["content"]["data"]["number"]))
get_comm_manager().register_target("test", opened)
ticks = []
async def tick():
    while True:
        ticks.append(time.monotonic())
        await asyncio.sleep(0.02)
ticking = asyncio.get_running_loop().create_task(tick())"""


# Holds the kernel until the clip is there, and as long again as its last pictures may take.
BLOCKING = """
end = time.monotonic() + 40
while moving[0].status != "completed" and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(2.5)
print("slept", moving[0].status)"""


VIEW = "application/vnd.jupyter.widget-view+json"


def widget_at(kernel: Kernel, display_id: str) -> str:
    """Give the widget that is drawn behind its cell, into an output that waits for it."""

    def found() -> list[str]:
        contents = [message["content"] for message in kernel.said if "display_data" in message["msg_type"]]
        return [
            content["data"][VIEW]["model_id"]
            for content in contents
            if content["transient"].get("display_id") == display_id and VIEW in content["data"]
        ]

    kernel.until(lambda: bool(found()))
    return found()[0]


def updates_come_while_a_later_cell_blocks(kernel: Kernel, word: str) -> None:
    """Widget, twin and end arrive for their own cell, in the name of the one that runs, as headless runners need."""
    first = kernel.queue(f"%%hailuo moving << t2v-standard\nA {word} fox [simulate: takes 200]")
    kernel.answer(first)
    card, twin = (
        content["transient"]["display_id"]
        for kind, content in kernel.of_cell(first)
        if kind == "display_data"
    )
    widget = widget_at(kernel, card)
    kernel.tell(widget, {"method": "custom", "content": {"type": "hello", "page": "p"}})
    blocking = kernel.queue(BLOCKING)
    assert kernel.answer(blocking) == "slept completed\n"
    during = kernel.of_cell(blocking)
    states = [
        content["data"]["state"]["card"]["clips"][0]["word"]
        for kind, content in during
        if kind == "comm_msg" and content["comm_id"] == widget and "card" in content["data"].get("state", {})
    ]
    assert states[-1] == "done"
    assert "working" in states
    updates = {
        content["transient"]["display_id"]: content["data"]
        for kind, content in during
        if kind == "update_display_data"
    }
    assert set(updates) == {card, twin}
    assert set(updates[twin]) == {"text/html", "text/plain", "image/jpeg"}
    assert VIEW not in updates[card]


def run_all_goes_through_a_wait(kernel: Kernel, word: str) -> None:
    """Cells that are queued behind a blocking wait all run, comm messages arrive in order, the user's tasks tick."""
    cells = [
        kernel.queue(f"%%hailuo waited << t2v-standard\nA {word} owl [simulate: takes 150]"),
        kernel.queue("before = len(ticks); waited.wait(); print(len(ticks) - before)"),
    ]
    kernel.tell(f"comm-{word}", {}, kind="comm_open", target_name="test")
    for number in range(3):
        kernel.tell(f"comm-{word}", {"number": number})
        cells.append(kernel.queue(f"print('cell', {number}, waited[0].status)"))
    said = [kernel.answer(cell) for cell in cells]
    assert int(said[1]) > 5
    assert said[2:] == [f"cell {number} completed\n" for number in range(3)]
    assert kernel.run("print(heard)") == "[0, 1, 2]\n"


def an_interrupt_detaches(kernel: Kernel, word: str) -> None:
    """Of a wait and of an ``await``: the cell ends, the clip comes all the same."""
    for number, wait in enumerate(("job.result()", "await job")):
        kernel.run(f"job = hn.generate('A {word} hare {number} [simulate: takes 300]', 't2v-standard')[0]")
        asked = kernel.queue(f"print('waiting', flush=True); {wait}")
        kernel.until(lambda asked=asked: any(kind == "stream" for kind, _ in kernel.of_cell(asked)))  # type: ignore[misc]
        kernel.manager.interrupt_kernel()
        said = kernel.answer(asked)
        assert "KeyboardInterrupt" in said or "CancelledError" in said
        assert kernel.run("print(job.done(), job.status in ('cancelled', 'failed'))") == "False False\n"
        assert kernel.run("print((await job).is_file())") == "True\n"


def clicks_while_a_cell_blocks_count_once(kernel: Kernel, word: str) -> None:
    """Two presses of one button make one more take, whether they are heard at once or when the kernel is free."""
    asked = kernel.queue(f"%%hailuo clicked << t2v-standard\nA {word} elk")
    kernel.answer(asked)
    room = next(content for kind, content in kernel.of_cell(asked) if kind == "display_data")
    widget = widget_at(kernel, room["transient"]["display_id"])
    kernel.run("clicked.wait()")
    blocking = kernel.queue("time.sleep(1); print(len(hn.history(text='elk')) <= 2)")
    press = {"type": "action", "name": "take-2", "key": "0", "sum": "0.28"}
    for _ in range(2):
        kernel.tell(widget, {"method": "custom", "content": press})
    assert kernel.answer(blocking).endswith("True\n")  # Python 3.12 may warn of what was interrupted before
    takes = "sorted(map(int, hn.history(text='elk', status='completed')['take']))"
    found = kernel.run(
        f"until = time.monotonic() + 20\nwhile {takes} != [1, 2] and time.monotonic() < until:\n"
        f"    await asyncio.sleep(0.1)\nprint({takes})"
    )
    assert found == "[1, 2]\n"


def a_headless_cell_waits_and_shows_once(kernel: Kernel, word: str) -> None:
    """Where nobody can answer, the cell ends with its clip, and one display without a widget."""
    asked = kernel.queue(f"%%hailuo t2v-standard\nA {word} mole [simulate: takes 100]", is_headless=True)
    assert kernel.answer(asked) == ""
    shown = [
        (kind, content) for kind, content in kernel.of_cell(asked) if kind not in {"status", "execute_input"}
    ]
    assert [kind for kind, _ in shown] == ["display_data"]
    assert "<video" in shown[0][1]["data"]["text/html"]


QUESTIONS: tuple[Callable[[Kernel, str], Any], ...] = (
    updates_come_while_a_later_cell_blocks,
    run_all_goes_through_a_wait,
    an_interrupt_detaches,
    clicks_while_a_cell_blocks_count_once,
    a_headless_cell_waits_and_shows_once,
)
