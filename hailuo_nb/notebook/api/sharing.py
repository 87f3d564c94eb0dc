"""Clips and notebooks that leave this machine and come back.

In come files and batches; out go recipes, packs and batches. Only `rerun` ever sends anything, under all limits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hailuo_nb.media import recipe
from hailuo_nb.notebook.api.kernel import session
from hailuo_nb.notebook.api.making import raise_if_failed
from hailuo_nb.session import cleaning, packing, rerunning
from hailuo_nb.session.asking import read_usd
from hailuo_nb.session.batch import Batch
from hailuo_nb.session.limits import Terms
from hailuo_nb.session.packing import Exported


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """Read what a clip was made from.

    Out of the MP4 itself, else out of the ``.json`` beside it. Where a site has stripped the recipe, the clip is looked
    for in the ledger: by the file's SHA-256, by its encoded pictures, and by what it shows.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict or None
        None where nothing tells. With ``found_by``, a sentence, where the file does not say it itself.

    Examples
    --------
    >>> hn.read_recipe("fox.mp4")["prompt"]  # doctest: +SKIP
    'a fox at dawn'
    """
    found = recipe.read(Path(path))
    return found if found is not None else rerunning.read_recipe(session(), Path(path))


def rerun(
    clip: object,
    *,
    image: object = None,
    yes: bool = False,
    max_cost: object = None,
    offline: bool = False,
    wait: bool | None = None,
) -> Batch:
    """Make a clip again from its file: shown for nothing where it is here, else a new clip at its price.

    There is no seed: where the clip itself is not here, the same request makes another one.

    Parameters
    ----------
    clip : path, Job, Batch of one, or str
        An ``.mp4`` with its recipe, a recipe's ``.json``, or a clip of this ledger by its handle, name or id.
    image : path, URL, Job or frame, optional
        The picture to start from, where the one that the recipe names is not here.
    yes : bool
        Do not ask above the confirmation limit; the budget stays.
    max_cost : Decimal, float or str, optional
        Send nothing if it costs more, in US dollars.
    offline : bool
        Only what is on disk.
    wait : bool, optional
        Wait for the clip; when not given, only where nobody is at the notebook.

    Returns
    -------
    Batch
        Of one clip; ``batch.notes`` says how it was found, where the file does not say it.

    Raises
    ------
    InvalidRequest
        Nothing tells how it was made, or its picture is not here.
    LimitReached
        Above a limit; nothing is sent.
    NotOnDisk
        With `offline`, where it would have to be made.

    Examples
    --------
    >>> hn.rerun("downloads/fox.mp4", max_cost=1)  # doctest: +SKIP
    """
    current = session()
    terms = Terms(
        yes=yes,
        max_cost=None if max_cost is None else read_usd(max_cost, "max_cost"),
        offline=offline,
        is_headless=current.is_headless(),
    )
    batch = rerunning.rerun(current, clip, terms, image=image)
    if terms.is_headless if wait is None else wait:
        batch.wait()
    if batch.is_headless and wait is not False:
        raise_if_failed(batch)
    return batch


def export(
    clips: object = None, path: str | Path | None = None, *, embed: str | int | None = None
) -> Exported:
    """Write clips into one file to pass on; nothing private is in it.

    A ``.html`` is a report that opens anywhere without a network: clips, prompts, votes, costs. A ``.zip`` is a pack:
    clips, recipes, rows and votes, for `import_pack`. The same clips make the same bytes.

    Parameters
    ----------
    clips : Batch, Job, DataFrame, str, or sequence of these, optional
        A string is a clip's name, a tag or an id. Everything when None.
    path : str or pathlib.Path
        The file. One that was exported there before is written anew; no other is ever written over.
    embed : str or int, optional
        How much the clips inside a report may take, as ``"20 MB"`` or in bytes; the others have a picture and a
        link.

    Returns
    -------
    Exported
        Says what is in it and what is not; can be given wherever a path can.

    Raises
    ------
    InvalidRequest
        Nothing is named, or nothing can be written so.

    Examples
    --------
    >>> hn.export(foxes, "foxes.zip")  # doctest: +SKIP
    >>> hn.export(foxes, "foxes.html", embed="40 MB")  # doctest: +SKIP
    """
    if path is None:  # one thing given is the file: everything goes into it
        clips, path = None, clips
    return packing.export(session(), clips, path, embed=embed)


def import_pack(path: str | Path) -> Batch:
    """Take in the clips of a pack, all or none; nothing is sent or paid.

    What is here is never changed, and importing twice is importing once. Imported clips keep their ``cost_usd``, are
    marked in the history (``imported_utc``), and count in no total and no budget: somebody else paid. A cell that asks
    for one of them shows it for nothing.

    Parameters
    ----------
    path : str or pathlib.Path
        The pack.

    Returns
    -------
    Batch
        The clips of the pack that are here now; ``batch.notes`` says what became of them.

    Raises
    ------
    PackRefused
        In one line, what is wrong with it.

    Examples
    --------
    >>> hn.import_pack("foxes.zip").df  # doctest: +SKIP
    """
    return packing.import_pack(session(), path)


def clean(path: str | Path, *, check: bool = False) -> cleaning.Cleaning:
    """Take keys, home paths and signed addresses out of a notebook, before it is passed on.

    It looks for the WaveSpeed key of this session, for keys of the usual shapes (``sk-``, ``hf_``, ``ghp_``, ``AKIA``,
    ``Bearer`` and ``WAVESPEED_API_KEY=``), for home folders and for addresses whose query signs them, in sources,
    outputs and metadata. Every other byte of the file stays as it is; where nothing is found it is not written.

    Parameters
    ----------
    path : str or pathlib.Path
        The notebook, relative to the notebook's folder.
    check : bool
        Only look, and raise where there is anything.

    Returns
    -------
    hailuo_nb.travel.clean.Cleaning
        ``found`` has one line for each cell and kind; none shows a secret.

    Raises
    ------
    NotClean
        With ``check``: there is something; ``found`` says where.
    InvalidRequest
        It is no notebook, or cannot be written.

    Examples
    --------
    >>> hn.clean("fox.ipynb")  # doctest: +SKIP
    fox.ipynb: no key, home path or signed address in it.
    """
    now = session()
    done = cleaning.clean_notebook(now.folder / Path(path).expanduser(), check=check, ring=now.keys)
    cleaning.refuse(done)
    return done
