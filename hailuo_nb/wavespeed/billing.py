"""Money as the service tells it.

In come prices, balances and billing items; out go `Decimal` dollars and `Billing`. A sum is never rounded and
never a binary float: a JSON number goes through its shortest text. Next: quotes, and the ledger's real costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from hailuo_nb.wavespeed.addresses import is_prediction_id
from hailuo_nb.wavespeed.answers import plain_line
from hailuo_nb.wavespeed.prediction import parse_time

MOST_USD = Decimal(1_000_000_000)


@dataclass(frozen=True)
class Billing:
    """One line of the account's bill; what a clip cost is its deducts less its refunds.

    Attributes
    ----------
    prediction_id : str
        Which prediction it is for.
    kind : str
        "deduct" or "refund".
    usd : Decimal
        US dollars, zero or more.
    created_utc : datetime or None
        Zone-aware.
    """

    prediction_id: str
    kind: str
    usd: Decimal
    created_utc: datetime | None


def read_usd(value: object) -> Decimal | None:
    """Read an amount given as number or text; None for anything that is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 40:
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) <= MOST_USD else None


def read_price(data: object) -> Decimal | None:
    """Read what one pays from either price call: discounted price, price or older unit price.

    A discounted price of zero beside a real price is taken for "no discount": no quote may be below the bill.
    """
    if not isinstance(data, dict) or str(data.get("currency") or "USD").upper() != "USD":
        return None
    found = [read_usd(data.get(name)) for name in ("discounted_price", "price", "unit_price")]
    amounts = [amount for amount in found if amount is not None and amount >= 0]
    return next((amount for amount in amounts if amount > 0), amounts[0] if amounts else None)


def read_billing(item: object) -> Billing | None:
    """Read one line of the bill; None for a line of another kind or without its prediction."""
    if not isinstance(item, dict) or not isinstance(item.get("prediction"), dict):
        return None
    prediction_id = item["prediction"].get("uuid")
    usd = read_usd(item.get("price"))
    kind = plain_line(item.get("billing_type")).lower()
    if not is_prediction_id(prediction_id) or usd is None or kind not in {"deduct", "refund"}:
        return None
    # The kind says which way the money went; the sign of the amount is not documented.
    return Billing(prediction_id, kind, abs(usd), parse_time(item.get("created_at")))
