"""A real kernel for tests: cells are queued as a front end does, interrupted, and asked what they gave.

In come a folder and, where it is not this one, the Python of another environment; out comes a kernel of which every
message is kept.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

__all__ = ["Kernel"]

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Kernel:
    """One kernel and its client."""

    folder: Path
    python: str = sys.executable
    environment: Mapping[str, str] = field(
        default_factory=lambda: dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    )
    manager: KernelManager = field(init=False)
    client: BlockingKernelClient = field(init=False)
    said: list[dict[str, Any]] = field(default_factory=list)
    replied: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        spec = KernelSpec(argv=[self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
        self.manager = KernelManager()
        self.manager._kernel_spec = spec
        self.manager.start_kernel(cwd=str(self.folder), env=dict(self.environment))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def queue(self, code: str, *, is_headless: bool = False) -> str:
        """Send a cell without waiting for it."""
        return str(self.client.execute(code, store_history=False, allow_stdin=not is_headless))

    def run(self, code: str, timeout: float = 60.0, *, is_headless: bool = False) -> str:
        """Run a cell and give what it printed; an error in it is an error here."""
        return self.answer(self.queue(code, is_headless=is_headless), timeout)

    def answer(self, asked: str, timeout: float = 60.0) -> str:
        """Wait for a cell's end and give what it printed, or the name of its error.

        Its reply is waited for too: ipykernel 7.0 to 7.3 lose a message that arrives while they send a reply
        (ipykernel pull request 1529).
        """
        self.until(
            lambda: any(
                kind == "status" and content["execution_state"] == "idle"
                for kind, content in self.of_cell(asked)
            ),
            timeout,
        )
        while asked not in self.replied:
            reply = self.client.get_shell_msg(timeout=timeout)
            self.replied.add(reply["parent_header"]["msg_id"])
        said = ""
        for kind, content in self.of_cell(asked):
            if kind == "stream":
                said += content["text"]
            elif kind == "error":
                said += f"{content['ename']}: {content['evalue']}"
        return said

    def of_cell(self, asked: str) -> list[tuple[str, dict[str, Any]]]:
        """Give what was said in answer to one message, so far: kinds and contents."""
        return [
            (message["msg_type"], message["content"])
            for message in self.said
            if message["parent_header"].get("msg_id") == asked
        ]

    def until(self, is_so: Callable[[], bool], timeout: float = 60.0) -> None:
        """Take in what the kernel says until something is so."""
        end = time.monotonic() + timeout
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"it did not come; last: {[each['msg_type'] for each in self.said[-20:]]}")
            try:
                self.said.append(self.client.get_iopub_msg(timeout=0.2))
            except Empty:
                continue

    def tell(self, comm: str, data: Mapping[str, Any], *, kind: str = "comm_msg", **more: str) -> None:
        """Send a comm message, as a page does."""
        message = self.client.session.msg(kind, {"comm_id": comm, "data": dict(data), **more})
        self.client.shell_channel.send(message)

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
