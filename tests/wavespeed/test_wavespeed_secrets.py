"""The key and signed addresses: in no repr, error or log, and on no other host."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wavespeed_server import (
    CANARY,
    INPUTS,
    MODEL,
    client_of,
    envelope,
    everything_in,
    http,
    prediction,
    say,
    serve,
)

from hailuo_nb import errors
from hailuo_nb.wavespeed.answers import Answer, _cleaned, read_envelope
from hailuo_nb.wavespeed.download import download
from hailuo_nb.wavespeed.key import Key, KeyAuth
from hailuo_nb.wavespeed.logguard import LOGGERS

ECHO = f"X-Echo: {CANARY}"


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Collect what every logger says at DEBUG, as a user would who looks for a fault."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    collector, root = Collector(), logging.getLogger()
    before = {name: logging.getLogger(name).level for name in ("", "httpx", "httpcore", "hailuo_nb")}
    root.addHandler(collector)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(collector)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_the_log_at_debug_shows_no_key(log: list[str]) -> None:
    """Even where a server echoes it in headers, addresses and texts; the rest of the log is there."""

    async def run() -> None:
        said = http(401, envelope(None, 401, f"bad key {CANARY}"), ECHO, f"Location: /x?key={CANARY}")
        async with serve(say(http(200, envelope(prediction()), ECHO)), say(said)) as server:
            client = client_of(server.url)
            await client.submit(MODEL, INPUTS)
            with pytest.raises(errors.AccessDenied) as caught:
                await client.result("abc123")
            await client.aclose()
            assert server.seen[0].headers["authorization"] == f"Bearer {CANARY}"
            assert CANARY not in everything_in(caught.value)

    asyncio.run(run())
    text = "\n".join(log)
    assert "send_request_headers" in text
    assert "HTTP Request: POST" in text
    assert "X-Echo" in text
    assert CANARY not in text


def test_the_log_shows_no_signature(log: list[str], tmp_path: Path) -> None:
    """Queries of our own requests are cut off, redirects included; those of other people are theirs."""

    async def run() -> None:
        async with serve(
            say(http(302, b"", "Location: /b?sig=hush2")),
            say(http(200, b"video")),
            say(http(200, b"theirs")),
        ) as server:
            await download(f"{server.url}/a?sig=hush1", tmp_path / "a.mp4")
            async with httpx.AsyncClient() as other:
                await other.get(f"{server.url}/c?q=visible")

    asyncio.run(run())
    text = "\n".join(log)
    assert "/a?..." in text
    assert "hush" not in text
    assert "q=visible" in text


def test_the_guard_is_put_on_once_and_bears_odd_records() -> None:
    """Many clients leave one filter, and a record that cannot be formatted is not its business."""
    for _ in range(3):
        client_of("https://service.test")
    for name in LOGGERS:
        guards = [f for f in logging.getLogger(name).filters if type(f).__module__.endswith("logguard")]
        assert len(guards) == 1
        odd = logging.LogRecord(name, logging.DEBUG, "", 0, "%s %s", ("one",), None)
        assert guards[0].filter(odd)


@pytest.mark.parametrize(
    "text",
    [
        "wsk\ncanary",
        "wsk\r\nX: canary",
        "wsk canary",
        "wsk\tcanary",
        "wsk\x00canary",
        "wsk\x7fcanary",
        "wskücanary",
        "wsk\u200bcanary",
        "\ufeffcanary",
        "canary\ud800",
        "canary" * 200,
    ],
)
def test_a_key_that_no_header_can_carry_is_refused_unseen(text: str) -> None:
    """A line break, a control character, a space or another letter: told in one line that shows nothing of it."""
    with pytest.raises(errors.KeyMissing) as caught:
        client_of("https://service.test", key=text)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_empty_key_is_missing() -> None:
    """Space alone is no key."""
    for text in ("", "  \n"):
        with pytest.raises(errors.KeyMissing):
            client_of("https://service.test", key=text)


def test_space_around_a_key_is_dropped() -> None:
    """A copied line break at the end is the commonest mistake; it is mended, not sent."""

    async def run() -> str:
        async with serve(say(http(200, envelope({"balance": 1})))) as server:
            client = client_of(server.url, key=f"  {CANARY}\r\n")
            await client.balance()
            await client.aclose()
            return server.seen[0].headers["authorization"]

    assert asyncio.run(run()) == f"Bearer {CANARY}"


def test_no_repr_shows_the_key() -> None:
    """Neither the client's nor that of anything in it, formatted or pickled."""
    client, key = client_of("https://service.test"), Key(CANARY)
    auth = KeyAuth(key, "https://service.test")
    for text in (repr(client), repr(vars(client)), f"{key}", f"{key!r}", repr(vars(auth)), repr([auth])):
        assert CANARY not in text
    assert repr(client) == "Client('https://service.test', key=***)"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_a_key_that_is_echoed_is_masked_everywhere() -> None:
    """Messages, errors, models and inputs come from elsewhere and may hold anything."""

    async def run() -> None:
        echo = prediction(
            status="failed",
            error=f"no: {CANARY}",
            model=CANARY,
            outputs=[f"https://x.test/{CANARY}"],
            inputs={CANARY: [CANARY]},
        )
        escaped = json.dumps({"code": 200, "data": echo}).replace("canary", "c\\u0061nary").encode()
        for body in (envelope(echo), escaped):
            async with serve(say(http(200, body))) as server:
                client = client_of(server.url)
                found = await client.result("abc123")
                await client.aclose()
            assert CANARY not in repr(found)
            assert "***" in found.error

    asyncio.run(run())


def test_the_key_goes_to_its_own_origin_only() -> None:
    """Another host, port or scheme gets no Authorization, whoever hands over the request."""
    auth = KeyAuth(Key(CANARY), "https://service.test")
    for url, is_ours in (
        ("https://service.test/x", True),
        ("https://service.test:443/x", True),
        ("http://service.test/x", False),
        ("https://service.test:444/x", False),
        ("https://service.test.evil.test/x", False),
        ("https://evil.test/?service.test", False),
    ):
        request = next(auth.auth_flow(httpx.Request("GET", url)))
        assert ("authorization" in request.headers) is is_ours


@given(st.text(max_size=30))
def test_any_key_is_carried_whole_or_refused(text: str) -> None:
    """What is accepted goes into a header as it is; what is not is refused without a word of it."""
    given_key = text.strip()
    if given_key and all("!" <= letter <= "~" for letter in given_key):
        key = Key(text)
        assert httpx.Headers({"Authorization": key.bearer()})["authorization"] == f"Bearer {given_key}"
        assert repr(key) == "***"
    else:
        with pytest.raises(errors.KeyMissing) as caught:
            Key(text)
        assert len(given_key) < 4 or given_key not in str(caught.value)


TEXTS = st.text(alphabet=st.sampled_from('aB1-_/&<>"\\\nü\u2028\ud800'), max_size=12) | st.sampled_from(
    ["", "se-cret/1", "xse-cret/1y", r"se-cret\/1", r"\u002f", "&se-cret/1\n"]
)


@given(
    value=st.dictionaries(TEXTS, st.lists(TEXTS | st.integers() | st.none()) | TEXTS, max_size=4),
    is_ascii=st.booleans(),
    escapes=st.sets(st.sampled_from("&<>/-s")),
)
def test_an_answer_is_read_alike_whether_it_needed_cleaning_or_not(
    value: dict[str, object], *, is_ascii: bool, escapes: set[str]
) -> None:
    """The quick look at the bytes never lets a key or a broken letter through, however they are escaped."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    for letter in sorted(escapes):
        text = text.replace(letter, rf"\u{ord(letter):04x}") if letter in "&<>" else text
    if "/" in escapes:
        text = text.replace("/", r"\/")
    if "s" in escapes:
        text = text.replace("se-cret", r"\u0073e-cret")
    body = text.encode("utf-8", "surrogatepass")
    key = Key("se-cret/1")
    envelope = read_envelope(Answer(200, {}, b'{"data": %s}' % body), key)
    assert envelope.is_readable
    assert envelope.data == _cleaned(json.loads(body), key)
    assert "se-cret/1" not in json.dumps(envelope.data, ensure_ascii=False).replace(r"\"", '"')
