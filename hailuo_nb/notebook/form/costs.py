"""What stands on the button and beside it.

In comes a forecast, or what is wrong; out goes a `CostView` in words a person uses. The sum on the button is what a
click agrees to. Next: the cost part of the form shows it, and a click brings its stamp back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from hailuo_nb.catalog.quotes import usd_text
from hailuo_nb.session.forecast import Forecast
from hailuo_nb.session.limits import clips_text

__all__ = ["SENDING", "SENT", "CostView", "cost_of", "grown", "purse_text", "wrong"]

SENDING = "Asking for the price once more, then sending."
SENT = "Sent. Change something to make another clip; more of the same are takes."


@dataclass(frozen=True)
class CostView:
    """The button and the words beside it.

    Attributes
    ----------
    label : str
        On the button: ``Generate · $0.98``.
    stamp : int
        Which showing of the button this is; a click brings it back, and each works once.
    is_ready : bool
        Whether it can be pressed.
    price : str
        What the sum is made of.
    purse : str
        What the budget leaves, and the balance.
    note : str
        What is wrong, or what has just happened.
    is_asking : bool
        Whether the service is being asked for the price.
    """

    label: str = "Generate"
    stamp: int = 0
    is_ready: bool = False
    price: str = ""
    purse: str = ""
    note: str = ""
    is_asking: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON-able data."""
        return asdict(self)


def cost_of(
    made: Forecast, *, stamp: int, purse: str = "", note: str = "", is_asking: bool = False
) -> CostView:
    """Say what pressing the button makes and costs.

    Parameters
    ----------
    made : Forecast
        What would be made.
    stamp : int
        The number of this showing.
    purse, note
        As in `CostView`.
    is_asking : bool
        The service is being asked for the price.
    """
    fresh, all_ = len(made.fresh), len(made.clips)
    if not fresh:
        price = f"{clips_text(all_)}, made or on the way: nothing to pay"
        return CostView("Show", stamp, True, price, purse, note)
    simulated = " simulated" if made.service == "simulator" else ""
    label = f"Generate · {usd_text(made.new_usd)}{simulated if made.new_usd is not None else ''}"
    each = {clip.quote.usd for clip in made.fresh}
    price = clips_text(fresh)
    if len(each) == 1 and None not in each:
        price += f" at {usd_text(next(iter(each)))}"
    if all_ > fresh:
        price += f", {all_ - fresh} made or on the way"
    if is_asking:
        price += " · asking the service"
    elif made.is_estimate:
        price += f" · {_as_of(made)}"
    return CostView(label, stamp, True, price, purse, note, is_asking)


def wrong(faults: Mapping[str, str], *, touched: frozenset[str], purse: str = "") -> CostView:
    """Say why the button cannot be pressed: a fault that no field shows yet, in words, the first one."""
    hidden = [text for name, text in faults.items() if name not in touched]
    shown = len(faults) - len(hidden)
    if hidden:
        return CostView(purse=purse, note=hidden[0])
    return CostView(
        purse=purse,
        note="One field needs another look." if shown == 1 else f"{shown} fields need another look.",
    )


def purse_text(left: Decimal | None, balance: Decimal | None, *, is_simulated: bool) -> str:
    """Say what the budget leaves and what the account holds, as far as is known."""
    said = [f"budget left {usd_text(left)}"] if left is not None else []
    if balance is not None:
        said.append(f"{'simulated ' if is_simulated else ''}balance {usd_text(balance)}")
    return " · ".join(said)


def grown(shown: Decimal | None, now: Decimal | None) -> str:
    """Say that a price grew between showing and clicking."""
    return f"Nothing was sent: the price is {usd_text(now)} now, the button said {usd_text(shown)}. It has the new sum."


def _as_of(made: Forecast) -> str:
    """Say how old a price of the dated table is."""
    days = sorted({clip.quote.as_of for clip in made.fresh if clip.quote.is_estimate and clip.quote.as_of})
    return f"price list of {days[0]}" if days else "price not known yet"
