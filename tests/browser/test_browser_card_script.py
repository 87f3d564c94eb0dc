"""The card's script on a page of its own: no server, no kernel, none of Jupyter's colours."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import lab_clips
import pytest
from lab import look
from playwright.sync_api import Browser, Page, expect

from hailuo_nb.notebook.scripts import joined
from hailuo_nb.notebook.view import CardView, ClipView, arrange

SETUP = """async ([script, style, card]) => {
  document.head.append(Object.assign(document.createElement('style'), { textContent: style }));
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const { default: widget } = await import(url);
  const handlers = {};
  window.sent = [];
  window.model = {
    card,
    get: (name) => window.model[name],
    on: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    off: (event, handler) => handlers[event]?.delete(handler),
    send: (content) => window.sent.push(content),
  };
  window.fire = (event, ...args) => handlers[event]?.forEach((handler) => handler(...args));
  window.listening = () => Object.values(handlers).reduce((all, one) => all + one.size, 0);
  window.timers = 0;
  for (const [start, stop] of [['setInterval', 'clearInterval']]) {
    const [begin, end] = [window[start], window[stop]];
    const running = new Set();
    window[start] = (...args) => {
      const id = begin(...args);
      running.add(id);
      window.timers = running.size;
      return id;
    };
    window[stop] = (id) => { end(id); running.delete(id); window.timers = running.size; };
  }
  window.blobs = 0;
  const [make, drop] = [URL.createObjectURL, URL.revokeObjectURL];
  URL.createObjectURL = (blob) => { window.blobs += 1; return make.call(URL, blob); };
  URL.revokeObjectURL = (url) => { window.blobs -= 1; drop.call(URL, url); };
  const el = document.body.appendChild(document.createElement('div'));
  window.unrender = widget.render({ model: window.model, el });
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give an empty page of 1000 pixels."""
    context = browser.new_context(
        viewport={"width": 1000, "height": 800}, color_scheme="dark", reduced_motion="reduce"
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content("<meta name='color-scheme' content='light dark'>")
    yield page
    context.close()
    assert errors == []


def cards(count: int, **changes: Any) -> CardView:
    """Make a card with clips in every stage."""
    kinds = [("completed", "done"), ("processing", "working"), ("failed", "failed"), ("planned", "waiting")]
    clips = tuple(
        ClipView(
            str(place),
            name="fox",
            file=f"hailuo/clips/fox-{place}.mp4",
            status=kinds[place % 4][0],
            word=kinds[place % 4][1],
            prompt=f"A fox crosses river number {place}",
            price="$0.49",
            started_ms=int(time.time() * 1000) - 9000 if place % 4 == 1 else None,
            typical_s=(40, 70),
            error="The service could not make it (1000)." if place % 4 == 2 else "",
            axes={"animal": f"fox {place}"},
        )
        for place in range(count)
    )
    return arrange(CardView("b", clips, headline=f"{count} clips", **changes))


def render(page: Page, card: CardView) -> None:
    """Draw a card on the page."""
    page.evaluate(SETUP, [joined("players.js", "card.js"), joined("card.css"), card.to_dict()])


def send_poster(page: Page, key: str) -> None:
    """Send a poster as the kernel would."""
    jpeg = lab_clips.poster(int(key) % 4)
    page.evaluate(
        """([key, bytes]) => window.fire('msg:custom', { type: 'posters', keys: [key] },
             [new DataView(new Uint8Array(bytes).buffer)])""",
        [key, list(jpeg)],
    )


def test_leaving_takes_everything_along(page: Page) -> None:
    """After the cleanup no listener, timer, address or node of the card is left."""
    render(page, cards(4))
    send_poster(page, "0")
    send_poster(page, "0")
    page.locator(".hailuo-frame").first.click()
    expect(page.locator("dialog")).to_be_visible()
    assert page.evaluate("[listening() > 0, timers, blobs]") == [True, 1, 1]
    page.evaluate("window.unrender()")
    page.evaluate("window.fire('change:card')")
    assert page.evaluate("[listening(), timers, blobs]") == [0, 0, 0]
    assert page.evaluate("document.querySelectorAll('.hailuo-card, dialog, video').length") == 0
    assert page.evaluate("document.head.querySelectorAll('style').length") == 1


def test_it_says_hello_and_asks_only_for_what_can_be_seen(page: Page) -> None:
    """Of 200 clips the posters below the window are not asked for."""
    render(page, cards(200))
    page.wait_for_function("window.sent.some((one) => one.type === 'need')")
    sent = page.evaluate("window.sent")
    assert sent[0]["type"] == "hello"
    asked = [key for one in sent if one["type"] == "need" for key in one["keys"]]
    assert asked[:3] == ["0", "1", "2"]
    assert len(asked) < 40


def test_two_hundred_clips_stay_smooth(page: Page) -> None:
    """An update of a long table takes less than two frames of work at its median."""
    card = cards(200)
    render(page, card)
    took = page.evaluate(
        """() => {
          const times = [];
          for (let turn = 0; turn < 30; turn += 1) {
            const card = structuredClone(window.model.card);
            card.clips[turn].note = `turn ${turn}`;
            window.model.card = card;
            const start = performance.now();
            window.fire('change:card');
            times.push(performance.now() - start);
          }
          return times.sort((a, b) => a - b)[15];
        }"""
    )
    assert took < 33
    for key in "048":
        send_poster(page, key)
    look(page, "table-dark-without-jupyter")


def test_the_live_region_speaks_of_clips_and_not_of_seconds(page: Page) -> None:
    """It changes when a clip is done, and only then."""
    render(page, cards(8))
    region = page.get_by_role("status")
    expect(region).to_have_text("2 of 8 done, 2 failed")
    changed = page.evaluate(
        """() => new Promise((done) => {
          let count = 0;
          new MutationObserver(() => { count += 1; })
            .observe(document.querySelector('[role=status]'), { childList: true, characterData: true, subtree: true });
          setTimeout(() => done(count), 1200);
        })"""
    )
    assert changed == 0


def test_time_goes_on_by_itself_by_the_kernels_clock(page: Page) -> None:
    """A kernel whose clock is an hour off shows the seconds that have passed."""
    clip = ClipView("0", status="processing", word="working", started_ms=1, typical_s=(40, 70))
    render(page, CardView("b", (clip,)))
    page.evaluate(
        """() => {
          const hour = 3600_000;
          window.model.card = structuredClone(window.model.card);
          window.model.card.clips[0].started_ms = Date.now() - hour - 20_000;
          window.fire('msg:custom', { type: 'now', ms: Date.now() - hour }, []);
          window.fire('change:card');
        }"""
    )
    badge = page.locator(".hailuo-badge")
    expect(badge).to_have_text(re.compile(r"^◑ working · [23]\d s · usually 40-70 s$"))
    expect(badge).not_to_have_text(badge.inner_text())


def test_a_clip_that_is_nowhere_says_where_it_should_be(page: Page) -> None:
    """No address and no bytes: one line, with the path."""
    render(page, cards(4))
    page.locator(".hailuo-frame").first.click()
    page.wait_for_function("window.sent.some((one) => one.type === 'bytes')")
    page.evaluate("window.fire('msg:custom', { type: 'bytes', key: '0' }, [])")
    expect(page.locator("dialog")).to_contain_text("Cannot be played here: hailuo/clips/fox-0.mp4")


def test_pictures_wait_blurred_and_words_stand_on_ground(page: Page) -> None:
    """The picture that a clip starts from is shown while it works."""
    render(page, cards(4, prompt=""))
    for key in "0123":
        send_poster(page, key)
    blurred = page.locator(".hailuo-waits img.hailuo-poster:not([hidden])")
    expect(blurred).to_have_count(2)
    assert "blur" in blurred.first.evaluate("(node) => getComputedStyle(node).filter")
    look(page, "blurred-dark-without-jupyter")
