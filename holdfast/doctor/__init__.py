"""`holdfast doctor`: checks the settings of store, ledger and host, and says what to change.

It only reads. Each module looks at one thing and answers findings; a finding that needs a fault to
be seen is judged by a plain function over what was read, so that every bad value can be tried.
What cannot be seen (a hosted store without CONFIG, a service that is down) is a warning that says
so: silence would pass for health.
"""

from holdfast.doctor.examination import examine
from holdfast.doctor.findings import Finding, Level

__all__ = ["Finding", "Level", "examine"]
