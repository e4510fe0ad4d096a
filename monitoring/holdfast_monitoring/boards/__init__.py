"""The panels of each dashboard, declared once each."""

from typing import Final

from holdfast_monitoring.boards.inventory import INVENTORY_AND_LEDGER
from holdfast_monitoring.boards.sale import SALE
from holdfast_monitoring.boards.service import SERVICE
from holdfast_monitoring.boards.waiting_room import WAITING_ROOM
from holdfast_monitoring.panel import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (SALE, WAITING_ROOM, INVENTORY_AND_LEDGER, SERVICE)
