"""Pictures of the dashboards, from a real run: docs/images/dashboard-*.png.

Starts `holdfast demo` with two workers and its crowd, and a Prometheus that reads it with the
committed rules; in the middle of the rush an operator pauses the sale for a moment. When the audit
of the demo is over, every panel is drawn from Prometheus's answers for the time of the run, and
Chromium takes the page. Needs Debian's prometheus and chromium-headless-shell.
"""

import argparse
import asyncio
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import aiohttp  # noqa: E402
from playwright.async_api import Browser  # noqa: E402
from support import http_servers  # noqa: E402 - of the tests
from support.pages.browser import chromium_path, open_page, run_chromium  # noqa: E402

from holdfast_monitoring.boards import DASHBOARDS  # noqa: E402
from holdfast_monitoring.files import RULE_DIRECTORY  # noqa: E402
from holdfast_monitoring.panel import Dashboard  # noqa: E402
from holdfast_monitoring.preview import Answers, page, span_of  # noqa: E402
from scripts.running_demo import IMAGES, ROOT, SALE, operator_key, running_demo  # noqa: E402

PORT: Final = 8482
WIDTH: Final = 1440
POINTS: Final = 240
RUN_SECONDS: Final = 600.0
BEFORE_PAUSE_SECONDS: Final = 40.0
PAUSE_SECONDS: Final = 12.0
STOPPING_SECONDS: Final = 6.0
"""at the end, in which the service is not read any more"""
RATE_WINDOW: Final = "10s"


def main() -> None:
    """Runs the demo and takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    binary = chromium_path()
    if binary is None:
        sys.exit("Chromium is not installed (Debian package chromium-headless-shell)")
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(binary, options.out, options.visitors))


async def _take_all(binary: str, folder: Path, visitors: int) -> None:
    config = f"""
global: {{scrape_interval: 2s, evaluation_interval: 5s}}
rule_files: ["{ROOT / RULE_DIRECTORY}/*.yml"]
scrape_configs:
  - job_name: holdfast
    static_configs: [{{targets: ["127.0.0.1:{PORT}"]}}]
"""
    with http_servers.prometheus(config) as server, TemporaryDirectory() as directory:
        started = time.time()
        crowd = ("--headless", "--workers", "2", "--visitors", str(visitors))
        place = ("--port", str(PORT), "--data-dir", directory)
        with running_demo(*crowd, *place) as process:
            await _pause(directory)
            await asyncio.to_thread(process.wait, RUN_SECONDS)
        ended = time.time() - STOPPING_SECONDS
        url = f"http://127.0.0.1:{server.port}/api/v1/query_range"
        async with aiohttp.ClientSession() as http, run_chromium(binary) as browser:
            for dashboard in DASHBOARDS:
                answers = await _ask(http, url, dashboard, started, ended)
                await _take(browser, dashboard, answers, folder)


async def _pause(directory: str) -> None:
    """Pauses and resumes the sale, so that the dashboards show it."""
    await asyncio.sleep(BEFORE_PAUSE_SECONDS)
    key = await asyncio.to_thread(operator_key, directory)
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}", headers=headers) as http:
        for change in ("pause", "resume"):
            async with http.post(f"/v1/sales/{SALE}/{change}") as answer:
                answer.raise_for_status()
            await asyncio.sleep(PAUSE_SECONDS)


async def _ask(
    http: aiohttp.ClientSession, url: str, dashboard: Dashboard, start: float, end: float
) -> Answers:
    """The answers for all panels, over the whole run."""
    step = max(1, math.ceil((end - start) / POINTS))
    start = math.ceil(start)
    points = int((end - start) // step) + 1
    values = {}
    for panel in dashboard.panels():
        for expression in panel.queries.values():
            text = expression.replace("$sale", SALE).replace("$__rate_interval", RATE_WINDOW)
            params: dict[str, str | float] = {
                "query": text,
                "start": start,
                "end": int(end),
                "step": step,
            }
            async with http.get(url, params=params) as answer:
                found = (await answer.json())["data"]["result"]
            values[expression] = [
                (one["metric"], _placed(one["values"], start, step, points)) for one in found
            ]
    return Answers(span_of(start, step), values)


def _placed(
    samples: Sequence[Sequence[Any]], start: float, step: float, points: int
) -> list[float | None]:
    """The samples by their positions, without those that are not numbers."""
    placed: list[float | None] = [None] * points
    for at, text in samples:
        value = float(text)
        place = round((at - start) / step)
        if math.isfinite(value) and 0 <= place < points:
            placed[place] = value
    return placed


async def _take(browser: Browser, dashboard: Dashboard, answers: Answers, folder: Path) -> None:
    async with open_page(browser, (WIDTH, 900)) as tab:
        await tab.set_content(page(dashboard, answers))
        path = folder / f"dashboard-{dashboard.name}.png"
        await tab.screenshot(path=path, full_page=True)
        print(path)


if __name__ == "__main__":
    main()
