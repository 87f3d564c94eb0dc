"""The client of the service: one coroutine per call.

In come a key, an address, and what a call needs; out come `Prediction`, prices, bills and addresses, or one
error of `hailuo_nb.errors`. `submit` sends its POST at most once. Calls that are safe to repeat are, with
pauses; none follows a redirect. Next: `hailuo_nb.jobs`, on its background loop; one client belongs to one
loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx

from hailuo_nb import errors
from hailuo_nb.errors import HailuoError, InvalidRequest, ServiceError
from hailuo_nb.wavespeed import addresses, uploading
from hailuo_nb.wavespeed.answers import Answer, read_envelope, trouble_of, whole_number
from hailuo_nb.wavespeed.billing import Billing, read_billing, read_price, read_usd
from hailuo_nb.wavespeed.connections import Connections
from hailuo_nb.wavespeed.download import MOST_BYTES, OnBytes, download
from hailuo_nb.wavespeed.exchange import Patience, exchange
from hailuo_nb.wavespeed.key import Key, KeyAuth, NoAuth
from hailuo_nb.wavespeed.logguard import guard
from hailuo_nb.wavespeed.prediction import Prediction, from_data
from hailuo_nb.wavespeed.submitting import judged, unconfirmed

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())

T = TypeVar("T")
Read = Callable[[Any], T]

# What may pass by itself: worth another try where a call is safe to repeat.
TRANSIENT = (
    errors.NotConnected,
    errors.ConnectionLost,
    errors.AnswerUnreadable,
    errors.RateLimited,
    errors.ServiceUnavailable,
)
PAGE_SIZE = 100
# 7 days of predictions at the fastest anybody here is likely to go; more is an answer that never ends.
MOST_PAGES = 200
IDS_AT_ONCE = 50


@dataclass(frozen=True)
class _Call:
    """One call of the API."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    total_s: float = 60.0
    most_bytes: int = 10_000_000


def utc_now() -> datetime:
    """Give the time, zone-aware."""
    return datetime.now(UTC)


class Client:
    """The service's REST API.

    Parameters
    ----------
    key : str
        The API key; shows in no repr, error or log.
    base_url : str
        The service's address; https, or plain http on this machine. May be changed at any time.
    transport : httpx.AsyncBaseTransport, optional
        Stands in for the network in tests.
    sleep, now, utc_now, randomness : callable
        Pausing in seconds, a clock in seconds, the time, and a number from 0 to 1; tests bring their own.
    patience : Patience
        Limits of time, size and tries.

    Raises
    ------
    KeyMissing
        For a key that is none.
    SettingInvalid
        For an address that is none.

    Examples
    --------
    >>> client = Client("a-key", "https://api.wavespeed.ai")
    >>> client
    Client('https://api.wavespeed.ai', key=***)
    """

    def __init__(
        self,
        key: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = utc_now,
        randomness: Callable[[], float] = random.random,
        patience: Patience | None = None,
    ) -> None:
        self._key = Key(key)
        self.base_url = base_url
        self._connections = Connections(transport)
        self._sleep = sleep
        self._now = now
        self._utc_now = utc_now
        self._randomness = randomness
        self._patience = patience or Patience()
        guard(self._key)

    def __repr__(self) -> str:
        return f"Client({self._base_url!r}, key={self._key})"

    @property
    def base_url(self) -> str:
        """The service's address; a change holds from the next request on."""
        return self._base_url

    @base_url.setter
    def base_url(self, address: str) -> None:
        self._base_url = addresses.base_address(address)

    async def aclose(self) -> None:
        """Close all connections; later calls raise NotConnected."""
        await self._connections.aclose()

    async def submit(self, model_id: str, inputs: Mapping[str, Any]) -> Prediction:
        """Ask for one clip. The POST is sent at most once, whatever happens.

        Parameters
        ----------
        model_id : str
            The full model id.
        inputs : Mapping
            The model's inputs, as JSON takes them.

        Returns
        -------
        Prediction
            As created by the service.

        Raises
        ------
        InvalidRequest
            For a model id or inputs that cannot be sent. Nothing was.
        NotConnected
            The connection never opened. Nothing was sent.
        RateLimited, InsufficientCredits, AccessDenied, RequestRefused, NotFound
            The service refused it clearly. Nothing was accepted.
        SubmitUnconfirmed
            Anything else. It may have been accepted and billed. A cancellation
            (CancelledError) while this runs means the same.
        """
        call = self._call("POST", addresses.model_path(model_id), inputs, total_s=self._patience.submit_s)
        http = await self._connections.submits()
        request, auth = self._request(call)
        outcome: Prediction | HailuoError
        try:
            outcome = judged(await self._send(http, call, request, auth), self._key)
        except Exception as error:  # noqa: BLE001 - whatever it was, the POST may have left
            outcome = unconfirmed(f"The submit broke off ({type(error).__name__}).")
        if isinstance(outcome, HailuoError):
            raise outcome
        return outcome

    async def result(self, prediction_id: str, *, tries: int | None = None) -> Prediction:
        """Ask how a prediction is doing.

        Parameters
        ----------
        prediction_id : str
            Its id.
        tries : int, optional
            How often to try on trouble; `Patience.tries` when not given.

        Raises
        ------
        NotFound
            An unknown id, one of another account, or older than 7 days.
        ServiceError
            Its other classes: no answer, or one of another kind.
        """
        path = f"/api/v3/predictions/{addresses.prediction_id(prediction_id)}/result"

        def read(data: Any) -> Prediction:
            return _present(from_data(data, asked_id=prediction_id), "the prediction")

        return await self._ask(self._call("GET", path), read, tries=tries, data_decides=True)

    async def upload(self, data: bytes, filename: str, content_type: str) -> str:
        """Upload a picture and give the address under which a model can read it.

        Parameters
        ----------
        data : bytes
            At most 200 MB.
        filename : str
            Only its last part is told, in plain letters.
        content_type : str
            image/png or image/jpeg.
        """
        uploading.check_file(data, content_type)
        name = uploading.file_name(filename)
        wish = {"filename": name, "size": len(data), "content_type": content_type}
        try:
            ticket = await self._ask(self._call("POST", "/api/v3/media/uploads", wish), uploading.read_ticket)
        except (errors.NotFound, errors.RequestRefused) as refused:
            if not {refused.status_code, refused.code} & {404, 405}:
                raise
            ticket = None
        if ticket is None:
            return await self._upload_in_one(data, name, content_type)
        total_s = self._upload_s(data)
        waits = self._patience.timeout(total_s)

        async def put() -> bool | ServiceError:
            http = await self._connections.files()
            call = _Call(
                "PUT", addresses.without_query(ticket.put_url), total_s=total_s, most_bytes=1_000_000
            )
            outcome = await self._send(http, call, uploading.put_request(ticket, data, waits), NoAuth())
            if isinstance(outcome, ServiceError):
                return outcome
            return uploading.put_trouble(outcome.status_code) or True

        await self._again(put, self._patience.tries)
        return ticket.download_url

    async def _upload_in_one(self, data: bytes, name: str, content_type: str) -> str:
        """Upload by the older call, a form with one file."""
        form = httpx.Request("POST", self._base_url, files={"file": (name, data, content_type)})
        call = _Call(
            "POST",
            "/api/v3/media/upload/binary",
            form.read(),
            form.headers["Content-Type"],
            total_s=self._upload_s(data),
            most_bytes=self._patience.answer_bytes,
        )
        return await self._ask(call, uploading.read_download_url)

    async def price(self, model_id: str, inputs: Mapping[str, Any]) -> Decimal:
        """Ask what one clip of these inputs costs now, in US dollars; free of charge."""
        addresses.model_path(model_id)
        body = {"model_id": model_id, "inputs": dict(inputs)}

        def read(data: Any) -> Decimal:
            return _present(read_price(data), "a price in US dollars")

        try:
            return await self._ask(self._call("POST", "/api/v3/model/price", body), read)
        except (errors.NotFound, errors.RequestRefused) as refused:
            if not {refused.status_code, refused.code} & {404, 405}:
                raise
        return await self._ask(self._call("POST", "/api/v3/model/pricing", body), read)

    async def balance(self) -> Decimal:
        """Ask for the account's balance in US dollars."""

        def read(data: Any) -> Decimal:
            return _present(read_usd(_inside(data, "balance")), "a balance")

        return await self._ask(self._call("GET", "/api/v3/balance"), read)

    async def models(self) -> list[dict[str, Any]]:
        """Ask for the list of all models, each with its JSON Schema and base price."""

        def read(data: Any) -> list[dict[str, Any]]:
            return [entry for entry in _present(_list(data), "the models") if isinstance(entry, dict)]

        return await self._ask(
            self._call("GET", "/api/v3/models", most_bytes=self._patience.list_bytes), read
        )

    async def recent(
        self,
        *,
        model: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        include_inputs: bool = True,
    ) -> list[Prediction]:
        """List the account's predictions of the last 7 days, all pages of them, each once.

        Parameters
        ----------
        model : str, optional
            Only those of this model id.
        created_after, created_before : datetime, optional
            Only those of this time; zone-aware.
        include_inputs : bool
            Whether to ask for their inputs; the service may leave them out all the same.

        Raises
        ------
        AnswerUnreadable
            Also when the pages do not end: half a list would be worse than none.
        """
        body: dict[str, Any] = {"include_inputs": include_inputs}
        if model is not None:
            body["model"] = model
        if created_after is not None:
            body["created_after"] = _wire_time(created_after)
        if created_before is not None:
            body["created_before"] = _wire_time(created_before)
        found: dict[str, Prediction] = {}
        for item in await self._pages("/api/v3/predictions", body):
            prediction = from_data(item)
            if prediction is not None and _is_asked_for(prediction, model, created_after, created_before):
                found.setdefault(prediction.id, prediction)
        return list(found.values())

    async def billings(self, prediction_ids: Iterable[str]) -> list[Billing]:
        """List what was billed and refunded for predictions; may lag behind their completion.

        Parameters
        ----------
        prediction_ids : iterable of str
            Any number of them.
        """
        ids = list(dict.fromkeys(addresses.prediction_id(one) for one in prediction_ids))
        found: list[Billing] = []
        for start in range(0, len(ids), IDS_AT_ONCE):
            asked = ids[start : start + IDS_AT_ONCE]
            for item in await self._pages("/api/v3/billings/search", {"prediction_uuids": asked}):
                billing = read_billing(item)
                if billing is not None and billing.prediction_id in asked:
                    found.append(billing)
        return found

    async def delete(self, prediction_ids: Iterable[str]) -> int:
        """Delete predictions at the service for good and give how many were; sent once."""
        ids = [addresses.prediction_id(one) for one in prediction_ids]
        if not ids:
            return 0

        def read(data: Any) -> int:
            return _present(whole_number(_inside(data, "deleted_count")), "how many were deleted")

        return await self._ask(self._call("POST", "/api/v3/predictions/delete", {"ids": ids}), read, tries=1)

    async def download(
        self, url: str, path: Path, *, on_bytes: OnBytes | None = None, max_bytes: int = MOST_BYTES
    ) -> int:
        """Fetch a file without the key, as `hailuo_nb.wavespeed.download.download` does."""
        return await download(
            url,
            path,
            client=await self._connections.files(),
            on_bytes=on_bytes,
            max_bytes=max_bytes,
            sleep=self._sleep,
            now=self._now,
            utc_now=self._utc_now,
        )

    def _upload_s(self, data: bytes) -> float:
        """Give an upload time by its size."""
        return self._patience.total_s + len(data) / self._patience.upload_bytes_per_s

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        total_s: float | None = None,
        most_bytes: int | None = None,
    ) -> _Call:
        """Make a call; what is no JSON is refused here, before anything is sent."""
        content = None
        if body is not None:
            try:
                content = json.dumps(dict(body), ensure_ascii=False, allow_nan=False).encode("utf-8")
            except (TypeError, ValueError, RecursionError):
                raise InvalidRequest("These inputs cannot be written as JSON; nothing was sent.") from None
        return _Call(
            method,
            path,
            content,
            total_s=total_s or self._patience.total_s,
            most_bytes=most_bytes or self._patience.answer_bytes,
        )

    def _request(self, call: _Call) -> tuple[httpx.Request, KeyAuth]:
        """Make the bare request of a call: no cookies, no header but these."""
        base_url = self._base_url
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "hailuo_nb"}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        request = httpx.Request(
            call.method,
            base_url + call.path,
            headers=headers,
            content=call.body,
            extensions={"timeout": self._patience.timeout(call.total_s)},
        )
        return request, KeyAuth(self._key, base_url)

    async def _send(
        self, http: httpx.AsyncClient, call: _Call, request: httpx.Request, auth: httpx.Auth
    ) -> Answer | ServiceError:
        """Send one request once."""
        outcome = await exchange(
            http,
            request,
            auth=auth,
            key=self._key,
            total_s=call.total_s,
            most_bytes=call.most_bytes,
            utc_now=self._utc_now,
        )
        came = f"HTTP {outcome.status_code}" if isinstance(outcome, Answer) else type(outcome).__name__
        LOG.debug("%s %s: %s", call.method, call.path, came)
        return outcome

    async def _ask(
        self, call: _Call, read: Read[T], *, tries: int | None = None, data_decides: bool = False
    ) -> T:
        """Make a call that is safe to repeat and read its data.

        With `data_decides`, data that can be read is taken whatever code is around it: a failed prediction
        may come with its task's code there.
        """

        async def once() -> T | ServiceError:
            http = await self._connections.calls()
            outcome = await self._send(http, call, *self._request(call))
            if isinstance(outcome, ServiceError):
                return outcome
            envelope = read_envelope(outcome, self._key)
            trouble = trouble_of(envelope)
            if trouble is not None and not (data_decides and outcome.status_code == 200):
                return trouble
            try:
                return read(envelope.data)
            except errors.AnswerUnreadable as error:
                return trouble or error

        return await self._again(once, tries or self._patience.tries)

    async def _again(self, once: Callable[[], Awaitable[T | ServiceError]], tries: int) -> T:
        """Try until it works, the trouble is no passing one, or patience ends; pauses grow, with jitter."""
        patience = self._patience
        began = self._now()
        attempt = 1
        while isinstance(outcome := await once(), ServiceError):
            pause = min(patience.wait_first_s * 2.0 ** (attempt - 1), patience.wait_most_s)
            pause = max(pause * (0.5 + self._randomness()), outcome.retry_after or 0.0)
            is_over = attempt >= tries or self._now() - began + pause > patience.patience_s
            asks_too_long = (outcome.retry_after or 0.0) > patience.wait_most_s
            if is_over or asks_too_long or not isinstance(outcome, TRANSIENT):
                raise outcome
            LOG.debug("trying again in %.1f s: %s", pause, type(outcome).__name__)
            await self._sleep(pause)
            attempt += 1
        return outcome

    async def _pages(self, path: str, body: Mapping[str, Any]) -> list[Any]:
        """Read every page of a list."""
        found: list[Any] = []
        seen: set[str] = set()
        received = 0
        for page in range(1, MOST_PAGES + 1):
            call = self._call("POST", path, {"page": page, "page_size": PAGE_SIZE, **body})
            items, total = await self._ask(call, _read_page)
            received += len(items)
            # A new prediction moves the others on, so that one may be seen twice.
            fresh = {json.dumps(item, sort_keys=True): item for item in items}
            fresh = {text: item for text, item in fresh.items() if text not in seen}
            seen |= fresh.keys()
            found += fresh.values()
            is_last = received >= total if total is not None else len(items) < PAGE_SIZE
            if is_last or not items:
                return found
            if not fresh:
                break
        raise errors.AnswerUnreadable("The service's list does not end; try again later.")


def _read_page(data: Any) -> tuple[list[Any], int | None]:
    """Read one page: its items and how many there are in all, where that is told."""
    items = _present(_list(_inside(data, "items")), "a page of a list")
    return items, whole_number(_inside(data, "total"))


def _present(value: T | None, what: str) -> T:
    """Give a value that is there, or say that the answer cannot be read."""
    if value is None:
        raise errors.AnswerUnreadable(f"The service's answer does not hold {what}; try again later.")
    return value


def _list(value: object) -> list[Any] | None:
    """Give a list, or None for anything else."""
    return value if isinstance(value, list) else None


def _inside(data: object, name: str) -> Any:
    """Give a named part of an answer's data, or None."""
    return data.get(name) if isinstance(data, dict) else None


def _wire_time(moment: datetime) -> str:
    """Write a time as the service does; one without a zone is a mistake of the caller."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _is_asked_for(
    prediction: Prediction, model: str | None, after: datetime | None, before: datetime | None
) -> bool:
    """Whether a prediction is within the filters, which a service may ignore."""
    if model is not None and prediction.model and prediction.model != model:
        return False
    created = prediction.created_utc
    if created is None:
        return True
    return (after is None or created >= after) and (before is None or created <= before)
