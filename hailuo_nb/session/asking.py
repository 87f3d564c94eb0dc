"""What a Python call asks for, read as carefully as a cell's options.

In come plain Python values as ``hn.generate`` takes them; out goes an `Asked`, or an `InvalidRequest` that names every
argument that means nothing. Next: `hailuo_nb.session.plan` multiplies it out.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from hailuo_nb.errors import InvalidRequest
from hailuo_nb.session.frames import is_frame, rows_of
from hailuo_nb.session.pictures import picture
from hailuo_nb.session.plan import Asked

T = TypeVar("T")
LONGEST_NAME = 80
MOST_TAKES = 1_000_000


def asked_from(
    folder: Path,
    default_variant: str,
    prompt: object,
    variant: object = None,
    *,
    duration: object = None,
    image: object = None,
    fit: str | None = None,
    takes: object = 1,
    vary: Mapping[str, Sequence[object]] | None = None,
    zip: object = None,  # noqa: A002 - the contract's name
    expand: bool | None = None,
    go_fast: bool | None = None,
    inputs: Mapping[str, Any] | None = None,
    raw: bool = False,
    skip_invalid: bool = False,
    sample: object = None,
    seed: object = 0,
    rows: object = None,
) -> Asked:
    """Read the arguments of a call; see `hailuo_nb.notebook.api.generate`.

    Parameters
    ----------
    folder : Path
        What the path of a picture starts from.
    default_variant : str
        The variant where none is named.

    Raises
    ------
    InvalidRequest
        With every argument that means nothing.
    """
    reading = _Reading()
    if rows is None and is_frame(prompt):
        prompt, rows = "", prompt
    asked = Asked(
        text=reading.read(_prompt, prompt, ""),
        variants=reading.read(_variants, variant, ()) or (default_variant,),
        durations=reading.read(_durations, duration, (None,)),
        image=reading.read(lambda value: picture(value, folder, fit), image, None),
        takes=reading.read(lambda value: whole(value, "takes", most=MOST_TAKES), takes, 1),
        vary=reading.read(lambda value: _mapping(value, "vary", '{"light": ["dawn", "dusk"]}'), vary, {}),
        zips=reading.read(_zips, zip, ()),
        expand=expand,
        go_fast=go_fast,
        inputs=reading.read(lambda value: _mapping(value, "inputs", '{"seed": 7}'), inputs, {}),
        raw=raw,
        skip_invalid=skip_invalid,
        sample=reading.read(lambda value: None if value is None else whole(value, "sample"), sample, None),
        seed=reading.read(lambda value: whole(value, "seed", least=0), seed, 0),
    )
    if rows is not None:
        options = {
            "variant": variant,
            "duration": duration,
            "image": image,
            "takes": takes if takes != 1 else None,
        }
        said = {name for name, value in options.items() if value is not None}
        asked = reading.read(lambda value: with_rows(asked, value, "rows", folder, fit, said), rows, asked)
    reading.finish()
    return asked


def with_rows(
    asked: Asked, frame: object, called: str, folder: Path, fit: str | None, said: Collection[str]
) -> Asked:
    """Ask the same for every row of a DataFrame; see `hailuo_nb.session.frames`.

    Parameters
    ----------
    asked : Asked
        What holds for all rows.
    frame : pandas.DataFrame
        A row for each prompt.
    called : str
        The frame's name, for messages.
    folder : pathlib.Path
        What the paths of pictures start from.
    fit : str, optional
        ``pad`` or ``crop``, for pictures.
    said : collection of str
        Which of the frame's options the cell says itself.

    Raises
    ------
    InvalidRequest
        The frame does not say what to make.
    """
    zipped = {name for group in asked.zips for name in group}
    said = {*said, *asked.vary, *zipped}
    rows = rows_of(frame, called, asked.text, folder=folder, fit=fit, raw=asked.raw, said=said)
    return replace(asked, rows=rows)


class _Reading:
    """Reads one argument after the other and keeps what is wrong for the end."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._only: InvalidRequest | None = None

    def read(self, reader: Callable[[Any], T], value: object, instead: Any) -> T:
        try:
            return reader(value)
        except InvalidRequest as error:
            self._faults += error.faults
            self._only = error
            found: T = instead
            return found

    def finish(self) -> None:
        """Raise what was wrong, all of it."""
        if self._only is not None and len(self._faults) == len(self._only.faults):
            raise self._only
        if self._faults:
            raise InvalidRequest("; ".join(self._faults), faults=tuple(self._faults))


def whole(value: object, name: str, *, least: int = 1, most: int = 10**12) -> int:
    """Read a whole number, numpy's included.

    Raises
    ------
    InvalidRequest
        It is none, or out of its bounds.
    """
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not least <= number <= most:
        raise InvalidRequest(
            f"{name} is {str(value)[:40]!r}; it takes a whole number of at least {least}"
            + (f" and at most {most}." if most < 10**12 else ".")
        )
    return number


def read_usd(value: object, name: str) -> Decimal:
    """Read a sum of US dollars that a person wrote.

    Raises
    ------
    InvalidRequest
        It is none.
    """
    try:
        usd = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        usd = Decimal("nan")
    if not usd.is_finite() or usd < 0:
        raise InvalidRequest(f"{name} is {str(value)[:40]!r}; it takes a sum in US dollars such as 2.50.")
    return usd


def name_of(value: object) -> str | None:
    """Read the name of a cell's clips, which becomes a part of file names.

    Raises
    ------
    InvalidRequest
        It is no text of one line, or too long.
    """
    if value is None:
        return None
    return _label(value, "name") or None


def tags_of(value: object) -> tuple[str, ...]:
    """Read tags: one text, or several.

    Raises
    ------
    InvalidRequest
        One of them is no text of one line, or too long.
    """
    given = [value] if isinstance(value, str) else _listed(value, "tags", 'a text or several, as ["draft"]')
    labels = (_label(each, "a tag") for each in given)
    return tuple(dict.fromkeys(label for label in labels if label))


def _label(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value.strip()) > LONGEST_NAME:
        raise InvalidRequest(
            f"{what} is {str(value)[:40]!r}; it takes one line of at most {LONGEST_NAME} characters."
        )
    return value.strip()


def _prompt(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(
            f"The prompt is a {type(value).__name__}; it takes a text, or a DataFrame with a column prompt. Part "
            'several texts with a line of ---, or write "{idea}" with vary={"idea": [...]}.'
        )
    return value


def _variants(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    given = (
        [value] if isinstance(value, str) else _listed(value, "variant", 'a name or several, as ["t2v-pro"]')
    )
    if not given or not all(isinstance(each, str) for each in given):
        raise InvalidRequest("variant names no variant; leave it out, or write one, as 't2v-pro'.")
    return tuple(str(each) for each in given)


def _durations(value: object) -> tuple[int | None, ...]:
    if value is None:
        return (None,)
    given = (
        _listed(value, "duration", "seconds")
        if isinstance(value, Iterable) and not isinstance(value, str)
        else [value]
    )
    if not given:
        raise InvalidRequest("duration is empty; leave it out, or give seconds, as [6, 10].")
    return tuple(None if each is None else whole(each, "duration", most=3600) for each in given)


def _zips(value: object) -> tuple[tuple[str, ...], ...]:
    """Take one group of axes, or several."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(",")
    example = 'axes that move together, as ["light", "mood"]'
    given = _listed(value, "zip", example)
    groups = [given] if all(isinstance(each, str) for each in given) else given
    read = []
    for group in groups if given else []:
        names = _listed(group, "zip", example)
        if isinstance(group, str) or len(names) < 2 or not all(isinstance(name, str) for name in names):
            raise InvalidRequest(f"zip is {str(value)[:60]!r}; it takes two or more {example}.")
        read.append(tuple(str(name).strip() for name in names))
    return tuple(read)


def _mapping(value: object, name: str, example: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise InvalidRequest(f"{name} takes a mapping of names, as {example}.")
    return value


def _listed(value: object, name: str, what: str) -> list[Any]:
    if isinstance(value, Mapping | bytes) or not isinstance(value, Iterable):
        raise InvalidRequest(f"{name} is {str(value)[:40]!r}; it takes {what}.")
    return list(value)
