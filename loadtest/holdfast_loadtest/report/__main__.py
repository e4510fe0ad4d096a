"""`python -m holdfast_loadtest.report`."""

import sys

from holdfast_loadtest.report.judge import main

sys.exit(main())
