"""A plain client for tests of the simulator."""

from __future__ import annotations

import time
from typing import Any

import httpx

__all__ = ["Caller"]


class Caller:
    """A client that unwraps the envelope and knows how to wait."""

    def __init__(self, base_url: str, key: str = "any-key") -> None:
        self.base_url = base_url
        # trust_env off: this machine's proxies are no business of a loopback test.
        self.http = httpx.Client(
            base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
        )

    def get(self, path: str) -> Any:
        """GET a call's data."""
        return self._data(self.http.get(f"/api/v3/{path}"))

    def post(self, path: str, body: Any) -> Any:
        """POST a call and get its data."""
        return self._data(self.http.post(f"/api/v3/{path}", json=body))

    def submit(self, prompt: str, model: str = "minimax/hailuo-2.3/t2v-standard", **inputs: Any) -> Any:
        """Submit a prompt."""
        return self.post(model, {"prompt": prompt, **inputs})

    def result(self, prediction: Any) -> Any:
        """How a prediction stands."""
        return self.get(f"predictions/{prediction['id']}/result")

    def finished(self, prediction: Any) -> Any:
        """Poll a prediction until it has ended."""
        while True:
            now = self.result(prediction)
            if now["status"] in ("completed", "failed", "cancelled", "timeout", "deleted"):
                return now
            time.sleep(0.01)  # between two polls, as every client does

    def _data(self, answer: httpx.Response) -> Any:
        content = answer.json()
        assert (answer.status_code, content["code"], content["message"]) == (200, 200, "success"), answer.text
        return content["data"]
