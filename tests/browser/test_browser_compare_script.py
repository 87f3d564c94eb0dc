"""The comparison's script on a page of its own: in step, scrubbed, chosen, rated, and gone without a trace."""

from __future__ import annotations

import base64
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lab_clips
import pytest
from lab import look
from playwright.sync_api import Browser, Page, expect
from widget_page import draw_clips, show, widget_page

from hailuo_nb.notebook.compare import CompareWidget
from hailuo_nb.notebook.comparison import Compared, lay_out
from hailuo_nb.notebook.view import ClipView

# Read every frame, from the media clocks themselves.
SPREAD = """async ([lateMs, ms]) => {
  const videos = [...document.querySelectorAll('video')];
  const late = videos[2], play = late.play.bind(late);
  late.play = () => new Promise((done) => setTimeout(() => { late.play = play; done(play()); }, lateMs));
  document.querySelector('[aria-label="Play (space)"]').click();
  const seen = [], begin = performance.now();
  await new Promise((done) => {
    const look = () => {
      const times = videos.map((video) => video.currentTime);
      const areRunning = videos.every((video) => !video.paused && !video.seeking);
      seen.push([performance.now() - begin, 1000 * (Math.max(...times) - Math.min(...times)), areRunning]);
      if (performance.now() - begin < ms) requestAnimationFrame(look);
      else done();
    };
    look();
  });
  return seen;
}"""

SCRUB = """async (count) => {
  const videos = [...document.querySelectorAll('video')], scrub = document.querySelector('.hailuo-cv-scrub');
  const landed = (video) => new Promise((done) => {
    const look = () => (video.seeking ? video.addEventListener('seeked', look, { once: true }) : done());
    look();
  });
  const times = [];
  for (let turn = 0; turn < count; turn += 1) {
    const start = performance.now();
    scrub.value = String((turn * 0.37 + 0.13) % 1);
    scrub.dispatchEvent(new Event('input'));
    await Promise.all(videos.map(landed));
    times.push(performance.now() - start);
    await new Promise((done) => requestAnimationFrame(done));
  }
  return times;
}"""

ARE_READY = """(count) => {
  const videos = [...document.querySelectorAll('video')];
  return videos.length === count && videos.every((video) => video.readyState === 4 && !video.seeking);
}"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Draw four small clips of two seconds."""
    return draw_clips(tmp_path_factory.mktemp("small"), 4, width=480, height=270, length_s=2)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page."""
    with widget_page(browser) as page:
        yield page


def clip(key: int, word: str = "done", *, seconds: float = 2.0, **axes: str) -> Compared:
    """Make a clip with a prompt of its axes."""
    status = {"done": "completed", "working": "processing", "failed": "failed"}[word]
    said = " ".join(axes.values())
    view = ClipView(
        str(key), name="fox", file=f"hailuo/clips/fox-{key}.mp4", prompt=f"A fox at {said} <b>runs</b>",
        status=status, word=word, error="The moderation refused it." if word == "failed" else "",
        width=480, height=270, axes=axes,
    )  # fmt: skip
    return Compared(view, can_rate=True, fps=24.0, seconds=seconds)


def row(count: int, **options: Any) -> list[Compared]:
    """Make finished clips that differ in one axis."""
    return [clip(n, light="abcdefgh"[n % 8] * (1 + n // 8), **options) for n in range(count)]


def put(page: Page, clips: Sequence[Compared], files: Sequence[Path], **axes: str) -> None:
    """Draw a comparison."""
    there = {each.view.key: files[n % len(files)] for n, each in enumerate(clips) if each.is_here}
    state = lay_out(clips, id_="c", **axes).to_dict()  # type: ignore[arg-type]
    show(page, str(CompareWidget._esm), str(CompareWidget._css), "comparison", state, there)


def put_again(page: Page, clips: Sequence[Compared]) -> None:
    """Change the state, as the kernel does."""
    page.evaluate("(state) => window.put(state)", lay_out(clips, id_="c").to_dict())


def wake(page: Page, count: int) -> None:
    """Step one frame, so that clips are loaded and stand still."""
    page.locator(".hailuo-cv-tile").first.focus()
    page.keyboard.press(".")
    page.wait_for_function(ARE_READY, arg=count)


def times(page: Page) -> list[float]:
    """Read the media clocks."""
    found: list[float] = page.evaluate(
        "[...document.querySelectorAll('video')].map((video) => video.currentTime)"
    )
    return found


def test_four_clips_stay_in_step_and_scrub_quickly(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, record_property: Any
) -> None:
    """One that starts 300 ms late is caught up; left alone it stays 300 ms late (measured).

    On a quiet machine: 5 ms at the median and at worst for five seconds after alignment, 82 ms a scrub at the median.
    """
    large = draw_clips(tmp_path_factory.mktemp("large"), 4)
    with widget_page(browser, size=(1400, 900)) as page:
        put(page, row(4, seconds=6.0), large)
        wake(page, 4)
        scrubs = page.evaluate(SCRUB, 15)
        page.keyboard.press("Home")
        page.wait_for_function(ARE_READY, arg=4)
        seen = page.evaluate(SPREAD, [300, 5500])
    start = next(at for at, _, are_running in seen if are_running)
    # Alignment takes one seek; it is given half a second.
    spreads = [spread for at, spread, are_running in seen if at > start + 500 and are_running]
    figures = {
        "scrub_median_ms": statistics.median(scrubs),
        "spread_median_ms": statistics.median(spreads),
        "spread_worst_ms": max(spreads),
        "frames": len(spreads),
    }
    for name, value in figures.items():
        record_property(name, round(value, 1))
    assert max(spread for _, spread, _ in seen) > 200, "the late start was not simulated"
    assert len(spreads) > 30, figures
    # What a busy machine cannot move far; the goals are 25, 60 and 200 ms.
    assert figures["spread_median_ms"] < 25, figures
    assert statistics.quantiles(spreads, n=20)[-1] < 60, figures
    assert figures["scrub_median_ms"] < 500, figures


def test_scrubbing_keeps_the_newest_seek_only(page: Page, small: list[Path]) -> None:
    """Forty moves in a burst are a few seeks, and all clips end where the last one said."""
    put(page, row(4), small)
    wake(page, 4)
    page.evaluate(
        """() => {
          window.seeks = 0;
          const count = () => { window.seeks += 1; };
          for (const video of document.querySelectorAll('video')) video.addEventListener('seeking', count);
          const scrub = document.querySelector('.hailuo-cv-scrub');
          for (let turn = 1; turn <= 40; turn += 1) {
            scrub.value = String(turn / 50);
            scrub.dispatchEvent(new Event('input'));
          }
        }"""
    )
    page.wait_for_function(
        "[...document.querySelectorAll('video')].every((one) => !one.seeking && Math.abs(one.currentTime - 1.6) < 0.01)"
    )
    assert page.evaluate("window.seeks") <= 12


def test_leaving_takes_everything_along(page: Page, small: list[Path]) -> None:
    """While it plays: no listener, timer, frame, address, player or node is left."""
    put(page, row(4), small)
    page.locator(".hailuo-cv-tile").first.focus()
    page.keyboard.press(" ")
    page.wait_for_function(
        "[...document.querySelectorAll('video')].filter((one) => one.currentTime > 0.1).length === 4"
    )
    page.keyboard.press("3")
    page.evaluate("window.kept = [...document.querySelectorAll('video')]")
    assert page.evaluate("[listening(), frames.size > 0, blobs]") == [2, True, 4]
    page.evaluate("window.unrender()")
    page.evaluate("window.fire('change:comparison')")
    assert page.evaluate("[listening(), timers.size, frames.size, blobs]") == [0, 0, 0, 0]
    assert page.evaluate("window[Symbol.for('hailuo.players')].length") == 0
    assert page.evaluate(
        "kept.every((one) => one.paused && !one.hasAttribute('src') && one.networkState === 0)"
    )
    assert page.evaluate("document.querySelectorAll('.hailuo-cv-compare, video').length") == 0
    assert page.evaluate("document.head.querySelectorAll('style').length") == 1


def test_of_sixty_clips_six_play_and_scrolling_is_smooth(page: Page, small: list[Path]) -> None:
    """Whatever is scrolled past; the rest are pictures until they come into view."""
    put(page, [clip(n, light=f"light {n}") for n in range(60)], small)
    assert page.locator(".hailuo-cv-tile").count() == 60
    page.locator(".hailuo-cv-tile").first.focus()
    page.keyboard.press(" ")
    page.wait_for_function("[...document.querySelectorAll('video')].some((one) => one.currentTime > 0.1)")
    most, gaps = page.evaluate(
        """async () => {
          let most = 0, last = performance.now();
          const gaps = [];
          const bottom = document.documentElement.scrollHeight;
          for (let at = 0; at < bottom; at += 24) {
            window.scrollTo(0, at);
            await new Promise((done) => requestAnimationFrame(done));
            most = Math.max(most, document.querySelectorAll('video').length);
            gaps.push(performance.now() - last);
            last = performance.now();
          }
          return [most, gaps];
        }"""
    )
    assert 0 < most <= 6
    assert statistics.median(gaps) < 60
    page.wait_for_function(
        "[...document.querySelectorAll('video')].some((one) => !one.paused && one.currentTime > 0.05)"
    )
    # At the end those in view play, and one that is chosen among more than six takes the place of another.
    last = page.locator(".hailuo-cv-tile").last
    last.focus()
    expect(last.locator("video")).to_have_count(1)
    expect(page.locator(".hailuo-cv-hint")).to_contain_text("6 of ")
    assert page.locator("video").count() <= 6


def test_stars_notes_and_rejects_by_key_wait_for_a_busy_kernel(page: Page, small: list[Path]) -> None:
    """They show at once, say that they wait, and are sent in order with a number to be answered."""
    put(page, row(2), small)
    page.evaluate("window.isBusy = true")
    first = page.locator(".hailuo-cv-tile").first
    first.focus()
    page.keyboard.press("4")
    expect(first.get_by_role("button", name="star 4")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("n")
    page.keyboard.type("the fox slides 3 m")
    page.keyboard.press("Enter")
    expect(first).to_contain_text("the fox slides 3 m")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    expect(page.locator(".hailuo-cv-tile").last).to_contain_text("rejected")
    marks = page.evaluate("window.sent.filter((one) => one.type === 'mark')")
    assert marks == [
        {"type": "mark", "n": 1, "key": "0", "rating": 4},
        {"type": "mark", "n": 2, "key": "0", "remark": "the fox slides 3 m"},
        {"type": "mark", "n": 3, "key": "1", "rating": 0},
    ]
    status = page.get_by_role("status")
    expect(status).to_have_text("The kernel is busy: 3 marks wait and will be written when it is free.")
    for number in (1, 2, 3):
        page.evaluate("(n) => window.answer({ type: 'kept', n, error: '' })", number)
    expect(status).to_have_text("")
    expect(first.get_by_role("button", name="star 4")).to_have_attribute("aria-pressed", "true")
    # What the kernel says is what holds.
    put_again(page, [replace(each, rating=2) for each in row(2)])
    expect(first.get_by_role("button", name="star 4")).to_have_attribute("aria-pressed", "false")
    expect(first.get_by_role("button", name="star 2")).to_have_attribute("aria-pressed", "true")


def test_a_refused_mark_says_why_and_goes_back(page: Page, small: list[Path]) -> None:
    """The ledger is the truth."""
    put(page, row(2), small)
    page.evaluate("window.isBusy = true")
    page.locator(".hailuo-cv-tile").first.focus()
    page.keyboard.press("5")
    page.evaluate("window.answer({ type: 'kept', n: 1, error: 'Not written: the disk is full.' })")
    expect(page.get_by_role("status")).to_have_text("Not written: the disk is full.")
    expect(page.get_by_role("button", name="star 5").first).to_have_attribute("aria-pressed", "false")


def test_pending_and_failed_clips_hold_their_place_and_fill_in(page: Page, small: list[Path]) -> None:
    """When a clip arrives it takes part at once, and nothing moves."""
    clips = [clip(0, light="a"), clip(1, "working", light="b"), clip(2, "failed", light="c")]
    put(page, clips, small)
    tiles = page.locator(".hailuo-cv-tile")
    expect(tiles.nth(1)).to_contain_text("working")
    expect(tiles.nth(2)).to_contain_text("The moderation refused it.")
    wake(page, 1)
    before = tiles.evaluate_all(
        "(all) => all.map((one) => one.querySelector('.hailuo-cv-frame').getBoundingClientRect().x)"
    )
    page.evaluate("window.clips['1'] = window.clips['0']")
    put_again(page, [clips[0], clip(1, light="b"), clips[2]])
    page.wait_for_function(ARE_READY, arg=2)
    assert len(set(times(page))) == 1
    after = tiles.evaluate_all(
        "(all) => all.map((one) => one.querySelector('.hailuo-cv-frame').getBoundingClientRect().x)"
    )
    assert after == before


def test_two_clips_flip_wipe_and_differ_in_one_spot(page: Page, small: list[Path]) -> None:
    """By key too; the wipe's line is a slider."""
    put(page, row(2), small)
    wake(page, 2)
    page.keyboard.press("w")
    page.wait_for_function(ARE_READY, arg=2)
    slider = page.get_by_role("slider", name="Wipe between a and b")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    over = page.locator(".hailuo-cv-over")
    assert over.evaluate("(node) => getComputedStyle(node).clipPath") == "inset(0px 0px 0px 50.5%)"
    boxes = page.locator(".hailuo-cv-stage .hailuo-cv-frame").evaluate_all(
        "(all) => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    )
    assert boxes[0] == boxes[1]
    page.keyboard.press("d")
    assert over.evaluate("(node) => getComputedStyle(node).mixBlendMode") == "difference"
    page.keyboard.press("f")
    expect(over).to_be_hidden()
    page.keyboard.press("f")
    expect(over).to_be_visible()
    page.keyboard.press("s")
    expect(page.locator(".hailuo-cv-stage")).to_have_count(0)
    page.wait_for_function(ARE_READY, arg=2)


def test_prompts_show_their_differing_words_without_colour(page: Page, small: list[Path]) -> None:
    """Struck out and underlined, against the reference that somebody chose; text stays text."""
    put(page, [clip(0, light="dawn"), clip(1, light="late noon"), clip(2, light="dusk")], small)
    page.locator(".hailuo-cv-tile").nth(1).focus()
    page.keyboard.press("p")
    entries = page.locator(".hailuo-cv-entry")
    expect(entries.nth(1).locator("del")).to_have_text("dawn")
    expect(entries.nth(1).locator("ins")).to_have_text("late noon")
    expect(entries.nth(1)).to_contain_text("<b>runs</b>")
    page.keyboard.press("r")
    expect(entries.nth(0).locator("del")).to_have_text("late noon")
    expect(entries.nth(1).locator("ins, del")).to_have_count(0)
    assert page.locator(".hailuo-cv-compare b").count() == 0


def test_a_clip_is_moved_by_frames_against_the_others(page: Page, small: list[Path]) -> None:
    """Two frames on, and it says so."""
    put(page, row(2), small)
    wake(page, 2)
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.wait_for_function(ARE_READY, arg=2)
    first, second = times(page)
    assert round((first - second) * 24, 1) == 2
    expect(page.locator(".hailuo-cv-tile").first).to_contain_text("+2 fr.")


def test_unequal_lengths_go_by_time_or_by_share(
    browser: Browser, page: Page, small: list[Path], tmp_path: Path
) -> None:
    """By time the shorter one waits at its end; by share both are at one part of their length."""
    (short,) = draw_clips(tmp_path, 1, width=480, height=270, length_s=1)
    put(page, [clip(0, light="a"), clip(1, light="b", seconds=1.0)], [small[0], short])
    wake(page, 2)
    scrub = page.get_by_role("slider", name="Place in the clips")
    scrub.evaluate("(node) => { node.value = '0.75'; node.dispatchEvent(new Event('input')); }")
    page.wait_for_function(ARE_READY, arg=2)
    assert [round(at, 1) for at in times(page)] == [1.5, 1.0]
    page.get_by_role("button", name="By share").click()
    page.wait_for_function(ARE_READY, arg=2)
    assert [round(at, 2) for at in times(page)] == [1.5, 0.75]


def test_every_key_that_help_lists_does_something(page: Page, small: list[Path]) -> None:
    """The list and the keys are one; letters in a note are letters."""
    put(page, row(2), small)
    page.locator(".hailuo-cv-tile").first.focus()
    page.keyboard.press("?")
    listed = page.locator(".hailuo-cv-help dt").all_inner_texts()
    names = {
        "Space": [" "],
        "arrows": ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
        "1-5": list("12345"),
    }
    for text in listed:
        for key in names.get(text, text.split(" ")):
            taken = page.evaluate(
                """(key) => {
                  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
                  document.querySelector('.hailuo-cv-compare').dispatchEvent(event);
                  return event.defaultPrevented;
                }""",
                key,
            )
            assert taken, key
    assert not page.evaluate(
        "!document.querySelector('.hailuo-cv-compare').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 's', ctrlKey: true, bubbles: true, cancelable: true }))"
    )


def test_narrow_cells_put_columns_below_each_other(browser: Browser, small: list[Path]) -> None:
    """At 400 pixels each clip says its column, and nothing is wider than the page."""
    clips = [clip(n, light="ab"[n // 3], camera="xyz"[n % 3]) for n in range(6)]
    with widget_page(browser, size=(400, 800), scheme="dark") as page:
        put(page, clips, small)
        for each in clips:
            jpeg = base64.b64encode(lab_clips.poster(int(each.view.key) % 4)).decode()
            page.evaluate(
                """([key, text]) => window.answer({ type: 'posters', keys: [key] },
                     Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer)""",
                [each.view.key, jpeg],
            )
        expect(page.locator(".hailuo-cv-folded")).to_have_count(1)
        xs = page.locator(".hailuo-cv-tile").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().x)"
        )
        assert len(set(xs)) == 1
        assert page.evaluate("document.documentElement.scrollWidth <= 400")
        # The bar stays in view, however long the grid is.
        bottom = page.get_by_role("toolbar").evaluate("(bar) => bar.getBoundingClientRect().bottom")
        assert bottom <= 800 < page.evaluate("document.documentElement.scrollHeight")
        look(page, "compare-narrow-dark")
