"""The route that a request is for, as aiohttp keeps it to itself.

A request without it raises whenever its route is asked for.
"""

from aiohttp import web


def set_matched_route(request: web.Request, match: web.UrlMappingMatchInfo) -> None:
    """Gives `request` the route that was found for it, as aiohttp's own resolving does."""
    request._match_info = match
