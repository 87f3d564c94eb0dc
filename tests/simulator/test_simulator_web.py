"""Every call of the service, over a real connection."""

from __future__ import annotations

import base64
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from PIL import Image

CREDITS = "Insufficient credits. Please top up your account to continue."
FAILING = "[simulate: fail 1405]"


def picture(width: int = 640, height: int = 400, format_: str = "PNG") -> bytes:
    """Make a picture file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (40, 90, 160)).save(out, format_)
    return out.getvalue()


def data_uri(data: bytes) -> str:
    """Write bytes as a data URI."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_a_clip_goes_from_created_to_completed_and_can_be_fetched(call: Any) -> None:
    """The shape of a prediction, its life, and a real file of the right size and length at its address."""
    created = call.submit("A sailboat at sunset")
    assert created["status"] == "created"
    assert re.fullmatch(r"[0-9a-f]{32}", created["id"])
    assert created["outputs"] == []
    assert created["model"] == "minimax/hailuo-2.3/t2v-standard"
    assert created["urls"]["get"] == f"{call.base_url}/api/v3/predictions/{created['id']}/result"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created["created_at"])
    done = call.finished(created)
    assert done["status"] == "completed"
    assert done["executionTime"] == done["timings"]["inference"] > 0
    answer = httpx.get(done["outputs"][0])
    assert answer.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(answer.content)) as clip:
        stream = clip.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (1366, 768, 72)


def test_a_clip_is_served_in_ranges(call: Any) -> None:
    """A download can go on where it broke off."""
    url = call.finished(call.submit("A sailboat at sunset"))["outputs"][0]
    whole = httpx.get(url).content
    part = httpx.get(url, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.content == whole[1000:2000]


def test_an_output_address_refuses_a_key(call: Any) -> None:
    """A client that sends its key to where files lie is told so, as a signed address would."""
    url = call.finished(call.submit("A sailboat at sunset"))["outputs"][0]
    assert httpx.get(url, headers={"Authorization": "Bearer x"}).status_code == 400


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc"])
def test_without_a_key_there_is_401(call: Any, header: str | None) -> None:
    """Any key will do, but there must be one."""
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.get(f"{call.base_url}/api/v3/balance", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == 401


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "missing required parameter: prompt"),
        ({"prompt": ""}, "missing required parameter: prompt"),
        ({"prompt": "x" * 2001}, "at most 2000 characters"),
        ({"prompt": "x", "duration": 7}, "must be one of 6, 10"),
        ({"prompt": "x", "duration": "6"}, "must be integer"),
        ({"prompt": "x", "enable_prompt_expansion": "yes"}, "must be boolean"),
        ({"prompt": 3}, "must be string"),
    ],
)
def test_wrong_inputs_are_refused_with_400(call: Any, inputs: dict[str, Any], said: str) -> None:
    """Nothing is charged for what the service does not accept."""
    before = call.get("balance")["balance"]
    answer = call.http.post("/api/v3/minimax/hailuo-2.3/t2v-standard", json=inputs)
    assert answer.status_code == answer.json()["code"] == 400
    assert said in answer.json()["message"]
    assert call.get("balance")["balance"] == before


def test_unknown_keys_are_dropped_and_defaults_billed(own: Any) -> None:
    """A key the model does not know costs the default, as is reported of the service."""
    _, call = own()
    sent = call.submit(FAILING, length=10, seed=7)
    listed = call.post("predictions", {"include_inputs": True})["items"][0]
    assert listed["id"] == sent["id"]
    assert listed["inputs"] == {"prompt": FAILING}
    bill = call.post("billings/search", {"prediction_uuids": [sent["id"]], "billing_type": "deduct"})
    assert [line["price"] for line in bill["items"]] in ([], [0.28])


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"x"'])
def test_a_body_that_is_no_json_object_is_400(call: Any, body: bytes) -> None:
    """Whatever comes, the answer is an envelope."""
    answer = call.http.post("/api/v3/minimax/hailuo-2.3/t2v-standard", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v3/predictions/nobody/result"),
        ("POST", "/api/v3/no/such/model"),
        ("GET", "/api/v3/nothing"),
        ("GET", "/files/outputs/nobody/1.mp4"),
        ("GET", "/files/uploads/nobody/file.png"),
    ],
)
def test_what_does_not_exist_is_404(call: Any, method: str, path: str) -> None:
    """Unknown ids, models and paths."""
    headers = {"Authorization": "Bearer x"} if path.startswith("/api") else {}
    answer = httpx.request(
        method, call.base_url + path, headers=headers, json={} if method == "POST" else None
    )
    assert answer.status_code == 404


def test_no_credits_is_400_with_the_services_words(own: Any) -> None:
    """What the balance does not reach is refused, and a failure gives its money back."""
    _, call = own(balance="0.30")
    first = call.submit("[simulate: fail 1200] [simulate: takes 100000]")
    assert call.get("balance") == {"balance": 0.02}
    answer = call.http.post("/api/v3/minimax/hailuo-2.3/t2v-standard", json={"prompt": "x"})
    assert answer.status_code == 400
    assert answer.json() == {"code": 400, "message": CREDITS}
    assert call.result(first)["status"] in ("created", "processing")


def test_a_failure_is_told_refunded_and_billed(own: Any) -> None:
    """HTTP 200, status failed, error and code; the bill shows both lines."""
    _, call = own()
    failed = call.finished(call.submit("[simulate: fail 1200]"))
    assert (failed["status"], failed["code"], failed["outputs"]) == ("failed", 1200, [])
    assert "sensitive" in failed["error"]
    assert call.get("balance") == {"balance": 100.0}
    lines: list[Any] = []
    while len(lines) < 2:  # the bill lags behind
        lines = call.post("billings/search", {"prediction_uuids": [failed["id"]]})["items"]
    assert sorted(line["billing_type"] for line in lines) == ["deduct", "refund"]
    assert {line["price"] for line in lines} == {0.28}
    model = "minimax/hailuo-2.3/t2v-standard"
    assert lines[0]["prediction"] == {"uuid": failed["id"], "model_uuid": model, "status": "failed"}


@pytest.mark.parametrize(
    ("words", "status", "code", "error"),
    [
        ("[simulate: fail 1403 out of paint]", "failed", 1403, "out of paint"),
        ("[simulate: cancelled]", "cancelled", None, "cancelled"),
        ("[simulate: timeout]", "timeout", None, "timed out"),
    ],
)
def test_magic_words_decide_the_end(call: Any, words: str, status: str, code: int | None, error: str) -> None:
    """Prompts of tests can choose how they end."""
    ended = call.finished(call.submit(words))
    assert (ended["status"], ended.get("code")) == (status, code)
    assert error in ended["error"]


def test_an_unknown_status_is_shown_while_it_runs(call: Any) -> None:
    """A word no client knows, until the end."""
    sent = call.submit("[simulate: status paused] [simulate: takes 300] [simulate: fail 1405]")
    seen = set()
    while (now := call.result(sent)["status"]) != "failed":
        seen.add(now)
    assert "paused" in seen


def test_a_submit_can_be_refused_by_magic_words(call: Any) -> None:
    """The HTTP status is chosen, nothing is charged."""
    answer = call.http.post(
        "/api/v3/minimax/hailuo-2.3/t2v-pro", json={"prompt": "[simulate: refuse 503 busy]"}
    )
    assert (answer.status_code, answer.json()) == (503, {"code": 503, "message": "busy"})


def test_prices_old_and_new(call: Any) -> None:
    """Both price calls, by inputs, without a picture where only the price is asked."""
    asked = {"model_id": "minimax/hailuo-2.3/fast", "inputs": {"duration": 10}}
    assert call.post("model/price", asked) == {
        "price": 0.32,
        "discounted_price": 0.32,
        "discount_rate": 0,
        "currency": "USD",
    }
    assert call.post("model/pricing", asked) == {
        "model_id": asked["model_id"],
        "unit_price": 0.32,
        "currency": "USD",
    }


def test_models_are_listed_as_the_service_lists_them(call: Any, shared: Path) -> None:
    """The same keys in every entry, the same base price and inputs for every model we have."""
    import json

    theirs = {
        e["model_id"]: e for e in json.loads((shared / "wavespeed/models.json").read_text("utf-8"))["data"]
    }
    for ours in call.get("models"):
        entry = theirs[ours["model_id"]]
        assert set(ours) == set(entry)
        assert (ours["base_price"], ours["type"]) == (entry["base_price"], entry["type"])
        (ours_api,), (api,) = ours["api_schema"]["api_schemas"], entry["api_schema"]["api_schemas"]
        assert set(ours_api) == set(api)
        assert ours_api["api_path"] == api["api_path"]
        assert set(ours_api["request_schema"]["properties"]) == set(api["request_schema"]["properties"])


def test_recent_predictions_filter_and_page(own: Any) -> None:
    """Newest first; by model, status and time; inputs only where asked for."""
    _, call = own()
    pro = "minimax/hailuo-2.3/t2v-pro"
    sent = [call.submit(f"{FAILING} {n}", **({"model": pro} if n == 2 else {})) for n in range(5)]
    for one in sent:
        call.finished(one)
    ids = [one["id"] for one in reversed(sent)]
    pages = [call.post("predictions", {"page": n, "page_size": 2}) for n in (1, 2, 3)]
    assert [item["id"] for page in pages for item in page["items"]] == ids
    assert {page["total"] for page in pages} == {5}
    assert "inputs" not in pages[0]["items"][0]
    assert [item["id"] for item in call.post("predictions", {"model": pro})["items"]] == [sent[2]["id"]]
    assert call.post("predictions", {"status": "completed"})["items"] == []
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert call.post("predictions", {"created_after": soon})["items"] == []
    assert len(call.post("predictions", {"created_before": soon})["items"]) == 5
    for wrong in ({"page_size": 101}, {"page_size": 0}, {"page": 0}, {"created_after": "soon"}):
        assert call.http.post("/api/v3/predictions", json=wrong).status_code == 400


def test_delete_forgets(own: Any) -> None:
    """Deleted predictions are told as deleted and listed no more."""
    _, call = own()
    sent = call.finished(call.submit(FAILING))
    assert call.post("predictions/delete", {"ids": [sent["id"], "nobody"]}) == {"deleted_count": 1}
    assert call.result(sent)["status"] == "deleted"
    assert call.post("predictions", {})["items"] == []
    assert call.http.post("/api/v3/predictions/delete", json={"ids": "all"}).status_code == 400


def test_usage_sums_up(own: Any) -> None:
    """Per model, per day and in all, refunds taken off; 31 days at most."""
    _, call = own()
    call.finished(call.submit(FAILING))
    call.submit("[simulate: takes 100000] [simulate: fail 1405]")
    now = datetime.now(UTC)
    asked = {
        "start_time": (now - timedelta(days=1)).isoformat(),
        "end_time": (now + timedelta(days=1)).isoformat(),
    }
    usage = call.post("user/usage_stats", asked)
    assert usage["summary"] == {"total_count": 2, "total_cost": 0.28}
    assert [row["total_cost"] for row in usage["per_model_usage"]] == [0.28]
    asked["start_time"] = (now - timedelta(days=40)).isoformat()
    assert call.http.post("/api/v3/user/usage_stats", json=asked).status_code == 400


def put(ticket: Any, data: bytes, **headers: str) -> httpx.Response:
    """Do what a ticket says."""
    return httpx.put(
        ticket["upload"]["url"], content=data, headers={**ticket["upload"]["headers"], **headers}
    )


def test_an_upload_becomes_the_first_frame(call: Any) -> None:
    """Ticket, PUT without a key, download address, clip."""
    data = picture()
    ticket = call.post(
        "media/uploads", {"filename": "a b.png", "size": len(data), "content_type": "image/png"}
    )
    assert (ticket["type"], ticket["filename"], ticket["size"]) == ("image", "a b.png", len(data))
    assert put(ticket, data, Authorization="Bearer x").status_code == 400
    assert put(ticket, data).status_code == 200
    assert httpx.get(ticket["download_url"]).content == data
    done = call.finished(call.submit("it moves", "minimax/hailuo-2.3/fast", image=ticket["download_url"]))
    assert done["status"] == "completed", done
    with av.open(io.BytesIO(httpx.get(done["outputs"][0]).content)) as clip:
        first = next(clip.decode(video=0)).to_image()
    assert first.size == (1366, 768)
    pixel = first.getpixel((683, 300))
    assert max(abs(a - b) for a, b in zip(pixel, (40, 90, 160), strict=True)) < 12


def test_a_put_must_fit_its_ticket(call: Any) -> None:
    """Signature, size and type are part of the ticket."""
    ticket = call.post("media/uploads", {"filename": "x.png", "size": 10, "content_type": "image/png"})
    assert put(ticket, b"123").status_code == 400
    assert put(ticket, b"1234567890", **{"Content-Type": "text/html"}).status_code == 403
    unsigned = ticket["upload"]["url"].partition("?")[0]
    assert (
        httpx.put(unsigned, content=b"1234567890", headers={"Content-Type": "image/png"}).status_code == 403
    )
    assert httpx.get(ticket["download_url"]).status_code == 404
    too_large = {"filename": "x", "size": 201 * 1024 * 1024}
    assert call.http.post("/api/v3/media/uploads", json=too_large).status_code == 400


def test_the_older_upload(call: Any) -> None:
    """A multipart form with a field called file."""
    data = picture(format_="JPEG")
    answer = call.http.post(
        "/api/v3/media/upload/binary", files={"file": ("p.jpg", data, "image/jpeg")}
    ).json()
    assert answer["data"]["type"] == "image"
    served = httpx.get(answer["data"]["download_url"])
    assert (served.content, served.headers["content-type"]) == (data, "image/jpeg")
    assert call.http.post("/api/v3/media/upload/binary", content=b"x").status_code == 400


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("https://example.com/cat.jpg", 1402),
        ("http://127.0.0.1:9/cat.jpg", 1402),
        ("data:image/png;base64,!!!", 1402),
        ("file:///etc/passwd", 1402),
        (data_uri(b"not a picture"), 1401),
        (data_uri(picture(300, 300)), 1401),
        (data_uri(picture(1000, 400)), 1401),
    ],
)
def test_pictures_that_cannot_be_used_fail_the_task(own: Any, image: str, code: int) -> None:
    """Not to be fetched is 1402, outside the limits is 1401; the money comes back."""
    _, call = own()
    failed = call.finished(call.submit("x", "minimax/hailuo-2.3/i2v-standard", image=image))
    assert (failed["status"], failed["code"]) == ("failed", code)
    assert call.get("balance")["balance"] == 100.0


def test_sync_mode_answers_when_it_has_ended(call: Any) -> None:
    """What the official clients send as enable_sync_mode."""
    assert call.submit("A sailboat at sunset", enable_sync_mode=True)["status"] == "completed"
    assert call.submit(FAILING, enable_sync_mode=True)["status"] == "failed"


def test_over_the_minute_there_is_429(own: Any) -> None:
    """Bronze takes two a minute; Retry-After is in whole seconds."""
    _, call = own(tier="bronze", speed=0.001)
    codes = []
    for n in range(4):
        answer = call.http.post("/api/v3/minimax/hailuo-2.3/t2v-standard", json={"prompt": f"{FAILING} {n}"})
        codes.append(answer.status_code)
    assert codes == [200, 200, 429, 429]
    assert answer.json()["code"] == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_over_at_once_waits_in_the_queue(own: Any) -> None:
    """Bronze works on two: a third stays created until a place is free."""
    # At this speed a minute's window is shorter than any restart, so the third is within the limit a minute.
    server, call = own(tier="silver", speed=1000)
    for n in range(2):
        call.submit(f"[simulate: takes 3000] [simulate: fail 1405] {n}")
    server.stop()
    server.arguments[server.arguments.index("silver")] = "bronze"
    server.restart()
    third = call.submit("[simulate: takes 1] [simulate: fail 1405]")
    listed = call.post("predictions", {})["items"]
    assert [one["status"] for one in listed].count("created") == 1
    assert call.result(third)["status"] == "created"
    assert call.finished(third)["status"] == "failed"
    assert {one["status"] for one in call.post("predictions", {})["items"]} != {"created"}
