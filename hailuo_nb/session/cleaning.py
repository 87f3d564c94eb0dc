"""Cleans notebooks of what only this machine should know.

In come the path of a notebook and where the key may be; out goes what `hailuo_nb.travel.clean` found. The key goes into
the search and nowhere else.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hailuo_nb.errors import KeyMissing, NotClean
from hailuo_nb.session.keys import KeyRing
from hailuo_nb.travel.clean import Cleaning, clean

__all__ = ["Cleaning", "clean_notebook", "known_keys", "refuse"]


def clean_notebook(path: str | Path, *, check: bool = False, ring: KeyRing | None = None) -> Cleaning:
    """Take out of a notebook what must not be passed on; see `hailuo_nb.notebook.api.clean`.

    Parameters
    ----------
    path : str or Path
        The notebook.
    check : bool
        Only say what there is.
    ring : KeyRing, optional
        Where this session's key is; where a key would be for that notebook when not given.
    """
    path = Path(path).expanduser()
    return clean(path, check=check, known=known_keys(ring or KeyRing(path.parent)))


def known_keys(ring: KeyRing) -> list[str]:
    """Give the WaveSpeed key that is in use, to look for it whatever it looks like."""
    # What is no key at all can be found by its name or not at all.
    with suppress(KeyMissing):
        key = ring.find()
        return [key.value] if key is not None else []
    return []


def refuse(cleaning: Cleaning) -> None:
    """Raise where something was found and is still there.

    Raises
    ------
    NotClean
        Its ``found`` holds a line for each cell and kind.
    """
    if cleaning.found and not cleaning.is_written:
        counts: dict[str, int] = {}
        for each in cleaning.found:
            counts[each.kind] = counts.get(each.kind, 0) + each.count
        said = ", ".join(f"{count} × {kind}" for kind, count in counts.items())
        raise NotClean(
            f"{cleaning.name} gives away {said}; cleaning it without --check takes that out.",
            found=tuple(map(str, cleaning.found)),
        )
