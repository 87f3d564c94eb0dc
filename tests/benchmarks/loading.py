"""What ``%load_ext`` costs in a fresh kernel, beside jupysql's.

Tried: registering a proxy class and importing the magics on first use saves a further 2 ms, and costs completion and
``%config`` before the first cell; not kept.
"""

from __future__ import annotations

import queue
from importlib.util import find_spec

from jupyter_client.manager import start_new_kernel

from tests.benchmarks.frame.row import NotMeasured, Row
from tests.benchmarks.frame.timing import in_turn, median

PEERS = ("jupysql",)

TIMED = """
import time
begin = time.perf_counter()
get_ipython().run_line_magic("load_ext", {name!r})
print("took", time.perf_counter() - begin)
"""


def load_ms(extension: str) -> float:
    """Load an extension in a fresh kernel; gives milliseconds."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute(TIMED.format(name=extension))
        while True:
            message = client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "error":
                raise RuntimeError(message["content"]["evalue"])
            text = message["content"].get("text", "")
            if message["msg_type"] == "stream" and "took" in text:
                return float(text.split("took")[1]) * 1000
    except queue.Empty:
        raise RuntimeError(f"%load_ext {extension} did not end") from None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def rows() -> list[Row]:
    """Measure both, each time in a new kernel."""
    if find_spec("sql") is None:
        raise NotMeasured("jupysql is missing: pip install '.[bench]'")
    ours, theirs = in_turn(lambda: load_ms("hailuo_nb"), lambda: load_ms("sql"))
    return [
        Row(
            "%load_ext in a fresh kernel",
            median(ours),
            "ms",
            peer=median(theirs),
            beside="jupysql",
            at_most=30,
            ratio_at_most=1 / 20,
            raw={"ours": ours, "peer": theirs},
        )
    ]
