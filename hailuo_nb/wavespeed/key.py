"""The key, so held that it shows nowhere.

In comes the text somebody pasted; out goes a `Key` whose repr is a mask, and a `KeyAuth` that writes it into
requests to the service's own address and no other. Next: `exchange`, the only user of `KeyAuth`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NoReturn

import httpx

from hailuo_nb.errors import KeyMissing

MASK = "***"
LONGEST_KEY = 512


class Key:
    """A checked API key.

    Parameters
    ----------
    text : str
        The key as given; space around it is dropped.

    Raises
    ------
    KeyMissing
        When it is empty or holds what no header can carry; shows nothing of it.
    """

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not text:
            raise KeyMissing("The WaveSpeed key is empty; set WAVESPEED_API_KEY or use the simulator.")
        if len(text) > LONGEST_KEY or not all("!" <= letter <= "~" for letter in text):
            raise KeyMissing(
                "The WaveSpeed key has a space, a line break or another letter that no key has, "
                "or is far too long; copy it again from wavespeed.ai/accesskey."
            )
        self._text = text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")

    def bearer(self) -> str:
        """Give the value of the Authorization header."""
        return f"Bearer {self._text}"

    def masked(self, text: str) -> str:
        """Give `text` with this key, wherever it stands in it, replaced by a mask."""
        return text.replace(self._text, MASK)


class KeyAuth(httpx.Auth):
    """Puts the key into a request, if it goes to the service's own address.

    An httpx.Auth given with each request also keeps a user in the address from replacing the
    key, and keeps the header out of the variables of our own frames, which some tracebacks show.
    """

    def __init__(self, key: Key, base_url: str) -> None:
        self._key = key
        self._origin = _origin(httpx.URL(base_url))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Write the header and send."""
        if _origin(request.url) == self._origin:
            request.headers["Authorization"] = self._key.bearer()
        yield request


class NoAuth(httpx.Auth):
    """Sends no Authorization at all, whatever the address holds."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Take any Authorization away and send."""
        request.headers.pop("Authorization", None)
        yield request


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Tell where a URL goes: scheme, host and port."""
    return url.scheme, url.host, url.port
