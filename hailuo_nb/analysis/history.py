"""The history: the ledger as a DataFrame, one row per clip that was or will be paid.

In comes a ledger and filters, out goes a frame with the columns of `COLUMNS`, ``params.<axis>`` among them. Missing
values are NA: a cost that nobody knows is never 0. Money is exact in the ledger and becomes binary only here; the
sums in ``attrs`` are made before that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hailuo_nb.ledger.reading import Wanted
from hailuo_nb.ledger.status import STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from hailuo_nb.ledger.store import Ledger

COLUMNS = (
    *("id", "batch", "name", "take", "attempt", "service", "status", "variant", "model", "prompt"),
    *("prompt_template", "params", "inputs", "image", "duration_s", "width", "height", "fps", "quote_usd"),
    *("cost_usd", "price_source", "reuses", "saved_usd", "created_utc", "submitted_utc", "finished_utc"),
    *("queue_s", "run_s", "path", "sha256", "bytes", "rating", "wins", "losses", "ties", "note", "tags"),
    *("error", "prediction_id", "url", "url_expires_utc", "request_hash", "notebook", "cell_id", "previous"),
)
"""The columns in their order; in place of ``params`` stands one for each axis."""

MOST_RUNS = 10_000
"""Runs of one cell that are looked at."""

_EXACT = 2.0**53
"""Below this every whole number is a float."""

_STORED = {"batch": "batch_id", "model": "model_id"}
_TEXTS = frozenset(
    {"id", "batch", "name", "model", "prompt", "prompt_template", "image", "price_source", "path", "sha256"}
    | {"note", "error", "prediction_id", "url", "request_hash", "notebook", "cell_id", "previous"}
)
_WHOLE = frozenset(
    {"take", "attempt", "width", "height", "reuses", "bytes", "rating", "wins", "losses", "ties"}
)
_TIMES = frozenset({"created_utc", "submitted_utc", "finished_utc", "url_expires_utc"})
_CATEGORIES = frozenset({"service", "variant", "status"})


def history(
    ledger: Ledger,
    *,
    batch_id: str | None = None,
    ids: Collection[str] | None = None,
    service: str | None = None,
    text: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    variant: str | Collection[str] | None = None,
    status: str | Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    axes: Mapping[str, str | Collection[str]] | None = None,
    notebook: str | None = None,
    cell_id: str | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """Read the ledger as a DataFrame, the newest clip first.

    ``wins, losses, ties`` count the votes that stand; two clips that were both bad are a tie. What was measured of the
    files (`hailuo_nb.media.measures`) follows as ``m.<name>``, where any clip of the frame was measured, and
    ``imported_utc`` where any came from a pack; what those cost is told and is in no sum.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    batch_id : str, optional
        The clips of this batch, place by place in its order, with the column ``cached``: there a cached clip costs 0
        and shows what it saved, and a clip that the cell names twice is paid at its first place.
    ids : collection of str, optional
        These clips.
    service, name, tag, notebook, cell_id : str, optional
        Exactly this.
    text : str, optional
        In the prompt, whatever the case.
    variant, status : str or collection of str, optional
        This, or any of these.
    since, until : datetime, optional
        Made from then on, and before then; zone-aware.
    axes : Mapping of str to str, optional
        Axis values.
    limit : int, optional
        At most so many.

    Returns
    -------
    pandas.DataFrame
        Columns as in `COLUMNS`; ``attrs`` holds ``total_usd`` and ``saved_usd``, which are real money only, and
        ``simulated_usd``, all of the rows in the frame.

    Examples
    --------
    >>> history(ledger, text="fox").groupby("variant").cost_usd.sum()  # doctest: +SKIP
    """
    wanted = Wanted(
        ids=ids,
        batch=batch_id,
        service=service,
        text=text,
        name=name,
        tag=tag,
        variants=_several(variant),
        statuses=_several(status),
        since=since,
        until=until,
        axes=axes or {},
        notebook=notebook,
        cell_id=cell_id,
        limit=limit,
        newest_first=True,
    )
    return _frame(_read(ledger, wanted), is_batch=batch_id is not None)


def cell_history(ledger: Ledger, notebook: str | None, cell_id: str) -> pd.DataFrame:
    """Read all versions of one cell, the oldest first.

    A version is the cell's text until it was changed; running it again unchanged, or with other options, adds to it.

    Parameters
    ----------
    ledger : Ledger
        The ledger.
    notebook, cell_id : str
        The cell.

    Returns
    -------
    pandas.DataFrame
        The columns of a batch after ``version``, which counts from 1, and ``cell_text``, the text as it was. Each clip
        stands once in a version, as it was to that version when it was first asked for; its cost is 0 where an earlier
        one had paid.
    """
    parts: list[dict[str, Sequence[Any]]] = []
    version, text, seen = 0, None, set[str]()
    for batch in reversed(ledger.versions_of_cell(notebook, cell_id, limit=MOST_RUNS)):
        if not version or batch.cell_text != text:
            version, text, seen = version + 1, batch.cell_text, set()
        fresh = {place.clip_id for place in ledger.places(batch.id)} - seen
        if not fresh:
            continue
        seen |= fresh
        stored = _read(ledger, Wanted(ids=fresh, batch=batch.id))
        count = len(stored["id"])
        parts.append({**stored, "version": [version] * count, "cell_text": [text] * count})
    if not parts:
        parts.append({**_read(ledger, Wanted(ids=(), batch="")), "version": (), "cell_text": ()})
    whole = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    frame = _frame(whole, is_batch=True)
    frame.insert(0, "version", _numbers(whole["version"], "Int64"))
    frame.insert(1, "cell_text", _text(whole["cell_text"]))
    return frame


def _read(ledger: Ledger, wanted: Wanted) -> dict[str, Sequence[Any]]:
    """Read columns as SQLite has them, with what reuse saved; of a batch, as its clips are to it."""
    found = ledger.table(wanted)
    reused = [found.reused.get(clip_id, (0, 0)) for clip_id in found.ids]
    stored: dict[str, Sequence[Any]] = {
        **found.stored,
        "reuses": [count for count, _ in reused],
        "saved_micros": [saved for _, saved in reused],
    }
    return stored if wanted.batch is None else stored | _as_placed(stored)


def _several(one_or_more: str | Collection[str] | None) -> Collection[str] | None:
    return (one_or_more,) if isinstance(one_or_more, str) else one_or_more


def _as_placed(stored: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Say of each clip what it is to this batch: which axes, what it cost here, what it saved."""
    shown = stored["place_shown"]
    is_free = [word in ("cached", "repeat") for word in shown]
    first = dict(reversed(list(zip(stored["id"], shown, strict=True))))
    return {
        "axes": stored["place_axes"],
        "prompt_template": stored["place_prompt_template"],
        "cost_micros": [
            0 if free else cost for free, cost in zip(is_free, stored["cost_micros"], strict=True)
        ],
        "saved_micros": stored["place_saved_micros"],
        "cached": [first[clip] == "cached" for clip in stored["id"]],
    }


def _frame(stored: Mapping[str, Sequence[Any]], *, is_batch: bool) -> pd.DataFrame:
    import pandas as pd  # 225 ms: only where somebody asks for a frame

    from hailuo_nb.analysis.clipframe import ClipFrame

    columns: dict[str, Any] = {}
    for column in COLUMNS:
        if column == "params":
            columns |= _params(stored["axes"])
        else:
            columns[column] = _column(column, stored)
    # As with axes, the measures have columns as soon as one clip of the frame was measured.
    measured = [name for name in stored if name.startswith("m.")]
    if any(value is not None for name in measured for value in stored[name]):
        columns |= {name: _numbers(stored[name], "Float64") for name in measured}
    if any(ms is not None for ms in stored["imported_utc_ms"]):
        columns["imported_utc"] = _moments(stored["imported_utc_ms"])
    if is_batch:
        columns["cached"] = pd.array(stored["cached"], dtype="boolean")
    frame: pd.DataFrame = ClipFrame(columns, copy=False)
    frame.attrs |= _totals(stored)
    return frame


def _column(column: str, stored: Mapping[str, Sequence[Any]]) -> Any:
    """Make one column from what SQLite gave."""
    if column in _TIMES:
        made = _moments(stored[column + "_ms"])
    elif column in _CATEGORIES:
        made = _category(column, stored[column])
    elif column == "price_source":
        # Before there is a cost, the price that is known is the quote's.
        both = zip(stored[column], stored["quote_source"], strict=True)
        made = _text([cost or quote for cost, quote in both])
    elif column in _TEXTS:
        made = _text(stored[_STORED.get(column, column)])
    elif column in _WHOLE:
        made = _numbers(stored[column], "Int64")
    elif column == "inputs":
        made = _objects(_parsed(stored[column]))
    elif column == "tags":
        kept = {text: tuple(_parsed([text])[0] or ()) for text in set(stored[column])}
        made = _objects([kept[text] for text in stored[column]])
    else:
        made = _floats(column, stored)
    return made


def _floats(column: str, stored: Mapping[str, Sequence[Any]]) -> Any:
    """Make a column of dollars, seconds or frames a second."""
    if column == "saved_usd":
        return _numbers([micros or 0 for micros in stored["saved_micros"]], "Float64", 1e6)
    if column in ("quote_usd", "cost_usd"):
        return _numbers(stored[column.removesuffix("_usd") + "_micros"], "Float64", 1e6)
    if column == "duration_s":  # as measured; as asked while there is no file
        both = zip(stored["duration_s"], stored["asked_duration_s"], strict=True)
        return _numbers([asked if real is None else real for real, asked in both], "Float64")
    if column == "queue_s":
        return _numbers(_between(stored["submitted_utc_ms"], stored["started_utc_ms"]), "Float64", 1e3)
    if column == "run_s":
        starts = [
            submitted if started is None else started
            for started, submitted in zip(stored["started_utc_ms"], stored["submitted_utc_ms"], strict=True)
        ]
        seen = _between(starts, stored["generated_utc_ms"])
        # The service's own figure where it gave one; else what the polls saw.
        told = stored["execution_ms"]
        return _numbers([s if t is None else t for t, s in zip(told, seen, strict=True)], "Float64", 1e3)
    return _numbers(stored[column], "Float64")


def _between(starts: Sequence[int | None], ends: Sequence[int | None]) -> list[int | None]:
    """Subtract, where both are known; a clock that was put back gives no negative time."""
    return [
        None if start is None or end is None or end < start else end - start
        for start, end in zip(starts, ends, strict=True)
    ]


def _text(values: Sequence[str | None]) -> Any:
    """Make a text column in which what is missing is NA in every version of pandas."""
    import pandas as pd

    return pd.array(_objects(values), dtype=pd.StringDtype())  # by its name it would be looked up each time


def _numbers(values: Sequence[Any], dtype: str, divisor: float = 1.0) -> Any:
    """Make a nullable column; two plain arrays are many times faster than a list with None in it."""
    import pandas as pd

    if dtype == "Int64":
        return pd.arrays.IntegerArray(*_whole(values))
    numbers, is_missing = _real(values)
    return pd.arrays.FloatingArray(numbers / divisor if divisor != 1.0 else numbers, is_missing)


def _real(values: Sequence[Any]) -> tuple[Any, Any]:
    """Give numbers, 0 where one is missing, and where that is; numpy reads None as NaN, which SQLite never gives."""
    import numpy as np

    numbers = np.array(values, dtype="float64")
    is_missing = np.isnan(numbers)
    numbers[is_missing] = 0
    return numbers, is_missing


def _whole(values: Sequence[Any]) -> tuple[Any, Any]:
    """Give whole numbers, 0 where one is missing, and where that is."""
    import numpy as np

    numbers, is_missing = _real(values)
    if (np.abs(numbers) < _EXACT).all():
        return numbers.astype("int64"), is_missing
    return np.array([0 if value is None else value for value in values], dtype="int64"), is_missing


def _moments(values: Sequence[int | None]) -> Any:
    """Make a column of times in UTC."""
    import numpy as np
    import pandas as pd

    ms, is_missing = _whole(values)
    ms[is_missing] = np.iinfo("int64").min  # which numpy reads as NaT
    return pd.DatetimeIndex(ms.view("datetime64[ms]").astype("datetime64[us]"), tz="UTC")


def _category(column: str, values: Sequence[str]) -> Any:
    """Make a category; the statuses in the order of a clip's life, the others as they first appear."""
    import pandas as pd

    words = list(STATUSES) if column == "status" else []
    words += [word for word in dict.fromkeys(values) if word not in words]
    code = {word: at for at, word in enumerate(words)}
    dtype = pd.CategoricalDtype(pd.Index(words, dtype="string").astype(object))
    return pd.Categorical.from_codes([code[value] for value in values], dtype=dtype)


def _objects(values: Sequence[Any]) -> Any:
    """Make an array of Python objects as they are, mappings and tuples too."""
    import numpy as np

    # From an iterator numpy takes each as it is, and need not look whether they are sequences.
    return np.fromiter(values, dtype=object, count=len(values))


def _params(axes: Sequence[str]) -> dict[str, Any]:
    """Make a column for each axis, in the order in which they first appear."""
    kept = {text: _parsed([text])[0] for text in dict.fromkeys(axes)}
    named = {axis: None for values in kept.values() if isinstance(values, dict) for axis in values}
    columns: dict[str, Any] = {}
    for axis in named:
        of_text = {
            text: None if not isinstance(values, dict) or values.get(axis) is None else str(values[axis])
            for text, values in kept.items()
        }
        columns[f"params.{axis}"] = _text([of_text[text] for text in axes])
    return columns


def _parsed(texts: Sequence[str]) -> list[Any]:
    """Read many JSON texts at once; what is not JSON, as in a file that somebody changed, is None."""
    try:
        found: list[Any] = json.loads(f"[{','.join(texts)}]")
    except (ValueError, RecursionError, TypeError):
        found = []
    if len(found) == len(texts):
        return found
    return [_parsed_alone(text) for text in texts]


def _parsed_alone(text: object) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _totals(stored: Mapping[str, Sequence[Any]]) -> dict[str, float]:
    """Add up in whole micro-dollars; what was simulated stays apart from money."""
    sums = {"total_usd": 0, "saved_usd": 0, "simulated_usd": 0}
    # What somebody else paid for is no cost of this ledger.
    costs = [
        cost if imported is None else 0
        for cost, imported in zip(stored["cost_micros"], stored["imported_utc_ms"], strict=True)
    ]
    for service, cost, saved in zip(stored["service"], costs, stored["saved_micros"], strict=True):
        if service == "simulator":
            sums["simulated_usd"] += cost or 0
        else:
            sums["total_usd"] += cost or 0
            sums["saved_usd"] += saved or 0
    return {name: micros / 1e6 for name, micros in sums.items()}
