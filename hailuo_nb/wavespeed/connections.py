"""The httpx clients, built once and only when they are needed.

In comes nothing but the process environment (proxies, certificates); out go three clients: one for calls, one
for submits, one for files. Building what TLS needs costs 38 ms, so all share it. None follows redirects,
repeats anything, speaks HTTP/2 or holds the key, which `exchange` gives with each request.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import cache

import httpx

from hailuo_nb.errors import NotConnected
from hailuo_nb.settings import LOOPBACK_HOSTS

# A proxy for the outside must not see what goes to this machine, least of all in plain http.
_DIRECT = {f"all://{f'[{host}]' if ':' in host else host}": None for host in sorted(LOOPBACK_HOSTS)}


@cache
def tls() -> ssl.SSLContext:
    """Build the TLS context of the whole process; honours SSL_CERT_FILE and SSL_CERT_DIR."""
    return httpx.create_ssl_context()


def open_client(
    *, transport: httpx.AsyncBaseTransport | None = None, keep_alive: bool = True
) -> httpx.AsyncClient:
    """Open one httpx client with our rules; `transport` replaces the network in tests."""
    if transport is not None:
        return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
    return httpx.AsyncClient(
        verify=tls(),
        http2=False,
        follow_redirects=False,
        mounts=_DIRECT,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20 if keep_alive else 0),
    )


class Connections:
    """The clients of one `Client`, opened on first use."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._open: dict[str, httpx.AsyncClient] = {}
        self._is_closed = False

    async def calls(self) -> httpx.AsyncClient:
        """Give the client for every call but the submit."""
        return await self._get("calls")

    async def submits(self) -> httpx.AsyncClient:
        """Give the client for submits, which never reuses a connection.

        A kept connection may have been closed by the other side a moment ago; a submit on it would be neither
        sent nor surely unsent.
        """
        return await self._get("submits")

    async def files(self) -> httpx.AsyncClient:
        """Give the client for files on other hosts."""
        return await self._get("files")

    async def _get(self, name: str) -> httpx.AsyncClient:
        """Open a client on first use; what is wrong with the surroundings is told without showing them."""
        if self._is_closed:
            raise NotConnected("This client of the service is closed; nothing was sent.")
        if name not in self._open:
            trouble = ""
            try:
                if self._transport is None:
                    await asyncio.to_thread(tls)
                if name not in self._open:
                    self._open[name] = open_client(transport=self._transport, keep_alive=name != "submits")
            except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
                # The message of httpx holds the proxy's address, which may hold a password.
                trouble = type(error).__name__
            if trouble:
                raise NotConnected(
                    f"The proxy or certificates set in the environment cannot be used ({trouble}); check "
                    "HTTPS_PROXY, ALL_PROXY (SOCKS needs httpx[socks]) and SSL_CERT_FILE. Nothing was sent."
                )
        return self._open[name]

    async def aclose(self) -> None:
        """Close what was opened."""
        self._is_closed = True
        opened, self._open = list(self._open.values()), {}
        for client in opened:
            await client.aclose()
