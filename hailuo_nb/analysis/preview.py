"""What a cell would make, as a DataFrame, before anything is sent.

In come the clips a cell wants and the rows the ledger has of them; out goes a table of prompts, axes and prices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hailuo_nb.catalog.quotes import Quote, clips_text, quote_line, sum_usd, usd_text
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewClip

if TYPE_CHECKING:
    from pandas import DataFrame


def preview_frame(
    clips: Sequence[NewClip],
    rows: Sequence[ClipRow | None],
    *,
    budget_left_usd: Decimal | None = None,
    is_headless: bool = False,
    notes: Sequence[str] = (),
) -> DataFrame:
    """Tabulate what a cell would make.

    Parameters
    ----------
    clips : sequence of NewClip
        In the order of the cell.
    rows : sequence of ClipRow or None
        What the ledger has of each.
    budget_left_usd : Decimal, optional
        What the budget leaves before these clips.
    is_headless : bool
        Nobody is at the notebook: its display says only what is the same in every run.
    notes : sequence of str
        What was dropped.

    Returns
    -------
    pandas.DataFrame
        ``variant, take, duration_s, prompt, params.<axis>..., status, quote_usd``; ``status`` is ``new``, ``repeat``
        for a clip that stands above already, or the ledger's. `attrs` holds ``new_usd``, what the clips that are not
        there yet would cost, in US dollars, None where a price is unknown.
    """
    from hailuo_nb.analysis.preview_table import Preview

    seen: set[tuple[str, str, int]] = set()
    records = []
    new_usd: list[Decimal | None] = []
    for clip, row in zip(clips, rows, strict=True):
        is_new = is_to_send(row) and clip.identity not in seen
        seen.add(clip.identity)
        if is_new:
            new_usd.append(clip.quote_usd)
        records.append(
            {
                "variant": clip.variant,
                "take": clip.take,
                "duration_s": clip.duration_s,
                "prompt": clip.prompt,
                **{f"params.{name}": value for name, value in clip.axes.items()},
                "status": "new" if is_new else "repeat" if is_to_send(row) else row.status if row else "",
                "quote_usd": None if clip.quote_usd is None else float(clip.quote_usd),
            }
        )
    frame = Preview(_ordered(records))
    total = sum_usd(new_usd)
    left = None if budget_left_usd is None or total is None else budget_left_usd - total
    on_disk = sum(record["status"] == "completed" for record in records)
    frame.attrs |= {
        "new_usd": None if total is None else float(total),
        "headline": _quoted(clips) if is_headless else quote_line(len(clips), on_disk, new_usd, left),
        "is_simulated": any(clip.service == "simulator" for clip in clips),
        "is_headless": is_headless,
        "notes": tuple(notes),
    }
    return frame


def _quoted(clips: Sequence[NewClip]) -> str:
    """Say what all clips are quoted, whatever is there already."""
    return f"{clips_text(len(clips))} · quote {usd_text(sum_usd(clip.quote_usd for clip in clips))}"


def _ordered(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Turn records into columns: those of every axis after the prompt, status and price last."""
    names = dict.fromkeys(name for record in records for name in record)
    last = ("status", "quote_usd")
    return {
        name: [record.get(name) for record in records]
        for name in [*(name for name in names if name not in last), *last]
    }


def price_frame(quoted: Sequence[tuple[GenerationRequest, Quote]], takes: int) -> DataFrame:
    """Tabulate what clips cost.

    Parameters
    ----------
    quoted : sequence of (GenerationRequest, Quote)
        One for each variant and length.
    takes : int
        How many of each.

    Returns
    -------
    pandas.DataFrame
        ``variant, duration_s, price_usd, takes, total_usd, source, as_of, is_estimate``; sums in US dollars, NA where
        nobody says.
    """
    import pandas as pd

    records = [
        {
            "variant": request.variant,
            "duration_s": request.duration_s or None,
            "price_usd": None if quote.usd is None else float(quote.usd),
            "takes": takes,
            "total_usd": None if quote.usd is None else float(quote.usd * takes),
            "source": quote.source,
            "as_of": quote.as_of,
            "is_estimate": quote.is_estimate,
        }
        for request, quote in quoted
    ]
    return pd.DataFrame.from_records(records).astype({"price_usd": "Float64", "total_usd": "Float64"})
