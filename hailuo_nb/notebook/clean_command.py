"""``%hailuo clean``: takes out of a notebook what must not be passed on.

In comes a parsed command; out go the lines that say what was found. `hailuo_nb.notebook.commands` runs it with its
others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hailuo_nb.notebook.options import LineCommand
from hailuo_nb.session import cleaning

if TYPE_CHECKING:
    from hailuo_nb.notebook.magics import HailuoMagics


def clean(magics: HailuoMagics, command: LineCommand) -> None:
    """Clean notebooks; with ``--check`` only say what there is, and fail where there is anything."""
    session = magics.session()
    found = []
    for word in command.args:
        path = session.folder / Path(word).expanduser()
        found.append(
            cleaning.clean_notebook(path, check=bool(command.options.get("check")), ring=session.keys)
        )
        print(found[-1])  # noqa: T201 - the answer
    for each in found:
        cleaning.refuse(each)
