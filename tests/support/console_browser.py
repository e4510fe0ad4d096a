"""The console as a program without scripts uses it: pages, forms and one cookie."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp

CONSOLE: Final = "/console"
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Page:
    """One response."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")


@dataclass
class ConsoleBrowser:
    """A browser that follows no redirect; `headers` go with every request."""

    http: aiohttp.ClientSession
    url: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def ask(
        self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str
    ) -> Page:
        """A request with the cookie; a cookie that comes back is kept."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Accept": "text/html", **self.headers, **named}
        if self.cookie:
            sent["Cookie"] = self.cookie
        async with self.http.request(
            method, self.url + path, data=form, headers=sent, allow_redirects=False
        ) as response:
            page = Page(response.status, dict(response.headers), await response.text())
            for kept in response.headers.getall("Set-Cookie", []):
                self._keep(kept)
        found = _CSRF.search(page.text)
        self.csrf = found[1] if found else self.csrf
        return page

    def _keep(self, cookie: str) -> None:
        """Keeps a cookie beside those of other names, or forgets it."""
        name, _, value = cookie.partition(";")[0].partition("=")
        jar = dict(pair.split("=", 1) for pair in self.cookie.split("; ") if pair)
        jar.pop(name, None)
        if value:
            jar[name] = value
        self.cookie = "; ".join(f"{one}={kept}" for one, kept in jar.items())

    async def get(self, path: str = CONSOLE, **headers: str) -> Page:
        return await self.ask("GET", path, None, **headers)

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> Page:
        """Sends a form with the token of the page that was seen last."""
        return await self.ask("POST", path, {"csrf": self.csrf, **form}, **headers)

    async def sign_in(self, key: str, target: str = CONSOLE) -> Page:
        form = {"key": key, "next": target}
        return await self.ask("POST", f"{CONSOLE}/sign-in", form)
