"""The rows of the ledger as frozen values, and how they are written down.

In come what a cell asks (`NewBatch`, `NewClip`) and what SQLite hands back; out go `ClipRow` and its siblings
with `Decimal` money, aware times and parsed JSON. `hailuo_nb.ledger.store` gives and takes nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, partial
from operator import itemgetter
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import RowMapping

from hailuo_nb.errors import LedgerError

MICROS = 1_000_000
MOST_DETAIL = 4000
"""Longest text kept of somebody else's message; a service may answer with megabytes."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_FIRST = "abcdefghjkmnpqrstvwxyz"
_ALPHABET = "0123456789" + _FIRST  # Crockford's base32: no i, l, o, u to misread
_TYPED = str.maketrans("ilo", "110")


@dataclass(frozen=True)
class NewClip:
    """One clip that a cell wants to exist.

    Parameters
    ----------
    service, request_hash, take : str, str, int
        What makes it the same clip as another.
    variant, model_id, prompt : str
        What is asked.
    prompt_template : str, optional
        The prompt as written, with its ``{axes}``.
    axes : Mapping of str to str
        The value of each axis.
    inputs : Mapping
        Every input as sent, JSON-able (`GenerationRequest.ledger_inputs`).
    image : str, optional
        The picture's label for people.
    quote_usd : Decimal, optional
        US dollars; None where nobody knows.
    quote_source, quote_as_of : str, optional
        ``table`` or ``service``, and the date of the price.
    duration_s : float, optional
        Seconds as asked.
    name : str, optional
        The user's name for it.
    tags : tuple of str
        The user's tags.
    """

    service: str
    request_hash: str
    variant: str
    model_id: str
    prompt: str
    take: int = 1
    prompt_template: str | None = None
    axes: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    image: str | None = None
    quote_usd: Decimal | None = None
    quote_source: str | None = None
    quote_as_of: str | None = None
    duration_s: float | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, str, int]:
        """What two equal clips share: service, hash and take."""
        return (self.service, self.request_hash, self.take)


@dataclass(frozen=True)
class NewBatch:
    """The cell that asks.

    Parameters
    ----------
    notebook : str, optional
        Its file, relative to the folder it lies in; of an absolute path only the name is kept.
    cell_id : str, optional
        The front end's id of the cell; without one there is no looking back.
    cell_text : str, optional
        The cell as written: what the next version is compared with.
    options : Mapping
        What else was asked, JSON-able.
    name : str, optional
        The user's name for the batch.
    """

    notebook: str | None = None
    cell_id: str | None = None
    cell_text: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class ClipRow:
    """One clip that was or will be paid; the fields are the columns of the table ``clips``."""

    seq: int
    id: str
    batch_id: str
    name: str | None
    take: int
    attempt: int
    service: str
    status: str
    variant: str
    model_id: str
    prompt: str
    prompt_template: str | None
    axes: Mapping[str, str]
    inputs: Mapping[str, Any]
    image: str | None
    asked_duration_s: float | None
    duration_s: float | None
    width: int | None
    height: int | None
    fps: float | None
    codec: str | None
    frames: int | None
    has_audio: bool | None
    quote_usd: Decimal | None
    quote_source: str | None
    quote_as_of: str | None
    cost_usd: Decimal | None
    price_source: str | None
    created_utc: datetime
    submitted_utc: datetime | None
    started_utc: datetime | None
    generated_utc: datetime | None
    finished_utc: datetime | None
    moved_utc: datetime
    execution_ms: int | None
    path: str | None
    more_paths: tuple[str, ...]
    sha256: str | None
    bytes: int | None
    rating: int | None
    note: str | None
    tags: tuple[str, ...]
    error: str | None
    error_kind: str | None
    prediction_id: str | None
    url: str | None
    url_expires_utc: datetime | None
    request_hash: str
    key_fingerprint: str | None
    was_accepted: bool | None
    was_taken_over: bool
    is_hidden: bool
    owner: str | None
    fence: int
    imported_utc: datetime | None = None

    @property
    def identity(self) -> tuple[str, str, int]:
        """What two equal clips share: service, hash and take."""
        return (self.service, self.request_hash, self.take)


def clip_row_of(fields: dict[str, Any]) -> ClipRow:
    """Make a row of a dict, which becomes its own: sixty fields set one by one take six times as long."""
    if fields.keys() != ClipRow.__dataclass_fields__.keys():
        return ClipRow(**fields)
    row = object.__new__(ClipRow)
    object.__setattr__(row, "__dict__", fields)
    return row


@dataclass(frozen=True)
class Reserved:
    """What the ledger says to one clip of a cell.

    Attributes
    ----------
    row : ClipRow
        The one row of that clip.
    is_new : bool
        This kernel owns it, nothing was sent for it, and it is this place's to send.
    is_cached : bool
        It is completed: to be shown, for nothing.
    is_joined : bool
        It is on its way, unconfirmed, or waiting to be sent by a living kernel (perhaps this one).
    fence : int or None
        The token for `Ledger.move`, where this kernel owns the row.
    saved_usd : Decimal or None
        What was not paid again, for a cached clip.

    With none of the three set it failed, or was given up, and waits for its button.
    """

    row: ClipRow
    is_new: bool
    is_cached: bool
    is_joined: bool = False
    fence: int | None = None
    saved_usd: Decimal | None = None


@dataclass(frozen=True)
class BatchRow:
    """The clips of one run of one cell; ``previous`` is the batch of the cell's text before this one."""

    seq: int
    id: str
    created_utc: datetime
    kernel: str
    name: str | None
    notebook: str | None
    cell_id: str | None
    cell_text: str | None
    cell_hash: str | None
    options: Mapping[str, Any]
    previous: str | None


@dataclass(frozen=True)
class Place:
    """Where a batch shows a clip; ``shown`` is new, cached, joined, failed or repeat."""

    batch_id: str
    position: int
    clip_id: str
    shown: str
    axes: Mapping[str, str]
    prompt_template: str | None
    saved_usd: Decimal | None


@dataclass(frozen=True)
class EventRow:
    """One thing that happened to a clip; ``event`` is status, reused, taken-over, quote, cost or mark."""

    seq: int
    clip_id: str
    at_utc: datetime
    event: str
    status: str
    detail: str
    kernel: str
    batch_id: str | None
    saved_usd: Decimal | None


@dataclass(frozen=True)
class BallotRow:
    """One session of voting: what is compared and how (`compared`), and the seed that sides and order come from."""

    seq: int
    id: str
    created_utc: datetime
    seed: int
    compared: Mapping[str, Any]


@dataclass(frozen=True)
class VoteRow:
    """One answer about two clips: left, right, tie or both_bad; ``number`` counts from 1 in its ballot."""

    seq: int
    ballot_id: str
    number: int
    left_clip: str
    right_clip: str
    answer: str
    voted_utc: datetime
    voter: str | None
    took_ms: int | None
    takes_back: int | None


_PARSED: Mapping[str, Any] = {
    "axes": {},
    "inputs": {},
    "options": {},
    "compared": {},
    "tags": (),
    "more_paths": (),
}
_CLAIMS = frozenset({"has_audio", "was_accepted", "was_taken_over", "is_hidden"})


def fields_from(stored: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
    """Turn the columns of a table into the fields of its dataclass."""
    fields: dict[str, Any] = {}
    for column, value in stored.items():
        name, read = _reader(column)
        fields[name] = value if read is None else read(value)
    return fields


@cache
def _reader(column: str) -> tuple[str, Callable[[Any], Any] | None]:
    """Give the field of a column and what reads its value."""
    if column.endswith("_micros"):
        return column.removesuffix("_micros") + "_usd", to_usd
    if column.endswith("_utc_ms"):
        return column.removesuffix("_ms"), to_time
    if column in _PARSED:
        return column, partial(from_json, default=_PARSED[column])
    return column, _claim if column in _CLAIMS else None


def _claim(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def columns_from(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn fields of a dataclass into columns of its table; the reverse of `fields_from`."""
    columns: dict[str, Any] = {}
    for name, value in fields.items():
        column, write = _writer(name)
        columns[column] = None if value is None else write(value)
    return columns


def columns_of(rows: Sequence[ClipRow]) -> dict[str, list[Any]]:
    """Turn rows into columns of their table, column by column, and without those that are empty in all of them.

    The rows of one cell have nearly everything in common, and what is the same object is written once.
    """
    columns: dict[str, list[Any]] = {}
    fields = [vars(row) for row in rows]
    for name in fields[0]:
        values = list(map(itemgetter(name), fields))
        if values.count(None) == len(values):
            continue
        column, write = _writer(name)
        if len(set(map(id, values))) == 1:
            columns[column] = [write(values[0])] * len(values)
        else:
            columns[column] = [None if value is None else write(value) for value in values]
    return columns


@cache
def _writer(name: str) -> tuple[str, Callable[[Any], Any]]:
    """Give the column of a field and what writes its value, unless that is None."""
    if name.endswith("_usd"):
        return name.removesuffix("_usd") + "_micros", to_micros
    if name.endswith("_utc"):
        return name + "_ms", to_ms
    if name in _PARSED:
        return name, to_json
    if name in _CLAIMS:
        return name, int
    if name == "url":
        return name, address_without_query
    return name, _cut if name == "error" else _plain


def _plain(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value


def _cut(text: str) -> str:
    return clean(text, MOST_DETAIL)


def to_micros(usd: Decimal | None) -> int | None:
    """Give dollars as whole micro-dollars."""
    if usd is None:
        return None
    if not isinstance(usd, Decimal) or not usd.is_finite() or not 0 <= usd <= 1_000_000_000:
        raise LedgerError(f"{usd!r} is not a sum of money the ledger can hold: give a Decimal from 0 up.")
    return int((usd * MICROS).to_integral_value(ROUND_HALF_UP))


def to_usd(micros: int | None) -> Decimal | None:
    """Give micro-dollars as dollars with at least two decimals."""
    if micros is None:
        return None
    usd = Decimal(micros).scaleb(-6)
    return usd.quantize(Decimal("0.01")) if micros % 10_000 == 0 else usd.normalize()


def to_ms(moment: datetime | None) -> int | None:
    """Give an aware time as milliseconds since 1970."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise LedgerError(f"The time {moment} has no zone: give an aware datetime.")
    return round(moment.timestamp() * 1000)


def to_time(ms: int | None) -> datetime | None:
    """Give milliseconds since 1970 as an aware time; None for a number no clock shows."""
    if ms is None:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, OSError, TypeError, ValueError):
        return None


def to_json(value: Any) -> str:
    """Give JSON that any file can hold: ASCII, compact, keys in their order."""
    if isinstance(value, Mapping):
        return _encode(dict(value)) if value else "{}"
    return _encode(value) if value or not isinstance(value, tuple) else "[]"


def from_json(text: object, default: Any) -> Any:
    """Read JSON of the default's shape; anything else, as a stranger's ledger may hold, is the default."""
    try:
        value = json.loads(text) if isinstance(text, str) else default
    except (ValueError, RecursionError):
        value = default
    if isinstance(default, tuple):
        return tuple(str(each) for each in value) if isinstance(value, list) else default
    return value if isinstance(value, dict) else dict(default)


def clean(text: str, most: int | None = None) -> str:
    """Give text that UTF-8 can hold, cut to a length where it is somebody else's."""
    fit = text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    return fit if most is None or len(fit) <= most else fit[: most - 1] + "…"


def address_without_query(url: str | None) -> str | None:
    """Cut what may be a signature off an address."""
    if url is None:
        return None
    try:
        parts = urlsplit(clean(url))
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def notebook_name(notebook: str | None) -> str | None:
    """Give a notebook's relative path; of an absolute one only the name: it may hold a home folder."""
    if notebook is None:
        return None
    text = clean(notebook)
    if PureWindowsPath(text).is_absolute():
        return PureWindowsPath(text).name
    return PurePosixPath(text).name if PurePosixPath(text).is_absolute() else text


def short_id(service: str, request_hash: str, take: int, attempt: int, length: int = 8) -> str:
    """Give a clip's id: the same in every ledger, easy to type, never a number; a longer one begins alike."""
    whole = f"{service}\n{request_hash}\n{take}\n{attempt}".encode()
    rest, first = divmod(int.from_bytes(hashlib.sha256(whole).digest()), len(_FIRST))
    # Five bits a letter, the lowest first.
    letters = [_ALPHABET[rest >> shift & 31] for shift in range(0, 5 * (length - 1), 5)]
    return _FIRST[first] + "".join(letters)


def typed_id(text: str) -> str:
    """Read an id as a person types it: capitals, and letters that look like digits."""
    return text.strip().lower().translate(_TYPED)
