"""The key, sought in everything that is written, shown or sent."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from crash_harness import CANARY, Harness, Kill, Plan, environment_of
from crash_kernel import SETUP, Kernel
from fault_books import Violation
from fault_proxy import FaultProxy, Rule, Seen

HERE = Path(__file__).resolve().parent
PIECE = CANARY[:16]
NEEDLES = tuple(
    needle.encode()
    for needle in (
        PIECE,
        CANARY[4:20],
        base64.b64encode(CANARY.encode()).decode()[:16],
        base64.b64encode(f"Bearer {CANARY}".encode()).decode()[8:24],
        CANARY.encode().hex()[:24],
        CANARY[::-1][:16],
    )
)
ECHOES = [
    Rule(
        "status",
        "price",
        times=2,
        options={
            "status": 401,
            "message": f"key {CANARY} is wrong",
            "headers": {"x-echo": f"Bearer {CANARY}"},
        },
    ),
    Rule(
        "data",
        "result",
        nth=1,
        options={"data": {"status": "paused", "error": f"for {CANARY}", "echo": CANARY}},
    ),
    Rule(
        "redirect",
        "result",
        nth=1,
        options={"status": 307, "headers": {}, "location": f"http://127.0.0.1:9/?api_key={CANARY}"},
    ),
    Rule(
        "status",
        "download",
        nth=1,
        options={"status": 500, "body": f"no {CANARY}", "headers": {"x-k": CANARY}},
    ),
]


def leaks(folder: Path) -> list[str]:
    """Name every file in which a piece of the key stands, in any of several spellings."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(needle in path.read_bytes() for needle in NEEDLES)
    ]


def strangers_who_saw_it(seen: Sequence[Seen]) -> list[str]:
    """Name every request that carried the key anywhere but in the service's own Authorization header."""
    found = []
    for each in seen:
        for name, value in each.headers:
            is_right = (
                each.listener == "service" and name.lower() == "authorization" and value == f"Bearer {CANARY}"
            )
            if not is_right and (PIECE in value or name.lower() in {"authorization", "cookie"}):
                found.append(f"{each.listener} {each.path[:60]} {name}")
        if PIECE in each.path or PIECE.encode() in each.body:
            found.append(f"{each.listener} {each.path[:60]}")
    return found


def test_after_deaths_and_faults_the_key_is_in_no_file_and_at_no_other_host(harness: Harness) -> None:
    """A service that echoes the key, redirects to others, deaths: ledger, clips, recipes and debug logs."""
    cells = [
        {
            "prompt": "a fox and a canary",
            "variant": "i2v-standard",
            "image": str(HERE / "photo.png"),
            "takes": 2,
        }
    ]
    rules = [
        *ECHOES,
        Rule("redirect", "download", nth=2, options={"status": 302}, forward=False),
        Rule("redirect", "recent", nth=1),
        Rule("reset", "submit", nth=1, stage="forwarded"),
    ]
    kills = [Kill(point="move-submitted:after"), Kill(call="download", stage="answering")]
    result = harness.run(Plan("canary", cells, rules, kills), keep=True)
    assert result.folder is not None
    assert result.violations == []
    assert leaks(result.folder) == []
    log = "".join(path.read_text("utf-8") for path in result.folder.glob("debug-*.log"))
    assert "send_request_headers" in log


def test_a_real_kernel_shows_the_key_nowhere(harness: Harness, tmp_path: Path) -> None:
    """Cards, verbose tracebacks with local variables, reprs, commands, history, debug logs: four characters at most."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    with FaultProxy(
        harness.service.base_url, [Rule(**{**vars(rule), "hits": 0}) for rule in ECHOES]
    ) as proxy:
        kernel = Kernel(folder, environment_of(proxy.base_url))
        try:
            kernel.run(SETUP.format(here=str(HERE), log=str(tmp_path / "debug-0.log")))
            for code in (
                "%xmode Verbose\n%load_ext hailuo_nb",
                "%%hailuo t2v-standard -y --wait\na fox in front of a canary\n",
                "from hailuo_nb.notebook import api; s = api.session(); print(repr(s), repr(s.key()), s.settings())",
                "for r in s._runners.values(): print(vars(r.desk), vars(r.desk.service))",
                "r = list(s._runners.values())[0]; c = s.call(r.desk.service.client()); print(c, vars(c))",
                "s.call(c.result('not-there-at-all'))",
                "s.call(c.result('../up'))",
                "s.call(c.submit('minimax/hailuo-2.3/t2v-standard', {}))",
                "c.base_url = 'http://example.com'",
                "import pickle; pickle.dumps(c._key)",
                "%hailuo key status",
                "%hailuo doctor",
                "%hailuo balance",
                "%hailuo history",
                "%hailuo key abc " + CANARY,
                "%%hailuo t2v-standard --set api_key=" + "x\nfox",
                "1/0",
            ):
                kernel.run(code)
            kernel.drain(0.5)
        finally:
            kernel.close()
        said = [
            json.dumps(output, ensure_ascii=False, default=repr)
            for output in kernel.outputs
            if output["type"] != "execute_input"
        ]
        shown = "\n".join(said)
        assert strangers_who_saw_it(proxy.seen) == []
    (tmp_path / "outputs.txt").write_text(_without_what_we_typed(shown), "utf-8")
    assert leaks(tmp_path) == []
    assert CANARY[-4:] in shown
    assert "NameError" not in shown
    assert "PicklingError" in shown or "TypeError" in shown


def _without_what_we_typed(text: str) -> str:
    """Take out the lines of tracebacks that quote the cell in which the key itself was typed."""
    return re.sub(r"hailuo key abc [^\s\"'\\]*", "", text)


@pytest.mark.parametrize(
    "key",
    [
        f"{CANARY[:14]}\n{CANARY[14:]}",
        f"{CANARY}é",
        f"{CANARY} {CANARY}",
        f"{CANARY}\r\nX-Evil: 1",
        f"“{CANARY}”",
        CANARY * 40,
    ],
    ids=["newline", "accent", "space", "header", "quotes", "endless"],
)
def test_a_key_that_is_none_is_refused_without_being_shown(
    harness: Harness, tmp_path: Path, key: str
) -> None:
    """Pasted with a newline, an accent or twice: one line says where it is and what to do, and nothing is sent."""
    (tmp_path / "notebook").mkdir()
    with FaultProxy(harness.service.base_url) as proxy:
        cells = [{"prompt": "a fox with a bad key", "variant": "t2v-standard"}]
        spec_env = environment_of(proxy.base_url, key)
        notebook = harness.start(
            Plan("bad", cells), proxy.base_url, tmp_path, 0, None, env=spec_env, wait_s=3.0
        )
        assert notebook.wait(20)
        assert proxy.seen == []
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [error.split(":")[0] for error in report["errors"]] == ["KeyMissing"]
    assert leaks(tmp_path) == []


def test_a_newline_behind_the_key_is_dropped(harness: Harness, tmp_path: Path) -> None:
    """The commonest mistake of all works, and stays unseen."""
    (tmp_path / "notebook").mkdir()
    with FaultProxy(harness.service.base_url) as proxy:
        cells = [{"prompt": f"a fox with a newline {tmp_path.name}", "variant": "t2v-standard"}]
        env = environment_of(proxy.base_url, f"  {CANARY}\n")
        notebook = harness.start(Plan("newline", cells), proxy.base_url, tmp_path, 0, None, env=env)
        assert notebook.wait(30)
        assert strangers_who_saw_it(proxy.seen) == []
    report = json.loads((tmp_path / "report-0.json").read_text("utf-8"))
    assert [job["status"] for job in report["jobs"]] == ["completed"]
    assert leaks(tmp_path) == []


def test_a_violation_would_be_seen(tmp_path: Path) -> None:
    """The search itself finds the key, or it would prove nothing."""
    (tmp_path / "a.txt").write_bytes(b"..." + base64.b64encode(CANARY.encode()))
    (tmp_path / "b.txt").write_text(CANARY)
    assert leaks(tmp_path) == ["a.txt", "b.txt"]
    seen = Seen(1, "files", "GET", "/", [("Authorization", f"Bearer {CANARY}")])
    assert strangers_who_saw_it([seen]) == ["files / Authorization"]
    assert Violation("key sent away", "").kind == "key sent away"
