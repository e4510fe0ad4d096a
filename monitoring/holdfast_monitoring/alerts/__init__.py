"""The alerts, by what they are about."""

from typing import Final

from holdfast_monitoring import slo
from holdfast_monitoring.alerts import ledger, sale, service, store
from holdfast_monitoring.rule import Alert

GROUPS: Final[dict[str, tuple[Alert, ...]]] = {
    "holdfast-sale": sale.ALERTS,
    "holdfast-service": service.ALERTS,
    "holdfast-objectives": slo.ALERTS,
    "holdfast-store": store.ALERTS,
    "holdfast-ledger": ledger.ALERTS,
}
"""alerts by the group of rules that they are in"""

ALERTS: Final = tuple(alert for group in GROUPS.values() for alert in group)
