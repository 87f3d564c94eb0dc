"""A notebook that is a real ipykernel, driven over jupyter_client.

In comes a spec as for `fault_child`; its cells are run as a front end would (``%load_ext``, ``%%hailuo``), its outputs
are kept for whoever looks for keys and markup in them. The kernel is killed with SIGKILL like any process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from crash_harness import HERE, Notebook, clean_environment
from fault_child import GRACE_S
from jupyter_core.utils import ensure_event_loop

__all__ = ["Kernel", "KernelNotebook", "magic_of"]

SETUP = """
import sys, logging
sys.path[:0] = [{here!r}]
import fault_child
fault_child.hurry()
fault_child.be_impatient()
logging.basicConfig(filename={log!r}, level=logging.DEBUG, force=True)
logging.getLogger("asyncio").setLevel(logging.ERROR)
"""
ARM = "import kill_points; kill_points.arm(*{arm!r})"
REPORT = """
import json, pathlib
from hailuo_nb.notebook import api as _api
_report = {{"errors": {errors!r}, "traceback": ""}}
_report |= fault_child.settled_report(_api.session(), [], {wait_s}, {grace_s})
fault_child.write_report(pathlib.Path({report!r}), _report)
"""


def magic_of(cell: Mapping[str, Any]) -> str:
    """Write a cell as a person would."""
    image = f" --image {cell['image']}" if "image" in cell else ""
    return f"%%hailuo {cell['variant']} --takes {cell.get('takes', 1)}{image} -y\n{cell['prompt']}\n"


class Kernel:
    """One ipykernel.

    Parameters
    ----------
    folder : Path
        Where it runs.
    env : mapping
        What its environment says beside the usual.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        from jupyter_client.manager import KernelManager

        self._manager = KernelManager(kernel_name="python3")
        self.outputs: list[dict[str, Any]] = []
        environment = clean_environment() | dict(env) | {"IPYTHONDIR": str(folder.parent / "ipython")}
        environment |= {"JUPYTER_PLATFORM_DIRS": "1"}
        log = (folder.parent / "kernel.txt").open("ab")
        self._manager.start_kernel(
            env=environment,
            cwd=str(folder),
            stdout=log,
            stderr=log,
            extra_arguments=["--HistoryManager.enabled=False"],
        )
        log.close()
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.pid = int(self._manager.provisioner.process.pid)  # type: ignore[union-attr]

    def run(self, code: str, *, timeout: float = 60.0, is_headless: bool = False) -> dict[str, Any]:
        """Run one cell; gives the reply's content. Outputs are appended to `outputs`."""
        sent = self._client.execute(code, allow_stdin=not is_headless, store_history=True)
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                message = self._client.get_shell_msg(timeout=0.2)
            except Empty:
                self.drain()
                if not self.is_alive():
                    raise KernelDied from None
                continue
            if message["parent_header"].get("msg_id") == sent:
                self.drain(0.2)
                return dict(message["content"])
        raise TimeoutError(f"a cell did not end: {code[:60]!r}")

    def answer_s(self, code: str, *, timeout: float = 60.0) -> float:
        """Run one cell; gives how many seconds its sender waits for the answer."""
        began = time.perf_counter()
        self._reply(self._client.execute(code, allow_stdin=True), timeout)
        took = time.perf_counter() - began
        self.drain()
        return took

    def value(self, expression: str, *, timeout: float = 60.0) -> str:
        """Work out an expression in the notebook; gives its repr, or raises with what went wrong."""
        sent = self._client.execute("", user_expressions={"it": expression}, allow_stdin=True)
        found = self._reply(sent, timeout)["content"]["user_expressions"]["it"]
        if found["status"] != "ok":
            raise AssertionError(f"{expression}: {found['ename']}: {found['evalue']}")
        return str(found["data"]["text/plain"])

    def _reply(self, sent: str, timeout: float) -> dict[str, Any]:
        """Wait for the answer to one message."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            with suppress(Empty):
                message = self._client.get_shell_msg(timeout=1)
                if message["parent_header"].get("msg_id") == sent:
                    return dict(message)
            if not self.is_alive():
                raise KernelDied
        raise TimeoutError("a cell did not end")

    def drain(self, patience: float = 0.0) -> None:
        """Take in what the kernel said."""
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=patience or 0.001)
            except Empty:
                return
            if message["msg_type"] != "status":
                self.outputs.append({"type": message["msg_type"], "content": message["content"]})

    def is_alive(self) -> bool:
        """Whether its process lives."""
        with suppress(ChildProcessError):
            return bool(self._manager.is_alive())
        return False

    def kill(self) -> None:
        """SIGKILL."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, if it is not dead, and let go of its channels."""
        self._client.stop_channels()
        with suppress(Exception):
            self._manager.shutdown_kernel(now=True)
        with suppress(Exception):
            self._manager.context.destroy(linger=0)
        # jupyter_client made it for this thread and leaves it open.
        ensure_event_loop().close()
        asyncio.set_event_loop(None)

    def said(self) -> str:
        """Give every output as one text."""
        return json.dumps(self.outputs, default=repr, ensure_ascii=False)


class KernelDied(Exception):
    """The kernel is gone."""


class KernelNotebook(Notebook):
    """A kernel that lives through a spec, cell by cell, on a thread of the harness."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        folder = Path(spec["folder"])
        self._spec = spec
        self._folder = folder
        self._kernel: Kernel | None = None
        self._is_started = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self._is_started.wait(90)

    def wait(self, seconds: float) -> bool:
        """Wait for its end."""
        is_over = self._over.wait(seconds)
        if is_over:
            self._thread.join(30)
        return is_over

    def kill(self) -> None:
        """SIGKILL."""
        if self._kernel is not None:
            self._kernel.kill()
        self._thread.join(30)

    def _live(self) -> None:
        spec = self._spec
        kernel = None
        try:
            kernel = self._kernel = Kernel(self._folder, spec["env"])
            self._is_started.set()
            self._run_cells(kernel)
        except (KernelDied, TimeoutError, RuntimeError, OSError) as error:
            with Path(spec["out"]).open("a", encoding="utf-8") as out:
                out.write(f"{error!r}\n")
        finally:
            self._is_started.set()
            if kernel is not None:
                with Path(spec["out"]).open("a", encoding="utf-8") as out:
                    out.write(kernel.said())
                kernel.close()
            self._over.set()

    def _run_cells(self, kernel: Kernel) -> None:
        spec = self._spec
        kernel.run(SETUP.format(here=str(HERE), log=spec["log"]))
        if spec["arm"]:
            kernel.run(ARM.format(arm=spec["arm"]))
        kernel.run("%load_ext hailuo_nb")
        replies = [kernel.run(magic_of(cell)) for cell in spec["cells"]]
        errors = [f"{each['ename']}: {each['evalue']}" for each in replies if each["status"] == "error"]
        wait_s, grace_s = spec["wait_s"], spec.get("grace_s", GRACE_S)
        report = REPORT.format(wait_s=wait_s, grace_s=grace_s, report=spec["report"], errors=errors)
        kernel.run(report, timeout=wait_s + 60)
