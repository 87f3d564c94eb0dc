"""The proxy does what its rules say: a fault that does not happen would prove nothing."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path

import pytest
from crash_harness import Harness
from fault_books import ask
from fault_proxy import FaultProxy, Rule

BODY = json.dumps({"prompt": "a fox before the proxy", "enable_prompt_expansion": False}).encode()


def post(proxy: FaultProxy, listener: str = "service") -> tuple[int, dict[str, str], bytes]:
    """Submit by hand; gives status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.ports[listener], timeout=5)
    try:
        headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
        connection.request("POST", "/api/v3/minimax/hailuo-2.3/t2v-standard", BODY, headers)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_without_rules_it_is_the_service_with_files_elsewhere(harness: Harness) -> None:
    """Answers pass unchanged, and addresses of files are those of the files' own listener."""
    with FaultProxy(harness.service.base_url) as proxy:
        made = json.loads(post(proxy)[2])["data"]["id"]
        until = time.monotonic() + 10
        found: dict[str, object] = {}
        while not found.get("outputs") and time.monotonic() < until:
            found = next(
                item
                for item in ask(proxy.base_url, "/api/v3/predictions", {"include_inputs": True})["items"]
                if item["id"] == made
            )
    assert found["outputs"] == [f"{proxy.address('files')}/files/outputs/{made}/1.mp4"]


@pytest.mark.parametrize(("stage", "is_billed"), [("arrived", False), ("read", False), ("forwarded", True)])
def test_a_reset_before_the_answer_leaves_the_client_without_one(
    harness: Harness, stage: str, is_billed: bool
) -> None:
    """A reset is a reset, and only after forwarding has the service seen the request."""
    with FaultProxy(harness.service.base_url, [Rule("reset", "submit", stage=stage)]) as proxy:
        with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected, BrokenPipeError)):
            post(proxy)
        assert (proxy.seen[0].was_forwarded, bool(proxy.seen[0].made_id)) == (is_billed, is_billed)


def test_a_truncated_answer_is_shorter_than_it_said(harness: Harness) -> None:
    """The right length is told, half comes."""
    rules = [Rule("truncate", "submit")]
    with FaultProxy(harness.service.base_url, rules) as proxy, pytest.raises(http.client.IncompleteRead):
        post(proxy)


@pytest.mark.parametrize(
    ("rule", "status", "begins"),
    [
        (Rule("html", "submit", options={"status": 502}), 502, b"<!DOCTYPE"),
        (Rule("data_null", "submit"), 200, b'{"code": 200, "message": "success", "data": null}'),
        (Rule("bad_json", "submit"), 200, b'{"code": 200'),
        (Rule("redirect", "submit"), 307, b""),
        (Rule("empty", "submit"), 200, b""),
        (Rule("status", "submit", forward=False), 500, b'{"code": 500'),
    ],
)
def test_a_made_up_answer_is_told_whether_or_not_the_service_was_asked(
    harness: Harness, rule: Rule, status: int, begins: bytes
) -> None:
    """The client sees the made-up answer; `forward` decides whether there is a prediction."""
    with FaultProxy(harness.service.base_url, [rule]) as proxy:
        told, _, body = post(proxy)
        assert (told, body[: len(begins)]) == (status, begins)
        assert bool(proxy.seen[0].made_id) == rule.forward


@pytest.mark.parametrize("form", ["seconds", "date", "none"])
def test_retry_after_comes_in_both_forms_or_not_at_all(harness: Harness, form: str) -> None:
    """429 with seconds, with an HTTP date, and bare."""
    rule = Rule("retry_after", "submit", forward=False, options={"form": form})
    with FaultProxy(harness.service.base_url, [rule]) as proxy:
        status, headers, _ = post(proxy)
    assert status == 429
    assert ("GMT" in headers.get("retry-after", ""), "retry-after" in headers) == (
        form == "date",
        form != "none",
    )


def test_refused_means_that_nobody_listens_for_a_while(harness: Harness, tmp_path: Path) -> None:
    """The answer comes, the next connection is refused, and later it is open again."""
    with FaultProxy(harness.service.base_url, [Rule("refuse", "submit", nth=1, seconds=0.3)]) as proxy:
        assert post(proxy)[0] == 200
        told: list[object] = []
        until = time.monotonic() + 5
        while told[-1:] != [200] and time.monotonic() < until:
            try:
                told.append(post(proxy)[0])
            except OSError as error:
                told.append(type(error))
    assert ConnectionRefusedError in told
    assert told[-1] == 200
