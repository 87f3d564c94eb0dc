"""A notebook's folder with a simulator that is there before the kernel and outlives it.

Its clips are drawn in a moment, and its balance can be asked when all kernels are gone.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

FAULTS = Path(__file__).resolve().parents[1] / "faults"
if str(FAULTS) not in sys.path:
    sys.path.insert(0, str(FAULTS))

from crash_harness import Service  # noqa: E402 - the folder is put on the path above


class Studio:
    """A notebook's folder with a running simulator whose clips are drawn in a moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._service = Service(folder / "hailuo")
        # As a kernel would leave word of the one it started.
        note = folder / "hailuo" / "simulator" / "server.json"
        note.write_text(json.dumps(self._service.ready), "utf-8")
        self._first = self._balance()

    @property
    def billed_usd(self) -> Decimal:
        """What the simulator has taken so far, by its own account."""
        return self._first - self._balance()

    def prompts(self) -> list[str]:
        """List the prompts of the newest hundred predictions, each as often as it was sent."""
        since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        body = {"page": 1, "page_size": 100, "created_after": since, "include_inputs": True}
        return [item["inputs"]["prompt"] for item in self._ask("POST", "predictions", body)["items"]]

    def close(self) -> None:
        """End it."""
        self._service.close()

    def _balance(self) -> Decimal:
        return Decimal(str(self._ask("GET", "balance")["balance"]))

    def _ask(self, method: str, call: str, body: Any = None) -> Any:
        with httpx.Client(headers={"Authorization": "Bearer any-key"}, trust_env=False) as http:
            answer = http.request(method, f"{self._service.base_url}/api/v3/{call}", json=body)
        return answer.raise_for_status().json()["data"]
