"""What Locust loads: the user classes, the shape, and the listeners of the load test."""

from typing import Final

from locust import events

from holdfast_loadtest.locust.arrivals import Arrivals, dispatch_arrivals
from holdfast_loadtest.locust.lifecycle import conclude, interrupt, prepare, set_up, show_verdict
from holdfast_loadtest.locust.options import add_options
from holdfast_loadtest.locust.shapes import UntilEverybodyIsHome
from holdfast_loadtest.locust.users.net_watcher import NetWatcher
from holdfast_loadtest.locust.users.shoppers import Abandoner, Bot, Buyer, Refresher, VisitorUser
from holdfast_loadtest.locust.users.storefront import Storefront
from holdfast_loadtest.locust.users.watcher import Watcher
from holdfast_loadtest.locust.web_page import add_tab

__all__ = [
    "Abandoner",
    "Arrivals",
    "Bot",
    "Buyer",
    "NetWatcher",
    "Refresher",
    "Storefront",
    "UntilEverybodyIsHome",
    "VisitorUser",
    "Watcher",
]

LISTENERS: Final = (
    (events.init_command_line_parser, add_options),
    (events.init, dispatch_arrivals),
    (events.init, set_up),
    (events.init, add_tab),
    (events.test_start, prepare),
    (events.test_stop, conclude),
    (events.quitting, interrupt),
    (events.quit, show_verdict),
)
for event, listener in LISTENERS:
    event.add_listener(listener)  # type: ignore[no-untyped-call] # Locust's is
