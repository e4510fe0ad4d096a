"""`python -m holdfast_connector` (or `holdfast-auth`): the gate beside nginx, on a port of its own.

Settings come from the environment, so that a unit file contains all of them. The server is the
standard library's, with a thread for each connection of nginx: nginx keeps few, and `/auth`
responds in microseconds. Serve `auth_request.AuthRequest` with any other WSGI server to have more.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from holdfast_connector.auth_request import AuthRequest
from holdfast_connector.settings import Mode, Settings, WhenUnavailable
from holdfast_connector.tokens.identity import identity_cookie
from holdfast_connector.tokens.keys import SharedKeys

VARIABLES: Final = {
    "HOLDFAST_SERVICE_URL": "where browsers find the waiting room",
    "HOLDFAST_SHOP_URL": "the shop's own origin",
    "HOLDFAST_SALE": "the sale's name",
    "HOLDFAST_COOKIE_SECRETS": "secrets of the session cookie, comma-separated, newest first",
    "HOLDFAST_PROTECTED": "protected paths, comma-separated (default /)",
    "HOLDFAST_PUBLIC": "exceptions from them, comma-separated",
    "HOLDFAST_INTERNAL_URL": "where this server reaches the service, if elsewhere",
    "HOLDFAST_MODE": "exchange (default) or verify",
    "HOLDFAST_WHEN_UNAVAILABLE": "closed (default) or open",
    "HOLDFAST_SHARED_KEYS": "file with the keys of `holdfast keys shared`, for HS256",
    "HOLDFAST_IDENTITY_COOKIE": "the shop's cookie that has the visitor's signed identity, if any",
}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings that the environment gives; KeyError or ValueError says what is missing."""
    shared = environ.get("HOLDFAST_SHARED_KEYS")
    cookie = environ.get("HOLDFAST_IDENTITY_COOKIE")
    return Settings(
        service_url=environ["HOLDFAST_SERVICE_URL"],
        shop_url=environ["HOLDFAST_SHOP_URL"],
        sale=environ["HOLDFAST_SALE"],
        cookie_secrets=_listed(environ["HOLDFAST_COOKIE_SECRETS"]),
        protected=_listed(environ.get("HOLDFAST_PROTECTED", "/")),
        public=_listed(environ.get("HOLDFAST_PUBLIC", "")),
        internal_url=environ.get("HOLDFAST_INTERNAL_URL"),
        mode=Mode(environ.get("HOLDFAST_MODE", "exchange")),
        when_unavailable=WhenUnavailable(environ.get("HOLDFAST_WHEN_UNAVAILABLE", "closed")),
        shared_keys=SharedKeys.from_jwks(Path(shared).read_text()) if shared else None,
        identify=identity_cookie(cookie) if cookie else None,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until it is stopped; returns the exit code."""
    lines = (f"  {name:<26} {meaning}" for name, meaning in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="holdfast-auth",
        description="Answers nginx's auth_request for a shop behind a Holdfast waiting room.",
        epilog="\n".join(("environment:", *lines)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on")
    options = parser.parse_args(arguments)
    try:
        app = AuthRequest(settings_from(os.environ))
    except KeyError as error:
        parser.error(f"{error.args[0]} is not set")
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with make_server(options.host, options.port, app, _Server, _Handler) as server:
        print(f"holdfast-auth listens on {options.host}:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(WSGIRequestHandler):
    timeout = 20

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the lines would contain hand-offs."""

    def address_string(self) -> str:
        return str(self.client_address[0])


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


if __name__ == "__main__":
    sys.exit(main())
