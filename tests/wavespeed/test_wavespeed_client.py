"""The calls that may be repeated: what they send, read, repeat and give up on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from wavespeed_server import (
    CANARY,
    MODEL,
    NOW,
    PATIENT,
    QUICK,
    Act,
    Pauses,
    client_of,
    closed_port,
    drip,
    envelope,
    everything_in,
    http,
    prediction,
    say,
    say_and_close,
    say_and_reset,
    say_and_stall,
    serve,
)

from hailuo_nb import errors
from hailuo_nb.wavespeed.client import TRANSIENT, Client
from hailuo_nb.wavespeed.exchange import Patience

RESULT_CALL = "/api/v3/predictions/abc123/result"
DONE = prediction(status="completed", outputs=["https://cdn.test/a.mp4?sig=1"], executionTime=41_000)


def asked(
    answers: list[httpx.Response | Exception],
    ask: Callable[[Client], Awaitable[Any]],
    *,
    pauses: Pauses | None = None,
    patience: Patience = PATIENT,
) -> tuple[Any, list[httpx.Request]]:
    """Play answers, the last one again and again, to one call; give its outcome and the requests."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    async def run() -> Any:
        client = client_of(
            "https://service.test", pauses=pauses, transport=httpx.MockTransport(handler), patience=patience
        )
        try:
            return await ask(client)
        except errors.HailuoError as error:
            return error
        finally:
            await client.aclose()

    return asyncio.run(run()), seen


def answer(data: Any = None, status: int = 200, code: int | None = 200, **headers: str) -> httpx.Response:
    """Make an answer."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=names, content=envelope(data, code, "said"))


def result(client: Client) -> Awaitable[Any]:
    """Ask for the result every test here asks for."""
    return client.result("abc123")


def test_result_reads_a_finished_prediction() -> None:
    """Status, outputs, times and the key in the header."""
    found, [request] = asked([answer(DONE)], result)
    assert (found.status, found.is_final, found.execution_ms) == ("completed", True, 41_000)
    assert found.outputs == ("https://cdn.test/a.mp4?sig=1",)
    assert found.created_utc == datetime(2026, 9, 29, 23, 9, 43, 27_000, tzinfo=UTC)
    assert (request.method, request.url.path) == ("GET", RESULT_CALL)
    assert request.headers["authorization"] == f"Bearer {CANARY}"


PASSING: dict[str, Act] = {
    "reset": say_and_reset(b""),
    "reset in the body": say_and_reset(http(200, envelope(DONE))[:-20]),
    "truncated": say_and_close(http(200, envelope(DONE))[:-20]),
    "closed": say_and_close(b""),
    "HTML": say(http(200, b"<html>")),
    "data null": say(http(200, envelope(None))),
    "another prediction": say(http(200, envelope(prediction("other")))),
    "429": say(http(429, envelope(None, 429))),
    "429 in the envelope": say(http(200, envelope(None, 429))),
    "500": say(http(500, envelope(None, 500, "internal error"))),
    "502": say(http(502, b"<html>")),
    "redirect": say(http(302, b"", "Location: /elsewhere")),
    "oversized": say(http(200, envelope(prediction(error="x" * 30_000)))),
}


@pytest.mark.parametrize("act", PASSING.values(), ids=PASSING.keys())
def test_a_poll_goes_on_after_trouble(act: Act) -> None:
    """Trouble that may pass is waited out, with the same id and nothing followed elsewhere."""

    async def run() -> None:
        pauses = Pauses()
        async with serve(act, act, say(http(200, envelope(DONE)))) as server:
            client = client_of(server.url, pauses=pauses)
            assert (await result(client)).status == "completed"
            await client.aclose()
        assert [(seen.method, seen.path) for seen in server.seen] == [("GET", RESULT_CALL)] * 3
        assert pauses.slept == [0.5, 1.0]

    asyncio.run(run())


@pytest.mark.parametrize(
    "act", [say_and_stall(b""), drip(http(200, envelope(DONE)))], ids=["stall", "slow bytes"]
)
def test_a_poll_without_an_answer_ends(act: Act) -> None:
    """Neither silence nor a trickle holds it longer than its limits, try for try."""

    async def run() -> None:
        async with serve(act) as server:
            client = client_of(server.url, patience=QUICK)
            with pytest.raises(errors.ConnectionLost) as caught:
                await client.result("abc123", tries=1)
            await client.aclose()
            assert len(server.seen) == 1
        assert CANARY not in everything_in(caught.value)

    asyncio.run(run())


def test_a_poll_gives_up_after_its_tries() -> None:
    """The last trouble is what is raised, after growing pauses."""
    pauses = Pauses()
    found, requests = asked([answer(None, 503, 503)], result, pauses=pauses)
    assert type(found) is errors.ServiceUnavailable
    assert (found.status_code, found.code) == (503, 503)
    assert (len(requests), pauses.slept) == (3, [0.5, 1.0])


def test_a_poll_to_a_closed_port_is_tried_again() -> None:
    """A service that is being started again may come back."""
    pauses = Pauses()

    async def run() -> None:
        client = client_of(f"http://127.0.0.1:{closed_port()}", pauses=pauses)
        with pytest.raises(errors.NotConnected):
            await result(client)
        await client.aclose()

    asyncio.run(run())
    assert pauses.slept == [0.5, 1.0]


@pytest.mark.parametrize(
    ("header", "date", "slept"),
    [
        ("7", "", 7.0),
        ("0.25", "", 0.5),
        ("0", "", 0.5),
        ("Tue, 29 Sep 2026 23:10:09 GMT", "", 9.0),
        ("Tue, 29 Sep 2026 23:10:09 GMT", "Tue, 29 Sep 2026 23:10:05 GMT", 4.0),
        ("Tue, 29 Sep 2026 23:09:00 GMT", "", 0.5),
        ("soon", "", 0.5),
        ("-5", "", 0.5),
        ("nan", "", 0.5),
        ("9" * 400, "", 0.5),
        ("Tue, 99 Sep 2026 99:99:99 GMT", "", 0.5),
    ],
)
def test_retry_after_is_obeyed_in_both_forms(header: str, date: str, slept: float) -> None:
    """Seconds or a date (by the answer's own clock if it has one); nonsense means the usual pause."""
    pauses = Pauses()
    limited = answer(None, 429, 429, Retry_After=header, **({"Date": date} if date else {}))
    found, _ = asked([limited, answer(DONE)], result, pauses=pauses)
    assert found.status == "completed"
    assert pauses.slept == [slept]


def test_a_long_retry_after_is_handed_on() -> None:
    """What is asked to wait longer than the limit is the caller's to plan."""
    pauses = Pauses()
    found, requests = asked([answer(None, 429, 429, Retry_After="3600")], result, pauses=pauses)
    assert type(found) is errors.RateLimited
    assert (found.retry_after, len(requests), pauses.slept) == (3600.0, 1, [])


def test_patience_ends_before_the_tries() -> None:
    """No try begins after the time a call may take in all."""
    pauses = Pauses()
    slow = answer(None, 429, 429, Retry_After="50")
    found, requests = asked([slow], result, pauses=pauses, patience=Patience(tries=10, patience_s=120.0))
    assert type(found) is errors.RateLimited
    assert (len(requests), pauses.slept) == (3, [50.0, 50.0])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.RequestRefused),
        (401, errors.AccessDenied),
        (403, errors.AccessDenied),
        (404, errors.NotFound),
    ],
)
def test_a_refused_poll_is_not_repeated(status: int, kind: type[Exception]) -> None:
    """On other 4xx the vendor says to stop."""
    found, requests = asked([answer(None, status, status)], result)
    assert type(found) is kind
    assert kind not in TRANSIENT
    assert len(requests) == 1


def test_a_failed_task_is_read_whatever_code_is_around_it() -> None:
    """A final prediction in an envelope with its task's code is not asked for again for ever."""
    failed = prediction(status="failed", error="Content flagged as potentially sensitive")
    found, requests = asked([answer(failed, 200, 1200)], result)
    assert (found.status, len(requests)) == ("failed", 1)


@pytest.mark.parametrize("text", ["", "..", "a/b", "a?b", "../../balance", "a\r\nb", "x" * 300, "é"])
def test_an_id_that_is_none_gets_into_no_path(text: str) -> None:
    """A pasted id is checked before anything is sent."""
    for ask in (
        lambda client: client.result(text),
        lambda client: client.delete([text]),
        lambda client: client.billings([text]),
    ):
        found, requests = asked([answer(DONE)], ask)
        assert type(found) is errors.InvalidRequest
        assert requests == []


def price(client: Client) -> Awaitable[Any]:
    """Ask for the price every test here asks for."""
    return client.price(MODEL, {"prompt": "x"})


@pytest.mark.parametrize(
    ("data", "usd"),
    [
        ({"price": 0.49, "discounted_price": 0.441, "discount_rate": 10, "currency": "USD"}, "0.441"),
        ({"price": 0.49}, "0.49"),
        ({"price": "0.49", "discounted_price": None}, "0.49"),
        ({"price": 0.49, "discounted_price": 0}, "0.49"),
        ({"price": 0, "discounted_price": 0}, "0"),
        ({"price": 1, "discounted_price": 1}, "1"),
    ],
)
def test_price_is_what_one_pays(data: dict[str, Any], usd: str) -> None:
    """The discounted price as exact decimal dollars; a zero beside a real price is no offer."""
    found, [request] = asked([answer(data)], price)
    assert isinstance(found, Decimal)
    assert found == Decimal(usd)
    assert request.url.path == "/api/v3/model/price"
    assert json.loads(request.content) == {"model_id": MODEL, "inputs": {"prompt": "x"}}


@pytest.mark.parametrize(
    "data", [None, {}, {"price": "dear"}, {"price": -1}, {"price": True}, {"price": 1, "currency": "EUR"}]
)
def test_a_price_that_is_none_is_not_taken(data: Any) -> None:
    """No amount, a negative one, or one in another currency is no quote."""
    found, _ = asked([answer(data)], price)
    assert type(found) is errors.AnswerUnreadable


def test_price_falls_back_to_the_older_call() -> None:
    """A service that has no price call has the legacy one."""
    for gone in (answer(None, 404, 404), httpx.Response(405, content=b"no"), answer(None, 200, 404)):
        older = answer({"model_id": MODEL, "unit_price": 0.28, "currency": "USD"})
        found, requests = asked([gone, older], price)
        assert found == Decimal("0.28")
        assert [r.url.path for r in requests] == ["/api/v3/model/price", "/api/v3/model/pricing"]


def test_balance_and_models() -> None:
    """Money is exact; entries that are no objects are left out."""
    found, _ = asked([answer({"balance": 12.34})], lambda client: client.balance())
    assert found == Decimal("12.34")
    found, _ = asked([answer([{"model_id": "a/b"}, None])], lambda client: client.models())
    assert found == [{"model_id": "a/b"}]


def pages_of(count: int, *, total: bool, size: int = 100) -> list[httpx.Response]:
    """Cut a list of predictions into pages."""
    items = [prediction(f"id{number}", inputs={"prompt": "x"}) for number in range(count)]
    return [
        answer(
            {"page": start // size + 1, "items": items[start : start + size]}
            | ({"total": count} if total else {})
        )
        for start in range(0, max(count, 1), size)
    ]


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_recent_reads_every_page(count: int, total: bool) -> None:
    """All predictions once, with their inputs, whether or not the service says how many there are."""
    answers = [*pages_of(count, total=total), answer({"items": []})]
    found, requests = asked(answers, lambda client: client.recent(model=MODEL), patience=Patience())
    assert [one.id for one in found] == [f"id{number}" for number in range(count)]
    assert all(one.inputs == {"prompt": "x"} for one in found)
    first = json.loads(requests[0].content)
    assert first == {"page": 1, "page_size": 100, "include_inputs": True, "model": MODEL}
    assert [json.loads(r.content)["page"] for r in requests] == list(range(1, len(requests) + 1))


def test_recent_reads_on_where_pages_are_smaller_than_asked() -> None:
    """The total decides, not the size that was asked for."""
    found, _ = asked(pages_of(50, total=True, size=20), lambda client: client.recent(), patience=Patience())
    assert len(found) == 50


def test_recent_sends_times_and_filters_itself() -> None:
    """A service that ignores the filters must not offer strangers for adoption."""
    items = [
        prediction("in"),
        prediction("late", created_at="2026-09-30T00:00:00Z"),
        prediction("early", created_at="2026-09-29T20:00:00Z"),
        prediction("other", model="minimax/hailuo-2.3/fast"),
        prediction("undated", created_at=None),
        {"no": "id"},
        None,
    ]
    after = datetime(2026, 9, 29, 23, 0, tzinfo=UTC)
    found, [request] = asked(
        [answer({"items": items})],
        lambda client: client.recent(model=MODEL, created_after=after, created_before=NOW),
    )
    assert [one.id for one in found] == ["in", "undated"]
    body = json.loads(request.content)
    assert (body["created_after"], body["created_before"]) == (
        "2026-09-29T23:00:00.000Z",
        "2026-09-29T23:10:00.000Z",
    )


def test_recent_sees_a_prediction_that_moved_to_the_next_page_once() -> None:
    """A new prediction between two pages shifts the others."""
    items = [prediction(f"id{number}") for number in range(101)]
    answers = [answer({"items": items[:100]}), answer({"items": items[99:]})]
    found, _ = asked(answers, lambda client: client.recent(), patience=Patience())
    assert [one.id for one in found] == [one["id"] for one in items]


def test_a_list_that_never_ends_is_no_list() -> None:
    """Half a list would look like "no match", and a full page for ever is caught at its second sight."""
    [full] = pages_of(100, total=False)
    found, requests = asked([full], lambda client: client.recent(), patience=Patience())
    assert type(found) is errors.AnswerUnreadable
    assert len(requests) == 2


def test_a_page_in_the_middle_that_fails_fails_the_list() -> None:
    """Nobody decides on half a list."""
    found, _ = asked(
        [pages_of(100, total=False)[0], answer(None, 500, 500)],
        lambda client: client.recent(),
        patience=Patience(tries=2),
    )
    assert type(found) is errors.ServiceUnavailable


def billing(prediction_id: str, kind: str, usd: Any, uuid: str) -> dict[str, Any]:
    """Give a line of the bill as the service writes it."""
    return {
        "uuid": uuid,
        "billing_type": kind,
        "price": usd,
        "created_at": "2026-09-29T23:10:00Z",
        "prediction": {"uuid": prediction_id, "model_uuid": MODEL, "status": "completed"},
    }


def test_billings_are_exact_and_only_those_asked_for() -> None:
    """Deducts and refunds with their prediction; other people's lines and lines that cannot be read are left out."""
    items = [
        billing("a1", "deduct", 0.49, "u1"),
        billing("a1", "refund", "-0.49", "u2"),
        billing("a1", "gift", 5, "u3"),
        billing("zz", "deduct", 9.99, "u4"),
        billing("a1", "deduct", "much", "u5"),
        None,
    ]
    found, [request] = asked([answer({"items": items})], lambda client: client.billings(["a1", "a1", "b2"]))
    assert [(one.prediction_id, one.kind, one.usd) for one in found] == [
        ("a1", "deduct", Decimal("0.49")),
        ("a1", "refund", Decimal("0.49")),
    ]
    assert json.loads(request.content)["prediction_uuids"] == ["a1", "b2"]


def test_billings_of_many_are_asked_for_in_parts() -> None:
    """Any number of ids, in requests of bounded size; of none, nothing is asked."""
    found, requests = asked(
        [answer({"items": []})], lambda client: client.billings(f"id{number}" for number in range(120))
    )
    assert found == []
    assert [len(json.loads(r.content)["prediction_uuids"]) for r in requests] == [50, 50, 20]
    assert asked([answer({"items": []})], lambda client: client.billings([])) == ([], [])


def test_delete_is_sent_once() -> None:
    """What deletes is not repeated by itself, and nothing is sent for nothing."""
    found, [request] = asked([answer({"deleted_count": 2})], lambda client: client.delete(["a", "b"]))
    assert (found, json.loads(request.content)) == (2, {"ids": ["a", "b"]})
    found, requests = asked([answer(None, 500, 500)], lambda client: client.delete(["a"]))
    assert type(found) is errors.ServiceUnavailable
    assert len(requests) == 1
    assert asked([], lambda client: client.delete([])) == (0, [])


@pytest.mark.parametrize(
    "address",
    [
        "",
        "api.wavespeed.ai",
        "http://api.wavespeed.ai",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.test",
        "http://localhost@evil.test",
        "https://user:secret@api.wavespeed.ai",
        "https://api.wavespeed.ai?x=1",
        "https://api.wavespeed.ai#x",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://a b",
        "https://a\r\nb",
        "https://[bad",
    ],
)
def test_the_key_goes_to_https_or_this_machine_only(address: str) -> None:
    """At the start and at every later change of the address."""
    with pytest.raises(errors.SettingInvalid) as caught:
        client_of(address)
    assert "secret" not in str(caught.value)
    client = client_of("https://service.test")
    with pytest.raises(errors.SettingInvalid):
        client.base_url = address
    assert client.base_url == "https://service.test"


def test_addresses_that_are_right() -> None:
    """Https anywhere, http on this machine, a path before the calls; slashes at the end are dropped."""
    for address in ("https://a.test/x/", "http://localhost:1", "http://127.0.0.1:8/", "http://[::1]:8"):
        assert client_of(address).base_url == address.rstrip("/")


def test_calls_share_connections_that_are_kept() -> None:
    """Twenty polls in a row need one connection."""

    async def run() -> int:
        async with serve(say(http(200, envelope(DONE)))) as server:
            client = client_of(server.url)
            for _ in range(20):
                await result(client)
            await client.aclose()
            return server.connections

    assert asyncio.run(run()) == 1
