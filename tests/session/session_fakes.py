"""A service, a worker and a session for tests that need no network, no other process and no waiting.

``FakeService`` stands in for WaveSpeed: it is told what to answer, counts what it is asked, and hands out clients for
`hailuo_nb.session.services`. Everything else is real: the session, the ledger, the jobs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hailuo_nb import errors
from hailuo_nb.jobs.desk import Desk
from hailuo_nb.media.measures import VERSION
from hailuo_nb.session.session import Session
from hailuo_nb.wavespeed.billing import Billing
from hailuo_nb.wavespeed.prediction import Prediction

KEY = "fake-key-of-wavespeed-1234"


@dataclass
class FakeService:
    """What the service will say, and what it was asked."""

    prices: dict[str, Decimal] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)
    is_reachable: bool = True
    refusals: list[errors.HailuoError] = field(default_factory=list)
    ends_as: Callable[[Prediction], Prediction] = lambda p: replace(
        p, status="completed", outputs=(f"https://cdn.example/{p.id}.mp4",)
    )
    bills: list[Billing] = field(default_factory=list)
    submits: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    predictions: dict[str, Prediction] = field(default_factory=dict)

    def client(self, key: str, base_url: str) -> FakeClient:
        """Give a client, as `hailuo_nb.wavespeed.client.Client` is made."""
        self.keys.append(key)
        return FakeClient(self, base_url)


class FakeClient:
    """The calls that session and jobs make."""

    def __init__(self, service: FakeService, base_url: str) -> None:
        self.base_url = base_url
        self._service = service

    async def aclose(self) -> None:
        """Close nothing."""

    def _reach(self, call: str) -> None:
        self._service.asked.append(call)
        if not self._service.is_reachable:
            raise errors.NotConnected("The service cannot be reached.")

    async def submit(self, model_id: str, inputs: Mapping[str, Any]) -> Prediction:
        """Accept, or say the next refusal."""
        self._reach("submit")
        if self._service.refusals:
            raise self._service.refusals.pop(0)
        self._service.submits.append((model_id, dict(inputs)))
        made = Prediction(
            id=f"prediction{len(self._service.submits):04d}",
            model=model_id,
            created_utc=datetime.now(UTC),
            inputs=dict(inputs),
        )
        self._service.predictions[made.id] = made
        return made

    async def result(self, prediction_id: str) -> Prediction:
        """Say how it stands: as `ends_as` has it, without the inputs, as the service does."""
        self._reach("result")
        if prediction_id not in self._service.predictions:
            raise errors.NotFound("The service has no such prediction.", status_code=404)
        found = self._service.predictions[prediction_id]
        return replace(self._service.ends_as(found), inputs=None)

    async def recent(self, **_: Any) -> list[Prediction]:
        """List everything, with inputs."""
        self._reach("recent")
        return list(self._service.predictions.values())

    async def upload(self, data: bytes, filename: str, content_type: str) -> str:
        """Take a picture."""
        assert content_type.startswith("image/")
        self._reach("upload")
        return f"https://cdn.example/uploads/{hashlib.sha256(data).hexdigest()[:8]}-{filename}"

    async def price(self, model_id: str, inputs: Mapping[str, Any]) -> Decimal:
        """Say the price of a model, if it was told."""
        assert isinstance(inputs, Mapping)
        self._reach("price")
        if model_id not in self._service.prices:
            raise errors.ServiceUnavailable("No price just now.", status_code=503)
        return self._service.prices[model_id]

    async def balance(self) -> Decimal:
        """Say what is left."""
        self._reach("balance")
        return Decimal("12.34")

    async def models(self) -> list[dict[str, Any]]:
        """List the models."""
        self._reach("models")
        return self._service.listed

    async def billings(self, prediction_ids: list[str]) -> list[Billing]:
        """Give the bills of these."""
        self._reach("billings")
        return [bill for bill in self._service.bills if bill.prediction_id in prediction_ids]

    async def download(self, url: str, path: Path, **_: Any) -> int:
        """Write a file that only `FakeWorker` takes for a clip."""
        self._reach("download")
        path.with_name(path.name + ".part").write_bytes(url.encode())
        return len(url)


class FakeWorker:
    """Takes any file for a clip of six seconds."""

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Measure nothing."""
        assert operation in {"finish", "poster", "probe", "start", "measure"}
        if operation == "measure":
            return {"measures": {"motion_px": 1.5, "cuts": 0.0}, "version": VERSION}
        data = Path(arguments["path"]).read_bytes()
        if operation == "start":
            # The frame says which file and time it is of, so that it can be told what was sent.
            what = f"{arguments['path']}@{arguments['at']}".encode()
            return {"picture": base64.b64encode(what).decode(), "content_type": "image/png"}
        facts = {"duration_s": 6.0, "width": 1366, "height": 768, "fps": 24.0, "codec": "h264", "frames": 144}
        facts |= {"has_audio": False, "bytes": len(data)}
        digest = hashlib.sha256(data).hexdigest()
        return {
            "facts": facts,
            "sha256": digest,
            "poster": base64.b64encode(b"jpeg").decode(),
            "has_recipe": True,
        }

    def close(self) -> None:
        """End nothing."""


class QuickSession(Session):
    """A session whose jobs make no pauses."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self._worker = FakeWorker()  # type: ignore[assignment]

    def _desk(self, at: Any) -> Desk:
        desk = super()._desk(at)
        desk.sleep = _blink
        return desk


async def _blink(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.002))


def until(claim: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait until something that happens in the background is so."""
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.002)
