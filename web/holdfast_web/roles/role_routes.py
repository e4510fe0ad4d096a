"""Adds routes to an application, each for the role that it belongs to.

A route says its role where it is added; an application that does not serve the role answers 404
`role_elsewhere` there, before it looks at credentials, body, store or ledger.

A call within the process (in_process) is not asked for its listener: the console of an operator
reaches what belongs to the shop, too, with the key that the operator signed in with.

Holds and orders are used by buyers with a pass, who belong to the crowd, and by the shop's server
with an API key. Their routes have a role for each kind of credential.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web

from holdfast_web.cors import Cors, preflight_handler
from holdfast_web.credentials import bearer_token, is_jwt
from holdfast_web.endpoint import Handler, endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.request.taken_query import takes_any_query
from holdfast_web.roles.service_roles import ALL_ROLES, ServiceRole

_AUDITED_ROLES: Final = frozenset({ServiceRole.SHOP, ServiceRole.OPERATOR})
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})

SERVED_ROLES: Final[web.AppKey[frozenset[ServiceRole]]] = web.AppKey("served_roles")
"""The roles of an application; one that does not set them serves all."""
WITHIN: Final[web.AppKey[dict[web.AbstractRoute, Handler]]] = web.AppKey("within")
"""For each route the handler for calls within the process, which know no listeners."""


AUDITED_ROUTES: Final[web.AppKey[dict[tuple[str, str], str | None]]] = web.AppKey("audited_routes")
"""By method and path, the action that the audit has of what an API key changes there; None where
it has none, for the reason that the route gives.
"""


class RoleRoutes:
    """Adds routes of one role to an application; those for API keys may be of another.

    What keys of shops and operators change is in the audit: a route that changes something says by
    which action, or why it has none.
    """

    def __init__(
        self, app: web.Application, role: ServiceRole, with_key: ServiceRole | None = None
    ) -> None:
        served = app.get(SERVED_ROLES, frozenset(ALL_ROLES))
        if WITHIN not in app:
            app[WITHIN] = {}
        self._within = app[WITHIN]
        self._router = app.router
        self._audited = app.setdefault(AUDITED_ROUTES, {})
        self._is_for_keys = (with_key or role) in _AUDITED_ROLES
        self._answering = _answering(role in served, (with_key or role) in served)

    def get(self, path: str, handler: Handler) -> None:
        """Adds GET and HEAD."""
        route = self._router.add_get(path, self._answering(handler))
        self._within[route] = handler

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        audits: str | None = None,
        unaudited: str | None = None,
    ) -> None:
        """Adds one method, with the audit's action or the reason why there is none.

        Raises TypeError where API keys change something and neither is given.
        """
        is_change = self._is_for_keys and method not in _READING
        if is_change and (audits is None) is (unaudited is None):
            raise TypeError(f"{method} {path}: say what it `audits`, or why it is `unaudited`")
        route = self._router.add_route(method, path, self._answering(handler))
        self._within[route] = handler
        if is_change and route.resource is not None:
            self._audited[method, route.resource.canonical] = audits

    def allow_preflight(self, path: str, policy: Cors) -> None:
        """Adds OPTIONS; once for each path that a page of another origin may use."""
        self.add(hdrs.METH_OPTIONS, path, preflight_handler(policy))


def _answering(with_pass: bool, with_key: bool) -> Callable[[Handler], Handler]:
    """Returns a decorator that answers 404 to other kinds of credentials."""
    if with_pass and with_key:
        return lambda handler: handler
    if not with_pass and not with_key:
        return lambda _: answer_elsewhere

    def answering(handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            token = bearer_token(request)
            elsewhere = token is not None and is_jwt(token) is not with_pass
            return await (answer_elsewhere if elsewhere else handler)(request)

        return answer

    return answering


@endpoint
@takes_any_query
async def answer_elsewhere(_request: web.Request) -> web.StreamResponse:
    """404: this address is served by another listener, or on another node."""
    raise HoldfastError(ErrorCode.ROLE_ELSEWHERE)
