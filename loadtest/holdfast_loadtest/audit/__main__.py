"""`python -m holdfast_loadtest.audit`."""

import sys

from holdfast_loadtest.audit.verdict import main

sys.exit(main())
