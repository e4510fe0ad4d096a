"""Static files of pages: styles, scripts, icons.

All of them are below one address that contains a digest of all of them, so they may be cached for
ever, and a new release has a new address. The modules import each other by relative addresses, and
so always get the set that was released together. Files are read and compressed once, at start.

Rejected: aiohttp's static route. It stats the disk for every request and cannot mark files as
immutable.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from holdfast_web.request.negotiation import takes_coding

IMMUTABLE: Final = "public, max-age=31536000, immutable"
_PALETTE: Final = Path(__file__).with_name("palette.css").read_text("utf-8")
_DIGEST_CHARS: Final = 16
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    gzipped: bytes
    content_type: str


class Assets:
    """The files of one folder and `others`, served below `<prefix>/<digest>/`."""

    def __init__(self, folder: Path, prefix: str, *others: Path) -> None:
        paths = (*sorted(folder.iterdir()), *others)
        self._assets = {path.name: _load(path) for path in paths if path.suffix in _TYPES}
        self.base = f"{prefix}/{self._digest()}"
        self.pattern = prefix + "/{digest}/{file}"
        """the route's"""

    async def serve(self, request: web.Request) -> web.Response:
        """Serves a file; with an older digest the current one, uncached, since that page is
        outdated.
        """
        asset = self._assets.get(request.match_info["file"])
        if asset is None:
            raise web.HTTPNotFound
        current = request.path.startswith(self.base + "/")
        headers = {
            hdrs.CACHE_CONTROL: IMMUTABLE if current else "no-cache",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        body = asset.body
        if takes_coding(request.headers.get(hdrs.ACCEPT_ENCODING, ""), "gzip"):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = asset.gzipped
        return web.Response(
            body=body, content_type=asset.content_type, charset="utf-8", headers=headers
        )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name, asset in self._assets.items():
            digest.update(name.encode() + b"\0" + asset.body + b"\0")
        return digest.hexdigest()[:_DIGEST_CHARS]


def style_sheet(path: Path) -> str:
    """The text of a style sheet, with the palette in place of its import."""
    return path.read_text("utf-8").replace('@import "palette.css";\n', _PALETTE)


def _load(path: Path) -> _Asset:
    body = style_sheet(path).encode() if path.suffix == ".css" else path.read_bytes()
    return _Asset(body, gzip.compress(body, mtime=0), _TYPES[path.suffix])
