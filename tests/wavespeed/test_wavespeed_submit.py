"""Submit: one POST at most, and the right name for what came of it."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wavespeed_server import (
    CANARY,
    INPUTS,
    MODEL,
    MODEL_CALL,
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
from hailuo_nb.wavespeed.answers import Answer
from hailuo_nb.wavespeed.exchange import NEVER_OPENED, Patience
from hailuo_nb.wavespeed.key import Key
from hailuo_nb.wavespeed.prediction import Prediction
from hailuo_nb.wavespeed.submitting import judged

GOOD = http(200, envelope(prediction()))
HTML = b"<html><body>Bad gateway</body></html>"
NO_CREDITS = b'{"code":400,"message":"Insufficient credits. Please top up your account to continue."}'

# What leaves everybody in the dark, whatever was meant by it.
UNCONFIRMED: dict[str, Act] = {
    "closed without an answer": say_and_close(b""),
    "reset without an answer": say_and_reset(b""),
    "stall": say_and_stall(b""),
    "reset in the status line": say_and_reset(b"HTTP/1.1 20"),
    "reset in the headers": say_and_reset(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset in the body": say_and_reset(GOOD[:-30]),
    "truncated": say_and_close(GOOD[:-30]),
    "length too long": say_and_close(http(200, envelope(prediction()), length=100_000)),
    "length too short": say_and_close(http(200, envelope(prediction()), length=40)),
    "stall in the headers": say_and_stall(b"HTTP/1.1 200 OK\r\n"),
    "stall in the body": say_and_stall(GOOD[:-30]),
    "slow bytes": drip(http(200, envelope(prediction(error="x" * 200)))),
    "endless 1xx": drip(b"HTTP/1.1 102 Processing\r\n\r\n" * 50, 0.001),
    "oversized, announced": say(http(200, envelope(prediction(error="x" * 30_000)))),
    "oversized, chunked": say_and_close(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"1000\r\n" + b"x" * 0x1000 + b"\r\n") * 10
    ),
    "a gzip bomb": say(http(200, gzip.compress(b" " * 5_000_000), "Content-Encoding: gzip")),
    "an unknown packing": say(http(200, envelope(prediction()), "Content-Encoding: br")),
    "no HTTP": say_and_close(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "HTML": say(http(200, HTML, "Content-Type: text/html")),
    "HTML with 403": say(http(403, HTML)),
    "empty": say(http(200)),
    "204": say(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "bad JSON": say(http(200, envelope(prediction())[:-10])),
    "deep JSON": say(http(200, b"[" * 15_000)),
    "deep JSON inside": say(http(200, b'{"data":' * 900 + b"1" + b"}" * 900)),
    "not UTF-8": say(http(200, b'{"code":200,"data":{"id":"\xff\xfe"}}')),
    "NaN": say(http(200, b'{"code":200,"data":{"id":"abc","executionTime":NaN}}')),
    "a list": say(http(200, b"[1]")),
    "data null": say(http(200, envelope(None))),
    "data a text": say(http(200, envelope("abc"))),
    "no id": say(http(200, envelope(prediction("")))),
    "an id that is a path": say(http(200, envelope(prediction("../../balance")))),
    "an id of another kind": say(http(200, envelope(prediction("x") | {"id": ["x"]}))),
    "envelope 500": say(http(200, envelope(None, 500, "internal error"))),
    "an unknown code": say(http(200, envelope(None, 1405, "task failed"))),
    "refused, and an id": say(http(200, envelope(prediction(), 400, "bad"))),
    "refused by HTTP, accepted by the envelope": say(http(400, envelope(None, 200))),
    "refused by HTTP, with an id": say(http(400, envelope(prediction(), 400))),
    "400 with envelope 500": say(http(400, envelope(None, 500))),
    "400, truncated": say_and_close(http(400, envelope(None, 400, "bad"))[:-12]),
    "408": say(http(408, envelope(None, 408))),
    **{f"{status}": say(http(status, envelope(None, status))) for status in (500, 502, 503, 504, 520)},
    "500 that says 429": say(http(500, envelope(None, 429))),
    "500 that says 400": say(http(500, envelope(None, 400))),
    "502 HTML": say(http(502, HTML)),
    **{
        f"{status} to the same host": say(http(status, b"", "Location: /api/v3/elsewhere"))
        for status in (301, 302, 303, 307, 308)
    },
    "307 elsewhere": say(http(307, b"", "Location: http://127.0.0.1:9/x")),
    "302 to no address": say(http(302, b"", "Location: javascript:alert(1)")),
    "304": say(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
}
REFUSED: dict[str, tuple[bytes, type[errors.ServiceError]]] = {
    "no credits": (http(400, NO_CREDITS), errors.InsufficientCredits),
    "no credits with HTTP 200": (http(200, NO_CREDITS), errors.InsufficientCredits),
    "402": (http(402, envelope(None, 402, "pay")), errors.InsufficientCredits),
    "a wrong request": (http(400, envelope(None, 400, "prompt is required")), errors.RequestRefused),
    "a wrong request with HTTP 200": (
        http(200, envelope(None, 400, "prompt is required")),
        errors.RequestRefused,
    ),
    "JSON of another kind": (http(422, b'{"detail": "no"}'), errors.RequestRefused),
    "a task's code": (http(400, envelope(None, 1401, "bad duration")), errors.RequestRefused),
    "401": (http(401, envelope(None, 401, "Unauthorized")), errors.AccessDenied),
    "403": (http(403, envelope(None, 403, "suspended")), errors.AccessDenied),
    "404": (http(404, envelope(None, 404, "model not found")), errors.NotFound),
    "404 with HTTP 200": (http(200, envelope(None, 404, "model not found")), errors.NotFound),
    "429": (http(429, envelope(None, 429, "slow down")), errors.RateLimited),
    "429 with HTTP 200": (http(200, envelope(None, 429, "slow down")), errors.RateLimited),
    "429 with HTTP 400": (http(400, envelope(None, 429, "slow down")), errors.RateLimited),
    "429 HTML": (http(429, HTML), errors.RateLimited),
    "429 empty": (http(429), errors.RateLimited),
}


def submitted(
    act: Act | None, *, reset_after: int | None = None, patience: Patience = PATIENT
) -> tuple[Any, int, list[float], int]:
    """Submit once to a server with this act; give the outcome, POSTs, pauses and requests."""

    async def run() -> tuple[Any, int, list[float], int]:
        pauses = Pauses()
        async with serve(*([act] if act else []), reset_after=reset_after) as server:
            client = client_of(server.url, pauses=pauses, patience=patience)
            outcome: Any
            try:
                outcome = await client.submit(MODEL, INPUTS)
            except errors.HailuoError as error:
                outcome = error
            finally:
                await client.aclose()
            return outcome, server.posts(), pauses.slept, len(server.heads)

    return asyncio.run(run())


@pytest.mark.parametrize("act", UNCONFIRMED.values(), ids=UNCONFIRMED.keys())
def test_what_is_no_clear_answer_is_unconfirmed_after_one_post(act: Act) -> None:
    """Nothing is repeated or followed, the key shows nowhere, and the message says that it may be billed."""
    outcome, posts, slept, requests = submitted(act, patience=QUICK)
    assert type(outcome) is errors.SubmitUnconfirmed
    assert (posts, slept, requests) == (1, [], 1)
    assert "may be billed" in str(outcome)
    assert "\n" not in str(outcome)
    assert CANARY not in everything_in(outcome)


def test_a_reset_before_or_after_the_head_is_unconfirmed() -> None:
    """The connection opened, so nobody knows what was read, even when it was nothing."""
    for stage, posts in ((0, 0), (1, 1)):
        outcome, seen, slept, _ = submitted(None, reset_after=stage)
        assert type(outcome) is errors.SubmitUnconfirmed
        assert (seen, slept) == (posts, [])


@pytest.mark.parametrize(("answer", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_a_clear_refusal_has_its_own_class_after_one_post(
    answer: bytes, kind: type[errors.ServiceError]
) -> None:
    """HTTP status and envelope code are both read; even a refusal for the rate is not repeated here."""
    outcome, posts, slept, requests = submitted(say(answer))
    assert type(outcome) is kind
    assert (posts, slept, requests) == (1, [], 1)
    assert CANARY not in everything_in(outcome)


def test_a_good_answer_gives_the_prediction() -> None:
    """The POST is the documented one, with the key and the inputs as they are."""

    async def run() -> None:
        async with serve(say(GOOD)) as server:
            client = client_of(server.url + "/")
            found = await client.submit(MODEL, INPUTS | {"prompt": "Füchse 狐 🦊"})
            await client.aclose()
        [seen] = server.seen
        assert (found.id, found.status, found.is_final) == ("abc123", "created", False)
        assert (seen.method, seen.path) == ("POST", MODEL_CALL)
        assert seen.headers["authorization"] == f"Bearer {CANARY}"
        assert seen.headers["content-type"] == "application/json"
        assert json.loads(seen.body) == INPUTS | {"prompt": "Füchse 狐 🦊"}
        assert "cookie" not in seen.headers

    asyncio.run(run())


def test_a_packed_answer_is_read() -> None:
    """A gateway may pack what nobody asked it to."""
    packed = gzip.compress(envelope(prediction()))
    outcome, posts, _, _ = submitted(say(http(200, packed, "Content-Encoding: gzip")))
    assert isinstance(outcome, Prediction)
    assert posts == 1


def test_every_submit_opens_its_own_connection() -> None:
    """A kept connection may be dying; a submit on it could neither be repeated nor be relied on."""

    async def run() -> int:
        async with serve(say(GOOD)) as server:
            client = client_of(server.url)
            for _ in range(3):
                await client.submit(MODEL, INPUTS)
            await client.aclose()
            return server.connections

    assert asyncio.run(run()) == 3


def test_nobody_listening_is_not_connected() -> None:
    """A refused connection sent nothing, and says so."""

    async def run() -> None:
        client = client_of(f"http://127.0.0.1:{closed_port()}")
        with pytest.raises(errors.NotConnected) as caught:
            await client.submit(MODEL, INPUTS)
        await client.aclose()
        assert caught.value.__context__ is None
        assert CANARY not in everything_in(caught.value)

    asyncio.run(run())


def test_a_failed_tls_handshake_is_not_connected() -> None:
    """Without TLS the request never left."""

    async def run() -> None:
        async with serve(say(GOOD)) as server:
            client = client_of(server.url.replace("http:", "https:"))
            server.reset_after = 0
            with pytest.raises(errors.NotConnected):
                await client.submit(MODEL, INPUTS)
            await client.aclose()
            assert server.heads == []

    asyncio.run(run())


NETWORK_TROUBLE = sorted(
    (
        kind
        for kind in vars(httpx).values()
        if isinstance(kind, type) and issubclass(kind, httpx.RequestError) and kind is not httpx.RequestError
    ),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", [*NETWORK_TROUBLE, RuntimeError, OSError, httpx.InvalidURL, MemoryError])
def test_only_three_errors_of_httpx_mean_that_nothing_was_sent(kind: type[Exception]) -> None:
    """Every error httpx has, and some it does not, is named; the request is handed to the transport once."""
    calls: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise kind(f"trouble with Bearer {CANARY}")

    async def run() -> None:
        client = client_of("https://service.test", transport=httpx.MockTransport(handler))
        expected = errors.NotConnected if kind in NEVER_OPENED else errors.SubmitUnconfirmed
        with pytest.raises(expected) as caught:
            await client.submit(MODEL, INPUTS)
        assert type(caught.value) is expected
        assert CANARY not in everything_in(caught.value)

    asyncio.run(run())
    assert len(calls) == 1


def test_a_cancelled_submit_is_not_repeated() -> None:
    """A cancellation passes through; the POST had left."""

    async def run() -> int:
        async with serve(say_and_stall(b"")) as server:
            client = client_of(server.url)
            task = asyncio.create_task(client.submit(MODEL, INPUTS))
            await server.arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await client.aclose()
            return server.posts()

    assert asyncio.run(run()) == 1


def test_a_closed_client_sends_nothing() -> None:
    """After closing, a submit is surely unsent."""

    async def run() -> None:
        client = client_of("https://service.test", transport=httpx.MockTransport(_never))
        await client.aclose()
        with pytest.raises(errors.NotConnected):
            await client.submit(MODEL, INPUTS)

    asyncio.run(run())


@pytest.mark.parametrize(
    "model",
    [
        "",
        "t2v-pro",
        "../balance",
        "a/../b",
        "minimax/hailuo?webhook=http://x",
        "minimax/hailuo#x",
        "minimax//x",
        "/minimax/x",
        "minimax/x/",
        "minimax/%2e%2e/x",
        "minimax/x\r\nHost: y",
        "minimax/ü",
        "http://elsewhere.test/x",
        "predictions/delete",
        "Predictions/delete",
        "media/upload/binary",
        "billings/search",
        "model/price",
    ],
)
def test_a_model_id_that_is_none_sends_nothing(model: str) -> None:
    """No path is climbed, no query added, and none of the service's other calls is reached."""

    async def run() -> None:
        client = client_of("https://service.test", transport=httpx.MockTransport(_never))
        with pytest.raises(errors.InvalidRequest):
            await client.submit(model, INPUTS)
        with pytest.raises(errors.InvalidRequest):
            await client.price(model, INPUTS)

    asyncio.run(run())


@pytest.mark.parametrize(
    "value",
    [float("nan"), object(), b"x", "\ud800", {1, 2}],
    ids=["nan", "object", "bytes", "surrogate", "set"],
)
def test_inputs_that_are_no_json_send_nothing(value: object) -> None:
    """They are refused before the POST, so nothing is in doubt."""

    async def run() -> None:
        client = client_of("https://service.test", transport=httpx.MockTransport(_never))
        with pytest.raises(errors.InvalidRequest):
            await client.submit(MODEL, {"prompt": value})

    asyncio.run(run())


@given(
    status=st.integers(200, 599),
    body=st.one_of(
        st.binary(max_size=60),
        st.builds(
            lambda code, data: json.dumps({"code": code, "message": "m", "data": data}).encode(),
            st.one_of(st.none(), st.integers(-1, 6000), st.text(max_size=5)),
            st.one_of(st.none(), st.just({}), st.just({"id": "abc"}), st.lists(st.integers(), max_size=2)),
        ),
    ),
)
def test_any_answer_is_judged_and_only_sure_ones_free(status: int, body: bytes) -> None:
    """Whatever comes: a prediction from a success with an id only, a refusal from neither 5xx nor 3xx."""
    outcome = judged(Answer(status, {}, body), Key(CANARY))
    if isinstance(outcome, Prediction):
        assert 200 <= status < 300
        assert b'"id"' in body
    elif not isinstance(outcome, errors.SubmitUnconfirmed):
        assert isinstance(outcome, errors.ServiceError)
        assert status < 300 or 400 <= status < 500
        assert b'"id": "abc"' not in body


def _never(_request: httpx.Request) -> httpx.Response:
    raise AssertionError("something was sent")


def test_environment_proxies_never_see_what_goes_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator is reached directly whatever HTTP_PROXY says; plain http would show the key."""
    monkeypatch.delenv("NO_PROXY")

    async def run() -> tuple[int, int]:
        async with serve(say(GOOD)) as proxy, serve(say(GOOD)) as server:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            client = client_of(server.url)
            await client.submit(MODEL, INPUTS)
            await client.aclose()
            return proxy.connections, server.posts()

    assert asyncio.run(run()) == (0, 1)


@pytest.mark.parametrize(
    "proxy", ["socks5://user:pa55word@127.0.0.1:1", "gopher://user:pa55word@x", "http://[bad"]
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """Nothing was sent, and the proxy's address stays out of the message."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    async def run() -> None:
        client = client_of("https://service.test")
        with pytest.raises(errors.NotConnected) as caught:
            await client.submit(MODEL, INPUTS)
        assert "pa55word" not in everything_in(caught.value)

    asyncio.run(run())


def test_a_proxy_is_used_for_the_outside_and_tunnels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy sees a CONNECT and no key; its refusal means that no submit got through to the service."""
    monkeypatch.delenv("NO_PROXY")

    async def run() -> None:
        async with serve(say_and_close(http(403))) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            client = client_of("https://service.test")
            with pytest.raises(errors.SubmitUnconfirmed):
                await client.submit(MODEL, INPUTS)
            await client.aclose()
        [head] = proxy.heads
        assert head.startswith(b"CONNECT service.test:443 ")
        assert CANARY.encode() not in head

    asyncio.run(run())


def test_netrc_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A ~/.netrc entry for the host leaves our Authorization as it is."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))

    async def run() -> str:
        async with serve(say(GOOD)) as server:
            client = client_of(server.url)
            await client.submit(MODEL, INPUTS)
            await client.aclose()
            return server.seen[0].headers["authorization"]

    assert asyncio.run(run()) == f"Bearer {CANARY}"


def test_the_transport_never_repeats_by_itself() -> None:
    """The connection pools are built without retries, without HTTP/2 and without redirects."""

    async def run() -> None:
        client = client_of("http://127.0.0.1:9")
        http_client = await client._connections.submits()
        pool = http_client._transport._pool  # type: ignore[attr-defined]
        assert (pool._retries, pool._http2, pool._max_keepalive_connections) == (0, False, 0)
        assert http_client.follow_redirects is False
        assert http_client.auth is None
        await client.aclose()

    asyncio.run(run())


def test_the_address_may_change_while_the_client_lives() -> None:
    """A simulator that was started again has another port; the key follows the new address only."""

    async def run() -> None:
        async with serve(say(GOOD)) as first, serve(say(GOOD)) as second:
            client = client_of(first.url)
            await client.submit(MODEL, INPUTS)
            client.base_url = second.url
            await client.submit(MODEL, INPUTS)
            await client.aclose()
            assert (first.posts(), second.posts()) == (1, 1)
            assert second.seen[0].headers["authorization"] == f"Bearer {CANARY}"

    asyncio.run(run())
