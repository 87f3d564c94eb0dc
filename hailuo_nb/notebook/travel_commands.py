"""``%hailuo rerun``, ``%hailuo export`` and ``%hailuo import``: clips that travel and come back.

In comes a parsed command; out goes a batch, or the file that was written. `hailuo_nb.notebook.commands` runs them with
its others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hailuo_nb.notebook.cells import image_value, wait_for
from hailuo_nb.notebook.options import LineCommand
from hailuo_nb.notebook.surroundings import look_around
from hailuo_nb.session import packing, rerunning
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.packing import Exported
from hailuo_nb.session.session import Terms

if TYPE_CHECKING:
    from hailuo_nb.notebook.magics import HailuoMagics


def rerun(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Show a clip again, or make it at its price."""
    session, around, options = magics.session(), look_around(magics.shell), command.options
    terms = Terms(
        yes=bool(options.get("yes")),
        max_cost=options.get("max_cost"),
        offline=bool(options.get("offline")),
        is_headless=around.is_headless,
    )
    (word,) = command.args
    image = image_value(options.get("image"), magics.namespace)
    batch = rerunning.rerun(session, magics.namespace.get(word, word), terms, image=image)
    _say(batch, is_headless=around.is_headless)
    if options.get("wait", around.is_headless):
        wait_for(session, batch, around)
    return batch


def export(magics: HailuoMagics, command: LineCommand) -> Exported:
    """Write clips into a file to pass on."""
    *words, path = command.args
    named = [magics.namespace.get(word, word) for word in words] or None
    return packing.export(magics.session(), named, path, embed=command.options.get("embed"))


def take_in(magics: HailuoMagics, command: LineCommand) -> Batch:
    """Take in the clips of a pack."""
    (path,) = command.args
    batch = packing.import_pack(magics.session(), path)
    _say(batch, is_headless=look_around(magics.shell).is_headless)
    return batch


def _say(batch: Batch, *, is_headless: bool) -> None:
    """Print what a headless card does not hold."""
    if is_headless and batch.notes:
        print(*batch.notes, sep="\n")  # noqa: T201 - the answer
