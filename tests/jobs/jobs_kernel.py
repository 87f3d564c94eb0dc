"""A real kernel for tests: cells are queued as a front end does, interrupted, and asked what they gave."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

__all__ = ["Kernel"]


@dataclass
class Kernel:
    """One kernel and its client."""

    folder: Path
    manager: KernelManager = field(init=False)
    client: BlockingKernelClient = field(init=False)
    others: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
        self.manager = KernelManager()
        self.manager._kernel_spec = spec
        root = Path(__file__).resolve().parents[2]
        environment = dict(os.environ) | {"PYTHONPATH": str(root)}
        self.manager.start_kernel(cwd=str(self.folder), env=environment)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def queue(self, code: str) -> str:
        """Send a cell without waiting for it."""
        return str(self.client.execute(code, store_history=False))

    def run(self, code: str, timeout: float = 60.0) -> str:
        """Run a cell and give what it printed; an error in it is an error here."""
        return self.answer(self.queue(code), timeout)

    def answer(self, asked: str, timeout: float = 60.0) -> str:
        """Wait for a cell's end and give what it printed, or the name of its error."""
        said, end = "", time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                message: dict[str, Any] = self.client.get_iopub_msg(timeout=1.0)
            except Empty:
                continue
            content, kind = message["content"], message["msg_type"]
            if message["parent_header"].get("msg_id") != asked:
                self.others.append(message)
                continue
            if kind == "stream":
                said += content["text"]
            elif kind == "error":
                said += f"{content['ename']}: {content['evalue']}"
            elif kind == "status" and content["execution_state"] == "idle":
                return said
        raise TimeoutError(f"the cell did not end: {said}")

    def close(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
