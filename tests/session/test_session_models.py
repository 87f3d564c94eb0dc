"""Models beyond the catalogue and prices beyond its table: asked once, kept, checked like any other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from session_fakes import FakeService, QuickSession

from hailuo_nb import errors
from hailuo_nb.jobs.prices import price_key

ZOOM = "acme/zoom-1.0/text-to-video"


def entry(model_id: str = ZOOM, kind: str = "text-to-video", **more: Any) -> dict[str, Any]:
    """Give an entry of the service's list of models."""
    properties = {
        "prompt": {"type": "string"},
        "duration": {"type": "integer", "enum": [4, 8], "default": 4},
        "zoom": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
    }
    schema = {"type": "object", "properties": properties, "required": ["prompt"]}
    listed = {"model_id": model_id, "type": kind, "base_price": 0.4, "name": "Zoom"}
    return listed | {"api_schema": {"api_schemas": [{"request_schema": schema}]}} | more


def test_a_model_outside_the_catalogue_is_asked_once_and_kept(
    session: QuickSession, service: FakeService, open_session: Any
) -> None:
    """Its schema checks the request, its price is quoted, and the next kernel need not ask again."""
    service.listed = [entry("acme/other/text-to-video"), entry()]
    service.prices[ZOOM] = Decimal("0.55")
    with pytest.raises(errors.InvalidRequest, match="8"):
        session.generate("a fox", ZOOM, duration=5)
    batch = session.generate("a fox", ZOOM, duration=8, inputs={"zoom": 1}, wait=True)
    assert service.submits == [(ZOOM, {"prompt": "a fox", "duration": 8, "zoom": 1})]
    assert (batch[0].variant, batch[0].quote_usd) == (ZOOM, Decimal("0.55"))
    session.generate("an owl", ZOOM, duration=8, inputs={"zoom": 1}, wait=True, yes=True)
    assert service.asked.count("models") == 1
    assert service.asked.count("price") == 1
    known = session.variant_of(batch[0])
    assert known is not None
    assert known.lengths_s == (4, 8)
    session.close()
    second = open_session(tier="silver")
    assert second.generate("a fox", ZOOM, duration=8, inputs={"zoom": 1}, offline=True)[0].cached
    second.generate("an elk", ZOOM, wait=True, yes=True)
    assert service.asked.count("models") == 1


def test_its_base_price_holds_at_default_inputs(session: QuickSession, service: FakeService) -> None:
    """Where the price call does not answer, the list's price counts for what it was said of, and nothing else."""
    service.listed = [entry()]
    assert session.generate("a fox", ZOOM, wait=False)[0].quote_usd == Decimal("0.4")
    batch = session.generate("a fox", ZOOM, duration=8)
    assert batch.held
    assert batch[0].quote_usd is None


def test_a_dry_run_may_ask_wavespeed_and_writes_nothing(session: QuickSession, service: FakeService) -> None:
    """Asking is free; it makes no folder, and is not repeated by the cell itself."""
    service.listed = [entry()]
    service.prices[ZOOM] = Decimal("0.55")
    table = session.quote("a fox", ZOOM)
    assert list(table["quote_usd"]) == [0.55]
    assert not (session.folder / "hailuo").exists()
    session.generate("a fox", ZOOM, wait=True)
    assert service.asked.count("models") == 1


def test_nobody_knows_it(session: QuickSession, service: FakeService) -> None:
    """An id that the service has not is named, with what to do; a typing error is not sent anywhere."""
    service.listed = [entry("acme/other/text-to-video")]
    with pytest.raises(errors.UnknownVariant, match=f"WaveSpeed has no model {ZOOM}"):
        session.generate("a fox", ZOOM)
    with pytest.raises(errors.UnknownVariant, match="t2v-pro"):
        session.generate("a fox", "t2v-por")
    assert service.asked == ["models"]
    assert not (session.folder / "hailuo").exists()


def test_what_makes_no_video_is_refused(session: QuickSession, service: FakeService) -> None:
    """Only models that make video."""
    service.listed = [entry("acme/paint/text-to-image", "text-to-image")]
    with pytest.raises(errors.InvalidRequest, match="makes no video"):
        session.generate("a fox", "acme/paint/text-to-image")


def test_a_service_that_does_not_answer(
    session: QuickSession, service: FakeService, monkeypatch: Any
) -> None:
    """What was kept stands in however old it is; without that the error is the service's own."""
    service.listed = [entry()]
    service.is_reachable = False
    with pytest.raises(errors.NotConnected):
        session.generate("a fox", ZOOM)
    service.is_reachable = True
    session.generate("a fox", ZOOM, wait=True)
    service.is_reachable = False
    monkeypatch.setattr("hailuo_nb.session.models.MODEL_AGE_S", -1.0)
    assert session.generate("a fox", ZOOM, wait=True)[0].cached
    assert service.asked.count("models") == 3


def test_the_simulator_plays_the_catalogue_only(
    open_session: Any, service: FakeService, monkeypatch: Any
) -> None:
    """Another model is looked for there too, in case it has it, and the error says what would help."""
    monkeypatch.setattr("hailuo_nb.session.services.Simulator.ensure", lambda _: "http://127.0.0.1:9")
    session = open_session(service="simulator")
    with pytest.raises(errors.UnknownVariant, match="plays the catalogue only"):
        session.generate("a fox", ZOOM)
    service.listed = [entry()]
    assert session.generate("a fox", ZOOM, wait=True)[0].service == "simulator"


def test_a_price_that_takes_too_long_is_not_waited_for(
    session: QuickSession, service: FakeService, monkeypatch: Any
) -> None:
    """A bad line must not hold up the cell: the price stays unknown, and waits for a yes."""
    import asyncio

    from session_fakes import FakeClient

    async def hang(*_: object) -> Decimal:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(FakeClient, "price", hang)
    monkeypatch.setattr("hailuo_nb.session.models.PRICE_WAIT_S", 0.05)
    batch = session.generate("a fox", "wan-t2v", duration=10)
    assert batch.held


def test_balance(session: QuickSession, service: FakeService) -> None:
    """The account's own figure, without a folder being made for it."""
    assert session.balance() == Decimal("12.34")
    assert not (session.folder / "hailuo").exists()


def test_a_forged_price_in_a_strangers_ledger_is_not_believed(
    session: QuickSession, service: FakeService, open_session: Any
) -> None:
    """A remembered price counts only with the seal of the user's own key; else the service is asked."""
    service.prices["minimax/hailuo-2.3/t2v-pro"] = Decimal("0.49")
    first = session.generate("a fox", "t2v-pro", wait=True, yes=True)[0]
    assert first.quote_usd == Decimal("0.49")
    key = price_key("wavespeed", "minimax/hailuo-2.3/t2v-pro", first.inputs)
    assert session.ledger.recall(key) is not None
    session.ledger.remember(key, {"value": {"usd": "0.01"}, "seal": "0" * 16})
    session.close()
    asked = service.asked.count("price")
    second = open_session(tier="silver")
    clip = second.generate("an owl", "t2v-pro", wait=True, yes=True)[0]
    assert clip.quote_usd == Decimal("0.49")
    assert service.asked.count("price") == asked + 1
