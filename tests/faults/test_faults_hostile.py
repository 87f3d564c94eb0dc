"""Hostile text from cells and from the service: it stays text, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from crash_harness import Harness, Plan, environment_of
from crash_kernel import Kernel
from fault_books import ledger_rows
from fault_proxy import FaultProxy, Rule
from hostile import (
    BIDI,
    CONTROLS,
    MARK,
    NAMES,
    SCRIPTS,
    TRAVERSALS,
    bundles_wrong,
    everything_under,
    paths_wrong,
    report_wrong,
    requests_wrong,
)

EVERYTHING = [*SCRIPTS, CONTROLS, BIDI, *TRAVERSALS, *NAMES]


def live(
    harness: Harness,
    folder: Path,
    cells: Sequence[dict[str, Any]],
    rules: Sequence[Rule] = (),
    wait_s: float = 20.0,
) -> tuple[dict[str, Any], FaultProxy]:
    """Let one notebook live in a folder; gives its report and what the proxy saw."""
    (folder / "notebook").mkdir()
    with FaultProxy(harness.service.base_url, rules) as proxy:
        notebook = harness.start(Plan("hostile", cells), proxy.base_url, folder, 0, None, wait_s=wait_s)
        if not notebook.wait(wait_s + 20):
            notebook.kill()
    return json.loads((folder / "report-0.json").read_text("utf-8")), proxy


def test_hostile_words_of_a_cell_stay_text(harness: Harness, tmp_path: Path) -> None:
    """Prompts, names and tags with markup, escapes and paths in them become files with plain names, and text."""
    before = everything_under(tmp_path)
    cells = [
        {
            "prompt": f"{words} {number}",
            "raw": True,
            "variant": "t2v-standard",
            "name": words,
            "tags": [words],
        }
        for number, words in enumerate(EVERYTHING)
    ]
    report, proxy = live(harness, tmp_path, cells)
    assert paths_wrong(tmp_path, before | {tmp_path / "notebook", tmp_path / "notebook" / "hailuo"}) == []
    assert requests_wrong(proxy.seen) == []
    assert report_wrong(report) == []
    assert report["traceback"].count("Traceback") == len(report["errors"])
    # What is refused is refused by its own checks; everything else became a clip.
    refused = [
        error for error in report["errors"] if not error.startswith(("InvalidRequest", "PromptInvalid"))
    ]
    assert refused == []
    assert len([job for job in report["jobs"] if job["status"] == "completed"]) == len(cells) - len(
        report["errors"]
    )


@pytest.mark.parametrize("field", ["prompt", "name", "tags", "image", "variant"])
def test_ten_megabytes_of_words_are_refused_in_a_short_line_or_kept_short(
    harness: Harness, tmp_path: Path, field: str
) -> None:
    """Nothing of ten megabytes gets into a request, a message or a card."""
    endless = f"{MARK} " * (10_000_000 // 8)
    cell: dict[str, Any] = {"prompt": "a fox", "variant": "t2v-standard"}
    cell[field] = [endless] if field == "tags" else endless
    report, proxy = live(harness, tmp_path, [cell])
    assert report_wrong(report) == []
    assert all(len(error) < 2000 for error in report["errors"]), [len(error) for error in report["errors"]]
    assert sum(len(seen.body) for seen in proxy.seen) < 100_000
    assert (
        sum(path.stat().st_size for path in (tmp_path / "notebook").rglob("*") if path.is_file()) < 40_000_000
    )


ANSWERS = {
    "message": [
        Rule("status", "submit", forward=False, options={"status": 400, "message": " ".join(EVERYTHING)})
    ],
    "header": [
        Rule(
            "status",
            "submit",
            forward=False,
            options={"status": 429, "headers": {"retry-after": f"1{MARK}", "x-evil": f"{MARK}<script>"}},
            times=1,
        )
    ],
    "page": [
        Rule(
            "status",
            "result",
            times=2,
            options={"status": 503, "body": f"<script>{MARK}</script>" + CONTROLS},
        )
    ],
    "id": [Rule("data", "submit", options={"data": {"id": f"../../{MARK}", "model": SCRIPTS[0]}})],
    "long id": [Rule("data", "submit", options={"data": {"id": MARK * 1_000_000}})],
    "status": [Rule("data", "result", times=2, options={"data": {"status": SCRIPTS[0] + CONTROLS}})],
    "task error": [
        Rule(
            "data",
            "result",
            options={"data": {"status": "failed", "error": CONTROLS + BIDI + SCRIPTS[1], "code": 1405}},
        )
    ],
    "long task error": [
        Rule(
            "data",
            "result",
            options={"data": {"status": "failed", "error": f"{MARK} " * 1_000_000, "code": SCRIPTS[0]}},
        )
    ],
    "file address": [
        Rule(
            "data",
            "result",
            times=2,
            options={"data": {"status": "completed", "outputs": [f"file:///etc/{MARK}"]}},
        )
    ],
    "script address": [
        Rule(
            "data",
            "result",
            times=2,
            options={
                "data": {
                    "status": "completed",
                    "outputs": [f"javascript:{MARK}", {"url": f"data:text/html,{MARK}"}],
                }
            },
        )
    ],
    "no text address": [
        Rule(
            "data",
            "result",
            times=2,
            options={"data": {"status": "completed", "outputs": [None, 7, {"url": [1]}]}},
        )
    ],
    "redirect to a file": [
        Rule(
            "redirect",
            "download",
            times=2,
            options={"status": 302, "location": f"file:///etc/{MARK}"},
            forward=False,
        )
    ],
    "redirect with a header": [
        Rule(
            "redirect",
            "download",
            times=2,
            options={"status": 302, "location": f"http://[{MARK}%0d%0aX: 1/"},
            forward=False,
        )
    ],
    "price": [
        Rule("data", "price", options={"data": {"price": SCRIPTS[0], "discounted_price": f"NaN{MARK}"}})
    ],
    "negative price": [Rule("data", "price", options={"data": {"price": -5, "discounted_price": -5}})],
    "model": [
        Rule(
            "data",
            "submit",
            options={"data": {"model": f"../{MARK}", "created_at": SCRIPTS[2], "error": CONTROLS}},
        )
    ],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_answers_of_the_service_stay_text(harness: Harness, tmp_path: Path, name: str) -> None:
    """Messages, ids, statuses, addresses and prices of a service gone mad: no path, markup, header or escape."""
    before = everything_under(tmp_path)
    rules = [Rule(**{**vars(rule), "hits": 0}) for rule in ANSWERS[name]]
    prompt = f"a fox hears {name} {tmp_path.name}"
    report, proxy = live(harness, tmp_path, [{"prompt": prompt, "variant": "t2v-standard"}], rules)
    assert paths_wrong(tmp_path, before | {tmp_path / "notebook", tmp_path / "notebook" / "hailuo"}) == []
    assert requests_wrong(proxy.seen) == []
    assert report_wrong(report) == []
    assert (report["errors"], report["traceback"]) == ([], "")
    (row,) = ledger_rows(tmp_path / "notebook")
    assert all(len(str(value)) < 10_000 for value in row.values())
    assert len([seen for seen in proxy.calls("submit") if not seen.was_surely_refused]) <= 1


def test_in_a_real_kernel_hostile_words_are_shown_as_text(harness: Harness, tmp_path: Path) -> None:
    """What a front end is sent: no markup, no escape, in cards, lists of jobs and errors."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    words = " ".join((*SCRIPTS[:4], BIDI, *TRAVERSALS))
    fail = Rule(
        "data", "result", options={"data": {"status": "failed", "error": CONTROLS + SCRIPTS[1], "code": 1405}}
    )
    with FaultProxy(harness.service.base_url, [fail]) as proxy:
        kernel = Kernel(folder, environment_of(proxy.base_url))
        try:
            kernel.run("%load_ext hailuo_nb")
            kernel.run(f"%%hailuo t2v-standard --raw -y --name {json.dumps(words)} --wait\n{words}\n")
            for line in ("jobs", "show", "variants <script>", f"show ../{MARK}", "resume ../../x"):
                kernel.run(f"%hailuo {line}")
            kernel.run(
                "from hailuo_nb.notebook import api; j = api.session().jobs(); print(j); j[0].result()"
            )
            kernel.drain(1.0)
        finally:
            kernel.close()
    assert bundles_wrong(kernel.outputs) == []
    assert MARK in kernel.said()


def test_a_hostile_upload_address_is_not_given_the_picture_or_the_key(
    harness: Harness, tmp_path: Path
) -> None:
    """An upload ticket that leads to a file, with headers of its own: nothing goes anywhere, and no submit follows."""
    ticket = {
        "download_url": f"javascript:{MARK}",
        "upload": {
            "method": "DELETE",
            "url": f"file:///tmp/{MARK}",
            "headers": {f"X-{MARK}\r\nInjected": "1", "Authorization": "Bearer {}"},
        },
    }
    image = str(Path(__file__).with_name("photo.png"))
    cells = [{"prompt": "a fox uploaded", "variant": "i2v-standard", "image": image}]
    report, proxy = live(harness, tmp_path, cells, [Rule("data", "upload", options={"data": ticket})], 6.0)
    assert requests_wrong(proxy.seen) == []
    assert [seen.path for seen in proxy.seen if seen.listener != "service"] == []
    assert proxy.calls("submit") == []
    assert report_wrong(report) == []
