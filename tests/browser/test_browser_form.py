"""The form in a real JupyterLab, used by mouse and keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from lab import LabServer, NotebookPage, look, open_notebook, plays
from PIL import Image
from playwright.sync_api import Browser, Locator, expect

LONG_MS = 60_000
LOAD = "%load_ext hailuo_nb\n%config HailuoMagics.simulator_speed = 100\n%hailuo balance"
ROWS = (
    "rows = %hailuo history\n"
    "print(*sorted(rows.variant.astype(str) + ' ' + rows.duration_s.astype(int).astype(str)), sep=', ')"
)
SIX = {
    # variant: with 6 s and one take, with 10 s, with two takes of that
    "t2v-standard": ("$0.28", "$0.56", "$1.12"),
    "t2v-pro": ("$0.49", "", "$0.98"),
    "i2v-standard": ("$0.28", "$0.56", "$1.12"),
    "i2v-pro": ("$0.49", "", "$0.98"),
    "fast": ("$0.19", "$0.32", "$0.64"),
    "fast-pro": ("$0.33", "", "$0.66"),
}


@pytest.fixture(scope="module")
def lab(server: LabServer, browser: Browser) -> Iterator[NotebookPage]:
    """One notebook with the extension loaded, the simulator running and a picture beside it."""
    server.write("form/form.ipynb", [LOAD])
    Image.new("RGB", (640, 360), (90, 140, 170)).save(server.root / "form" / "photo.png")
    with open_notebook(server, browser, "form/form.ipynb", size=(1400, 1000)) as notebook:
        notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        notebook.run(0)
        notebook.wait_run(0, timeout=LONG_MS)
        yield notebook


@pytest.fixture(scope="module")
def form(lab: NotebookPage) -> Locator:
    """One form for the tests of this module."""
    cell = lab.add("%hailuo form")
    expect(cell.locator(".hailuo-go")).to_be_visible(timeout=LONG_MS)
    return cell


def button(form: Locator) -> Locator:
    """Give the button that pays."""
    return form.locator(".hailuo-go")


def press(page: Any, *keys: str) -> None:
    """Press keys, one after the other."""
    for key in keys:
        page.keyboard.press(key)


def focused(page: Any) -> str:
    """Give the name of what has the focus, as a screen reader says it."""
    name: str = page.evaluate(
        """() => {
          const node = document.activeElement;
          const label = node.labels?.[0]?.textContent ?? node.closest('label')?.textContent;
          return (node.getAttribute('aria-label') ?? label ?? node.textContent ?? '').trim();
        }"""
    )
    return name


def tab_to(page: Any, name: str) -> list[str]:
    """Press Tab until something of this name has the focus; gives the names on the way."""
    passed: list[str] = []
    for _ in range(40):
        press(page, "Tab")
        passed.append(focused(page))
        if passed[-1].startswith(name):
            return passed
    raise AssertionError(f"Tab does not lead to {name}: {passed}")


FULL = "A {kind: red|grey} fox, pan left, [Dolly in]"
HERE = "document.activeElement.closest('label')?.textContent"


def choose(form: Locator, variant: str) -> None:
    """Go to the variants and choose one by arrows."""
    page = form.page
    form.get_by_role("radiogroup", name="Variant").locator("input:checked").focus()
    for _ in range(len(SIX) + 1):
        here = page.evaluate(HERE)
        if here.startswith(f"{variant} "):
            return
        press(page, "ArrowDown")
        # The kernel answers, the buttons are made anew, and the focus has to be on the chosen one all the same.
        page.wait_for_function(
            f"(was) => {HERE} && {HERE} !== was && document.activeElement.checked", arg=here
        )
    raise AssertionError(f"no arrow leads to {variant}")


@pytest.mark.parametrize("variant", list(SIX))
def test_a_clip_of_each_variant_by_keyboard_alone(variant: str, lab: NotebookPage, form: Locator) -> None:
    """Keys choose, write, change length and takes, and send; the price follows, and the clips appear under the form."""
    page = lab.page
    first, longer, twice = SIX[variant]
    form.scroll_into_view_if_needed()
    choose(form, variant)
    has_picture = variant.startswith(("i2v", "fast"))
    expect(form.get_by_role("group", name="Picture")).to_be_visible(visible=has_picture)
    expect(form.get_by_label("Go fast")).to_have_count(1 if variant.startswith("fast") else 0)
    expect(form.get_by_label("Length")).to_have_count(0 if variant in {"t2v-pro", "i2v-pro"} else 1)
    tab_to(page, "Prompt")
    press(page, "Control+a")
    page.keyboard.insert_text(f"A fox of {variant} runs along the river")
    if has_picture:
        tab_to(page, "Picture")
        press(page, "Control+a")
        page.keyboard.type("photo.png")
    tab_to(page, "Takes")
    press(page, "Control+a")
    page.keyboard.type("1")
    tab_to(page, "Prompt expansion")
    expect(button(form)).to_have_text(f"Generate · {first} simulated")
    if longer:
        form.get_by_label("Length").focus()
        press(page, "ArrowDown")
        expect(button(form)).to_have_text(f"Generate · {longer} simulated")
    form.get_by_label("Takes").focus()
    press(page, "ArrowUp", "Tab")
    expect(button(form)).to_have_text(f"Generate · {twice} simulated")
    press(page, "Shift+Tab", "ArrowDown")
    if longer:
        form.get_by_label("Length").focus()
        press(page, "ArrowUp")
    expect(button(form)).to_have_text(f"Generate · {first} simulated")
    tab_to(page, "Generate")
    press(page, "Enter", "Enter")  # twice: it pays once
    expect(button(form)).to_have_attribute("aria-disabled", "true")
    expect(form.get_by_text("Sent. Change something")).to_be_visible()
    # First the live card, then the static one.
    shown = (
        form.locator(".hailuo-card, .hailuo-twin")
        .get_by_text(f"A fox of {variant} runs")
        .locator("visible=true")
    )
    expect(shown.first).to_be_visible()


def test_the_clips_and_their_rows_are_there(lab: NotebookPage, form: Locator) -> None:
    """Under the form every clip plays, and the history has one row for each variant and no more."""
    form.scroll_into_view_if_needed()
    expect(form.locator(".hailuo-cards .hailuo-card")).to_have_count(0, timeout=LONG_MS)
    players = form.locator(".hailuo-twin video")
    expect(players).to_have_count(len(SIX), timeout=LONG_MS)
    plays(lab.page, players.first, width=1920)
    look(form, "form-after")
    told = lab.add(ROWS).locator("pre").last
    expect(told).to_have_text(", ".join(sorted(f"{name} 6" for name in SIX)) + "\n")
    assert lab.errors == []


def test_use_again_on_a_card_fills_the_form(lab: NotebookPage, form: Locator) -> None:
    """Its button brings the clip's variant and prompt back into the form; nothing is sent."""
    form.get_by_role("radio", name=re.compile("^t2v-standard ")).click()
    box = form.get_by_label("Prompt", exact=True)
    box.fill("Something else")
    card = form.locator(".hailuo-card").filter(has_text="A fox of t2v-pro runs")
    card.get_by_role("button", name="Use again").click()
    expect(box).to_have_value("A fox of t2v-pro runs along the river")
    expect(form.get_by_role("radio", name=re.compile("^t2v-pro "))).to_be_checked()


def test_the_mouse_does_the_same_and_a_double_click_pays_once(lab: NotebookPage) -> None:
    """Pointer, camera command, axis and a picture that is dropped; the second click of two does nothing."""
    form = lab.add("%hailuo form")
    page = lab.page
    form.get_by_role("radio", name=re.compile("^fast ")).click()
    area = form.get_by_label("Prompt", exact=True)
    area.click()
    area.fill("A {kind: red|grey} fox runs")
    form.get_by_text("Camera", exact=True).click()
    form.get_by_role("button", name="Pan left").click()
    form.get_by_role("button", name="Shake").click()
    expect(area).to_have_value("A {kind: red|grey} fox runs, [Pan left, Shake]")
    expect(form.get_by_text("2 prompts, one for each kind")).to_be_visible()
    form.locator("input[type=file]").set_input_files(
        {"name": "drop me.png", "mimeType": "image/png", "buffer": (lab_picture())}
    )
    expect(form.get_by_label("Picture", exact=True).and_(form.locator("input"))).to_have_value(
        re.compile(r"^hailuo/pictures/drop-me-[0-9a-f]{8}\.png$")
    )
    expect(form.locator(".hailuo-picture-frame img")).to_be_visible()
    expect(button(form)).to_have_text("Generate · $0.38 simulated")
    look(form, "form-filled")
    button(form).dblclick()
    expect(form.locator(".hailuo-twin video")).to_have_count(2, timeout=LONG_MS)
    expect(form.get_by_text("2 clips · 2 new at $0.19 = $0.38").first).to_be_visible()
    counted = lab.add("rows = %hailuo history\nprint(len(rows[rows.prompt.str.contains('Shake')]), 'rows')")
    expect(counted.locator("pre").last).to_have_text(re.compile(r"^2 rows\s*$"))
    form.scroll_into_view_if_needed()
    form.get_by_role("button", name="Python SDK").click()
    expect(form.get_by_text("copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "A red fox runs, [Pan left, Shake]" in copied
    form.get_by_role("button", name="magic").click()
    expect(form.get_by_label("The form as magic")).to_have_value(
        re.compile("^%%hailuo fast --image hailuo/pictures/")
    )


def lab_picture() -> bytes:
    """Make the bytes of a picture."""
    import io

    out = io.BytesIO()
    Image.effect_noise((800, 450), 60).save(out, "PNG")
    return out.getvalue()


def test_faults_stand_at_their_field_after_it_was_left(lab: NotebookPage) -> None:
    """Nothing is said while somebody writes; after leaving, the line belongs to the field; no traceback anywhere."""
    form = lab.add("%hailuo form")
    area = form.get_by_label("Prompt", exact=True)
    area.fill("a {fox|}")
    expect(form.get_by_text("Camera", exact=True)).to_be_visible()
    expect(form.locator(".hailuo-fault-text:visible")).to_have_count(0)
    expect(button(form)).to_have_attribute("aria-disabled", "true")
    press(lab.page, "Tab")
    fault = form.locator(".hailuo-fault-text:visible")
    expect(fault).to_contain_text("An alternative is empty")
    expect(area).to_have_attribute("aria-invalid", "true")
    takes = form.get_by_label("Takes")
    takes.fill("0")
    press(lab.page, "Tab")
    told = form.locator(".hailuo-fault:visible")
    expect(told).to_contain_text("whole number from 1 to 999, not 0")
    expect(takes).to_have_attribute("aria-invalid", "true")
    described = takes.get_attribute("aria-describedby")
    expect(form.locator(f"[id='{described}']")).to_contain_text("not 0")
    look(form, "form-faults")
    expect(form.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)


def test_tab_goes_through_the_form_as_one_reads_it(lab: NotebookPage) -> None:
    """What, says, from, how long and how many, then the button: in this order, each with a name."""
    form = lab.add("%hailuo form fast")
    expect(button(form)).to_be_visible()
    form.get_by_role("radiogroup", name="Variant").locator("input:checked").focus()
    passed = tab_to(lab.page, "Node.js")
    assert all(passed)
    wanted = ["Prompt", "Camera", "Picture", "Shape", "From this computer", "Length", "Takes"]
    wanted += [
        "Prompt expansion",
        "Go fast",
        "Add values",
        "Name",
        "Tags",
        "Prompt as it is",
        "Generate",
        "magic",
    ]
    places = [next(n for n, name in enumerate(passed) if name.startswith(each)) for each in wanted]
    assert places == sorted(places), passed
    assert len(passed) < 24


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_labels_and_contrast_pass_axe(theme: str, width: int, lab: NotebookPage) -> None:
    """Find nothing wrong by axe-core: faults, hints, commands and a sample shown, both themes, narrow and wide."""
    if lab.page.locator(".hailuo-axe").count() == 0:
        made = lab.add(f"import hailuo_nb as hn\nhn.form(variant='fast', prompt={FULL!r})")
        expect(button(made)).to_be_visible()
        made.get_by_label("Takes").fill("0")
        made.get_by_label("Takes").press("Tab")
        made.get_by_text("Camera", exact=True).click()
        made.get_by_role("button", name="Add values").click()
        made.get_by_role("button", name="cURL").click()
        made.evaluate("(node) => node.querySelector('.hailuo-form').classList.add('hailuo-axe')")
    page = lab.page
    lab.theme(theme)
    page.set_viewport_size({"width": width, "height": 1000})
    form = page.locator(".hailuo-axe")
    form.scroll_into_view_if_needed()
    expect(form).to_be_visible()
    found = Axe().run(page, context=".hailuo-axe", options={"resultTypes": ["violations"]})
    look(form, f"form-{theme[11:].lower()}-{width}")
    told = [
        (each["id"], [node["html"][:160] for node in each["nodes"]]) for each in found.response["violations"]
    ]
    assert told == []
    assert form.evaluate("(node) => node.scrollWidth <= node.clientWidth + 1")
