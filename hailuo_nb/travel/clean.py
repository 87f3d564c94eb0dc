"""Takes keys, home paths and signed addresses out of a notebook, before it is passed on.

In comes the file of a notebook and the keys that are known here; out go the lines that say what was found in which
cell, and the same file without it. Only what gives something away is cut out: every other byte of the file stays as it
is, the way it is indented and escaped too, and where nothing is found the file is not written at all. What gives
something away is known to `hailuo_nb.travel.private`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.travel.jsontext import JsonString, Step, strings_of
from hailuo_nb.travel.private import KINDS, Finding, found_in, keys_in
from hailuo_nb.travel.replacing import replacing

__all__ = ["Cleaning", "Found", "clean", "cleaned"]

LARGEST = 200_000_000
_MARK = "\ufeff"
_BYTES = re.compile(r"(?:image/(?!svg)|audio/|video/|font/|application/(?:pdf|octet-stream|zip|gzip)).*")
_PLACES = {"source": "text", "outputs": "output", "attachments": "attachment"}
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Found:
    """What was found of one kind in one cell.

    Attributes
    ----------
    cell : int or None
        The number of the cell, from 1; None for what belongs to the notebook as a whole.
    kind : str
        ``key``, ``home path``, ``signed address`` or ``password in an address``.
    count : int
        How often.
    places : tuple of str
        Where: text, output, metadata, attachment.
    hints : tuple of str
        At most the first four characters of each key, to know it by.
    """

    cell: int | None
    kind: str
    count: int
    places: tuple[str, ...]
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = "the notebook" if self.cell is None else f"cell {self.cell}"
        what = f"{self.count} {self.kind if self.count == 1 else _plural(self.kind)}"
        *most, last = self.places
        places = f"{', '.join(most)} and {last}" if most else last
        hints = f" ({', '.join(f'{hint}…' for hint in self.hints)})" if self.hints else ""
        return f"{where}: {what}{hints} in its {places}"


@dataclass(frozen=True)
class Cleaning:
    """What was found in a notebook, and whether it was taken out.

    Attributes
    ----------
    name : str
        The notebook's file name.
    found : tuple of Found
        One for each cell and kind.
    is_written : bool
        Whether the file was changed.
    """

    name: str
    found: tuple[Found, ...]
    is_written: bool

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(each.count for each in self.found)

    def __str__(self) -> str:
        if not self.found:
            return f"{self.name}: no key, home path or signed address in it."
        end = (
            "All of it is taken out; where the notebook is open, reload it from disk."
            if self.is_written
            else f"Nothing was changed; without --check, cleaning {self.name} takes it out."
        )
        return "\n".join([f"{self.name}:", *(f"  {each}" for each in self.found), end])

    __repr__ = __str__


def clean(
    path: str | Path, *, check: bool = False, known: Sequence[str] = (), homes: Sequence[str] | None = None
) -> Cleaning:
    """Take out of a notebook what must not be passed on.

    Parameters
    ----------
    path : str or Path
        The notebook.
    check : bool
        Only say what there is.
    known : sequence of str
        Keys to look for, of whatever shape.
    homes : sequence of str, optional
        Home folders to look for beside the usual ones; that of whoever runs this when not given.

    Raises
    ------
    InvalidRequest
        It is no notebook, an old one, too large, or cannot be read or written.
    """
    target = Path(path).expanduser()
    text = _read(target)
    fresh, found = cleaned(text, known=known, homes=homes)
    if found and not check:
        json.loads(fresh.removeprefix(_MARK))  # never put anything in a notebook's place that is none
        with replacing(target.resolve()) as stream:
            stream.write(fresh.encode("utf-8"))
    return Cleaning(target.name, found, is_written=bool(found) and not check)


def cleaned(
    text: str, *, known: Sequence[str] = (), homes: Sequence[str] | None = None
) -> tuple[str, tuple[Found, ...]]:
    """Give the text of a notebook's file without what must not be passed on, and what that was.

    Parameters
    ----------
    text : str
        JSON.
    known, homes
        As in `clean`.
    """
    seen: dict[tuple[int | None, str], list[tuple[str, str]]] = {}
    known = [*known, *sorted(_learned(text, known))]
    for _ in range(_MOST_ROUNDS):
        cuts: list[tuple[int, int, str]] = []
        names: dict[tuple[Step, ...], list[tuple[JsonString, Sequence[Finding]]]] = {}
        for each in strings_of(text):
            found = [] if _is_binary(each.path) else found_in(each.text, known, homes)
            for one in found:
                cell, place = _where(each.path)
                seen.setdefault((cell, one.kind), []).append((place, one.hint))
            cuts += _cuts(each, found)
            if each.is_key:
                names.setdefault(each.path[:-1], []).append((each, found))
        if not cuts:
            break
        cuts += [cut for siblings in names.values() for cut in _told_apart(siblings)]
        for start, end, instead in sorted(cuts, reverse=True):
            text = text[:start] + instead + text[end:]
    return text, tuple(_told(seen))


def _learned(text: str, known: Sequence[str]) -> set[str]:
    """Give the keys that one place of a notebook gives away, so that they are found in every other one."""
    shown = (each.text for each in strings_of(text) if not _is_binary(each.path))
    return {key for each in shown for key in keys_in(each, known)}


def _read(path: Path) -> str:
    """Read a notebook's file, and refuse in one line what is none."""
    name = path.name[:80]
    try:
        if path.stat().st_size > LARGEST:
            size = f"{path.stat().st_size / 1e6:,.0f} MB"
            raise InvalidRequest(f"{name} has {size}, too much to look through; clear its outputs first.")
        text = path.read_bytes().decode("utf-8")
        found: Any = json.loads(text.removeprefix(_MARK))
    except FileNotFoundError:
        raise InvalidRequest(f"There is no file {name}; name a notebook, as fox.ipynb.") from None
    except OSError as error:
        raise InvalidRequest(f"{name} cannot be read: {error.strerror or type(error).__name__}.") from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(
            f"{name} is no notebook: its line {error.lineno} is not JSON. A notebook is a file that Jupyter saved."
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidRequest(
            f"{name} is no notebook: it is not JSON. A notebook is a file that Jupyter saved."
        ) from None
    version = found.get("nbformat") if isinstance(found, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version < 4:
        raise InvalidRequest(
            f"{name} is in the old format {version}; open it in Jupyter, save it, and clean that."
        )
    if version is None or not isinstance(found.get("cells"), list):
        raise InvalidRequest(
            f"{name} is JSON but no notebook: it has no cells. Name a file that Jupyter saved."
        )
    return text


def _is_binary(path: Sequence[Step]) -> bool:
    """Tell whether a string is the bytes of a picture or a film."""
    return any(isinstance(step, str) and _BYTES.fullmatch(step) is not None for step in path)


def _where(path: Sequence[Step]) -> tuple[int | None, str]:
    """Give the cell and the part of it that a string belongs to."""
    if len(path) > 2 and path[0] == "cells" and isinstance(path[1], int):
        return path[1] + 1, _PLACES.get(str(path[2]), "metadata")
    return None, "metadata"


def _cuts(string: JsonString, found: Sequence[Finding]) -> list[tuple[int, int, str]]:
    """Give what to cut out of the file for the findings in one string; colour codes stay."""
    if not found:
        return []
    places = string.places()
    cuts = []
    for each in found:
        raw = string.raw[places[each.start] : places[each.end]]
        colours = "".join(re.findall(r"(?:\\u001[bB]|\x1b)\[[0-9;:]*[A-Za-z]", raw))
        start = string.start + places[each.start]
        cuts.append((start, start + len(raw), each.instead + colours))
    return cuts


def _told_apart(names: Sequence[tuple[JsonString, Sequence[Finding]]]) -> list[tuple[int, int, str]]:
    """Give numbers to names of one object that would become equal: two of a name would be one value."""
    taken = {string.text for string, found in names if not found}
    cuts = []
    for string, found in names:
        if not found:
            continue
        text = string.text
        for each in reversed(found):
            text = text[: each.start] + each.instead + text[each.end :]
        number = next(number for number in count(1) if f"{text}{_numbered(number)}" not in taken)
        taken.add(f"{text}{_numbered(number)}")
        end = string.start + len(string.raw)
        cuts += [(end, end, _numbered(number))] if number > 1 else []
    return cuts


def _numbered(number: int) -> str:
    return f" ({number})" if number > 1 else ""


def _told(seen: dict[tuple[int | None, str], list[tuple[str, str]]]) -> list[Found]:
    """Put what was found into an order: cell by cell, the notebook as a whole last."""
    order = sorted(seen, key=lambda key: (key[0] is None, key[0] or 0, KINDS.index(key[1])))
    return [
        Found(
            cell,
            kind,
            len(seen[cell, kind]),
            tuple(dict.fromkeys(place for place, _ in seen[cell, kind])),
            tuple(dict.fromkeys(hint for _, hint in seen[cell, kind] if hint)),
        )
        for cell, kind in order
    ]


def _plural(kind: str) -> str:
    return {"password in an address": "passwords in addresses", "signed address": "signed addresses"}.get(
        kind, kind + "s"
    )
