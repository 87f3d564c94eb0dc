"""An IPython shell in this process, with the magics loaded and a session of its own.

In come cells as text, out come their values; what IPython would print as an error comes back as the exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from hailuo_nb.notebook import api


class Shell:
    """A shell to run cells in."""

    def __init__(self, folder: Path) -> None:
        InteractiveShell.clear_instance()
        self.ip = InteractiveShell.instance()
        self.ip.history_manager.enabled = False
        self.folder = folder
        self.run("%load_ext hailuo_nb")

    def run(self, code: str) -> Any:
        """Run a cell; gives its value, or raises its error."""
        result = self.ip.run_cell(code, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            raise error
        return result.result

    @property
    def names(self) -> dict[str, Any]:
        """The notebook's variables."""
        found: dict[str, Any] = self.ip.user_ns
        return found

    def has_ledger(self) -> bool:
        """Whether anything was written."""
        return (self.folder / "hailuo").exists()


@contextmanager
def open_shell(folder: Path) -> Iterator[Shell]:
    """Give a shell in `folder`, and leave nothing of it behind."""
    shell = Shell(folder)
    try:
        yield shell
    finally:
        shell.ip.run_line_magic("unload_ext", "hailuo_nb")
        api.close()
        shell.ip.history_manager.end_session()
        shell.ip.restore_sys_module_state()
        InteractiveShell.clear_instance()
