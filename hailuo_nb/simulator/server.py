"""One running server: folders, store, workers and the web application, from start to end.

In comes an :class:`Options`, out goes one line of JSON on standard output once the address answers. It ends
on SIGTERM or SIGINT, and, where asked to, when its starter is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import uvicorn

from hailuo_nb.simulator.faults import FaultDoor, Faults
from hailuo_nb.simulator.generation import Generation
from hailuo_nb.simulator.pace import TIERS
from hailuo_nb.simulator.service import RETENTION_S, Service
from hailuo_nb.simulator.store import Store
from hailuo_nb.simulator.studio import Studio
from hailuo_nb.simulator.web import Rooms, make_app

__all__ = ["Options", "serve"]


@dataclass(frozen=True)
class Options:
    """What the command line decides."""

    host: str = "127.0.0.1"
    port: int = 0
    speed: float = 1.0
    data: Path | None = None
    tier: str = "silver"
    faults: Path | None = None
    balance_usd: Decimal = Decimal(100)
    workers: int | None = None
    ends_with_stdin: bool = False


class _Server(uvicorn.Server):
    """uvicorn, ending with exit code 0 on SIGTERM instead of passing the signal on."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turn the signals that end a program into a clean end."""
        kept = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def serve(options: Options) -> None:
    """Serve until told to end."""
    door = _listen(options)
    with _data_folder(options) as data:
        asyncio.run(_serve(options, door, data))


def _listen(options: Options) -> socket.socket:
    """Bind the socket first: a taken port is an error before anything else is done."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio switches Nagle's waiting off only where the protocol is named: every answer took 45 ms without it.
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((options.host, options.port))
    except OSError as error:
        raise SystemExit(
            f"Port {options.port} cannot be used: {error.strerror}. Take another, or 0 for any free one."
        ) from None
    door.listen(1024)
    door.setblocking(False)
    return door


@contextlib.contextmanager
def _data_folder(options: Options) -> Iterator[Path]:
    """Give the folder that was named, or one that goes away again."""
    if options.data is not None:
        options.data.mkdir(parents=True, exist_ok=True)
        yield options.data.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="hailuo-simulator-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _serve(options: Options, door: socket.socket, data: Path) -> None:
    """Put the parts together and run them."""
    rooms = Rooms.under(data)
    store = Store(data / "simulator.db", balance=int(options.balance_usd * 1_000_000))
    async with _working(options, rooms, store) as service:
        app = make_app(service, store, rooms)
        fault_door = FaultDoor(app, Faults(options.faults, store))
        config = uvicorn.Config(
            fault_door,
            log_level="critical",
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        fault_door.server = server
        ready = asyncio.create_task(_announce(server, options, door))
        if options.ends_with_stdin:
            _end_with_stdin(server)
        try:
            await server.serve(sockets=[door])
        finally:
            ready.cancel()


@contextlib.asynccontextmanager
async def _working(options: Options, rooms: Rooms, store: Store) -> AsyncIterator[Service]:
    """Give the service with its workers, closed in order."""
    tier = TIERS[options.tier]
    studio = Studio(rooms.clips, rooms.pictures, workers=options.workers or os.cpu_count() or 1)
    generation = Generation(store, studio, rooms.uploads, speed=options.speed, at_once=tier.at_once)
    generation.resume()
    sweeping = asyncio.create_task(asyncio.to_thread(_sweep, rooms))
    try:
        yield Service(store, generation, tier=tier, speed=options.speed)
    finally:
        await generation.close()
        await studio.close()
        await sweeping
        store.close()


def _sweep(rooms: Rooms) -> None:
    """Drop what the service no longer keeps; a clip that is used again is touched."""
    oldest = time.time() - RETENTION_S
    for folder in (rooms.clips, rooms.uploads, rooms.pictures):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


async def _announce(server: uvicorn.Server, options: Options, door: socket.socket) -> None:
    """Say where we are, once it answers."""
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag alone
        await asyncio.sleep(0.002)
    host, port = door.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    line = {
        "base_url": f"http://{shown}:{port}",
        "pid": os.getpid(),
        "speed": options.speed,
        "tier": options.tier,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _end_with_stdin(server: uvicorn.Server) -> None:
    """End when standard input does, which is when the starter is gone, however it went."""

    def wait() -> None:
        # Not sys.stdin: its lock, held by a waiting thread, would stop the interpreter from ending.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        server.should_exit = True

    threading.Thread(target=wait, name="starter", daemon=True).start()
