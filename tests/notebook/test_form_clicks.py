"""The whole form without a browser: what a click sends, what it refuses, and what it remembers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from form_world import draw_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "session"))
from session_fakes import KEY, FakeService, QuickSession, until

from hailuo_nb.errors import InvalidRequest, ServiceUnavailable
from hailuo_nb.notebook.form.form import Form
from hailuo_nb.notebook.form.state import FormState
from hailuo_nb.session import taste
from hailuo_nb.wavespeed import client

MODEL = "minimax/hailuo-2.3/t2v-standard"
FOX = FormState("t2v-standard", "A fox runs")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """Give a stand-in for WaveSpeed, with a key in the environment."""
    made = FakeService(prices={MODEL: Decimal("0.28")})
    monkeypatch.setattr(client, "Client", made.client)
    monkeypatch.setenv("WAVESPEED_API_KEY", KEY)
    monkeypatch.setenv("WAVESPEED_BASE_URL", "http://127.0.0.1:9")
    return made


Open = Callable[..., Form]


@pytest.fixture
def open_form(tmp_path: Path, service: FakeService) -> Iterator[Open]:
    """Give what opens forms over a session of their own, with settings as ``%config`` would set them."""
    sessions: list[QuickSession] = []
    forms: list[Form] = []

    def open_one(**settings: Any) -> Form:
        sessions.append(QuickSession(tmp_path, configured=lambda: {"tier": "silver", **settings}))
        forms.append(Form(sessions[-1], namespace={"animal": "fox"}))
        return forms[-1]

    yield open_one
    for form in forms:
        form._look_soon.close()
        form._ask_soon.close()
    for session in sessions:
        session.close()


def costs(form: Form) -> dict[str, Any]:
    """Give what the button and the words beside it say."""
    found: dict[str, Any] = form._costs.box
    return found


def write(form: Form, **fields: Any) -> None:
    """Fill in, and wait until the button shows a sum that the service has said."""
    form.fill(FormState(**{"variant": "t2v-standard", "prompt": "A fox runs", **fields}))
    until(lambda: costs(form)["is_ready"] and "list of" not in costs(form)["price"], "a live price")
    until(lambda: "asking" not in costs(form)["price"], "the service's answer")


def click(form: Form, stamp: int | None = None) -> None:
    """Press the button as the front end does."""
    form._on_costs(None, {"type": "generate", "stamp": costs(form)["stamp"] if stamp is None else stamp}, [])


def test_the_button_shows_the_service_s_own_price_budget_and_balance(
    open_form: Open, service: FakeService
) -> None:
    """The live price replaces the table's, the number of takes counts, and nothing is submitted by looking."""
    service.prices[MODEL] = Decimal("0.31")
    form = open_form(budget_usd=5)
    write(form, takes=2)
    until(lambda: "balance" in costs(form)["purse"], "the balance")
    assert costs(form)["label"] == "Generate · $0.62"
    assert costs(form)["price"] == "2 clips at $0.31"
    assert costs(form)["purse"] == "budget left $5.00 · balance $12.34"
    assert service.submits == []


def test_a_price_is_asked_once_however_much_is_typed(open_form: Open, service: FakeService) -> None:
    """Words change no price, so further looks take the answer that is known."""
    form = open_form()
    write(form)
    for number in range(5):
        write(form, prompt=f"A fox runs {number}")
    assert service.asked.count("price") == 1


def test_two_clicks_pay_once(open_form: Open, service: FakeService) -> None:
    """A double click, and the same click again much later, are one clip."""
    form = open_form()
    write(form)
    stamp = costs(form)["stamp"]
    click(form, stamp)
    click(form, stamp)
    until(lambda: form.batches and form.batches[0].done(), "the clip")
    click(form, stamp)
    until(lambda: costs(form)["note"].startswith("Sent."), "the words after it")
    assert not costs(form)["is_ready"]
    assert len(service.submits) == 1
    assert service.submits[0][1]["prompt"] == "A fox runs"
    assert len(form.batches) == 1


def test_the_click_is_the_yes_to_its_sum(open_form: Open, service: FakeService) -> None:
    """A sum above the confirmation limit goes at once, since the button said it."""
    form = open_form(confirm_above_usd="0.10")
    write(form, takes=3)
    click(form)
    until(lambda: len(service.submits) == 3, "three submits")


def test_a_price_that_grew_since_it_was_shown_is_not_paid(open_form: Open, service: FakeService) -> None:
    """Nothing is sent, the new sum stands on the button, and a click on that pays it."""
    form = open_form()
    write(form)
    service.prices[MODEL] = Decimal("0.90")
    click(form)
    until(lambda: "Nothing was sent" in costs(form)["note"] and costs(form)["is_ready"], "the refusal")
    assert "$0.90 now, the button said $0.28" in costs(form)["note"]
    assert costs(form)["label"] == "Generate · $0.90"
    assert service.submits == []
    click(form)
    until(lambda: len(service.submits) == 1, "the submit")


def test_text_that_changed_under_the_click_goes_only_at_the_same_sum(
    open_form: Open, service: FakeService
) -> None:
    """A word typed just before the click goes; a take that was added just before it does not."""
    form = open_form()
    write(form)
    stamp = costs(form)["stamp"]
    form._inputs.text = "A fox sleeps"
    click(form, stamp)
    until(lambda: len(service.submits) == 1, "the submit")
    assert service.submits[0][1]["prompt"] == "A fox sleeps"
    write(form, prompt="A dog runs")
    stamp = costs(form)["stamp"]
    form._inputs._takes.control.value = 5
    click(form, stamp)
    until(lambda: "Nothing was sent" in costs(form)["note"], "the refusal")
    assert len(service.submits) == 1


def test_the_budget_holds(open_form: Open, service: FakeService) -> None:
    """A click never lifts the budget."""
    form = open_form(budget_usd="0.30")
    write(form, takes=2)
    click(form)
    until(lambda: "budget" in costs(form)["note"], "the refusal")
    assert service.submits == []
    assert costs(form)["is_ready"]


def test_without_a_key_nothing_is_asked_of_anybody(
    open_form: Open, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click has no cell that could ask for the key: it says what to run."""
    form = open_form(service="wavespeed")
    write(form)
    monkeypatch.delenv("WAVESPEED_API_KEY")
    form._session.ask_key = lambda: pytest.fail("nobody may be asked")
    click(form)
    until(lambda: "%hailuo key" in costs(form)["note"], "the words")
    assert service.submits == []


def test_a_service_without_a_price_leaves_the_table_s(open_form: Open, service: FakeService) -> None:
    """Where the service does not answer, the dated price stands there with its day, and can be paid."""
    service.prices.clear()
    form = open_form()
    form.fill(FOX)
    until(lambda: costs(form)["is_ready"] and "asking" not in costs(form)["price"], "the end of asking")
    assert costs(form)["price"] == "1 clip at $0.28 · price list of 2026-08-18"
    click(form)
    until(lambda: len(service.submits) == 1, "the submit")


def test_what_is_made_is_shown_and_not_paid_again(open_form: Open, service: FakeService) -> None:
    """The same words in a second form cost nothing."""
    form = open_form()
    write(form)
    click(form)
    until(lambda: form.batches and form.batches[0].done(), "the clip")
    other = open_form()
    other.fill(FOX)
    until(lambda: costs(other)["label"] == "Show", "the words")
    click(other)
    until(lambda: bool(other.batches), "the batch")
    assert other.batches[0][0].cached
    assert len(service.submits) == 1


def test_a_clip_fills_the_form_and_is_the_same_clip(
    open_form: Open, service: FakeService, tmp_path: Path
) -> None:
    """Prompt, picture, shape, length and labels of a clip come back, so that nothing new would be made."""
    service.prices["minimax/hailuo-2.3/fast"] = Decimal("0.32")
    image = draw_picture(tmp_path)
    form = open_form()
    state = FormState(
        "fast", "A {{animal}} {a|b}", image=image, fit="pad", duration=10, go_fast=False, name="n", tags="t"
    )
    form.fill(state)
    until(lambda: costs(form)["is_ready"], "a price")
    click(form)
    until(lambda: form.batches and form.batches[0].done(), "the clips")
    job = form.batches[0][1]
    other = open_form()
    other.fill(job)
    assert (other.state.prompt, other.state.image, other.state.fit) == ("A fox b", image, "pad")
    assert (other.state.duration, other.state.go_fast, other.state.name, other.state.tags) == (
        10,
        False,
        "n",
        "t",
    )
    until(lambda: costs(other)["label"] == "Show", "the clip as one that is there")
    (tmp_path / image).unlink()
    other.fill(job)
    assert other.state.image == ""
    until(lambda: "choose it again" in costs(other)["note"], "the words about the picture")


def test_a_clip_that_is_done_can_be_gone_on_from(open_form: Open, service: FakeService) -> None:
    """It is offered by its name as soon as it is here, without anything being touched."""
    form = open_form()
    write(form, name="hero")
    click(form)
    until(lambda: form.batches and form.batches[0].done(), "the clip")
    form._inputs._what.value = "fast"
    until(lambda: form._inputs.picture.box["clips"], "the list")
    [offered] = form._inputs.picture.box["clips"]
    assert offered == {"label": "hero · A fox runs", "value": form.batches[0][0].file}


def test_a_dropped_picture_is_kept_beside_the_notebook(open_form: Open, tmp_path: Path) -> None:
    """Bytes become a file with a path that a cell can name; what the service would refuse is said at the field."""
    form = open_form()
    form.fill(FormState("fast", "A fox"))
    draw_picture(tmp_path, "drop.png")
    data = (tmp_path / "drop.png").read_bytes()
    message = {"type": "bytes", "name": "../My Drop.png", "at": 0, "of": 1}
    form._on_picture(None, message, [memoryview(data)])
    assert form.state.image.startswith("hailuo/pictures/my-drop-")
    assert (tmp_path / form.state.image).read_bytes() == data
    until(lambda: len(form._inputs.picture.thumbnail) > 100, "the thumbnail")
    assert "640 x 360" in form._inputs.picture.box["facts"]
    form._on_picture(None, message, [memoryview(b"no picture")])
    assert "not a picture" in form._inputs.picture.box["fault"]


def test_choosing_a_variant_shows_what_it_has_and_keeps_what_was_written(open_form: Open) -> None:
    """Lengths, switches and the picture come and go with the variant; words and changed switches stay."""
    form = open_form()
    form.fill(FormState("t2v-standard", "A fox", duration=10, expand=False))
    form._inputs._what.value = "t2v-pro"
    until(lambda: form.state.variant == "t2v-pro", "the variant")
    assert set(form._inputs._rows) == {"enable_prompt_expansion"}
    assert form._inputs.picture.layout.display == "none"
    assert (form.state.prompt, form.state.expand, form.state.duration) == ("A fox", False, None)
    form._inputs._what.value = "fast"
    until(lambda: form.state.variant == "fast", "the variant")
    assert set(form._inputs._rows) == {"duration", "enable_prompt_expansion", "go_fast"}
    assert form._inputs.picture.layout.display is None
    form._inputs._what.value = ""
    until(lambda: "Which model" in costs(form)["note"], "the question")
    form._inputs._model.control.value = "wan-t2v"
    until(lambda: form.state.variant == "wan-t2v", "the other model")
    assert "negative_prompt" in form._inputs._rows
    form._inputs._model.control.value = "no-such"
    until(lambda: "No variant" in form._inputs._model._fault.value, "the fault at its field")


def test_hints_are_switched_off_for_good(open_form: Open) -> None:
    """The choice is taken along by the next form, and written down once there is a ledger."""
    form = open_form()
    form.fill(FormState("t2v-pro", "A fox"))
    until(lambda: len(form._inputs.prompt.box["hints"]) > 0, "hints")
    form._on_prompt(None, {"type": "hints", "on": False}, [])
    until(lambda: not form._inputs.prompt.box["has_hints"], "their end")
    assert form._inputs.prompt.box["hints"] == []
    assert not form._session.has_ledger()
    form.fill(FOX)
    form.generate().wait()
    taste.write_down(form._session)
    assert not open_form()._inputs.prompt.box["has_hints"]


def test_code_and_faults_from_python(open_form: Open, service: FakeService) -> None:
    """`form.code` gives each kind, `form.generate` obeys a cell's limits, and both name what is wrong."""
    form = open_form(confirm_above_usd="0.10")
    with pytest.raises(InvalidRequest, match="needs a prompt"):
        form.code("magic")
    with pytest.raises(InvalidRequest, match="needs a prompt"):
        form.generate()
    form.fill(FOX)
    assert form.code("magic") == "%%hailuo t2v-standard\nA fox runs"
    assert "A fox runs" in form.code("node")
    assert form.generate()[0].is_held
    assert service.submits == []


def test_an_unreachable_service_is_no_traceback(open_form: Open, service: FakeService) -> None:
    """A model that nobody can be asked about is a line at its field."""
    service.is_reachable = False
    form = open_form()
    form._inputs._what.value = ""
    form._inputs._model.control.value = "some/other/model"
    until(lambda: "cannot be reached" in form._inputs._model._fault.value, "the fault")
    assert issubclass(ServiceUnavailable, Exception)


def test_messages_of_any_shape_are_survived(open_form: Open, service: FakeService) -> None:
    """A front end that talks nonsense sends nothing and breaks nothing."""
    form = open_form()
    write(form)
    for content in (
        None,
        "x",
        {},
        {"type": "generate"},
        {"type": "generate", "stamp": "1"},
        {"type": "text"},
    ):
        for handler in (form._on_prompt, form._on_picture, form._on_costs):
            handler(None, content, [])
    form._on_picture(None, {"type": "fit", "fit": "<b>"}, [])
    form._on_picture(None, {"type": "bytes", "at": {}, "of": []}, [memoryview(b"x")])
    assert service.submits == []
