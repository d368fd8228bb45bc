"""The board's page at `/` and its files: read once from the package, sent with a strict policy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response

#: Where the built page lies; it is data, no code of ours is imported from there.
PACKAGE: Final = "dashboards.board"
#: Nothing from outside, nothing inline, nothing framed, no form that leaves.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final = {
    "index.html": "text/html; charset=utf-8",
    "board.js": "text/javascript; charset=utf-8",
    "board.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "LICENSES.txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One file as it is sent."""

    body: bytes
    media: str
    etag: str


def load() -> dict[str, Page]:
    """All files of the built page by name. Raises OSError where the package lacks one."""
    built = files(PACKAGE) / "built"
    found = {}
    for name, media in _TYPES.items():
        body = (built / name).read_bytes()
        found[name] = Page(body, media, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"')
    return found


def install(app: FastAPI) -> None:
    """Adds `/` and `/board/<file>`. They hold no data: what is shown comes from the API, with a token."""
    pages = load()
    router = APIRouter(include_in_schema=False)

    def send(name: str, request: Request) -> Response:
        page = pages[name]
        headers = {"ETag": page.etag, "Content-Security-Policy": POLICY}
        if page.etag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(page.body, 200, headers, page.media)

    @router.get("/")
    async def index(request: Request) -> Response:
        return send("index.html", request)

    @router.get("/board/{name}")
    async def asset(name: str, request: Request) -> Response:
        return send(name, request) if name in pages else Response(None, 404)

    app.include_router(router)
