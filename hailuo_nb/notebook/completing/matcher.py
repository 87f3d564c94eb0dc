"""Hands completion to IPython.

In comes the running shell; out goes a matcher for its completer. In other cells it looks at the text and goes: nothing
of this folder is loaded before the first Tab in a cell of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

if TYPE_CHECKING:
    from hailuo_nb.notebook.completing.known import Known
    from hailuo_nb.notebook.magics import HailuoMagics

Matcher = Callable[[CompletionContext], SimpleMatcherResult]

# Before all others, which then are not asked at all.
FIRST = 10_000


class Silence(list[SimpleCompletion]):
    """No candidates, and no others either: IPython asks the other matchers wherever this has no length."""

    def __len__(self) -> int:
        return 1


def make_matcher(magics: HailuoMagics) -> Matcher:
    """Make the matcher of one shell.

    Parameters
    ----------
    magics : HailuoMagics
        Whose folder, settings and variables.
    """

    def complete_hailuo(context: CompletionContext) -> SimpleMatcherResult:
        if "%hailuo" not in context.full_text:
            return {"completions": []}
        try:
            return _result(context, magics)
        except Exception:
            # Raising would print a traceback into somebody's cell at a press of Tab.
            logging.getLogger(__name__).exception("completion failed")
            return {"completions": []}

    matcher: Matcher = context_matcher(identifier="hailuo", priority=FIRST)(complete_hailuo)
    return matcher


def _result(context: CompletionContext, magics: HailuoMagics) -> SimpleMatcherResult:
    """Ask, and put the answer as IPython wants it."""
    from hailuo_nb.notebook.completing.answering import answer

    lines = context.full_text.split("\n")[: context.cursor_line]
    cursor = sum(len(line) + 1 for line in lines) + context.cursor_position
    found = answer(context.full_text, cursor, known_of(magics))
    if found is None:
        return {"completions": []}
    items = [SimpleCompletion(text=each.text, type=each.kind) for each in found.candidates]
    return {
        "completions": items or Silence(),
        "matched_fragment": context.full_text[found.start : cursor],
        "suppress": True,
        "ordered": True,
    }


def known_of(magics: HailuoMagics) -> Known:
    """Give what this notebook knows; the ledger and the settings are read when they are asked for."""
    from hailuo_nb.ledger.peek import newest
    from hailuo_nb.notebook.completing.known import Known
    from hailuo_nb.settings import load

    shell: Any = magics.shell
    folder = magics.folder

    def settings() -> Any:
        return load(config=magics.configured(), project_file=folder / "pyproject.toml")

    return Known(
        namespace=magics.namespace,
        hidden=shell.user_ns_hidden,
        folder=folder,
        default_variant=lambda: settings().variant,
        newest=lambda: newest(folder / settings().dir / "ledger.db"),
    )
