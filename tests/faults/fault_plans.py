"""Seeded plans: which cell, which faults, which deaths.

In comes a seed and a number; out comes the same `Plan` every time. The plans of a seed walk through every kill point
and every kind of fault by turns, so that a short set covers them; what is drawn is which of them meet.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crash_harness import Kill, Plan
from fault_proxy import Rule
from kill_points import POINTS

__all__ = ["plan_of", "plans"]

PNG = Path(__file__).with_name("photo.png")
STAGES = ("arrived", "read", "forwarded", "answering")
HELD = (
    *(("submit", stage) for stage in ("read", "forwarded", "answering")),
    *(("result", stage) for stage in ("read", "forwarded", "answering")),
    *(("download", stage) for stage in ("read", "answering")),
    ("price", "read"),
    ("recent", "forwarded"),
)
ANSWERS: dict[str, dict[str, Any]] = {
    "html": {},
    "html 502": {"kind": "html", "options": {"status": 502}},
    "bad_json": {},
    "data_null": {},
    "empty": {},
    "oversized": {},
    "truncate": {},
    "wrong_length": {},
    "wrong_length short": {"kind": "wrong_length", "options": {"by": -40}},
    "slow": {"options": {"bytes_per_s": 120}},
    "500": {"kind": "status"},
    "503": {"kind": "status", "options": {"status": 503}},
    "stall": {"seconds": 4.0, "stage": "forwarded"},
    "stall read": {"kind": "stall", "seconds": 4.0, "stage": "read"},
    **{f"reset {stage}": {"kind": "reset", "stage": stage} for stage in STAGES},
    "redirect": {},
    "redirect 302": {"kind": "redirect", "options": {"status": 302}},
    "refuse": {"seconds": 1.0},
    "429 seconds": {"kind": "retry_after", "forward": False},
    "429 date": {"kind": "retry_after", "forward": False, "options": {"form": "date", "wait_s": 2}},
    "429 none": {"kind": "retry_after", "forward": False, "options": {"form": "none"}},
}
OF_CALL: dict[str, dict[str, dict[str, Any]]] = {
    "submit": ANSWERS
    | {
        "no id": {"kind": "data", "options": {"data": {"id": None}}},
        "400": {"kind": "status", "forward": False, "options": {"status": 400, "message": "invalid prompt"}},
        "403": {"kind": "status", "forward": False, "options": {"status": 403, "message": "suspended"}},
        "lost 500": {"kind": "status", "forward": False},
        "no credits": {
            "kind": "status",
            "forward": False,
            "options": {
                "status": 400,
                "message": "Insufficient credits. Please top up your account to continue.",
            },
        },
    },
    "result": ANSWERS
    | {
        "unknown_status": {},
        "outputs null": {"kind": "data", "options": {"data": {"outputs": None}}},
        "404": {"kind": "status", "options": {"status": 404, "message": "prediction not found"}},
        "401": {"kind": "status", "options": {"status": 401, "message": "Unauthorized"}},
    },
    "price": ANSWERS,
    "recent": ANSWERS,
    "upload": ANSWERS,
    "put": {name: ANSWERS[name] for name in ("500", "reset read", "reset forwarded", "stall", "html 502")},
    "download": ANSWERS
    | {
        "403": {"kind": "status", "options": {"status": 403}},
        "404": {"kind": "status", "options": {"status": 404}},
        "no video": {"kind": "body", "options": {"body": b"this is no video" * 400}},
        "half a video": {
            "kind": "body",
            "options": {"body": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 999},
        },
    },
}


def _rule(call: str, name: str, dice: random.Random) -> Rule:
    fields: dict[str, Any] = {"kind": name.partition(" ")[0], "call": call} | OF_CALL[call][name]
    if call == "recent" or dice.random() < 0.6:
        fields["nth"] = dice.choice((1, 1, 2))
    else:
        fields["times"] = dice.choice((1, 2))
    return Rule(**fields)


def _kill(dice: random.Random, number: int) -> Kill:
    kinds = ("point", "point", "held", "held", "time")
    kind = kinds[number % len(kinds)]
    if kind == "time":
        return Kill(after_s=dice.uniform(0.05, 1.6))
    if kind == "held":
        call, stage = HELD[(number // len(kinds) * 2 + number % 2) % len(HELD)]
        return Kill(call=call, stage=stage, nth=dice.choice((1, 1, 2)), is_late=dice.random() < 0.5)
    return Kill(
        point=POINTS[(number // len(kinds) * 2 + number % 2) % len(POINTS)], nth=dice.choice((1, 1, 1, 2))
    )


_EVERY = [(call, name) for call, names in OF_CALL.items() for name in names]


def plan_of(seed: int, number: int, *, kernels: int = 12) -> Plan:
    """Give the n-th plan of a seed; every `kernels`-th is lived through by real kernels."""
    dice = random.Random(f"{seed} {number}")
    tag = f"r{seed}-{number}"
    order = random.Random(seed)
    every = order.sample(_EVERY, len(_EVERY))
    call, name = every[number % len(every)]
    has_picture = call in {"upload", "put"} or dice.random() < 0.12
    variant = "i2v-standard" if has_picture else "t2v-standard"
    large = " [large]" if dice.random() < 0.3 else ""
    cells = []
    for each in range(dice.choice((1, 1, 2))):
        cell: dict[str, Any] = {
            "prompt": f"a fox {tag} {each}{large}",
            "variant": variant,
            "takes": dice.choice((1, 2, 3)),
        }
        if has_picture:
            cell["image"] = str(PNG)
        cells.append(cell)
    if dice.random() < 0.15:
        cells.append(dict(cells[0]))
    if dice.random() < 0.1:
        fail = dice.choice(("fail 1405", "fail 1200", "timeout", "cancelled", "status paused"))
        cells[-1]["prompt"] += f" [simulate: {fail}]"
    rules = [] if dice.random() < 0.2 else [_rule(call, name, dice)]
    for _ in range(dice.choice((0, 0, 1, 2))):
        other = dice.choice([each for each in OF_CALL if has_picture or each not in {"upload", "put"}])
        rules.append(_rule(other, dice.choice(list(OF_CALL[other])), dice))
    deaths = dice.choice((0, 1, 1, 1, 1, 2)) if rules else dice.choice((1, 1, 2))
    kills = [_kill(dice, number + 7 * each) for each in range(deaths)]
    is_kernel = bool(kernels) and number % kernels == kernels - 1
    has_rival = not is_kernel and dice.random() < 0.15
    has_budget = dice.random() < 0.4
    return Plan(tag, cells, rules, kills, is_kernel=is_kernel, has_rival=has_rival, has_budget=has_budget)


def plans(seed: int, count: int, *, kernels: int = 12) -> Sequence[Plan]:
    """Give the first plans of a seed."""
    return [plan_of(seed, number, kernels=kernels) for number in itertools.islice(itertools.count(), count)]
