"""Clips and notebooks that leave this machine and come back.

In come files and batches; out go recipes, reports and packs. Nothing is sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hailuo_nb.media import recipe
from hailuo_nb.notebook.api.kernel import session
from hailuo_nb.session import cleaning


def read_recipe(path: str | Path) -> dict[str, Any] | None:
    """Read what a clip was made from, out of the MP4 itself; None where there is nothing."""
    return recipe.read(Path(path))


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
