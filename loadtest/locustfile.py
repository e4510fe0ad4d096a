"""The load test for Locust: people who wait and buy, by a scenario, with a verdict at the end.

    HOLDFAST_PLATFORM_KEY=$(cat .holdfast/operator.key) \\
        locust -f loadtest/locustfile.py --headless --host http://127.0.0.1:8080 --scenario smoke

`--list-scenarios` lists the scenarios; README.md beside this file describes the rest.
`make loadtest` starts a service of its own for it.
"""

from holdfast_loadtest.locust.locustfile import *  # noqa: F403 - Locust looks for classes by name
