"""`holdfast doctor`: checks the settings of store, ledger and host, and says what to change.

It only reads. Each module looks at one thing and answers findings; where a fault is needed to see
one, a plain function judges what was read, so that tests can give it every bad value. What cannot
be seen (a hosted store without CONFIG, a service that is down) is a warning.
"""

from holdfast.doctor.examination import examine
from holdfast.doctor.findings import Finding, Level

__all__ = ["Finding", "Level", "examine"]
