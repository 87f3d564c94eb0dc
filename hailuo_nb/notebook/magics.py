"""``%%hailuo`` and ``%hailuo``.

In come the line and text of a cell; they are parsed, one function is called, its object is returned. Everything heavy
is imported when it is first needed, so that ``%load_ext`` stays light.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from traitlets import Any as AnyTrait
from traitlets import TraitError, validate

from hailuo_nb.settings import READERS

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session

CONFIGURABLE = tuple(name for name in READERS if name != "base_url")


def _setting(help_text: str) -> Any:
    return AnyTrait(None, allow_none=True, help=help_text).tag(config=True)


@magics_class
class HailuoMagics(Magics):
    """The magics of hailuo_nb; its traits are the settings, as ``%config HailuoMagics.budget_usd = 5``."""

    variant = _setting("the variant of a cell that names none")
    dir = _setting("the folder for clips and ledger, beside the notebook")
    budget_usd = _setting("the most the whole ledger may have spent or promised, in US dollars")
    confirm_above_usd = _setting("above this sum since the last yes, a cell asks before it sends")
    max_clips = _setting("the most clips one cell may make")
    tier = _setting("the account's level: bronze, silver, gold or ultra")
    videos_per_minute = _setting("the account's submits a minute, where they differ from its tier's")
    concurrency = _setting("the account's clips at once, where they differ from its tier's")
    cache = _setting("whether a clip that is on disk is shown instead of made again")
    simulator_speed = _setting("how many times faster than the service the simulator works")
    simulator_tier = _setting("the tier the simulator plays")
    resume = _setting("whether loading the extension takes up what is still out: auto, ask or off")
    service = _setting("auto, wavespeed or simulator")

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        # Resolved once, beside the notebook: a later %cd changes nothing.
        self._folder = Path.cwd()
        self.matcher: Any = None  # what completes its cells; the extension sets it

    @validate(*CONFIGURABLE)
    def _check(self, proposal: Mapping[str, Any]) -> Any:
        """Refuse a value that means nothing when it is set, not when it is used."""
        value = proposal["value"]
        if value is None:
            return value
        name = proposal["trait"].name
        try:
            return READERS[name](value)
        except ValueError as error:
            raise TraitError(f"{name} is {str(value)[:80]!r}; it takes {error}.") from None

    @property
    def folder(self) -> Path:
        """The notebook's folder."""
        return self._folder

    @property
    def namespace(self) -> dict[str, Any]:
        """The notebook's variables."""
        shell: Any = self.shell
        found: dict[str, Any] = shell.user_ns
        return found

    def configured(self) -> dict[str, object]:
        """Give the settings that ``%config`` has set."""
        return {name: getattr(self, name) for name in CONFIGURABLE if getattr(self, name) is not None}

    def session(self) -> Session:
        """Give this kernel's session."""
        from hailuo_nb.notebook import api

        return api.session(self._folder, self.configured)

    def resume_soon(self) -> None:
        """Take up what is out, in the background: the imports alone would hold up the cell."""
        threading.Thread(target=self._resume, name="hailuo-resume", daemon=True).start()

    def close(self) -> None:
        """End the session, if there is one."""
        import sys

        if "hailuo_nb.notebook.api" in sys.modules:
            from hailuo_nb.notebook import api

            api.close()

    @no_var_expand
    @line_cell_magic
    def hailuo(self, line: str, cell: str | None = None) -> Any:
        """Make clips from the text of this cell, or run a command; ``%%hailuo --help``, ``%hailuo help``."""
        from hailuo_nb.notebook.options import parse_cell_line, parse_line, resolve

        # The line is read before anything heavier is loaded, so that a mistake in it is told at once.
        if cell is None:
            command = parse_line(line)
            from hailuo_nb.notebook import commands

            return commands.run(self, command)
        options = resolve(parse_cell_line(line), self.namespace)
        from hailuo_nb.notebook import cells

        return cells.run(self, options, cell)

    def _resume(self) -> None:
        import logging

        try:
            self.session().resume()
        except Exception:
            # Nobody called: it must not print into somebody's cell. %hailuo jobs tries again and says why.
            logging.getLogger(__name__).exception("taking up what is out failed")
