"""``%hailuo chain``, ``%hailuo join`` and ``%hailuo promote``: clips that follow from clips.

In comes a parsed command; out goes a batch, a film or a table. `hailuo_nb.notebook.commands` runs them with its others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.jobs.job import Job
from hailuo_nb.notebook.cells import image_value, wait_for
from hailuo_nb.notebook.options import LineCommand
from hailuo_nb.notebook.surroundings import Surroundings, look_around
from hailuo_nb.session import chains, films, promoting
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.films import Film
from hailuo_nb.session.pictures import VIDEO_ENDINGS
from hailuo_nb.session.session import Cell, Terms

if TYPE_CHECKING:
    from hailuo_nb.notebook.magics import HailuoMagics

Named = Callable[["HailuoMagics", Sequence[str]], list[Job]]


def chain(magics: HailuoMagics, command: LineCommand) -> Any:
    """Make clips that follow each other; a table for ``--dry-run``."""
    session, around, options = magics.session(), look_around(magics.shell), command.options
    steps = chains.asked_steps(
        session,
        _steps_of(command.args, magics.namespace),
        [name.strip() for name in options["variants"].split(",")] if "variants" in options else None,
        {
            "duration": options.get("durations"),
            "image": image_value(options.get("image"), magics.namespace),
            "fit": options.get("fit"),
            "expand": options.get("expand"),
        },
    )
    name, most = options.get("name"), options.get("max_clips")
    if options.get("dry_run"):
        return _kept(magics, command, chains.preview(session, steps, name=name, max_clips=most))
    batch = chains.make(
        session,
        steps,
        name=name,
        tags=options.get("tags", ()),
        cell=Cell(around.notebook, around.cell_id, " ".join(["%hailuo chain", *command.args])),
        terms=_terms(options, around),
    )
    _kept(magics, command, batch)
    if options.get("wait", around.is_headless):
        wait_for(session, batch, around)
    return batch


def join(magics: HailuoMagics, command: LineCommand, named: Named) -> Film:
    """Put clips together as one film."""
    *words, path = command.args
    clips: list[object] = []
    for word in words:
        value = magics.namespace.get(word)
        is_file = any(word.lower().endswith(ending) for ending in VIDEO_ENDINGS)
        # A batch in its own order, with what it shows twice; ids and names are looked up.
        clips += [value] if isinstance(value, Batch) else [word] if is_file else named(magics, [word])
    return films.join(magics.session(), clips, path, outside=bool(command.options.get("outside")))


def promote(magics: HailuoMagics, command: LineCommand, named: Named) -> Batch:
    """Make a clip again in a better variant, and say what it costs more."""
    session, around = magics.session(), look_around(magics.shell)
    to = command.options.get("to")
    if not to:
        raise InvalidRequest(
            "%hailuo promote needs --to VARIANT, as --to t2v-pro; %hailuo variants lists them."
        )
    jobs = named(magics, command.args)
    if len(jobs) != 1:
        raise InvalidRequest(
            f"{command.args[0]} is {len(jobs)} clips; name one by its id, as %hailuo jobs shows it."
        )
    batch = promoting.promote(session, jobs[0], to, _terms(command.options, around))
    if around.is_headless:
        print(*batch.notes, sep="\n")  # noqa: T201 - a headless card holds no notes
        wait_for(session, batch, around)
    return batch


def _steps_of(words: Sequence[str], namespace: Mapping[str, Any]) -> list[object]:
    """Take texts as they are, and the variables that words name."""
    steps: list[object] = []
    for word in words:
        name = word.removeprefix("$")
        if not name.isidentifier():
            steps.append(word)
            continue
        if name not in namespace:
            raise InvalidRequest(
                f"{name} is not defined in this notebook, and a step of one word is hardly a prompt: write its text in "
                "quotes, or run the cell that sets it."
            )
        value = namespace[name]
        steps += value if isinstance(value, list) else [value]
    return steps


def _terms(options: Mapping[str, Any], around: Surroundings) -> Terms:
    return Terms(
        yes=bool(options.get("yes")),
        max_cost=options.get("max_cost"),
        max_clips=options.get("max_clips"),
        offline=bool(options.get("offline")),
        is_headless=around.is_headless,
    )


def _kept(magics: HailuoMagics, command: LineCommand, value: Any) -> Any:
    """Put the value into the variable that ``-o`` names."""
    if "output" in command.options:
        magics.namespace[command.options["output"]] = value
    return value
