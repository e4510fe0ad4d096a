"""The service that the benchmark of responses is compared with answers by aiohttp alone."""

import subprocess
import sys

LOOK = """
from aiohttp import web
from bench.kit.servers.plain_responses import replace_ready

replace_ready()
from holdfast_inventory.http import routes
from holdfast_queue.http import poll
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.problems import problem_response
from holdfast_web.responses import json_response
from holdfast_web.server import connection

kinds = {type(json_response({})), type(problem_response(HoldfastError(ErrorCode.NOT_FOUND)))}
print(kinds | {routes.Ready, poll.Ready} == {web.Response}, connection.Ready is web.Response)
"""


def test_yardstick_answers_by_aiohttp_and_its_connection_knows_the_difference() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"
