"""What pressing a button would make and cost, as far as is known now.

In comes what is asked; out goes a `Forecast`: how many clips, which of them are new, and their sum. Nothing is written
and nothing sent, apart from the service's own price call where the caller may ask. Next: a form shows the sum, and a
click on it is the yes to exactly that sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from hailuo_nb.catalog.quotes import Quote, sum_usd
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Variant
from hailuo_nb.jobs.prices import price_key
from hailuo_nb.ledger.reserving import is_to_send
from hailuo_nb.session.plan import Asked, Wanted, wanted_clips

if TYPE_CHECKING:
    from hailuo_nb.session.session import Session


@dataclass(frozen=True)
class Forecast:
    """What would be made.

    Attributes
    ----------
    clips : tuple of Wanted
        Every clip, in order; equal ones stand there as often as they are asked for.
    fresh : tuple of Wanted
        Those that would be paid, each once.
    service : str
        Where.
    """

    clips: tuple[Wanted, ...]
    fresh: tuple[Wanted, ...]
    service: str

    @property
    def new_usd(self) -> Decimal | None:
        """The sum of what would be paid, in US dollars; None where one price is unknown."""
        return sum_usd(clip.quote.usd for clip in self.fresh)

    @property
    def is_estimate(self) -> bool:
        """Whether the service was not asked about one of these prices within the hour."""
        return any(clip.quote.is_estimate for clip in self.fresh)


def forecast(session: Session, asked: Asked, *, is_live: bool = False) -> Forecast:
    """Work out what making this now would make and cost.

    Parameters
    ----------
    session : Session
        Whose ledger and prices count.
    asked : Asked
        What is asked for.
    is_live : bool
        Ask the service for each price instead of taking what it said within the hour, or the dated table's.

    Raises
    ------
    InvalidRequest
        With every fault.
    TooManyClips
        Over ``max_clips``.
    """
    now = session.settings()
    service = session.service_name(now)
    prices: dict[str, Quote] = {}

    def quote(variant: Variant, request: GenerationRequest) -> Quote:
        key = price_key(service, variant.model_id, request.inputs)
        if key not in prices:
            price = session.asked_quote if is_live else session.quote_of
            prices[key] = price(variant, request, service)
        return prices[key]

    clips, _ = wanted_clips(asked, find=session.variant, quote=quote, most=now.max_clips)
    distinct = {(service, clip.request.hash, clip.take): clip for clip in clips}
    if not now.cache or not session.has_ledger():
        return Forecast(clips, tuple(distinct.values()), service)
    rows = session.ledger.find(list(distinct))
    runner = session.runner(service)
    fresh = tuple(
        clip
        for clip, row in zip(distinct.values(), rows, strict=True)
        if is_to_send(row) or (row is not None and runner.is_held(row.id))
    )
    return Forecast(clips, fresh, service)
