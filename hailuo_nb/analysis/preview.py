"""What a cell would make, as a DataFrame, before anything is sent.

In come the clips a cell wants and the rows the ledger has of them; out goes a table of prompts, axes and prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hailuo_nb.catalog.quotes import Quote
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.ledger.rows import ClipRow, NewClip

if TYPE_CHECKING:
    from pandas import DataFrame


def preview_frame(clips: Sequence[NewClip], rows: Sequence[ClipRow | None]) -> DataFrame:
    """Tabulate what a cell would make.

    Parameters
    ----------
    clips : sequence of NewClip
        In the order of the cell.
    rows : sequence of ClipRow or None
        What the ledger has of each.

    Returns
    -------
    pandas.DataFrame
        ``variant, take, duration_s, prompt, params.<axis>..., status, quote_usd``; `attrs` holds ``new_usd``, what the
        clips that are not there yet would cost, in US dollars, None where a price is unknown.
    """
    import pandas as pd

    seen: set[tuple[str, str, int]] = set()
    records = []
    total: float | None = 0.0
    for clip, row in zip(clips, rows, strict=True):
        is_new = is_to_send(row) and clip.identity not in seen
        seen.add(clip.identity)
        price = None if clip.quote_usd is None else float(clip.quote_usd)
        if is_new:
            total = None if price is None or total is None else total + price
        records.append(
            {
                "variant": clip.variant,
                "take": clip.take,
                "duration_s": clip.duration_s,
                "prompt": clip.prompt,
                **{f"params.{name}": value for name, value in clip.axes.items()},
                "status": "new" if is_new else "repeat" if is_to_send(row) else row.status if row else "",
                "quote_usd": price,
            }
        )
    frame = pd.DataFrame.from_records(records)
    frame.attrs["new_usd"] = None if total is None else round(total, 6)
    return frame


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
