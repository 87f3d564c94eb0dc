"""What each call means: checks, counts, prices, charges and answers.

In come parsed bodies from :mod:`~hailuo_nb.simulator.web`, out go the ``data`` of the service's envelope, or
a :class:`~hailuo_nb.simulator.answers.Refusal`. Whatever was accepted goes on to
:mod:`~hailuo_nb.simulator.generation`.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from hailuo_nb.catalog.variants import Variant, all_variants
from hailuo_nb.simulator import asked
from hailuo_nb.simulator.answers import INSUFFICIENT_CREDITS, Refusal, parse_time, utc_text
from hailuo_nb.simulator.generation import Generation
from hailuo_nb.simulator.pace import Tier, generation_s, window_start
from hailuo_nb.simulator.pictures import uploaded_id, which
from hailuo_nb.simulator.store import Prediction, Store

__all__ = ["RETENTION_S", "Service"]

RETENTION_S = 7 * 24 * 3600.0
MAX_UPLOAD_BYTES = 200 * 1024 * 1024
_BILLING_LAG_S = 5.0
_SYNC_LIMIT_S = 600.0


class Service:
    """One account of the simulated service.

    Parameters
    ----------
    store : Store
        What it remembers.
    generation : Generation
        Where accepted predictions live.
    tier : Tier
        The account's limits.
    speed : float
        Divides the minute of the rate limit and the lag of the bill.
    """

    def __init__(self, store: Store, generation: Generation, *, tier: Tier, speed: float) -> None:
        self._store = store
        self._generation = generation
        self._tier = tier
        self._speed = speed
        self._variants = {variant.model_id: variant for variant in all_variants()}

    @property
    def speed(self) -> float:
        """How many times faster than the service it works."""
        return self._speed

    @property
    def tier_name(self) -> str:
        """Whose limits it has."""
        return self._tier.name

    # predictions

    async def submit(
        self, model_id: str, body: Mapping[str, Any], *, base_url: str, fate: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take a prediction on; in sync mode, answer when it has ended."""
        variant = self._variant(model_id, status=404)
        sent = asked.inputs_as_sent(variant, body)
        billed = asked.inputs_as_billed(variant, sent)
        wanted = {**asked.fate(str(sent.get("prompt") or "")), **(fate or {})}
        now = time.time()
        self._hold_to_the_minute(now)
        same = self._same(model_id, billed)
        seed = f"{same} {self._store.take_of_next(same)}"
        prediction = self._store.submit(
            model=model_id,
            inputs=sent,
            same=same,
            price=asked.price_micro(variant, billed),
            run_s=wanted.get("run_s", generation_s(variant.typical_s, variant.picture, billed, seed)),
            fate=wanted,
            now=now,
        )
        if prediction is None:
            raise Refusal(400, INSUFFICIENT_CREDITS)
        self._generation.begin(prediction)
        if body.get("enable_sync_mode") is True:
            await self._generation.ended(prediction.id)
            prediction = self._store.prediction(prediction.id) or prediction
        return self._told(prediction, base_url)

    def _variant(self, model_id: str, *, status: int) -> Variant:
        """Give the variant of a model id."""
        variant = self._variants.get(model_id)
        if variant is None:
            raise Refusal(status, f"model not found: {model_id[:200]}")
        return variant

    def _hold_to_the_minute(self, now: float) -> None:
        """Refuse what is over the tier's videos a minute."""
        start = window_start(now, self._speed)
        if self._store.submitted_since(start) >= self._tier.videos_per_minute:
            wait_s = start + 60 / self._speed - now
            raise Refusal(
                429, "Too many requests. Please try again later.", retry_after=max(1, math.ceil(wait_s))
            )

    def _same(self, model_id: str, billed: Mapping[str, Any]) -> str:
        """Tell submissions of the same inputs: an uploaded picture counts by its bytes, not by its address."""
        facts = dict(billed)
        if isinstance(image := facts.get("image"), str):
            upload = self._store.upload(uploaded_id(image) or "")
            facts["image"] = upload.sha256 if upload and upload.sha256 else which(image)
        return hashlib.sha256(json.dumps([model_id, facts], sort_keys=True).encode()).hexdigest()

    def result(self, prediction_id: str, *, base_url: str) -> dict[str, Any]:
        """How a prediction stands."""
        prediction = self._store.prediction(prediction_id, with_inputs=False)
        if prediction is None or prediction.created_at < time.time() - RETENTION_S:
            raise Refusal(404, "prediction not found")
        return self._told(prediction, base_url)

    def clip_of(self, prediction_id: str) -> str | None:
        """Give the file name of a completed prediction's clip, while the service keeps it."""
        prediction = self._store.prediction(prediction_id, with_inputs=False)
        if prediction is None or prediction.status != "completed":
            return None
        return prediction.clip if prediction.created_at >= time.time() - RETENTION_S else None

    def _told(self, prediction: Prediction, base_url: str, *, with_inputs: bool = False) -> dict[str, Any]:
        """Give a prediction as the service tells it."""
        status = prediction.status
        if not prediction.is_final and status == "processing":
            status = prediction.fate.get("shown", status)
        ran_ms = 0
        if status == "completed" and prediction.finished_at and prediction.started_at:
            ran_ms = round((prediction.finished_at - prediction.started_at) * 1000)
        told: dict[str, Any] = {
            "id": prediction.id,
            "model": prediction.model,
            "outputs": [f"{base_url}/files/outputs/{prediction.id}/1.mp4"] if status == "completed" else [],
            "urls": {"get": f"{base_url}/api/v3/predictions/{prediction.id}/result"},
            "has_nsfw_contents": [False] if status == "completed" else [],
            "status": status,
            "created_at": utc_text(prediction.created_at),
            "error": prediction.error,
            "executionTime": ran_ms,
            "timings": {"inference": ran_ms},
        }
        if prediction.code is not None:
            told["code"] = prediction.code
        if with_inputs:
            told["inputs"] = dict(prediction.inputs)
        return told

    def recent(self, body: Mapping[str, Any], *, base_url: str) -> dict[str, Any]:
        """One page of the last seven days, newest first."""
        page, size = _page(body)
        oldest = time.time() - RETENTION_S
        with_inputs = body.get("include_inputs") is True
        total, found = self._store.recent(
            since=max(oldest, parse_time(body.get("created_after"), "created_after") or oldest),
            before=parse_time(body.get("created_before"), "created_before"),
            model=body.get("model") or None,
            status=body.get("status") or None,
            with_inputs=with_inputs,
            offset=(page - 1) * size,
            limit=size,
        )
        items = [self._told(prediction, base_url, with_inputs=with_inputs) for prediction in found]
        return {"page": page, "total": total, "items": items}

    def delete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Forget predictions; what they cost stays paid."""
        return {"deleted_count": self._store.delete(_texts(body.get("ids"), "ids"))}

    # money

    def price(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Tell what a submit of these inputs would cost."""
        usd = self._usd_of(body)
        return {"price": usd, "discounted_price": usd, "discount_rate": 0, "currency": "USD"}

    def pricing(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give the same, the older way."""
        return {"model_id": body.get("model_id"), "unit_price": self._usd_of(body), "currency": "USD"}

    def _usd_of(self, body: Mapping[str, Any]) -> float:
        """Price inputs that may be incomplete: nothing is generated from them."""
        variant = self._variant(str(body.get("model_id") or ""), status=400)
        inputs = body.get("inputs") or {}
        if not isinstance(inputs, Mapping):
            raise Refusal(400, "inputs must be an object")
        known = {name: value for name, value in inputs.items() if name in variant.schema["properties"]}
        return _usd(asked.price_micro(variant, asked.inputs_as_billed(variant, known)))

    def balance(self) -> dict[str, Any]:
        """Dollars left."""
        return {"balance": _usd(self._store.balance())}

    def billings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One page of the bill, newest first; the last moments are not on it yet."""
        page, size = _page(body)
        wanted = body.get("prediction_uuids")
        total, lines = self._store.billings(
            None if wanted is None else _texts(wanted, "prediction_uuids"),
            kind=body.get("billing_type") or None,
            until=time.time() - _BILLING_LAG_S / self._speed,
            offset=(page - 1) * size,
            limit=size,
        )
        items = [
            {
                "uuid": line.uuid,
                "billing_type": line.kind,
                "price": _usd(line.price),
                "created_at": utc_text(line.created_at),
                "prediction": {"uuid": line.prediction, "model_uuid": line.model, "status": line.status},
            }
            for line in lines
        ]
        return {"page": page, "total": total, "items": items}

    def usage(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Use per model and per day, and in all."""
        start, end = (
            parse_time(body.get("start_time"), "start_time"),
            parse_time(body.get("end_time"), "end_time"),
        )
        if start is None or end is None or not 0 <= end - start <= 31 * 24 * 3600:
            raise Refusal(400, "start_time and end_time are needed, 31 days apart at most")
        by_model: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        by_day: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for day, model, count, micro in self._store.usage(start, end, body.get("model_uuid") or None):
            for sums in (by_model[model], by_day[day]):
                sums[0] += count
                sums[1] += micro
        return {
            "per_model_usage": [
                {"model_uuid": name, "total_count": n, "total_cost": _usd(m)}
                for name, (n, m) in by_model.items()
            ],
            "daily_usage": [
                {"date": day, "total_count": n, "amount": _usd(m)} for day, (n, m) in by_day.items()
            ],
            "summary": {
                "total_count": sum(n for n, _ in by_day.values()),
                "total_cost": _usd(sum(m for _, m in by_day.values())),
            },
        }

    # models and uploads

    def models(self, *, base_url: str) -> list[dict[str, Any]]:
        """Every variant of the catalogue, as the service lists its models."""
        return [_listed(variant, base_url) for variant in self._variants.values()]

    def upload_ticket(self, body: Mapping[str, Any], *, base_url: str) -> dict[str, Any]:
        """Where and how to put a file."""
        name, size = body.get("filename"), body.get("size")
        if not isinstance(name, str) or not name:
            raise Refusal(400, "filename is required")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_UPLOAD_BYTES:
            raise Refusal(400, "size must be between 1 byte and 200 MB")
        content_type = str(body.get("content_type") or "application/octet-stream")
        upload = self._store.add_upload(name, content_type, size, time.time())
        address = f"{base_url}/files/uploads/{upload.id}"
        return {
            **_uploaded(upload.content_type, f"{address}/{_file_name(content_type)}", name, size),
            "upload": {
                "method": "PUT",
                "url": f"{address}?signature={upload.token}",
                "headers": {"Content-Type": content_type},
            },
        }

    def uploaded_at_once(
        self, name: str, content_type: str, size: int, *, base_url: str
    ) -> tuple[str, dict[str, Any]]:
        """Take a file on the older way; gives its id and the answer."""
        upload = self._store.add_upload(name, content_type, size, time.time())
        address = f"{base_url}/files/uploads/{upload.id}/{_file_name(content_type)}"
        return upload.id, _uploaded(content_type, address, name, size)


_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4"}


def _file_name(content_type: str) -> str:
    """Give a name for an upload's address that holds nothing the user wrote."""
    return "file" + _SUFFIXES.get(content_type, "")


def _uploaded(content_type: str, address: str, name: str, size: int) -> dict[str, Any]:
    """Tell what both uploads answer."""
    return {"type": content_type.partition("/")[0], "download_url": address, "filename": name, "size": size}


def _usd(micro: int) -> float:
    """Micro-dollars as the service's JSON number."""
    return micro / 1_000_000


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    """Page and page size of a request."""
    page, size = body.get("page", 1), body.get("page_size", 20)
    if not isinstance(page, int) or page < 1:
        raise Refusal(400, "page must be 1 or more")
    if not isinstance(size, int) or not 1 <= size <= 100:
        raise Refusal(400, "page_size must be between 1 and 100")
    return page, size


def _texts(value: Any, name: str) -> list[str]:
    """Give a list of ids."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refusal(400, f"{name} must be a list of ids")
    return value


def _listed(variant: Variant, base_url: str) -> dict[str, Any]:
    """One entry of the list of models."""
    defaults = asked.inputs_as_billed(variant, {})
    return {
        "model_id": variant.model_id,
        "name": variant.model_id,
        "base_price": _usd(asked.price_micro(variant, defaults)),
        "description": f"{variant.title} (simulated)",
        "type": variant.kind,
        "sort_order": 100,
        "api_schema": {
            "api_schemas": [
                {
                    "type": "model_run",
                    "method": "POST",
                    "server": base_url,
                    "api_path": f"/api/v3/{variant.model_id}",
                    "request_schema": dict(variant.schema),
                }
            ]
        },
    }
