"""What any model takes and what any request costs: the catalogue first, then what the service said before, then it.

In come names and checked requests; out go variants and quotes. What the service says is kept in the ledger's memory,
and in this kernel's where there is no ledger yet: a look-up makes no folder.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hailuo_nb import errors
from hailuo_nb.catalog.imageref import ImageRef
from hailuo_nb.catalog.quotes import Quote, table_quote
from hailuo_nb.catalog.request import GenerationRequest
from hailuo_nb.catalog.variants import Variant, find, from_service, looks_like_model_id
from hailuo_nb.jobs.prices import PRICE_AGE_S, price_key, sealed, unsealed
from hailuo_nb.ledger.store import Ledger

if TYPE_CHECKING:
    from hailuo_nb.wavespeed.client import Client

MODEL_AGE_S = 24 * 3600.0
# A cell that waits for a price must not hang on a bad line; the price is asked again before the clip is sent.
PRICE_WAIT_S = 5.0
MODELS_WAIT_S = 60.0
# Stands for a picture where only the price is asked; nobody fetches it.
ANY_PICTURE = "https://example.com/picture.png"

Ask = Callable[[str, Callable[["Client"], Awaitable[Any]], float], Any]


@dataclass(frozen=True)
class Kept:
    """Something the service said, and when."""

    value: Any
    at_s: float


class Models:
    """What this session knows about models and prices.

    Parameters
    ----------
    ledger : callable
        Gives the ledger where there is one.
    ask : callable
        Asks a service by name: with its client, for so many seconds at the most.
    seal : callable
        Makes, for a service, the seal over what is remembered of it.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self,
        ledger: Callable[[], Ledger | None],
        ask: Ask,
        seal: Callable[[str, str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._ask = ask
        self._seal = seal
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._unwritten: set[str] = set()
        self._variants: dict[str, tuple[Mapping[str, Any], Variant]] = {}

    def variant(self, name: str, service: str, *, may_ask: bool = True) -> Variant:
        """Give a variant by its short name, or any model of the service by its id.

        Parameters
        ----------
        name : str
            What was typed.
        service : str
            Where it is to be made.
        may_ask : bool
            Whether the service may be asked for a model that is not known here.

        Raises
        ------
        UnknownVariant
            Nobody knows it; says the nearest name, or why nobody was asked.
        InvalidRequest
            The model makes no video.
        """
        try:
            return find(name)
        except errors.UnknownVariant:
            if not looks_like_model_id(name):
                raise
        entry = self._entry(name, service, may_ask=may_ask)
        known = self._variants.get(name)
        if known is None or known[0] != entry:
            known = self._variants[name] = (entry, from_service(entry))
        return known[1]

    def quote(
        self, variant: Variant, request: GenerationRequest, service: str, *, may_ask: bool = False
    ) -> Quote:
        """Give the price as the service said within the hour, else the dated table's.

        Parameters
        ----------
        variant, request
            What is asked for.
        service : str
            Where.
        may_ask : bool
            Whether the service may be asked where nobody here knows.
        """
        told = self._recall(price_key(service, variant.model_id, request.inputs), PRICE_AGE_S)
        if told is not None:
            return Quote(Decimal(str(told["usd"])), "service", "", is_estimate=False)
        quote = table_quote(variant, request)
        if quote.usd is None and may_ask:
            return self.asked_price(variant, request, service)
        return quote

    def asked_price(self, variant: Variant, request: GenerationRequest, service: str) -> Quote:
        """Ask the service for the price; gives the dated table's where it does not say."""
        sent = {
            name: ANY_PICTURE if isinstance(value, ImageRef) else value
            for name, value in request.inputs.items()
        }

        async def price(client: Client) -> Decimal:
            return await client.price(request.model_id, sent)

        try:
            usd: Decimal = self._ask(service, price, PRICE_WAIT_S)
        except (errors.ServiceError, errors.SetupError, TimeoutError):
            return table_quote(variant, request)
        self._keep(price_key(service, variant.model_id, request.inputs), {"usd": str(usd)})
        return Quote(usd, "service", "", is_estimate=False)

    def write_down(self, ledger: Ledger) -> None:
        """Hand what was asked before there was a ledger on to it, so that the jobs need not ask again."""
        while self._unwritten:
            self._write(ledger, self._unwritten.pop())

    def _entry(self, model_id: str, service: str, *, may_ask: bool) -> Mapping[str, Any]:
        """Give the service's own words about a model: kept ones of a day, else asked, else older ones."""
        key = f"model:{service}:{model_id}"
        # Where nothing is sent, an entry under another key or none will do to read old clips by.
        entry = self._recall(key, MODEL_AGE_S) if may_ask else self._recall(key, None, is_sealed=False)
        if isinstance(entry, dict):
            return entry
        if not may_ask:
            raise errors.UnknownVariant(
                f"{model_id} is not in the catalogue, and nobody is asked about it here: not for --offline, and the "
                "simulator is not started for --dry-run."
            )

        async def models(client: Client) -> list[dict[str, Any]]:
            return await client.models()

        try:
            listed = self._ask(service, models, MODELS_WAIT_S)
        except (errors.ServiceError, TimeoutError):
            older = self._recall(key, None)
            if not isinstance(older, dict):
                raise
            return older
        found = next((each for each in listed if each.get("model_id") == model_id), None)
        if found is None:
            where = "The simulator plays the catalogue only and" if service == "simulator" else "WaveSpeed"
            raise errors.UnknownVariant(
                f"{where} has no model {model_id}; %hailuo variants lists what is known here."
            )
        self._keep(key, found)
        return dict(found)

    def _recall(self, key: str, max_age_s: float | None, *, is_sealed: bool = True) -> Any:
        kept = self._kept.get(key)
        if kept is not None and (max_age_s is None or self._clock() - kept.at_s <= max_age_s):
            return kept.value
        ledger = self._ledger()
        found = None if ledger is None else ledger.recall(key, max_age_s)
        if not is_sealed:
            return found.get("value") if isinstance(found, dict) else None
        return unsealed(found, key, lambda text: self._seal(_service_of(key), text))

    def _keep(self, key: str, value: Any) -> None:
        """Keep it here, and for jobs, other kernels and days where there is a ledger already."""
        self._kept[key] = Kept(value, self._clock())
        ledger = self._ledger()
        if ledger is None:
            self._unwritten.add(key)
        else:
            self._write(ledger, key)

    def _write(self, ledger: Ledger, key: str) -> None:
        value = self._kept[key].value
        ledger.remember(key, sealed(value, key, lambda text: self._seal(_service_of(key), text)))


def _service_of(key: str) -> str:
    """Give the service in the key of something remembered: ``price:wavespeed:...``."""
    return key.split(":", 2)[1]
