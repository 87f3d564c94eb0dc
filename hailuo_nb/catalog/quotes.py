"""What a request costs, by the dated table, and sums of money as text.

In comes a variant and a checked request; out goes a `Quote`, whose sum is None where the table does not
say: a price is never guessed. Next: the session, which weighs it against the limits and asks the service
for the live one before a POST.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Price, Variant

__all__ = ["Quote", "clips_text", "quote_line", "sum_usd", "table_quote", "usd_text"]


@dataclass(frozen=True)
class Quote:
    """What a clip costs, asked before it is sent.

    Parameters
    ----------
    usd : Decimal or None
        US dollars; None where nobody says.
    source : str
        ``table`` or ``service``.
    as_of : str
        The day the price was read, as an ISO date; empty where there is none.
    is_estimate : bool
        Whether the service was not asked about exactly these inputs.
    """

    usd: Decimal | None
    source: str
    as_of: str
    is_estimate: bool


def table_quote(variant: Variant, request: GenerationRequest) -> Quote:
    """Give the price that the variant's table has for exactly these inputs, or an unknown one.

    Examples
    --------
    >>> from hailuo_nb.catalog.request import build
    >>> from hailuo_nb.catalog.variants import find
    >>> fox = find("t2v-standard")
    >>> table_quote(fox, build(fox, prompt="a fox", duration=10)).usd
    Decimal('0.56')
    """
    fitting = [price for price in variant.prices if _fits(variant, price, request.inputs)]
    if not fitting:
        return Quote(usd=None, source="table", as_of="", is_estimate=True)
    price = max(fitting, key=lambda each: len(each.when))
    return Quote(usd=price.usd, source="table", as_of=price.as_of, is_estimate=True)


def sum_usd(sums: Iterable[Decimal | None]) -> Decimal | None:
    """Add up; None where one of them is not known, because a sum without it would be too small."""
    total = Decimal(0)
    for each in sums:
        if each is None:
            return None
        total += each
    return total


def usd_text(usd: Decimal | None) -> str:
    """Give a sum for people: two decimals, three where they are needed.

    Examples
    --------
    >>> usd_text(Decimal("0.49")), usd_text(Decimal("0.125")), usd_text(None)
    ('$0.49', '$0.125', 'price unknown')
    """
    if usd is None:
        return "price unknown"
    rounded = abs(usd).quantize(Decimal("0.001"), ROUND_HALF_UP)
    if not rounded and usd:
        return "under $0.001"
    sign = "-" if usd < 0 and rounded else ""
    cents = rounded.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{sign}${cents if cents == rounded else rounded:,}"


def clips_text(count: int) -> str:
    """Say how many clips there are."""
    return "1 clip" if count == 1 else f"{count:,} clips"


def quote_line(
    count: int,
    on_disk: int,
    new_usd: Sequence[Decimal | None],
    budget_left_usd: Decimal | None,
    sent_before: int = 0,
) -> str:
    """Say what a cell will cost in one line.

    Parameters
    ----------
    count : int
        How many clips the cell shows.
    on_disk : int
        How many of them are there already.
    new_usd : sequence of Decimal or None
        What each new one costs; None where nobody says.
    budget_left_usd : Decimal or None
        What the budget leaves after them; None without a budget.
    sent_before : int
        How many were on their way already, from an earlier run or another notebook.

    Examples
    --------
    >>> quote_line(12, 4, [Decimal("0.28")] * 8, Decimal("6.08"))
    '12 clips · 4 on disk · 8 new at $0.28 = $2.24 · budget left $6.08'
    """
    parts = [clips_text(count)]
    if on_disk:
        parts.append(f"{on_disk:,} on disk")
    if sent_before:
        parts.append(f"{sent_before:,} sent before, not paid again")
    if new_usd:
        parts.append(_new_text(new_usd))
    elif on_disk == count:
        parts.append("nothing to pay")
    if budget_left_usd is not None:
        over = budget_left_usd < 0
        parts.append(f"{'over the budget by' if over else 'budget left'} {usd_text(abs(budget_left_usd))}")
    return " · ".join(parts)


def _new_text(prices: Sequence[Decimal | None]) -> str:
    """Say ``8 new at $0.28 = $2.24``, or the sum alone where prices differ."""
    total = usd_text(sum_usd(prices))
    if len(prices) == 1:
        return f"1 new at {total}"
    if len(set(prices)) == 1:
        return f"{len(prices):,} new at {usd_text(prices[0])} = {total}"
    return f"{len(prices):,} new = {total}"


def _fits(variant: Variant, price: Price, inputs: Mapping[str, Any]) -> bool:
    """Whether the inputs are those a price holds for; what was not given counts as its default."""
    return all(_same(inputs.get(name, variant.default(name)), value) for name, value in price.when)


def _same(given: object, wanted: object) -> bool:
    """Whether two values are equal, without taking 1 for true."""
    return isinstance(given, bool) == isinstance(wanted, bool) and given == wanted
