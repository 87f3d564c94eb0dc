"""What a card says, for jobs in every status."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hailuo_nb.catalog.variants import find
from hailuo_nb.errors import InsufficientCredits
from hailuo_nb.jobs.job import Job
from hailuo_nb.jobs.pace import Expectation
from hailuo_nb.ledger.rows import ClipRow
from hailuo_nb.notebook.compose import Known, card_of, headline
from hailuo_nb.session.batch import Batch, Place
from hailuo_nb.session.remaining import Outlook
from hailuo_nb.session.versions import Version
from hailuo_nb.settings import TIERS

WHEN = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class Nobody:
    """Stands in for the runner and the session: nothing is asked of them here."""

    def is_here(self) -> bool:
        """Say no."""
        return False

    def call(self, function: Any, *args: object) -> None:
        """Call at once."""
        function(*args)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not needed to draw a card")


def row(**changed: Any) -> ClipRow:
    """Give a row, planned unless told otherwise."""
    fields: dict[str, Any] = dict.fromkeys(ClipRow.__dataclass_fields__)
    fields |= {
        "id": "k3m8x2ab",
        "seq": 1,
        "batch_id": "b1",
        "take": 1,
        "attempt": 1,
        "service": "wavespeed",
        "status": "planned",
        "variant": "t2v-pro",
        "model_id": "minimax/hailuo-2.3/t2v-pro",
        "prompt": "a fox",
        "axes": {},
        "inputs": {"prompt": "a fox", "enable_prompt_expansion": True},
        "asked_duration_s": 6.0,
        "quote_usd": Decimal("0.49"),
        "created_utc": WHEN,
        "moved_utc": WHEN,
        "request_hash": "a" * 64,
        "tags": (),
        "more_paths": (),
        "was_taken_over": False,
        "is_hidden": False,
        "fence": 1,
    }
    return ClipRow(**fields | changed)


def job(tmp_path: Path, *, cached: bool = False, **changed: Any) -> Job:
    """Give the handle of a row."""
    nobody: Any = Nobody()
    return Job(
        row(**changed), tmp_path, lambda _: "hailuo/clips/a-fox-12345678-t1.mp4", nobody, cached=cached
    )


def batch(*jobs: Job, is_new: bool = True, **changed: Any) -> Batch:
    """Give a batch of these jobs."""
    nobody: Any = Nobody()
    places = tuple(Place(each, dict(each.axes), is_new) for each in jobs)
    made = Batch("b1", places, nobody, service=jobs[0].service)
    return replace(made, **changed)


def clip(of: Batch) -> Any:
    """Give the first clip of a batch's card."""
    return card_of(of, Known({"t2v-pro": find("t2v-pro")})).clips[0]


@pytest.mark.parametrize(
    ("changed", "word", "said", "actions"),
    [
        ({}, "waiting", "", ["cancel"]),
        ({"status": "submitting"}, "sent", "", []),
        ({"status": "processing", "submitted_utc": WHEN}, "working", "", []),
        ({"status": "downloading", "error": "The disk is full."}, "saving", "", []),
        ({"status": "unconfirmed"}, "unconfirmed", "not sent again by itself", []),
        ({"status": "cancelled"}, "cancelled", "Nothing was billed.", []),
        (
            {"status": "failed", "error": "Over the limit.", "was_accepted": False},
            "failed",
            "Nothing was billed. Running the cell again",
            [],
        ),
        (
            {"status": "failed", "error": "It broke.", "was_accepted": True},
            "failed",
            "refunded within 3 hours",
            ["retry"],
        ),
        (
            {"status": "failed", "error": "No.", "was_accepted": True, "error_kind": "ContentRejected"},
            "failed",
            "not documented",
            ["retry"],
        ),
        (
            {
                "status": "failed",
                "error": "No.",
                "price_source": "billing",
                "cost_usd": Decimal(0),
                "was_accepted": True,
            },
            "failed",
            "The bill says $0.00.",
            ["retry"],
        ),
    ],
)
def test_every_status_says_what_happened_what_it_cost_and_what_to_do(
    tmp_path: Path, changed: dict[str, Any], word: str, said: str, actions: list[str]
) -> None:
    """A card has a word for each status, and after trouble whether it was billed and what can be done."""
    view = clip(batch(job(tmp_path, **changed)))
    assert view.word == word
    assert said in view.hint
    assert [action.name for action in view.actions] == actions
    assert view.price == "$0.49"
    if changed.get("error"):
        assert view.error == changed["error"]


def test_a_clip_on_its_way_names_the_file_that_it_will_be(tmp_path: Path) -> None:
    """A page that is reloaded meanwhile still knows the way."""
    view = clip(batch(job(tmp_path, status="processing")))
    assert view.file == "hailuo/clips/a-fox-12345678-t1.mp4"
    assert view.src == "hailuo/clips/a-fox-12345678-t1.mp4"


def test_trying_again_says_its_price_and_its_command(tmp_path: Path) -> None:
    """The button of a failed clip repeats the sum, and the twin has the command for it."""
    action = clip(batch(job(tmp_path, status="failed", error="x", was_accepted=True))).actions[0]
    assert action.label == "Try again $0.49"
    assert action.command == "%hailuo retry k3m8x2ab"


def test_a_cached_clip_says_when_it_was_made_and_costs_nothing_again(tmp_path: Path) -> None:
    """The date stands on the card, and the quote line says that there is nothing to pay."""
    shown = batch(
        job(
            tmp_path,
            cached=True,
            status="completed",
            finished_utc=WHEN,
            width=1920,
            height=1080,
            duration_s=6.0,
        ),
        is_new=False,
    )
    assert clip(shown).cached_note.startswith("made 3 Nov")
    assert headline(shown) == "1 clip · 1 on disk · nothing to pay"


def test_the_quote_line_adds_up(tmp_path: Path) -> None:
    """Clips, those on disk, the new ones at their price, and what the budget leaves."""
    new = [job(tmp_path, id=f"n{i}", quote_usd=Decimal("0.28")) for i in range(8)]
    old = [job(tmp_path, cached=True, id=f"o{i}", status="completed") for i in range(4)]
    places = tuple(Place(each, {}, not each.cached) for each in [*old, *new])
    shown = replace(batch(*new), places=places, budget_left_usd=Decimal("6.08"))
    assert headline(shown) == "12 clips · 4 on disk · 8 new at $0.28 = $2.24 · budget left $6.08"


def test_the_quote_line_says_what_an_earlier_run_has_sent(tmp_path: Path) -> None:
    """Clips that were on their way count as sent before; one that stands twice in the cell does not."""
    out = job(tmp_path, id="out", status="processing")
    new = job(tmp_path, id="new", status="submitted")
    places = (Place(out, {}, is_new=False), Place(new, {}), Place(new, {}, is_new=False))
    shown = replace(batch(new), places=places)
    assert headline(shown) == "3 clips · 1 sent before, not paid again · 1 new at $0.49"
    assert headline(replace(shown, id="show-1")) == "3 clips · 1 new at $0.49"


def test_a_held_batch_asks_with_its_sum(tmp_path: Path) -> None:
    """The button says the sum, and the reason stands on the card."""
    held = [job(tmp_path, id=f"h{i}") for i in range(3)]
    for each in held:
        each.is_held, each.note = True, "Over the limit."
    card = card_of(batch(*held), Known())
    assert card.confirm is not None
    assert (card.confirm.label, card.confirm.sum) == ("Generate · $1.47", "1.47")
    assert card.note == "Over the limit."
    assert [each.hint for each in card.clips] == ["", "", ""]
    noted = card_of(replace(batch(*held), notes=("One was left out.",)), Known())
    assert noted.note == "One was left out. Over the limit."


def test_a_held_clip_says_why_whatever_its_note_tells_since(tmp_path: Path) -> None:
    """Held in the moment it had its turn, its note was taken away again; the reason is what it was held for."""
    held = job(tmp_path)
    held.is_held = True
    held.settle(InsufficientCredits("No credits are left. Top up, then run the cell again."))
    held.note = ""
    assert card_of(batch(held), Known()).note == "No credits are left. Top up, then run the cell again."


def test_headless_says_only_what_is_the_same_in_every_run(tmp_path: Path) -> None:
    """No budget, no count of what is on disk, no question."""
    shown = batch(
        job(tmp_path, cached=True, status="completed"), is_headless=True, budget_left_usd=Decimal(5)
    )
    assert headline(shown) == "1 clip · quote $0.49"


def test_another_size_or_length_is_a_note(tmp_path: Path) -> None:
    """What the service made otherwise than promised is said, and is no failure."""
    view = clip(batch(job(tmp_path, status="completed", width=1280, height=720, duration_s=5.0)))
    assert view.note == "The service made 1280x720 instead of 1920x1080 and 5.0 s instead of 6 s."


def test_the_simulator_is_named_and_its_time_is_shorter(tmp_path: Path) -> None:
    """Simulated clips say so, and the usual time is divided by the speed."""
    shown = batch(job(tmp_path, service="simulator", status="processing"))
    card = card_of(shown, Known({"t2v-pro": find("t2v-pro")}, 10.0))
    assert card.is_simulated
    assert card.clips[0].typical_s == (4.0, 7.0)


def test_a_clip_that_is_here_offers_one_more_take_at_todays_price(tmp_path: Path) -> None:
    """On the last take of its request, by its sum; never without a price, nor where nothing is here yet."""
    done = [job(tmp_path, id=f"t{take}", status="completed", take=take) for take in (1, 2)]
    going = job(tmp_path, id="x", status="processing", request_hash="b" * 64)
    known = Known(
        {"t2v-pro": find("t2v-pro")}, take_usd={"a" * 64: Decimal("0.52"), "b" * 64: Decimal("0.52")}
    )
    actions = [clip.actions for clip in card_of(batch(*done, going), known).clips]
    assert [each.name for each in actions[0]] == ["use"]
    assert actions[2] == ()
    one, use = actions[1]
    assert (one.name, one.label, one.sum, one.command) == ("take-3", "New take $0.52", "0.52", "--takes 3")
    assert (use.name, use.label, use.command) == ("use", "Use again", "")
    unpriced = card_of(batch(*done), Known())
    assert [[each.name for each in clip.actions] for clip in unpriced.clips] == [["use"], ["use"]]
    simulated = batch(job(tmp_path, service="simulator", status="completed"))
    assert card_of(simulated, known).clips[0].actions[0].label == "New take simulated $0.52"


def test_a_take_that_was_added_stands_beside_the_others_under_its_own_key(tmp_path: Path) -> None:
    """Keys stay, since posters and buttons go by them."""
    axes = [{"light": light} for light in ("dawn", "noon")]
    jobs = [job(tmp_path, id=f"n{n}", axes=each, request_hash=str(n) * 64) for n, each in enumerate(axes)]
    late = job(tmp_path, id="late", axes=axes[0], request_hash="0" * 64, take=2)
    card = card_of(batch(*jobs, late), Known())
    assert [(clip.key, clip.caption) for clip in card.clips] == [
        ("0", "dawn · take 1"),
        ("2", "dawn · take 2"),
        ("1", "noon · take 1"),
    ]


def test_prompts_of_one_template_are_said_by_it_and_their_heads(tmp_path: Path) -> None:
    """Not once more below each clip; whoever copies one gets it all the same."""
    jobs = [
        job(
            tmp_path,
            id=x,
            axes={"light": x},
            prompt=f"a fox at {x}",
            prompt_template="a fox at {light: dawn|noon}",
        )
        for x in ("dawn", "noon")
    ]
    data = card_of(batch(*jobs), Known()).to_dict()
    assert data["prompt"] == "a fox at {light: dawn|noon}"
    assert [("prompt" in clip, clip["copy"]) for clip in data["clips"]] == [
        (False, "a fox at dawn"),
        (False, "a fox at noon"),
    ]


def test_the_time_left_is_said_from_the_start_and_what_it_hangs_on(tmp_path: Path) -> None:
    """A hundred clips on Bronze take fifty minutes, also before the yes; headless nothing of it is said."""
    outlook = Outlook({"t2v-pro": Expectation(40.0, 70.0)}, TIERS["bronze"], "bronze")
    jobs = [job(tmp_path, id=f"w{n}") for n in range(100)]
    card = card_of(batch(*jobs), Known(outlook=outlook), WHEN)
    assert card.until_ms is not None
    assert 49 * 60 < card.until_ms / 1000 - WHEN.timestamp() < 51 * 60
    assert card.pace == "at 2 a minute (bronze)"
    for each in jobs:
        each.is_held, each.note = True, "Over the limit."
    assert card_of(batch(*jobs), Known(outlook=outlook), WHEN).note == (
        "Over the limit. It will take about 50 min at 2 a minute (bronze)."
    )
    quiet = card_of(batch(*jobs, is_headless=True), Known(outlook=outlook), WHEN)
    assert (quiet.until_ms, "min" in quiet.note) == (None, False)


def test_the_version_before_is_offered_with_its_cost_and_the_words_that_changed(tmp_path: Path) -> None:
    """Without buttons, with what each clip cost, and never headless."""
    old = batch(
        *[
            job(tmp_path, id=f"o{n}", status="completed", cost_usd=Decimal("0.49"), take=n + 1)
            for n in range(2)
        ]
    )
    version = Version(old, WHEN, "a fox at dawn", "a fox at noon")
    earlier = card_of(batch(job(tmp_path)), Known(version=version, take_usd={"a" * 64: Decimal(1)})).earlier
    assert earlier is not None
    assert re.fullmatch(
        r"previous version, 3 Nov( \d{4})? \d\d:\d\d · \$0\.98 · 1 word changed", earlier.line
    )
    assert [word.text for word in earlier.was if word.is_changed] == ["dawn"]
    assert [(clip.key, clip.caption, clip.price, clip.actions) for clip in earlier.clips] == [
        ("p0", "take 1", "$0.49", ()),
        ("p1", "take 2", "$0.49", ()),
    ]
    assert card_of(batch(job(tmp_path), is_headless=True), Known(version=version)).earlier is None
    many = batch(*[job(tmp_path, id=f"m{n}", status="completed") for n in range(15)])
    more = card_of(batch(job(tmp_path)), Known(version=replace(version, batch=many))).earlier
    assert more is not None
    assert (len(more.clips), more.more) == (12, "and 3 clips more: batch.previous has all of them")
