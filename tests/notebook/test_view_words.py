"""The sentences and numbers of a card."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hailuo_nb.notebook import view
from hailuo_nb.notebook.view import Action, CardView, ClipView, Confirm, Group, arrange

WORDS = {
    "planned": "planned",
    "submitting": "sent",
    "unconfirmed": "unconfirmed",
    "submitted": "sent",
    "processing": "working",
    "downloading": "saving",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "abandoned": "abandoned",
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.9, "0 s"),
        (12, "12 s"),
        (59.9, "59 s"),
        (65, "1:05"),
        (3599, "59:59"),
        (3725, "1:02:05"),
    ],
)
def test_times_pass_in_seconds_then_minutes(seconds: float, text: str) -> None:
    """Seconds below a minute, then a clock."""
    assert view.clock(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_300, "12 kB"),
        (4_200_000, "4.2 MB"),
        (999_900, "1.0 MB"),
    ],
)
def test_sizes_are_decimal(count: int, text: str) -> None:
    """As file managers show them."""
    assert view.size_text(count) == text


@pytest.mark.parametrize(
    ("typical", "text"),
    [
        (None, ""),
        ((40, 70), "usually 40-70 s"),
        ((4.2, 6.6), "usually 4-7 s"),
        ((5, 5.2), "usually 5 s"),
        ((0.3, 0.9), "usually about 1 s"),
        ((120, 200), "usually 2-3 min"),
    ],
)
def test_the_usual_time_is_a_range_a_person_would_say(typical: tuple[float, float] | None, text: str) -> None:
    """Whole seconds or minutes, one number where both ends are the same."""
    assert view.usual_text(typical) == text


def test_every_status_has_a_word_and_a_sign() -> None:
    """So that nothing on a card is said by colour alone."""
    words = {status: view.word_for(status) for status in WORDS}
    assert words == WORDS
    assert all(view.icon_for(word) != "·" for word in [*WORDS.values(), "waiting"])
    assert view.word_for("planned", is_queued=True) == "waiting"


def test_progress_goes_on_calmly_past_the_usual_time() -> None:
    """Within it the seconds and the range; past it, it says so."""
    clip = ClipView("0", word="working", started_ms=1_000, typical_s=(40, 70))
    assert view.progress_text(clip, 13_500) == "working · 12 s · usually 40-70 s"
    assert view.progress_text(clip, 91_000) == "working · 1:30 · longer than usual · usually 40-70 s"
    assert view.progress_text(clip) == "working · usually 40-70 s"


def test_counts_say_what_is_done_and_what_went_wrong() -> None:
    """One line for the live region."""
    clips = [
        ClipView(str(place), word=word) for place, word in enumerate(["done", "done", "working", "failed"])
    ]
    assert view.counts_text(clips) == "2 of 4 done, 1 failed"
    assert view.counts_text(clips[:1]) == "done"
    assert view.counts_of(clips) == {"done": 2, "working": 1, "failed": 1}


def test_dates_name_the_year_only_when_it_is_another() -> None:
    """As people do."""
    moment = datetime(2026, 11, 3, 12, tzinfo=UTC)
    assert view.date_text(moment, now=datetime(2026, 12, 1, tzinfo=UTC)) == "3 Nov"
    assert view.date_text(moment, now=datetime(2027, 6, 1, tzinfo=UTC)) == "3 Nov 2026"


@given(st.text())
def test_a_brief_is_the_text_or_a_shorter_one(text: str) -> None:
    """Never longer than two lines, one line only, and the text itself where it fits."""
    short = view.brief(text)
    assert len(short) <= 96 or short == text
    assert "\n" not in short
    if len(text) <= 96 and "\n" not in text and " ".join(text.split()) == text:
        assert short == text


@given(st.text())
def test_shown_text_turns_no_direction_and_rings_no_bell(text: str) -> None:
    """Controls and direction marks are visible, everything else is as it was."""
    shown = view.plain(text)
    assert not set(shown) & {
        chr(code) for code in (*range(9), *range(11, 32), 127, *range(0x202A, 0x202F), 0x2066)
    }
    assert view.plain("fox{ 🦊 سلام \u200d}") == "fox{ 🦊 سلام \u200d}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_file_becomes_an_address_of_the_same_file(file: str) -> None:
    """Quoted so that the browser asks for exactly that file below the notebook, or nothing where it cannot be."""
    src = view.file_src(file)
    if src:
        assert unquote(src) == file.replace("\\", "/")
        assert ":" not in src
        assert not src.startswith("/")
    else:
        assert file.startswith(("/", "\\"))


@pytest.mark.parametrize(
    "src",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:x",
        "data:text/html,x",
        "//host/x.mp4",
        "/etc/passwd",
        "https://h/x",
        "a b.mp4",
        "a\tb",
        "java\nscript:x",
        "\\\\host\\x",
        "file:x",
    ],
)
def test_an_address_that_leaves_the_notebook_is_none(src: str) -> None:
    """Only relative addresses pass."""
    assert view.safe_src(src) == ""


def _clip(place: int, **axes: str) -> ClipView:
    return ClipView(str(place), name="fox", prompt="a fox", axes=axes)


def test_one_clip_says_everything_in_its_caption() -> None:
    """Name and all values stand under the frame, nothing above it."""
    card = arrange(CardView("b", (_clip(0, variant="t2v-pro", length="6 s", take="1"),)))
    assert (card.clips[0].caption, card.shared, card.prompt) == ("fox · t2v-pro · 6 s · 1", "", "")


def test_what_all_share_stands_above_and_what_differs_below() -> None:
    """Each thing is said once."""
    card = arrange(
        CardView("b", tuple(_clip(place, variant="t2v-pro", take=str(place + 1)) for place in range(3)))
    )
    assert card.shared == "t2v-pro"
    assert card.prompt == "a fox"
    assert [clip.caption for clip in card.clips] == ["take 1", "take 2", "take 3"]
    assert card.groups == ()


def test_two_axes_become_rows_as_a_person_would_draw_them() -> None:
    """The first axis heads the rows, the second names the clips."""
    places = [(light, take) for light in ("dawn", "noon") for take in "12"]
    card = arrange(
        CardView("b", tuple(_clip(n, light=light, take=take) for n, (light, take) in enumerate(places)))
    )
    assert card.groups == (Group("light: dawn", ("0", "1")), Group("light: noon", ("2", "3")))
    assert [clip.caption for clip in card.clips] == ["take 1", "take 2"] * 2


def test_values_that_make_rows_of_one_stay_captions() -> None:
    """A zip of two axes is no grid."""
    card = arrange(
        CardView("b", (_clip(0, light="dawn", animal="fox"), _clip(1, light="noon", animal="owl")))
    )
    assert card.groups == ()
    assert [clip.caption for clip in card.clips] == ["dawn · fox", "noon · owl"]


def test_more_than_24_clips_are_a_table() -> None:
    """Without row heads, so that the table can be read down."""
    clips = tuple(_clip(n, light=str(n % 2), take=str(n)) for n in range(25))
    card = arrange(CardView("b", clips))
    assert card.is_table
    assert card.groups == ()
    assert not arrange(CardView("b", clips[:24])).is_table


def test_a_card_travels_as_json_without_what_is_empty() -> None:
    """The widget's trait is small: 200 clips stay below 100 kB."""
    clip = ClipView("0", file="hailuo/clips/a.mp4", status="processing", started_ms=5, typical_s=(40, 70),
                    actions=(Action("retry", "Try again", is_enabled=False),))  # fmt: skip
    data = CardView("b", (clip,), confirm=Confirm("Generate · $2.24", "$2.24")).to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["confirm"] == {"label": "Generate · $2.24", "sum": "$2.24"}
    assert data["clips"][0]["actions"] == [{"name": "retry", "label": "Try again"}]
    assert "error" not in data["clips"][0]
    assert data["is_final"] is False
    many = tuple(ClipView(str(n), id="3f2a91c0", name="fox", file="hailuo/clips/fox-3f2a91c0-t1.mp4",
                          src="hailuo/clips/fox-3f2a91c0-t1.mp4", caption="noon · take 2", prompt="x" * 120,
                          status="processing", word="working", started_ms=1, typical_s=(40, 70), price="$0.49",
                          width=1366, height=768) for n in range(200))  # fmt: skip
    assert len(json.dumps(CardView("b", many, prompt="x" * 120).to_dict())) < 100_000


def test_a_card_with_a_question_is_not_final() -> None:
    """Even when nothing of it is out."""
    clip = ClipView("0", status="cancelled")
    assert CardView("b", (clip,)).is_final
    assert not CardView("b", (clip,), confirm=Confirm("Generate", "$1")).is_final


def test_a_hint_that_all_have_is_said_once_when_nothing_moves_any_more() -> None:
    """Above the clips; while one is on its way each keeps its own, so that nothing shifts."""
    gone = [
        ClipView(str(n), status="cancelled", word="cancelled", hint="Nothing was billed.") for n in range(3)
    ]
    card = view.arrange(CardView("b", tuple(gone), note="Two were dropped."))
    assert card.note == "Two were dropped. Nothing was billed."
    assert {clip.why for clip in card.clips} == {""}
    moving = ClipView("3", status="planned", word="waiting", hint="Nothing was billed.")
    assert {clip.why for clip in view.arrange(CardView("b", (*gone, moving))).clips} == {
        "Nothing was billed."
    }


def test_a_frame_says_the_worst_thing_and_a_player_says_nothing() -> None:
    """An error before a hint, and neither where there is something to play."""
    clip = ClipView("0", status="failed", word="failed", error="It broke.", hint="Not billed.")
    assert clip.why == clip.to_dict()["why"] == "It broke."
    assert "why" not in ClipView("0", status="completed", word="done", hint="Kept.").to_dict()
