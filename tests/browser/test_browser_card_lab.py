"""The card and its twin in a real JupyterLab with a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
import pytest
from lab import CONTRAST, LabServer, NotebookPage, look, moved, open_notebook, plays, uncover
from playwright.sync_api import Browser, expect

from hailuo_nb.notebook.handlers import CARD_HANDLERS, PLAYER_HANDLERS

FOUR = """
names = [(light, animal) for light in ("dawn", "noon") for animal in ("fox", "owl")]
a = [clip(i, axes={**clip(i).axes, "light": light, "animal": animal}) for i, (light, animal) in enumerate(names)]
start = card(*a, batch=BATCH)
end = card(*map(done, a), batch=BATCH)
p = painter(start)
"""


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser) -> Iterator[NotebookPage]:
    """One open notebook with a kernel; every test adds cells of its own."""
    server.write("card.ipynb", ["from card_driver import *"])
    with open_notebook(server, browser, "card.ipynb") as notebook:
        notebook.run(0)
        notebook.wait_run(0)
        yield notebook


def code(batch: str, text: str) -> str:
    """Name the batch in a cell's code."""
    return f"BATCH = {batch!r}\n{text}"


def test_the_card_keeps_moving_while_a_later_cell_blocks(lab: NotebookPage, server: LabServer) -> None:
    """Background updates, the seconds, the end and the player reach their own cell under a blocking one."""
    cell = lab.add(
        code(
            "moving",
            "one = clip(0, status='submitted')\n"
            "p = painter(card(one, batch=BATCH))\n"
            "two = replace(one, status='processing', word='working')\n"
            "later(4.0, lambda: p.update(card(two, batch=BATCH), {}))\n"
            "view = card(done(two), batch=BATCH)\n"
            "later(12.0, lambda: p.rest(view, posters_of(view)))",
        )
    )
    badge = cell.locator(".hailuo-badge")
    expect(badge).to_contain_text("sent")
    blocking = lab.add(
        "import time, pathlib\nwhile not pathlib.Path('go').exists():\n    time.sleep(0.1)", wait=False
    )
    expect(badge).to_contain_text("working")
    first = badge.inner_text()
    expect(badge).not_to_have_text(first)
    plays(lab.page, moved(cell))
    expect(blocking.locator(".jp-InputPrompt")).to_have_text("[*]:")
    (server.root / "go").touch()
    lab.wait_run(lab.last())


def test_the_twin_takes_over_without_a_shift(lab: NotebookPage) -> None:
    """At the end every frame and tile stands where it stood, and the browser saw nothing move."""
    ends = (
        "again = Action('retry', 'Try again $0.49', command='%hailuo retry 3f2a')\n"
        "bad = replace(a[1], status='failed', word='failed', error='The service could not make it (1000).',\n"
        "              hint='Not billed. Try again or change the prompt.', actions=(again,))\n"
        "old = replace(done(a[2]), cached_note='made 3 Nov, not paid again', prompt='An owl at noon')\n"
        "long = dict(file='hailuo/clips/' + 'marble-' * 6 + 't1.mp4', prompt='A marble rolls. ' * 20)\n"
        "start = card(a[0], bad, old, replace(a[3], **long), batch=BATCH)\n"
        "end = card(done(a[0]), bad, old, done(replace(a[3], file=long['file'], prompt=long['prompt'])), batch=BATCH)\n"
        "p = painter(start)\n"
        "later(2.5, lambda: p.rest(end, posters_of(end)))"
    )
    cell = lab.add(code("shift", FOUR.replace("p = painter(start)", ends)))
    expect(cell.locator(".hailuo-badge").first).to_contain_text("working")
    look(lab.page, "working-light")
    lab.page.evaluate(
        """() => {
          window.shifts = 0;
          new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifts += one.value; }))
            .observe({ type: 'layout-shift' });
        }"""
    )
    before = cell.evaluate(PLACES)
    moved(cell)
    assert cell.evaluate(PLACES) == before
    assert lab.page.evaluate("window.shifts") == 0
    expect(cell.locator(".hailuo-card .hailuo-path a")).to_have_count(3)
    uncover(cell)
    expect(cell.locator(".hailuo-twin video").first).to_be_visible()
    assert cell.evaluate(PLACES) == before
    look(lab.page, "done-light")


PLACES = """(cell) => {
  const root = [...cell.querySelectorAll('.hailuo-card, .hailuo-twin')].find((one) => one.offsetHeight);
  const top = cell.getBoundingClientRect().y;
  const box = (node) => { const r = node.getBoundingClientRect(); return [r.x, r.y - top, r.width, r.height]; };
  const tiles = [...root.querySelectorAll('.hailuo-clip, .hailuo-tile')];
  return [cell.offsetHeight, ...tiles.map(box), ...tiles.map((tile) => box(tile.children[0]))];
}"""


def test_the_version_before_opens_and_its_clip_plays(lab: NotebookPage) -> None:
    """By keyboard, live and in the twin: both texts with their marks, and a clip that opens full size."""
    cell = lab.add(
        code(
            "before",
            "from hailuo_nb.notebook.view import Earlier, Word\n"
            "old = replace(done(clip(1)), key='p0', caption='take 1', is_said=True)\n"
            "back = Earlier('previous version, 3 Nov 14:02 · $0.49 · 1 word changed', '2026-11-03 13:02:00 UTC',\n"
            "               (Word('A fox at '), Word('dawn', True)), (Word('A fox at '), Word('noon', True)), (old,))\n"
            "view = card(done(clip(0)), batch=BATCH, earlier=back)\n"
            "p = painter(view, {'0': poster(0), 'p0': poster(1)})\n"
            "later(0.5, lambda: p.rest(view, {'0': poster(0), 'p0': poster(1)}))",
        )
    )
    moved(cell)
    summary = cell.locator(".hailuo-card .hailuo-earlier summary")
    summary.focus()
    lab.page.keyboard.press("Enter")
    past = cell.locator(".hailuo-card .hailuo-past")
    expect(past.locator("del")).to_have_text("dawn")
    expect(past.locator("ins")).to_have_text("noon")
    expect(past.locator("img.hailuo-poster:not([hidden])")).to_have_count(1)
    look(cell, "before-open")
    past.locator(".hailuo-frame").focus()
    lab.page.keyboard.press("Enter")
    plays(lab.page, lab.page.locator("dialog video"))
    lab.page.keyboard.press("Escape")
    uncover(cell)
    cell.locator(".hailuo-twin summary").first.click()
    expect(cell.locator(".hailuo-twin del")).to_be_visible()
    plays(lab.page, cell.locator(".hailuo-twin video").first)


def test_a_button_is_heard_when_the_outputs_are_static(lab: NotebookPage) -> None:
    """Pressed twice it is sent with its price; what it sets going is drawn in the card that moved over."""
    cell = lab.add(
        code(
            "button",
            "one = replace(done(clip(0)), actions=(Action('take-2', 'New take $0.49', sum='0.49'),))\n"
            "view = card(one, batch=BATCH)\n"
            "p = painter(view, posters_of(view))\n"
            "later(0.5, lambda: p.rest(view, posters_of(view)))",
        )
    )
    moved(cell)
    kinds = lab.page.evaluate(
        "(index) => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()"
        ".map((one) => Object.keys(one.data))",
        lab.last(),
    )
    assert not [kind for kind in kinds if any("widget" in name for name in kind)]
    cell.get_by_role("button", name="New take $0.49").click()
    expect(cell.get_by_role("button", name="New take $0.49")).to_be_disabled()
    lab.add(
        "press = next(m for m in seen if m['name'] == 'take-2')\n"
        "assert (press['key'], press['sum']) == ('0', '0.49')\n"
        "two = card(one, replace(clip(1), axes=one.axes), batch=BATCH)\n"
        "later(0, lambda: p.update(two, posters_of(two)))"
    )
    expect(cell.locator(".hailuo-card .hailuo-frame")).to_have_count(2)


def test_hover_plays_click_opens_and_clearing_lets_go(lab: NotebookPage) -> None:
    """A finished clip plays on hover and full size on Enter; Escape gives the focus back; clearing leaves nothing."""
    lab.theme("JupyterLab Light")
    cell = lab.add(code("hover", FOUR + "later(0, lambda: p.update(end, posters_of(end)))"))
    frame = cell.locator(".hailuo-frame").first
    expect(frame).to_have_attribute("role", "button")
    expect(cell.locator("img.hailuo-poster").first).to_be_visible()
    frame.hover()
    video = frame.locator("video")
    lab.page.wait_for_function(
        "(video) => video.currentTime > 0.1 && video.muted", arg=video.element_handle(), timeout=30_000
    )
    lab.page.mouse.move(0, 0)
    expect(video).to_have_count(0)
    frame.focus()
    lab.page.keyboard.press("Enter")
    dialog = lab.page.locator("dialog.hailuo-full")
    expect(dialog).to_be_visible()
    plays(lab.page, dialog.locator("video"))
    look(lab.page, "full-size")
    lab.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert frame.evaluate("(node) => node === document.activeElement")
    frame.hover()
    expect(video).to_have_count(1)
    lab.command("notebook:clear-cell-output")
    expect(cell.locator(".hailuo-card")).to_have_count(0)
    lab.page.wait_for_function(
        """() => !window[Symbol.for('hailuo.players')].length && !document.querySelector('.hailuo-frame video')
          && ![...document.querySelectorAll('style')].some((one) => one.textContent.includes('hailuo-b-hover'))""",
    )


def test_a_clip_without_an_address_comes_as_bytes(lab: NotebookPage) -> None:
    """Where the twin is gone the kernel sends the clip, and it plays from memory."""
    cell = lab.add(
        code(
            "bytes",
            "from pathlib import Path\n"
            "view = card(done(clip(1)), batch=BATCH)\n"
            "p = painter(view, posters_of(view), clip_bytes=lambda key: Path(view.clips[0].file).read_bytes())",
        )
    )
    expect(cell.locator(".hailuo-frame")).to_have_attribute("role", "button")
    cell.locator(".hailuo-twin").evaluate("(node) => node.remove()")
    cell.locator(".hailuo-frame").click()
    video = lab.page.locator("dialog video")
    plays(lab.page, video)
    assert video.evaluate("(node) => node.src").startswith("blob:")
    lab.page.get_by_role("button", name="Close").click()
    expect(lab.page.locator("dialog")).to_have_count(0)


def test_actions_and_answers_reach_the_kernel(lab: NotebookPage) -> None:
    """A button's name and place, and the confirmed sum, arrive in the kernel."""
    cell = lab.add(
        code(
            "actions",
            "bad = clip(0, status='failed', file='', error='Refused by moderation (1301).', price='',\n"
            "           hint='Not billed. Change the prompt.',\n"
            "           actions=(Action('retry', 'Try again $0.49', command='%hailuo retry 3f2a91c0'),))\n"
            "wait = [clip(i, status='planned', started_ms=None) for i in (1, 2)]\n"
            "p = painter(card(bad, *wait, batch=BATCH, confirm=Confirm('Generate · $2.24', '$2.24'),\n"
            "                 note='Above this kernel\\'s limit of $1.00 since you last said yes.'))",
        )
    )
    look(cell, "confirm-and-failed")
    cell.get_by_role("button", name="Try again $0.49").click()
    cell.get_by_role("button", name="Generate · $2.24").click()
    expect(cell.get_by_role("button", name="Generate · $2.24")).to_be_disabled()
    answer = lab.add(
        "print([{k: v for k, v in m.items() if k != 'type'} for m in seen if m['name'] in ('retry', 'confirm')])"
    )
    expect(answer.locator("pre").last).to_have_text(
        "[{'name': 'retry', 'key': '0'}, {'name': 'confirm', 'sum': '$2.24'}]\n"
    )


def test_hostile_text_stays_text(lab: NotebookPage) -> None:
    """Markup in a prompt, a path, an error and an address is shown or refused, and never runs."""
    cell = lab.add(
        code(
            "</style><script>window.pwned=1</script>",
            "evil = '<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>\\'\">\\u202egnp.exe'\n"
            "one = clip(0, prompt=evil, name=evil, file=evil, src='javascript:window.pwned=1', price=evil, id=evil,\n"
            "           cost_note=evil, note=evil, axes={'variant': evil})\n"
            "click = Action(evil, evil, title=evil, command=evil)\n"
            "bad = clip(1, status='failed', error=evil, hint=evil, actions=(click,))\n"
            "start = card(one, bad, batch=BATCH, headline=evil, note=evil)\n"
            "end = card(done(one), bad, batch=BATCH, headline=evil, note=evil)\n"
            "p = painter(start)",
        )
    )
    expect(cell.locator(".hailuo-card")).to_contain_text("onerror")
    cell.locator("button").evaluate_all("(all) => all.forEach((one) => one.click())")
    lab.add("later(0, lambda: p.rest(end, posters_of(end)))")
    moved(cell)
    uncover(cell)
    expect(cell.locator(".hailuo-twin")).to_contain_text("onerror")
    assert lab.page.evaluate("window.pwned") is None
    assert cell.locator("script, img[src=x], [href^=javascript], [src^=javascript]").count() == 0
    assert "\u202e" not in cell.inner_text()
    assert lab.errors == []


def test_it_reads_in_both_themes_and_all_widths(lab: NotebookPage) -> None:
    """Light and dark, 360 and 1600 px: tiles stack or stay at their size, words keep a contrast of 4.5."""
    cell = lab.add(
        code(
            "sizes",
            FOUR.replace("p = painter(start)", "")
            + "mixed = card(done(a[0]), a[1], replace(a[2], status='failed', word='failed', "
            "error='The service could not make it (1000).', hint='Not billed. Try again or change the prompt.'), "
            "replace(done(a[3]), cached_note='made 3 Nov, not paid again', is_cached=True), batch=BATCH)\n"
            "p = painter(mixed, posters_of(mixed))",
        )
    )
    expect(cell.locator("img.hailuo-poster:not([hidden])")).to_have_count(2)
    for theme in ("Light", "Dark"):
        lab.theme(f"JupyterLab {theme}")
        assert min(cell.evaluate(CONTRAST)) >= 4.5
        look(cell, f"mixed-{theme.lower()}")
    lab.theme("JupyterLab Light")
    for width, columns in ((474, 1), (1714, 2)):
        lab.page.set_viewport_size({"width": width, "height": 1700})
        lab.page.wait_for_function(
            "(node) => node.getBoundingClientRect().width > 0", arg=cell.element_handle()
        )
        cell.scroll_into_view_if_needed()
        lefts = cell.locator(".hailuo-clip").evaluate_all(
            "(all) => all.map((one) => Math.round(one.getBoundingClientRect().x))"
        )
        widths = cell.locator(".hailuo-clip").evaluate_all(
            "(all) => all.map((one) => one.getBoundingClientRect().width)"
        )
        assert len(set(lefts)) == columns
        assert max(widths) <= 320
        look(cell, f"width-{width}")
    lab.page.set_viewport_size({"width": 1100, "height": 900})


def test_one_clip_is_large_and_its_prompt_opens(lab: NotebookPage) -> None:
    """One clip takes 640 pixels; all of a long prompt is a click away."""
    lab.theme("JupyterLab Dark")
    cell = lab.add(code("one", "one = clip(2)\np = painter(card(one, batch=BATCH))"))
    whole = cell.locator(".hailuo-card .hailuo-whole")
    expect(whole).to_be_hidden()
    box = cell.locator(".hailuo-frame").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (640, 360)
    look(cell, "one-working-dark")
    cell.locator(".hailuo-card summary").click()
    expect(whole).to_contain_text("through the window.")
    lab.add("view = card(done(one), batch=BATCH); later(0, lambda: p.rest(view, posters_of(view)))")
    moved(cell)
    look(cell, "one-done-dark")
    lab.theme("JupyterLab Light")


def test_a_reload_in_the_middle_recovers_and_the_saved_notebook_plays(
    server: LabServer, browser: Browser
) -> None:
    """A reloaded widget ends by itself; saved and reopened without a kernel the clips play, trusted or not."""
    server.write("reload.ipynb", ["from card_driver import *", f"BATCH = 'reload'\n{FOUR}"])
    finished = "later(0, lambda: p.rest(end, posters_of(end)))"
    with open_notebook(server, browser, "reload.ipynb") as lab:
        lab.run(0, 1)
        cell = lab.cell(1)
        expect(cell.locator(".hailuo-badge").first).to_contain_text("working")
        lab.add(
            "half = card(done(a[0]), *a[1:], batch=BATCH); later(0, lambda: p.update(half, posters_of(half)))"
        )
        expect(cell.locator("img.hailuo-poster:not([hidden])")).to_have_count(1)
        lab.save()
        lab.load()
        expect(cell.locator(".hailuo-badge:visible")).to_have_count(3)
        expect(cell.locator("img.hailuo-poster:not([hidden])")).to_have_count(1)
        lab.add(finished)
        expect(cell.locator(".hailuo-frame[role=button]")).to_have_count(4)
        expect(cell.locator(".hailuo-twin:visible")).to_have_count(0)
        cell.locator(".hailuo-frame").last.click()
        plays(lab.page, lab.page.locator("dialog video"))
        lab.page.keyboard.press("Escape")
        # the same cell once more, now finished as usual: this is what gets shared
        shown = lab.add("BATCH = 'saved'\n" + FOUR)
        lab.add(finished)
        moved(shown)
        lab.save()
    saved = nbformat.read(server.root / "reload.ipynb", 4)
    kinds = [set(one.data) for one in saved.cells[-2].outputs]
    assert kinds == [{"text/html", "text/plain"}, {"text/html", "text/plain", "image/jpeg"}]
    # 15 kB a clip besides the handlers, whose size another test holds, and the sheet of the grid
    handlers = 4 * len(PLAYER_HANDLERS) + len(CARD_HANDLERS)
    assert len(json.dumps(saved.cells[-2].outputs)) < 4 * 15_000 + handlers + 6_000
    look_without_kernel(server, browser, "reload.ipynb", len(saved.cells) - 2, is_trusted=True)
    saved.metadata["touched"] = True  # another text has no signature here: untrusted
    nbformat.write(saved, server.root / "untrusted.ipynb")
    look_without_kernel(server, browser, "untrusted.ipynb", len(saved.cells) - 2, is_trusted=False)


def look_without_kernel(
    server: LabServer, browser: Browser, name: str, index: int, *, is_trusted: bool
) -> None:
    """Open a saved notebook that gets no kernel: the frames have their size, and a clip plays."""
    with open_notebook(server, browser, name, with_kernel=False) as lab:
        trusted = f"window.jupyterapp.shell.currentWidget.content.widgets[{index}].model.trusted"
        assert lab.page.evaluate(trusted) is is_trusted
        cell = lab.cell(index)
        cell.scroll_into_view_if_needed()
        videos = cell.locator(".hailuo-twin video")
        expect(videos).to_have_count(4)
        sizes = (
            "(all) => all.map((one) => [one.clientWidth, one.clientHeight, one.offsetParent.clientHeight])"
        )
        assert videos.evaluate_all(sizes) == [[320, 180, 180]] * 4
        plays(lab.page, videos.nth(2))
        look(cell, f"reopened-{'trusted' if is_trusted else 'untrusted'}")
