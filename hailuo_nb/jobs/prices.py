"""What a request costs at the service, remembered for an hour.

In come a model and inputs; out goes the key under which the ledger remembers the live price. Words and pictures do not
change a price, everything else may, so requests that differ in those only share one answer.

A ledger may be a stranger's, and a forged price would slip clips under the user's limits. So what is remembered of the
service carries a seal that only somebody with the user's own key can make.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

PRICE_AGE_S = 3600.0
WITHOUT_A_PRICE = frozenset({"prompt", "negative_prompt", "image", "end_image", "last_image", "seed"})

_written = json.JSONEncoder(sort_keys=True, default=str).encode


def price_key(service: str, model_id: str, inputs: Mapping[str, Any]) -> str:
    """Give the ledger's key for the price of these inputs."""
    priced = {name: value for name, value in inputs.items() if name not in WITHOUT_A_PRICE}
    return f"price:{service}:" + _written([model_id, priced])


def sealed(value: Any, key: str, seal: Callable[[str], str]) -> dict[str, Any]:
    """Give a value as it is remembered: with the seal over it and the key it is kept under."""
    return {"value": value, "seal": seal(_text(key, value))}


def unsealed(kept: object, key: str, seal: Callable[[str], str]) -> Any:
    """Give a remembered value back; None where the seal is not ours."""
    if not isinstance(kept, dict) or "value" not in kept:
        return None
    return kept["value"] if kept.get("seal") == seal(_text(key, kept["value"])) else None


def _text(key: str, value: Any) -> str:
    return f"{key}\n{json.dumps(value, sort_keys=True)}"
