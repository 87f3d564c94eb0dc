"""What people would use instead, as programs of their own, on the same stand-in.

``python -m tests.benchmarks.made.peers NAME`` with a base address, a folder and prompts as JSON on standard input
makes a clip of every prompt, saves it, and prints the seconds that took. The official client and httpx are used as
their own documentation shows; ``floor`` knows beforehand when each clip is done, so nothing can be faster than it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import httpx

from tests.benchmarks.made.running import KEY, ROOT, Service
from tests.benchmarks.made.stand_in import Ways, generation_s

MODEL = "minimax/hailuo-2.3/t2v-standard"
POLL_S = 1.0


def seconds(name: str, service: Service, folder: Path, prompts: Sequence[str], ways: Ways) -> float:
    """Run one of them in a process of its own; gives its seconds without its imports."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"base_url": service.base_url, "folder": str(folder), "prompts": prompts, "ways": vars(ways)}
    command = [sys.executable, "-m", "tests.benchmarks.made.peers", name]
    done = subprocess.run(
        command, input=json.dumps(asked), text=True, capture_output=True, cwd=ROOT, check=True
    )
    return float(done.stdout.strip().splitlines()[-1])


def _one(client: Any, prompt: str, path: Path) -> None:
    outputs = client.run(MODEL, {"prompt": prompt, "duration": 6})["outputs"]
    with urlopen(outputs[0], timeout=60) as answer:
        path.write_bytes(answer.read())


def sdk_loop(asked: dict[str, Any]) -> None:
    """Call the official client one prompt after the other."""
    import wavespeed

    client = wavespeed.Client(api_key=KEY, base_url=asked["base_url"])
    for number, prompt in enumerate(asked["prompts"]):
        _one(client, prompt, Path(asked["folder"]) / f"{number}.mp4")


def sdk_threads(asked: dict[str, Any]) -> None:
    """Call the official client in as many threads as there are prompts."""
    import wavespeed

    client = wavespeed.Client(api_key=KEY, base_url=asked["base_url"])
    with ThreadPoolExecutor(len(asked["prompts"])) as pool:
        paths = [Path(asked["folder"]) / f"{number}.mp4" for number in range(len(asked["prompts"]))]
        list(pool.map(_one, [client] * len(paths), asked["prompts"], paths))


def httpx_polls(asked: dict[str, Any]) -> None:
    """Post, ask every second, and fetch, all at once on one httpx client."""
    asyncio.run(_at_once(asked, _by_polling))


def floor(asked: dict[str, Any]) -> None:
    """Post, wait for exactly as long as the clip takes, and fetch."""
    asyncio.run(_at_once(asked, _by_knowing))


async def _at_once(asked: dict[str, Any], wait: Callable[..., Any]) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=asked["base_url"], headers=headers, limits=limits) as http:

        async def make(number: int, prompt: str) -> None:
            body = {"prompt": prompt, "duration": 6}
            began = time.monotonic()
            made = (await http.post(f"/api/v3/{MODEL}", json=body)).raise_for_status().json()["data"]
            url = await wait(http, asked, made["id"], prompt, began)
            answer = await http.get(url)
            path = Path(asked["folder"]) / f"{number}.mp4"
            await asyncio.to_thread(path.write_bytes, answer.raise_for_status().content)

        await asyncio.gather(*(make(number, prompt) for number, prompt in enumerate(asked["prompts"])))


async def _by_polling(http: httpx.AsyncClient, _: Any, id_: str, _prompt: str, _began: float) -> str:
    while True:
        await asyncio.sleep(POLL_S)
        told = (await http.get(f"/api/v3/predictions/{id_}/result")).json()["data"]
        if told["status"] == "completed":
            return str(told["outputs"][0])


async def _by_knowing(
    _http: httpx.AsyncClient, asked: dict[str, Any], id_: str, prompt: str, began: float
) -> str:
    done_s = generation_s(Ways(**asked["ways"]), prompt)
    await asyncio.sleep(max(0.0, began + done_s - time.monotonic()))
    return f"{asked['base_url']}/files/{id_}/1.mp4"


PEERS = {each.__name__: each for each in (sdk_loop, sdk_threads, httpx_polls, floor)}


def main() -> None:
    """Run one."""
    asked = json.load(sys.stdin)
    run = PEERS[sys.argv[1]]
    if run in (sdk_loop, sdk_threads):
        import wavespeed  # noqa: F401 - imported before the clock starts
    began = time.perf_counter()
    run(asked)
    sys.stdout.write(f"{time.perf_counter() - began}\n")


if __name__ == "__main__":
    main()
