"""Prompts and their values from a DataFrame, a row at a time.

In come a DataFrame of the notebook and the text of the cell; out go `Row`s of plain values, or an `InvalidRequest` that
names the row and the column. Next: `hailuo_nb.session.plan` makes the clips of each row.

With a text, the columns are its values: ``{animal}``, or ``{{animal|upper}}`` in a cell. Without one, the column
``prompt`` holds the prompts, or the only column of texts. The columns of `OPTIONS` say how a row is made; every other
one is an axis. What a row holds is literal: it is never read as grammar.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.errors import InvalidRequest
from hailuo_nb.prompts.grammar import check_columns
from hailuo_nb.prompts.places import one_line
from hailuo_nb.session.pictures import picture

if TYPE_CHECKING:
    from pandas import DataFrame

T = TypeVar("T")

OPTIONS = ("variant", "duration", "image", "takes")
"""The columns that say how a row is made instead of what is in it; a missing value is what the cell says."""

# Every row makes a clip, and reading one takes longer than counting it: a table of a million is a mistake.
MOST_ROWS = 100_000
MOST_LISTED = 5
LONGEST_NAME = 80


@dataclass(frozen=True)
class Row:
    """One row, as plain values.

    Attributes
    ----------
    label : str
        What the frame's index calls it.
    prompt : str or None
        The prompt itself, to be sent as it is; None where the cell's text is filled in.
    texts : Mapping[str, str or None]
        Each column as text, for ``{column}``; None where it is missing.
    values : Mapping[str, object]
        The same as they are in the frame, for ``{{column}}``.
    axes : Mapping[str, str]
        What tells this row from others in the history.
    variant, duration, takes
        What `OPTIONS` say; None where the row does not.
    image : callable or None
        Gives the picture, read when it is needed.
    """

    label: str
    prompt: str | None
    texts: Mapping[str, str | None]
    values: Mapping[str, object]
    axes: Mapping[str, str]
    variant: str | None = None
    duration: int | None = None
    takes: int | None = None
    image: Callable[[], ImageRef | None] | None = None


def is_frame(value: object) -> bool:
    """Whether a value is a DataFrame or a Series; pandas is not loaded to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def rows_of(
    frame: object,
    name: str,
    text: str,
    *,
    folder: Path,
    fit: str | None = None,
    raw: bool = False,
    said: Collection[str] = (),
) -> tuple[Row, ...]:
    """Read the rows of a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row for each prompt.
    name : str
        What the user calls it, for messages.
    text : str
        The text into which the columns go; empty where a column is the prompt.
    folder : pathlib.Path
        What the paths of pictures start from.
    fit : str, optional
        ``pad`` or ``crop``, for pictures.
    raw : bool
        Whether the grammar is switched off.
    said : collection of str
        Which of `OPTIONS`, and which axes, the cell itself says.

    Raises
    ------
    InvalidRequest
        It is no frame, is empty or too long, has no column for what is asked, or values that mean nothing.

    Examples
    --------
    >>> rows = rows_of(pd.DataFrame({"prompt": ["a fox"], "mood": ["calm"]}), "df", "", folder=Path())  # doctest: +SKIP
    >>> rows[0].prompt, dict(rows[0].axes)  # doctest: +SKIP
    ('a fox', {'mood': 'calm'})
    """
    table = _Table(frame, one_line(name, 60))
    twice = [each for each in table.names if each in said]
    if twice:
        raise InvalidRequest(
            f"{twice[0]} is a column of {table.called} and is said by this cell too; leave one out."
        )
    prompt = None if text.strip() else table.prompt_column()
    if prompt is None:
        check_columns(table.names, text, raw=raw)
    return table.rows(prompt, _Pictures(folder, fit))


class _Table:
    """A frame whose columns have been read into lists."""

    def __init__(self, frame: object, called: str) -> None:
        self.called = called
        held = _checked_frame(frame, called)
        self.names = _checked_names(list(held.columns), called)
        self.labels = [one_line(str(label), 40) for label in held.index.tolist()]
        # Column by column and as Python's own values: numpy's read differently from release to release.
        self.columns = {column: _values(held, number) for number, column in enumerate(self.names)}

    def prompt_column(self) -> str:
        """Find the column that holds the prompts."""
        if "prompt" in self.names:
            return "prompt"
        texts = [name for name in self.names if name not in OPTIONS and _is_text(self.columns[name])]
        if len(texts) == 1:
            return texts[0]
        which = f"has the text columns {_listed(texts)}" if texts else "has no column of texts"
        example = texts[0] if texts else next((n for n in self.names if n not in OPTIONS), "column")
        raise InvalidRequest(
            f"{self.called} {which} and none called prompt; rename one to prompt, or write a text with "
            f"{{{example}}} in the cell."
        )

    def rows(self, prompt: str | None, pictures: _Pictures) -> tuple[Row, ...]:
        """Make all rows, or name every value that means nothing."""
        faults = _Faults(self.called, self.labels)
        texts = {name: faults.each(self.columns[name], _as_text(name)) for name in self.names}
        if prompt is not None:
            faults.missing(prompt, self.columns[prompt])
        read = {name: faults.each(self.columns[name], _OPTION_READERS[name]) for name in self._options}
        faults.finish()
        nothing: list[Any] = [None] * len(self.labels)
        axes = [name for name in self.names if name not in OPTIONS and name != prompt]
        images = read.get("image", nothing)
        return tuple(
            Row(
                label=label,
                prompt=None if prompt is None else texts[prompt][at],
                texts={name: texts[name][at] for name in self.names},
                values={name: self.columns[name][at] for name in self.names},
                axes={name: value for name in axes if (value := texts[name][at]) is not None},
                variant=read.get("variant", nothing)[at],
                duration=read.get("duration", nothing)[at],
                takes=read.get("takes", nothing)[at],
                image=None if images[at] is None else pictures.later(images[at]),
            )
            for at, label in enumerate(self.labels)
        )

    @property
    def _options(self) -> list[str]:
        return [name for name in OPTIONS if name in self.names]


@dataclass
class _Faults:
    """Keeps what is wrong with the values until all have been looked at."""

    called: str
    labels: Sequence[str]
    found: list[str] = field(default_factory=list)

    def each(self, values: Sequence[object], read: Callable[[Any], T]) -> list[T | None]:
        """Read a column; what is missing stays None."""
        out: list[T | None] = []
        for label, value in zip(self.labels, values, strict=True):
            try:
                out.append(None if value is None else read(value))
            except ValueError as error:
                out.append(None)
                self.found.append(f"{self.called} row {label}: {error}")
        return out

    def missing(self, column: str, values: Sequence[object]) -> None:
        """Note rows without a prompt: nobody knows what they are to make."""
        empty = [label for label, value in zip(self.labels, values, strict=True) if value is None]
        if empty:
            rows = f"row {empty[0]} has" if len(empty) == 1 else f"rows {_listed(empty)} have"
            self.found.append(
                f"{self.called} {rows} no {column}; fill it in, or drop such rows with "
                f'{self.called}.dropna(subset=["{column}"])'
            )

    def finish(self) -> None:
        """Raise what was found."""
        if self.found:
            more = len(self.found) - MOST_LISTED
            said = "; ".join(self.found[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")
            raise InvalidRequest(said, faults=tuple(self.found))


class _Pictures:
    """Reads each picture once, however many rows start from it."""

    def __init__(self, folder: Path, fit: str | None) -> None:
        self._folder = folder
        self._fit = fit
        self._read: dict[str, ImageRef | None] = {}

    def later(self, value: object) -> Callable[[], ImageRef | None]:
        """Give what reads the picture."""
        return lambda: self._picture(value)

    def _picture(self, value: object) -> ImageRef | None:
        if not isinstance(value, str):
            return picture(value, self._folder, self._fit)
        if value not in self._read:
            self._read[value] = picture(value, self._folder, self._fit)
        return self._read[value]


def _checked_frame(frame: object, called: str) -> DataFrame:
    """Give the frame, if it is one and has a length that can be meant; a series of texts is one of prompts."""
    import pandas as pd

    if isinstance(frame, pd.Series):
        frame = frame.to_frame("prompt")
    if not isinstance(frame, pd.DataFrame):
        raise InvalidRequest(
            f"{called} is a {type(frame).__name__}; prompts come from a DataFrame of pandas, as "
            'pd.DataFrame({"prompt": [...]}).'
        )
    if not len(frame):
        raise InvalidRequest(f"{called} has no rows; there is nothing to make.")
    if len(frame) > MOST_ROWS:
        raise InvalidRequest(
            f"{called} has {len(frame):,} rows and a cell reads at most {MOST_ROWS:,}; choose some, as "
            f"{called}.sample(16, random_state=1)."
        )
    return frame


def _checked_names(columns: Iterable[object], called: str) -> list[str]:
    """Give the names of the columns, which become axes."""
    names: list[str] = []
    for column in columns:
        if not isinstance(column, str):
            raise InvalidRequest(
                f"{called} has a column named {one_line(repr(column), 40)}, which is no text; name it as one "
                "would write it in a prompt, with df.rename(columns=...)."
            )
        name = str(column)
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable() or set(name) & set("{}|"):
            raise InvalidRequest(
                f"{called} has a column named {one_line(repr(name), 40)}; a name is printable, has no braces or "
                f"bars, and at most {LONGEST_NAME} characters."
            )
        if name in names:
            raise InvalidRequest(f"{called} has two columns named {one_line(name, 40)}; rename or drop one.")
        names.append(name)
    if not names:
        raise InvalidRequest(f"{called} has no columns; there is nothing to make.")
    return names


def _values(frame: DataFrame, number: int) -> list[object]:
    """Give a column's values as Python's own, None for every kind of missing."""
    column = frame.iloc[:, number]
    is_missing = column.isna().tolist()
    return [
        None if gone else value
        for value, gone in zip(column.astype(object).tolist(), is_missing, strict=True)
    ]


def _is_text(values: Sequence[object]) -> bool:
    """Whether a column holds texts and nothing else."""
    held = [value for value in values if value is not None]
    return bool(held) and all(isinstance(value, str) for value in held)


def _as_text(name: str) -> Callable[[object], str]:
    """Give what reads a value as it stands in a prompt."""
    # Loaded here: values.py loads jinja2, which cells without a frame may never need.
    from hailuo_nb.prompts.values import item_text

    if name == "image":  # jobs and frames have no text, and need none
        return lambda value: value if isinstance(value, str) else ""
    return lambda value: item_text(value, name)


def _variant(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"variant is {one_line(repr(value), 40)}; it takes a name, as t2v-pro")
    return value.strip()


def _whole(name: str, most: int) -> Callable[[object], int]:
    """Give what reads a whole number; a column with gaps has made 6.0 of 6."""

    def read(value: object) -> int:
        try:
            if isinstance(value, float) and value.is_integer():
                number = int(value)
            else:
                number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            number = -1
        if not 1 <= number <= most:
            raise ValueError(
                f"{name} is {one_line(repr(value), 40)}; it takes a whole number from 1 to {most}"
            )
        return number

    return read


def _anything(value: object) -> object:
    """Leave a picture for when it is needed."""
    return value


_OPTION_READERS: dict[str, Callable[[Any], Any]] = {
    "variant": _variant,
    "duration": _whole("duration", 3600),
    "image": _anything,
    "takes": _whole("takes", 999),
}


def _listed(names: Sequence[str]) -> str:
    """Join names as one says them, the first of very many."""
    if len(names) == 1:
        return names[0]
    if len(names) > MOST_LISTED:
        return f"{', '.join(names[:MOST_LISTED])} and {len(names) - MOST_LISTED} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"
