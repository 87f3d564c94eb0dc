"""A picture as part of a request: what makes it the same picture, and what can be sent.

In comes a file, an address or a frame of a clip (`hailuo_nb.media.image` reads files and clips); out goes an
`ImageRef` whose identity survives a new version of any library. Next: `hailuo_nb.catalog.request.build`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["ImageRef", "address_without_query", "frame_identity"]

_DATA_URI = re.compile(r"data:(image/[a-z0-9.+-]{1,40});base64,", re.IGNORECASE)


@dataclass(frozen=True)
class ImageRef:
    """A picture as asked for.

    Equality and hash look at `kind` and `identity` only: a picture that was moved or renamed is the same.

    Parameters
    ----------
    kind : str
        ``file``, ``url`` or ``frame``.
    identity : tuple of (str, object)
        For a file its SHA-256 and fit option, for what was drawn in the notebook that of its pixels, for an address
        its text, for a frame the clip and the time.
    label : str
        For people: the file's name, or the address without its query.
    path : Path, optional
        Where the file or clip is.
    data : bytes, optional
        What is to be uploaded; a frame of a clip that is still being made has none yet.
    content_type : str, optional
        Its media type.
    note : str
        How it is sent where that is not as it is: "as PNG, turned upright".
    uploaded : str, optional
        Where it was uploaded before, for when its bytes are not here any more.
    """

    kind: str
    identity: tuple[tuple[str, object], ...]
    label: str = field(compare=False)
    path: Path | None = field(default=None, compare=False)
    data: bytes | None = field(default=None, compare=False, repr=False)
    content_type: str | None = field(default=None, compare=False)
    note: str = field(default="", compare=False)
    uploaded: str | None = field(default=None, compare=False, repr=False)

    def __repr__(self) -> str:
        return f"<picture {self.label}>"

    @property
    def url(self) -> str | None:
        """The address to hand to the service as it is; None where bytes have to be uploaded first."""
        text = dict(self.identity).get("url") if self.kind == "url" else None
        return text if isinstance(text, str) else None

    @property
    def is_to_come(self) -> bool:
        """Whether it is a frame of a clip that has to be made first."""
        return self.kind == "frame" and self.data is None and self.uploaded is None

    @classmethod
    def of_clip(cls, clip: str, at: float | None, label: str, fit: str | None = None) -> ImageRef:
        """Make one of a frame that is known before its clip is there: by the clip and the time.

        Parameters
        ----------
        clip : str
            The clip's identity: service, request, take and attempt.
        at : float, optional
            Seconds from the start; the very last frame when not given.
        label : str
            For people.
        fit : str, optional
            ``pad`` or ``crop``.
        """
        return cls("frame", frame_identity(clip, at, fit), label)

    @classmethod
    def of_address(cls, text: str) -> ImageRef:
        """Make one of a public address, or of a ``data:image/...;base64,`` one, which counts as a file.

        Raises
        ------
        ValueError
            The text is neither; its message is one line.
        """
        inline = _DATA_URI.match(text)
        if inline:
            return cls._inline(text[inline.end() :], inline[1].lower())
        if not re.match(r"https?://[^\s/]", text, re.IGNORECASE) or not _has_host(text):
            raise ValueError("not a web address: it starts with https:// and names a host")
        if re.search(r"\s", text):
            raise ValueError("a web address has no spaces: write them as %20")
        return cls(kind="url", identity=(("url", text),), label=address_without_query(text))

    @classmethod
    def _inline(cls, encoded: str, content_type: str) -> ImageRef:
        """Decode the picture inside a data address."""
        try:
            data = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("the base64 text of this data: address is broken") from error
        digest = hashlib.sha256(data).hexdigest()
        return cls(
            kind="file",
            identity=(("sha256", digest), ("fit", None)),
            label=f"inline {content_type.removeprefix('image/')}",
            data=data,
            content_type=content_type,
        )


def frame_identity(clip: str, at: float | None, fit: str | None = None) -> tuple[tuple[str, object], ...]:
    """Give what makes a frame itself; the fit option only where there is one, as it always was."""
    when: object = "last" if at is None else at
    fitted: tuple[tuple[str, object], ...] = (("fit", fit),) if fit else ()
    return (("clip", clip), ("at", when), *fitted)


def address_without_query(text: str) -> str:
    """Give an address fit to be shown and kept: no query, no fragment, no user name or password."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _has_host(text: str) -> bool:
    """Whether an address can be taken apart and names a host."""
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False
