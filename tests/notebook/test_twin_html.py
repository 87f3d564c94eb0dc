"""The static twin: what a saved notebook holds."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hailuo_nb.notebook import sheet, twin
from hailuo_nb.notebook.handlers import CARD_HANDLERS, PLAYER_HANDLERS
from hailuo_nb.notebook.view import Action, CardView, ClipView, Earlier, Group, Word, arrange

TAGS = {"div", "span", "bdi", "details", "summary", "del", "ins", "video", "a", "img", "code"}
ATTRIBUTES = {"class", "style", "src", "href", "poster", "controls", "loop", "muted", "playsinline", "preload", "alt",
              "aria-label", "width", "height", "title"}  # fmt: skip


def handlers_of(html: str) -> dict[str, str | None]:
    """Give the attributes of the constants in `handlers`."""
    parsed = Parsed(f"<div{html}></div>")
    return parsed.tags[0][1]


class Parsed(HTMLParser):
    """Reads HTML into tags and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.depth = 0
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.depth += tag != "img"

    def handle_endtag(self, _tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        """Give the attributes of every tag of a name."""
        return [attrs for tag, attrs in self.tags if tag == name]


def picture(width: int = 480, shade: int = 90) -> bytes:
    """Draw a poster."""
    out = BytesIO()
    Image.linear_gradient("L").resize((width, width * 9 // 16)).convert("RGB").point(
        lambda v: v * shade // 100
    ).save(out, "JPEG", quality=70)
    return out.getvalue()


def clip(key: str = "0", **changes: object) -> ClipView:
    """Make a finished clip."""
    facts: dict[str, object] = {
        "id": "3f2a91c0", "name": "fox", "file": "hailuo/clips/fox 1.mp4", "src": "hailuo/clips/fox%201.mp4",
        "caption": "noon", "prompt": "a fox",
        "status": "completed", "word": "done", "price": "$0.49", "elapsed_s": 51.5,
        "cached_note": "made 3 Nov, not paid again", "cost_note": "quoted $0.49, not billed yet",
        "prediction_id": "p-77",
    }  # fmt: skip
    return ClipView(key, **(facts | changes))  # type: ignore[arg-type]


def test_a_done_clip_has_player_poster_caption_cost_and_link() -> None:
    """And inside the player a picture with a description, for where players are stripped."""
    poster = picture()
    parsed = Parsed(twin.twin_html(CardView("b", (clip(),)), {"0": poster}))
    (video,) = parsed.all("video")
    assert video["src"] == "hailuo/clips/fox%201.mp4"
    with Image.open(
        BytesIO(b64decode(str(video["poster"]).removeprefix("data:image/jpeg;base64,")))
    ) as shown:
        assert shown.size == (480, 270)
    assert {"controls", "loop", "muted"} <= set(video)
    assert video["preload"] == "none"
    (image,) = parsed.all("img")
    assert image["alt"] == "noon: a fox"
    assert [link["href"] for link in parsed.all("a")] == ["hailuo/clips/fox%201.mp4"] * 2
    assert (
        parsed.text
        == "noon$0.49made 3 Nov, not paid againquoted $0.49, not billed yeta foxhailuo/clips/fox 1.mp4"
    )


def test_a_clip_on_its_way_already_names_and_points_at_its_file() -> None:
    """So that a page reloaded in the middle leaves the way to the clip in the saved notebook."""
    waiting = clip(
        status="processing", word="working", cached_note="", cost_note="", started_ms=0, typical_s=(40, 70)
    )
    card = CardView("b", (waiting,), headline="1 clip at $0.49")
    parsed = Parsed(twin.twin_html(card, {}))
    assert parsed.all("video")[0]["src"] == "hailuo/clips/fox%201.mp4"
    assert "poster" not in parsed.all("video")[0]
    assert "◑ working" in parsed.text
    assert "will be hailuo/clips/fox 1.mp4" in parsed.text
    assert "12 s · usually 40-70 s" in Parsed(twin.twin_html(card, {}, now_ms=12_000)).text


def test_a_failure_says_why_and_what_to_do_and_has_no_player() -> None:
    """The reason and the command that does what the widget's button did in its frame, the rest below."""
    retry = Action("retry", "Try again $0.49", command="%hailuo retry 3f2a")
    failed = clip(
        status="failed",
        word="failed",
        error="Refused (1301).",
        hint="Not billed.",
        price="",
        actions=(retry,),
    )
    parsed = Parsed(twin.twin_html(CardView("b", (failed,)), {"0": picture()}))
    assert parsed.all("video") == []
    frame, below = parsed.text.split("noon")
    assert frame == "✕ failedRefused (1301).Try again $0.49: %hailuo retry 3f2a"
    assert below.startswith("Not billed.")
    rows = Parsed(twin.twin_html(CardView("b", tuple(replace(failed, key=str(n)) for n in range(30))), {}))
    assert rows.text.count("Refused (1301).") == rows.text.count("%hailuo retry 3f2a") == 30


def test_sums_are_no_formulas() -> None:
    """JupyterLab would set what stands between two dollar signs as mathematics; these classes keep it away."""
    card = CardView("b", (clip(),), headline="12 new at $0.28 = $3.36")
    for html in (twin.twin_html(card, {}), twin.headline_html(card)):
        outermost = Parsed(html).tags[0][1]["class"] or ""
        assert {"tex2jax_ignore", "mathjax_ignore"} <= set(outermost.split())


def test_simulated_is_said_on_the_card_and_on_every_clip() -> None:
    """In HTML and in text."""
    card = CardView("b", (clip("0"), clip("1")), headline="2 clips", is_simulated=True)
    assert Parsed(twin.twin_html(card, {})).text.count("simulated") == 3
    assert twin.twin_text(card).count("simulated") == 3


def test_a_headless_card_holds_only_what_is_the_same_in_every_run() -> None:
    """No id, date, time or note: two runs give the same bytes."""
    runs = [
        CardView("batch-1", (clip(),), headline="1 clip at $0.49", note="budget left $6.08", is_headless=True),
        CardView("batch-2", (clip(id="77aa", prediction_id="p-78", elapsed_s=9.0, cached_note="", cost_note="",
                                  actions=(Action("retry", "Try", command="%hailuo retry 77aa"),)),),
                 headline="1 clip at $0.49", note="on disk", is_headless=True),
    ]  # fmt: skip
    bundles = [twin.twin_bundle(card, {"0": picture()}) for card in runs]
    assert bundles[0] == bundles[1]
    assert "batch" not in bundles[0]["text/html"]
    assert bundles[0]["text/plain"] == "1 clip at $0.49\n  noon · $0.49 · hailuo/clips/fox 1.mp4 · a fox"


@given(st.text(st.characters(), max_size=200), st.sampled_from(["completed", "processing", "failed"]))
def test_any_text_stays_text(evil: str, status: str) -> None:
    """Whatever stands in any field, the tags are ours, all closed, with no address but the clip's."""
    evil = f"{evil}<script>x</script>\"'><img src=x onerror=x>\u202e"
    one = ClipView("0", id=evil, name=evil, file=evil, src="a.mp4", variant=evil, caption=evil, prompt=evil, price=evil,
                   status=status, word="done" if status == "completed" else "working", cost_note=evil, error=evil,
                   hint=evil, cached_note=evil, note=evil, prediction_id=evil,
                   actions=(Action(evil, evil, command=evil),))  # fmt: skip
    card = CardView(
        evil, (one,), shared=evil, prompt=evil, headline=evil, note=evil, groups=(Group(evil, ("0",)),)
    )
    parsed = Parsed(twin.twin_html(card, {"0": b""}))
    assert {tag for tag, _ in parsed.tags} <= TAGS
    ours = handlers_of(CARD_HANDLERS) | handlers_of(PLAYER_HANDLERS)
    assert {name for _, attrs in parsed.tags for name in attrs} <= ATTRIBUTES | set(ours)
    assert all(value == ours.get(name, value) for _, attrs in parsed.tags for name, value in attrs.items())
    assert {attrs["src"] for attrs in parsed.all("video")} <= {"a.mp4"}
    assert {attrs["href"] for attrs in parsed.all("a")} <= {"a.mp4"}
    assert parsed.depth == 0
    assert "\u202e" not in parsed.text
    assert "\u202e" not in twin.twin_text(card)


@pytest.mark.parametrize(
    "src", ["javascript:alert(1)", "//host/clip.mp4", "https://host/clip.mp4", "data:text/html,x"]
)
def test_a_foreign_address_is_never_written(src: str) -> None:
    """Not as a player, not as a link."""
    html = twin.twin_html(CardView("b", (clip(src=src),)), {"0": picture()})
    assert "<video" not in html
    assert "href" not in html


def test_a_player_has_handlers_and_its_pictures_size() -> None:
    """Code that is the same for every clip, no larger than it must be; a table of many has none."""
    (video,) = Parsed(twin.twin_html(CardView("b", (clip(width=1366, height=768),)), {})).all("video")
    assert (video["width"], video["height"]) == ("1366", "768")
    assert set(handlers_of(PLAYER_HANDLERS)) == {"onplay"} <= set(video)
    assert {"onclick", "onkeydown", "onmouseover", "onmouseout"} <= set(handlers_of(CARD_HANDLERS))
    assert len(PLAYER_HANDLERS) < 300
    assert len(CARD_HANDLERS) < 3_000
    assert CARD_HANDLERS.count('"') == 2 * len(handlers_of(CARD_HANDLERS))
    assert " on" not in twin.twin_html(CardView("b", tuple(clip(str(n)) for n in range(30))), {}).lower()


def test_ten_megabytes_of_text_are_cut_with_a_way_to_see_more() -> None:
    """A card stays small whatever it is given."""
    huge = "wort " * 2_000_000
    html = twin.twin_html(CardView("b", (clip(prompt=huge, error=huge, note=huge),)), {})
    assert len(html) < 20_000
    assert "9,996,000 more characters: see job.prompt" in html
    assert len(twin.twin_text(CardView("b", (clip(prompt=huge, error=huge),)))) < 10_000


def test_long_prompts_take_two_lines_and_open_on_demand() -> None:
    """All of it is in the notebook, with its line ends."""
    prompt = "A glass marble rolls off a wooden table, [Tracking shot]\n" * 4
    parsed = Parsed(twin.twin_html(CardView("b", (clip("0", prompt=prompt), clip("1"))), {}))
    assert len(parsed.all("details")) == 1
    assert prompt in parsed.text


def test_a_prompt_of_all_is_said_once() -> None:
    """Above the clips, in HTML and in text."""
    card = CardView("b", (clip("0"), clip("1")), prompt="a fox")
    assert Parsed(twin.twin_html(card, {"0": picture(), "1": picture()})).text.count("a fox") == 1
    assert twin.twin_text(card).count("a fox") == 1


def test_a_clip_costs_the_notebook_about_ten_kilobytes() -> None:
    """Posters included, four clips stay below 60 kB with their contact sheet."""
    posters = {str(place): picture(shade=60 + 10 * place) for place in range(4)}
    bundle = twin.twin_bundle(CardView("b", tuple(clip(key) for key in posters)), posters)
    assert set(bundle) == {"text/html", "text/plain", "image/jpeg"}
    assert sum(map(len, bundle.values())) < 60_000


def test_a_tile_is_never_wider_than_its_picture() -> None:
    """640 pixels for one clip, 320 for one of many, less where the clip has less."""
    widths = [
        twin.twin_html(CardView("b", clips), {}).split('class="hailuo-tile" style="width:')[1].split("px")[0]
        for clips in [(clip(width=1366),), (clip("0"), clip("1")), (clip(width=240),)]
    ]
    assert widths == ["640", "320", "240"]


def test_many_clips_are_rows_with_small_pictures() -> None:
    """200 clips with posters stay below a megabyte."""
    clips = tuple(clip(str(place), prompt=f"fox number {place}") for place in range(200))
    poster = picture()
    bundle = twin.twin_bundle(CardView("b", clips), {one.key: poster for one in clips})
    parsed = Parsed(bundle["text/html"])
    assert parsed.all("video") == []
    assert len(parsed.all("img")) == 200
    assert sum(map(len, bundle.values())) < 1_000_000


def test_broken_posters_leave_their_place_empty() -> None:
    """A damaged file on disk must not cost the card."""
    bundle = twin.twin_bundle(CardView("b", (clip("0"), clip("1"))), {"0": b"no jpeg", "1": picture()})
    assert bundle["image/jpeg"]
    assert bundle["text/html"].count("<img") == 1


def test_the_sheet_says_what_a_pdf_would_not() -> None:
    """For PDF and LaTeX, which show one picture of a cell: each poster with its caption below, in a grid."""
    poster = picture()
    tile = sheet.Tile(poster, "noon · $0.49")
    assert sheet.sheet_jpeg([]) == sheet.sheet_jpeg([sheet.Tile(b"", "noon", "failed")]) == b""
    sizes = []
    for tiles in ([tile], [tile, sheet.Tile(b"", "", "failed · no money left")], [tile] * 5, [tile] * 13):
        with Image.open(BytesIO(sheet.sheet_jpeg(tiles))) as page:
            sizes.append(page.size)
    assert sizes == [(344, 234), (516, 189), (1020, 354), (1164, 417)]
    assert sheet.sheet_jpeg([tile]) != sheet.sheet_jpeg([sheet.Tile(poster, "noon · $0.48")])
    with Image.open(BytesIO(sheet.thumbnail(poster))) as small:
        assert small.size == (192, 108)
    assert len(sheet.thumbnail(poster)) < 3_000


def test_a_sheet_of_a_thousand_clips_shows_the_first_of_them_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Drawn whole it was a picture of 23,000 pixels in height that nobody reads."""
    drawn: list[dict[str, Any]] = []
    paint = sheet.paint

    def painted(page: dict[str, Any]) -> Image.Image:
        drawn.append(page)
        return paint(page)

    monkeypatch.setattr(sheet, "paint", painted)
    tile = sheet.Tile(picture(), "noon · $0.49")
    assert sheet.sheet_jpeg([tile] * 1000, "foxes")
    (page,) = drawn
    assert page["title"] == "foxes · the first 120 of 1,000 clips"
    assert sum(len(row["cells"]) for row in page["bands"][0]["rows"]) == 120


def test_the_sheet_of_a_card_holds_prompt_caption_and_cost() -> None:
    """What is drawn is what the text of the card says; all of it, since a PDF shows nothing else."""
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin, "sheet_jpeg", lambda tiles, title: drawn.append((title, tiles)) or b"")
        gone = clip("1", caption="dusk", status="failed", word="failed", error="Refused (1301).", price="")
        card = CardView("b", (clip(), gone), headline="2 clips at $0.49", prompt="a\nfox", is_simulated=True)
        twin.twin_bundle(card, {"0": picture()})
        twin.twin_bundle(card, {}, has_headline=False)
    (title, (first, second)), (alone, _) = drawn
    assert title == "simulated · 2 clips at $0.49 · a fox"
    assert alone == "a fox"
    assert (first.caption, second.caption) == ("noon · simulated $0.49 · a fox", "dusk · simulated · a fox")
    assert second.words == "failed · Refused (1301)."


def test_the_headline_stands_alone_in_the_widgets_place() -> None:
    """And is then left out of the twin."""
    card = CardView("b", (clip(),), headline="1 clip <b>", shared="t2v-pro")
    assert Parsed(twin.headline_html(card)).text == "1 clip <b> · t2v-pro"
    assert "t2v-pro" not in twin.twin_html(card, {}, has_headline=False)
    assert twin.headline_html(CardView("b")) == ""


def test_a_grid_has_heads_on_both_sides_and_empty_places() -> None:
    """A sheet moves the heads to the edges; what it does not reach has them at each place."""
    axes = [("dawn", "left"), ("dawn", "right"), ("noon", "left")]
    clips = tuple(clip(f"{n}", caption="", axes={"light": a, "pan": b}) for n, (a, b) in enumerate(axes))
    html = twin.twin_html(arrange(CardView("b", clips)), {})
    parsed = Parsed(html)
    assert "@container" in html
    assert parsed.text.count("pan: left") == 3  # once at the edge, once at each of its places
    assert parsed.text.count("light: dawn") == 1
    assert html.count('hailuo-none"') == 1


def test_what_a_cell_made_before_is_folded_away_and_marked() -> None:
    """Struck out and underlined, with its clips inside; headless it is not there."""
    earlier = Earlier("previous version, 3 Nov 14:02 · $0.98 · 1 word changed", "2026-11-03 13:02:00 UTC",
                      (Word("a fox at "), Word("dawn", True)), (Word("a fox at "), Word("noon", True)),
                      (clip("p0", is_said=True),))  # fmt: skip
    card = CardView("b", (clip(),), earlier=earlier)
    html = twin.twin_html(card, {"p0": picture()})
    assert html.index("<details") < html.index("<del><bdi>dawn</bdi></del>") < html.index("hailuo-k-p0")
    assert "<ins><bdi>noon</bdi></ins>" in html
    assert 'title="2026-11-03 13:02:00 UTC"' in html
    assert "previous" not in twin.twin_html(replace(card, is_headless=True), {})


def test_a_clip_that_is_here_names_the_option_for_another() -> None:
    """Where the widget has a button; headless it says nothing."""
    card = CardView(
        "b", (clip(actions=(Action("take-2", "New take $0.49", command="--takes 2", sum="0.49"),)),)
    )
    assert "--takes 2 for another" in Parsed(twin.twin_html(card, {})).text
    assert "--takes" not in twin.twin_html(replace(card, is_headless=True), {})


def test_a_hundred_clips_are_a_small_part_of_a_notebook_with_the_videos_inside() -> None:
    """At most 1/200 of a hundred clips of 3 MB as base64, with pictures as full of detail as any."""
    out = BytesIO()
    Image.effect_noise((480, 270), 60).convert("RGB").save(out, "JPEG", quality=70)
    clips = tuple(clip(str(n), prompt=f"a fox at {n}, " + "words " * 30) for n in range(100))
    bundle = twin.twin_bundle(CardView("b", clips), {str(n): out.getvalue() for n in range(100)})
    assert bundle["text/html"].count("data:image/jpeg") >= 100
    assert len(json.dumps(bundle)) <= 100 * 3_000_000 * 4 / 3 / 200
