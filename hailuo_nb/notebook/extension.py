"""What ``%load_ext hailuo_nb`` does: register the magics, and say in one line what is still out.

In comes the running shell; out go registered magics. This must stay light: it imports neither pandas, httpx, anywidget,
ipywidgets, av nor sqlalchemy, and sends nothing. One stdlib query counts what is out; the rest follows in the
background, where results are asked for and fetched but never submitted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hailuo_nb.errors import HailuoError
from hailuo_nb.ledger.peek import count_out
from hailuo_nb.notebook.completing.matcher import make_matcher
from hailuo_nb.notebook.magics import HailuoMagics
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.notebook.warming import warm_up_later
from hailuo_nb.settings import load

LOADED = "_hailuo_nb_magics"
_ALONE = re.compile(r"%%hailuo(\s|$)")
_WITHOUT_BODY = re.compile(r"\s(--from|--file|--help|-h)(\s|=|$)")


def load_extension(shell: Any) -> None:
    """Register the magics with a shell."""
    if getattr(shell, LOADED, None) is not None:
        return
    if sys.platform == "emscripten":
        raise HailuoError(
            "hailuo_nb needs threads and sockets, which Python in a browser (JupyterLite) lacks: open the notebook in "
            "JupyterLab, VS Code or Colab. Nothing was sent."
        )
    magics = HailuoMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.insert(0, _with_body_for(shell))
    magics.matcher = make_matcher(magics)
    shell.Completer.custom_matchers.append(magics.matcher)
    setattr(shell, LOADED, magics)
    warm_up_later(shell)
    _tell_what_is_out(shell, magics)


def unload_extension(shell: Any) -> None:
    """Undo exactly what loading did; what is out goes on at the service and is taken up at the next loading."""
    magics = getattr(shell, LOADED, None)
    if magics is None:
        return
    magics.close()
    for ours in (with_body, with_body_where_none_follows):
        if ours in shell.input_transformers_cleanup:
            shell.input_transformers_cleanup.remove(ours)
    if magics.matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(magics.matcher)
    for kind, name in (("line", "hailuo"), ("cell", "hailuo")):
        shell.magics_manager.magics[kind].pop(name, None)
    shell.magics_manager.registry.pop(type(magics).__name__, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    delattr(shell, LOADED)


def with_body(lines: list[str]) -> list[str]:
    """Give a ``%%hailuo`` line that stands alone an empty line below it.

    IPython refuses cell magics without a body, and ``--from df``, ``--file`` and ``--help`` need none.
    """
    written = [line for line in lines if line.strip()]
    if len(written) == 1 and _ALONE.match(written[0]):
        return [written[0].rstrip("\n") + "\n", "\n"]
    return lines


def with_body_where_none_follows(lines: list[str]) -> list[str]:
    """Do the same in a terminal, where Enter behind any other ``%%hailuo`` line has to wait for the prompt."""
    return with_body(lines) if _WITHOUT_BODY.search("".join(lines)) else lines


def _with_body_for(shell: Any) -> Callable[[list[str]], list[str]]:
    """Choose by whether lines are typed one by one: only a terminal has a prompt of its own."""
    return with_body_where_none_follows if hasattr(shell, "simple_prompt") else with_body


def _tell_what_is_out(shell: Any, magics: HailuoMagics) -> None:
    """Say in one line how many clips are still out, and take them up in the background."""
    folder = Path.cwd()
    settings = load(config=magics.configured(), project_file=folder / "pyproject.toml")
    out = count_out(folder / settings.dir / "ledger.db")
    total = sum(out.values())
    if not total or settings.resume == "off":
        return
    if settings.resume == "auto":
        magics.resume_soon()
    if look_around(shell).is_headless:
        return
    clips = "1 clip is" if total == 1 else f"{total} clips are"
    what_next = "%hailuo jobs shows them." if settings.resume == "auto" else "%hailuo resume takes them up."
    print(f"{clips} still out from before. {what_next}")  # noqa: T201 - the one line a cell asked for
