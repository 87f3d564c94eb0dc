"""Spoiled connections and answers, as a client meets them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

SUBMIT = "/api/v3/minimax/hailuo-2.3/t2v-standard"
BODY = {"prompt": "[simulate: fail 1405]"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, drawn_clips: Any) -> Iterator[Any]:
    """One simulator whose rules each test sets."""
    from simulator_process import start_simulator

    with start_simulator(tmp_path_factory.mktemp("faults"), tier="ultra", clips=drawn_clips) as started:
        yield started


@pytest.fixture
def http(server: Any) -> Iterator[httpx.Client]:
    """Give a client of its own connections; the rules are gone afterwards."""
    with httpx.Client(
        base_url=server.base_url, headers={"Authorization": "Bearer k"}, timeout=10, trust_env=False
    ) as client:
        yield client
    server.set_faults([])


def count(http: httpx.Client) -> int:
    """How many predictions there are."""
    return int(http.post("/api/v3/predictions", json={}).json()["data"]["total"])


@pytest.mark.parametrize(("when", "more"), [("before", 0), ("after", 1)])
def test_a_reset_before_or_after_the_work(server: Any, http: httpx.Client, when: str, more: int) -> None:
    """The client sees the same; only afterwards there is a task nobody told it about."""
    before = count(http)
    server.set_faults([{"call": "submit", "kind": "reset", "when": when, "tag": when}])
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http.post(SUBMIT, json=BODY)
    assert count(http) == before + more


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_closed_door_is_opened_again(server: Any, http: httpx.Client, when: str) -> None:
    """For a while nobody listens, then everything is as it was."""
    server.set_faults([{"call": "price", "kind": "refuse", "when": when, "seconds": 0.4}])
    asked = {"model_id": "minimax/hailuo-2.3/t2v-pro", "inputs": {}}
    if when == "after":
        assert http.post("/api/v3/model/price", json=asked).status_code == 200
    else:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            http.post("/api/v3/model/price", json=asked)
    server.set_faults([])
    with pytest.raises(httpx.ConnectError), httpx.Client(base_url=server.base_url, trust_env=False) as fresh:
        fresh.post(SUBMIT, json=BODY, headers={"Authorization": "Bearer k"})
    while True:
        try:
            answer = httpx.get(f"{server.base_url}/api/v3/balance", headers={"Authorization": "Bearer k"})
        except httpx.ConnectError:
            time.sleep(0.02)  # the door opens by itself
        else:
            assert answer.status_code == 200
            return


def test_a_stall_outlasts_the_client(server: Any, http: httpx.Client) -> None:
    """Nothing comes; before the work nothing was taken on, after it something was."""
    before = count(http)
    for when in ("before", "after"):
        server.set_faults([{"call": "submit", "kind": "stall", "when": when, "seconds": 60}])
        with pytest.raises(httpx.ReadTimeout):
            http.post(SUBMIT, json=BODY, timeout=0.3)
    assert count(http) == before + 1


@pytest.mark.parametrize(
    ("rule", "status", "text"),
    [
        ({"kind": "status", "status": 500}, 500, "internal error"),
        ({"kind": "status", "status": 400, "body": {"code": 400, "message": "no"}}, 400, '"no"'),
        ({"kind": "status", "status": 200, "body": {"code": 429, "message": "slow down"}}, 200, "429"),
        ({"kind": "redirect", "location": "/elsewhere"}, 307, ""),
        ({"kind": "html"}, 200, "<html>"),
        ({"kind": "html", "status": 502}, 502, "Bad Gateway"),
        ({"kind": "bad_json"}, 200, '{"id": "'),
        ({"kind": "data_null"}, 200, '"data": null'),
        ({"kind": "oversized", "bytes": 3_000_000}, 200, "xxx"),
    ],
)
def test_answers_made_up(
    server: Any, http: httpx.Client, rule: dict[str, Any], status: int, text: str
) -> None:
    """Before the work: nothing was taken on."""
    before = count(http)
    server.set_faults([{"call": "submit", **rule}])
    answer = http.post(SUBMIT, json=BODY)
    assert answer.status_code == status
    assert text in answer.text
    assert len(answer.content) > 3_000_000 or rule["kind"] != "oversized"
    server.set_faults([{"call": "submit", "when": "after", **rule}])
    assert http.post(SUBMIT, json=BODY).status_code == status
    assert count(http) == before + 1


@pytest.mark.parametrize("wait", ["2", "Wed, 21 Oct 2026 07:28:00 GMT", None])
def test_a_429_with_and_without_retry_after(server: Any, http: httpx.Client, wait: str | None) -> None:
    """Both forms of the header, and none."""
    server.set_faults([{"kind": "rate_limit", "retry_after": wait}])
    answer = http.get("/api/v3/balance")
    assert (answer.status_code, answer.json()["code"], answer.headers.get("retry-after")) == (429, 429, wait)


def test_truncated_and_miscounted_answers(server: Any, http: httpx.Client) -> None:
    """What comes is less than what was announced, or more."""
    for rule in ({"kind": "truncate"}, {"kind": "truncate", "bytes": 0}, {"kind": "wrong_length", "by": 50}):
        server.set_faults([{"call": "balance", **rule}])
        with pytest.raises(httpx.RemoteProtocolError):
            http.get("/api/v3/balance")
    server.set_faults([{"call": "balance", "kind": "wrong_length", "by": -5}])
    assert not http.get("/api/v3/balance").text.endswith("}")


def test_a_clip_can_come_truncated_once(server: Any, http: httpx.Client) -> None:
    """The second download is whole."""
    sent = http.post(SUBMIT, json={"prompt": "A sailboat at sunset", "enable_sync_mode": True}).json()["data"]
    url = sent["outputs"][0]
    server.set_faults([{"call": "download", "kind": "truncate", "nth": 1, "path": sent["id"]}])
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)
    assert len(httpx.get(url).content) > 100_000


def test_slow_bytes(server: Any, http: httpx.Client) -> None:
    """An answer that trickles."""
    server.set_faults([{"call": "models", "kind": "slow", "bytes_per_s": 40_000}])
    begun = time.monotonic()
    with http.stream("GET", "/api/v3/models") as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 3
    assert time.monotonic() - begun > 0.1


def test_data_changed_on_the_way(server: Any, http: httpx.Client) -> None:
    """An unknown status, and any other value."""
    sent = http.post(SUBMIT, json=BODY).json()["data"]
    path = f"/api/v3/predictions/{sent['id']}/result"
    server.set_faults([{"call": "result", "kind": "unknown_status", "status": "thinking"}])
    assert http.get(path).json()["data"]["status"] == "thinking"
    server.set_faults([{"call": "result", "kind": "data", "data": {"outputs": None}}])
    assert http.get(path).json()["data"]["outputs"] is None


def test_a_task_fails_by_rule_and_is_refunded(server: Any, http: httpx.Client) -> None:
    """The submit is answered as usual."""
    server.set_faults([{"call": "submit", "kind": "fail", "code": 1406, "prompt": "doomed"}])
    sent = http.post(SUBMIT, json={"prompt": "doomed", "enable_sync_mode": True}).json()["data"]
    assert (sent["status"], sent["code"]) == ("failed", 1406)


def test_rules_count_what_they_match(server: Any, http: httpx.Client) -> None:
    """The n-th, the first few, and a repeatable share."""

    def codes(rule: dict[str, Any], requests: int) -> list[int]:
        server.set_faults([{"kind": "status", "status": 500, "call": ["balance", "models"], **rule}])
        return [http.get("/api/v3/balance").status_code for _ in range(requests)]

    assert codes({"nth": [2, 4]}, 5) == [200, 500, 200, 500, 200]
    assert codes({"times": 2}, 4) == [500, 500, 200, 200]
    share = codes({"chance": 0.5, "seed": 3}, 40)
    assert 10 < share.count(500) < 30
    server.set_faults([{"kind": "status", "status": 500, "call": "models"}])
    assert http.get("/api/v3/balance").status_code == 200


def test_rules_read_the_prompt(server: Any, http: httpx.Client) -> None:
    """Only what is said in the prompt is spoiled."""
    server.set_faults([{"call": "submit", "prompt": "fox", "kind": "html"}])
    assert "html" in http.post(SUBMIT, json={"prompt": "a fox [simulate: fail 1405]"}).headers["content-type"]
    assert http.post(SUBMIT, json=BODY).json()["code"] == 200
