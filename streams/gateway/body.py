"""A request's body: its declared kind, its bytes within limits of size and time, inflated within limits."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from streams.gateway.answers import Refusal, one_header
from streams.gateway.limits import Share
from streams.settings import Settings

#: Inflated in a thread from here on, so that others are not held up; zlib lets go of the lock.
_THREAD_BYTES: Final = 64 * 1024
#: Concatenated gzip streams are legal; nobody needs more of them in a body.
_MEMBERS_MAX: Final = 64
_GZIP: Final = 31  # zlib's name for the gzip container with the largest window


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one body: bytes as sent, bytes inflated, seconds to arrive."""

    sent: int
    inflated: int
    seconds: float


def limits_of(settings: Settings) -> Limits:
    """As the settings have them."""
    return Limits(settings.gateway_body_bytes, settings.gateway_inflated_bytes, settings.gateway_body_s)


def media_type(request: Request, allowed: frozenset[str]) -> str:
    """The body's media type, without parameters. Raises Refusal (415)."""
    told = one_header(request.scope["headers"], "Content-Type") or ""
    media, _, parameters = told.partition(";")
    media = media.strip().lower()
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if media not in allowed:
        raise Refusal(
            415, f"the content type is {media or 'missing'}", why="request",
            hint=f"send one of {', '.join(sorted(allowed))}", headers={"Accept": ", ".join(sorted(allowed))},
        )  # fmt: skip
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise Refusal(415, "only UTF-8 is read", why="request", hint="leave out charset, or say utf-8")
    return media


async def read_body(request: Request, limits: Limits, share: Share) -> bytes:
    """The whole body as sent. Raises Refusal (400, 408, 411, 413, 429)."""
    headers = request.scope["headers"]
    length = one_header(headers, "Content-Length")
    chunked = one_header(headers, "Transfer-Encoding")
    if length is not None and chunked is not None:
        raise Refusal(400, "Content-Length and Transfer-Encoding are both given", why="request")
    if length is None and chunked is None:
        raise Refusal(411, "the request has no body", why="request", hint="send Content-Length and a body")
    if length is not None:
        if not (length.isascii() and length.isdigit()) or len(length) > 18:
            raise Refusal(400, "Content-Length is no number", why="request")
        if int(length) > limits.sent:
            raise _too_large(limits.sent, "the body")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.sent:
                    raise _too_large(limits.sent, "the body")
                share.take(len(part))
                parts.append(part)
    except TimeoutError:
        raise Refusal(
            408, f"the body did not arrive within {limits.seconds:g} s", why="slow",
            hint="send smaller batches", headers={"Connection": "close"},
        ) from None  # fmt: skip
    except ClientDisconnect:
        raise Refusal(400, "the connection ended before the body did", why="request") from None
    request.scope["rapport.read"] = True
    return b"".join(parts)


def encoding_of(request: Request) -> str:
    """`gzip` or empty. Raises Refusal (415)."""
    told = (one_header(request.scope["headers"], "Content-Encoding") or "identity").lower()
    if told in ("gzip", "x-gzip"):
        return "gzip"
    if told == "identity":
        return ""
    raise Refusal(
        415, f"the content encoding {told[:40]} is not read", why="request", hint="send gzip, or no encoding",
        headers={"Accept-Encoding": "gzip"},
    )  # fmt: skip


async def inflated(body: bytes, encoding: str, limits: Limits, share: Share) -> bytes:
    """The body without its encoding. Raises Refusal (400, 413, 429)."""
    if not encoding:
        return body
    try:
        if len(body) > _THREAD_BYTES:
            found = await asyncio.to_thread(inflate, body, limits.inflated)
        else:
            found = inflate(body, limits.inflated)
    except OverflowError:
        raise _too_large(limits.inflated, "the inflated body") from None
    except ValueError as error:
        raise Refusal(400, f"not gzip: {error}", why="request") from None
    share.take(len(found))
    return found


def inflate(data: bytes, most: int) -> bytes:
    """What a gzip stream (or several, one after the other) holds; never more than `most` bytes in memory.

    Raises OverflowError beyond it, ValueError when it is damaged or cut off.
    """
    out: list[bytes] = []
    size = 0
    for _ in range(_MEMBERS_MAX):
        stream = zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(data, most - size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        size += len(piece)
        if size > most:
            raise OverflowError
        if not stream.eof:
            raise ValueError("it is cut off")
        out.append(piece)
        data = stream.unused_data
        if not data:
            return b"".join(out)
    raise ValueError(f"more than {_MEMBERS_MAX} streams in one body")


def _too_large(most: int, what: str) -> Refusal:
    return Refusal(
        413, f"{what} may have {most:,} bytes", why="size", hint="send several smaller batches",
        headers={"Connection": "close"},
    )  # fmt: skip
