"""One ``%%hailuo`` cell, from its options to its batch.

In come the options of the line and the text of the cell; out goes the batch, which IPython shows and keeps in ``Out``.
Headless, the cell waits for its clips, shows the final card once, and fails if a clip failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.notebook import api
from hailuo_nb.notebook.option_table import cell_help
from hailuo_nb.notebook.options import CellOptions
from hailuo_nb.notebook.surroundings import Surroundings, look_around
from hailuo_nb.prompts.values import ValueFault, value_of
from hailuo_nb.session import chains
from hailuo_nb.session.asking import with_rows
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.chains import cell_steps
from hailuo_nb.session.pictures import picture
from hailuo_nb.session.plan import Asked
from hailuo_nb.session.session import Cell, Session, Terms

if TYPE_CHECKING:
    from hailuo_nb.notebook.magics import HailuoMagics

LONGEST_FILE = 10_000_000


def run(magics: HailuoMagics, options: CellOptions, text: str) -> Any:
    """Make the clips of a cell.

    Parameters
    ----------
    magics : HailuoMagics
        Gives session and shell.
    options : CellOptions
        What the line says, references looked up.
    text : str
        What stands below it.

    Returns
    -------
    Batch or pandas.DataFrame or None
        The batch; a table for ``--dry-run``; nothing for ``--help``.
    """
    if options.help:
        print(cell_help())  # noqa: T201 - the cell asked for it
        return None
    session = magics.session()
    namespace: dict[str, Any] = magics.namespace
    around = look_around(magics.shell)
    asked = asked_of(options, text, session, namespace)
    steps = cell_steps(asked) if options.chain else ()
    if options.dry_run:
        table = (
            chains.preview(session, steps, name=options.name, max_clips=options.max_clips)
            if steps
            else session.preview(asked, max_clips=options.max_clips)
        )
        return _keep(namespace, options, table)
    batch = (partial(chains.make, session, steps) if steps else partial(session.make, asked))(
        name=options.name,
        tags=options.tags,
        cell=Cell(around.notebook, around.cell_id, f"{text}", options.target or options.output),
        terms=_terms(options, around),
    )
    _keep(namespace, options, batch)
    if options.wait if options.wait is not None else around.is_headless:
        wait_for(session, batch, around)
    return batch


def asked_of(options: CellOptions, text: str, session: Session, namespace: Mapping[str, Any]) -> Asked:
    """Turn the options and text of a cell into what is asked for, as a form or a call would ask."""
    asked = Asked(
        text=_read(options.file, text, session.folder),
        variants=options.variants or (session.settings().variant,),
        durations=options.durations or (None,),
        image=picture(image_value(options.image, namespace), session.folder, options.fit),
        takes=options.takes,
        vary=options.vary,
        zips=options.zips,
        expand=options.expand,
        go_fast=options.go_fast,
        inputs={name: value for name, value in options.sets.items() if name not in options.set_texts},
        texts_as_written=options.set_texts,
        raw=options.raw,
        skip_invalid=options.skip_invalid,
        sample=options.sample,
        seed=options.seed or 0,
        # A file may be a stranger's: what stands in it is never worked out.
        namespace=None if options.file is not None else namespace,
    )
    if options.from_name is None:
        return asked
    given = {
        "variant": options.variants,
        "duration": options.durations,
        "image": options.image,
        "takes": options.takes != 1,
    }
    said = [name for name, value in given.items() if value]
    frame = namespace[options.from_name]
    return with_rows(asked, frame, options.from_name, session.folder, options.fit, said)


def _terms(options: CellOptions, around: Surroundings) -> Terms:
    return Terms(
        yes=options.yes,
        max_cost=options.max_cost,
        max_clips=options.max_clips,
        offline=options.offline,
        is_headless=around.is_headless,
    )


def wait_for(session: Session, batch: Batch, around: Surroundings) -> None:
    """Wait for the clips; with somebody watching, the card is shown first."""
    if around.is_headless:
        batch.wait()
        api.raise_if_failed(batch)
        return
    session.show(batch)
    batch.wait()


def _keep(namespace: dict[str, Any], options: CellOptions, value: Any) -> Any:
    """Put the value into the variable that ``name <<`` or ``-o`` names."""
    name = options.target or options.output
    if name is not None:
        namespace[name] = value
    return value


def image_value(given: object, namespace: Mapping[str, Any]) -> object:
    """Work out ``--image {{expr}}``; anything else stays as it is."""
    if not isinstance(given, str):
        return given
    text = given.strip()
    if not (text.startswith("{{") and text.endswith("}}")):
        return given
    try:
        return value_of(text[2:-2], namespace)
    except ValueFault as fault:
        raise InvalidRequest(f"--image: {fault}") from None


def _read(file: str | None, text: str, folder: Path) -> str:
    """Give the cell's text, or that of ``--file``."""
    if file is None:
        return text
    if text.strip():
        raise InvalidRequest(
            "--file brings the prompts, so the cell below has to be empty; leave one of them out."
        )
    path = folder / Path(file).expanduser()
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise InvalidRequest(f"--file {path.name} is over 10 MB; that is no file of prompts.")
        return path.read_text("utf-8")
    except OSError as error:
        raise InvalidRequest(f"--file {path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"--file {path.name} is not UTF-8 text; save it as such.") from None
