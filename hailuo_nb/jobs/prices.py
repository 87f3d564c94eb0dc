"""What a request costs at the service, remembered for an hour.

In come a model and inputs; out goes the key under which the ledger remembers the live price. Words and pictures do not
change a price, everything else may, so requests that differ in those only share one answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PRICE_AGE_S = 3600.0
WITHOUT_A_PRICE = frozenset({"prompt", "negative_prompt", "image", "end_image", "last_image", "seed"})


def price_key(service: str, model_id: str, inputs: Mapping[str, Any]) -> str:
    """Give the ledger's key for the price of these inputs."""
    priced = {name: value for name, value in inputs.items() if name not in WITHOUT_A_PRICE}
    return f"price:{service}:" + json.dumps([model_id, priced], sort_keys=True, default=str)
