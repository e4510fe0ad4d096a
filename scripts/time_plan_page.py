"""Times how long the shop's page takes to read a plan of 60,000 seats on a slow device.

    python scripts/time_plan_page.py [--static DIRECTORY ...] [--rounds 9] [--slower 6]

Chromium, its processor slowed down, opens a page of its own for each reading, so that nothing of
the scripts is compiled yet, and reads the plan twice: the first time is what a buyer waits for. A
reading is the JSON and the arrays of the map made of it; drawing is not in it. Directories of
scripts take turns, such as those of the release before and of this tree; the last of them reads
the plan without guids as well.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import web
from playwright.async_api import Browser, async_playwright

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "loadtest"))

from bench.kit.plans import stadium_json  # noqa: E402
from holdfast_inventory.plan.plan import PlanForm, compile_plan  # noqa: E402
from holdfast_inventory.settings import InventorySettings  # noqa: E402

SEATS: Final = 60_000
STATIC: Final = ROOT / "demo" / "holdfast_demo" / "shop" / "static"
PROGRAMS: Final = ("chromium-headless-shell", "chromium")
READ: Final = """
async ({form, scripts}) => {
  const text = await (await fetch(`/plans/${form}`)).text();
  const {Plan} = await import(`/scripts/${scripts}/plan.js`);
  const read = () => {
    const began = performance.now();
    const document = JSON.parse(text);
    const parsed = performance.now();
    const plan = new Plan(document, document.prices);
    if (plan.count !== SEATS) throw new Error(`${plan.count} seats`);
    return [parsed - began, performance.now() - parsed];
  };
  return [read(), read()];
}
""".replace("SEATS", str(SEATS))


@asynccontextmanager
async def served(forms: dict[str, PlanForm], scripts: list[Path]) -> AsyncIterator[str]:
    """Serves plans and scripts on loopback."""

    async def plan(request: web.Request) -> web.Response:
        body = forms[request.match_info["form"]].bodies[""]
        return web.Response(body=body, content_type="application/json")

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>.</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/plans/{form}", plan)
    for number, directory in enumerate(scripts):
        app.router.add_static(f"/scripts/{number}/", directory)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def read_once(
    browser: Browser, url: str, slower: int, form: str, scripts: int
) -> list[list[float]]:
    """Milliseconds of parsing and of filling, for the first and for the second reading."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    devtools = await context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    taken: list[list[float]] = await page.evaluate(READ, {"form": form, "scripts": str(scripts)})
    await context.close()
    return taken


async def main() -> None:
    options = _parser().parse_args()
    plan = compile_plan(stadium_json(SEATS), InventorySettings())
    forms = {
        "columns": plan.forms["columns", ""],
        "without_guids": plan.forms["columns", "none"],
    }
    last = len(options.static) - 1
    sides = [*(("columns", number) for number in range(last + 1)), ("without_guids", last)]
    taken: dict[tuple[str, int], list[list[list[float]]]] = {side: [] for side in sides}
    program = next(path for name in PROGRAMS if (path := shutil.which(name)))
    async with async_playwright() as playwright, served(forms, options.static) as url:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(options.rounds):
            for form, number in sides:
                once = await read_once(browser, url, options.slower, form, number)
                taken[form, number].append(once)
        await browser.close()
    for (form, number), found in taken.items():
        for at, name in enumerate(("first", "second")):
            sums = sorted(sum(one[at]) for one in found)
            parsed = statistics.median(one[at][0] for one in found)
            print(
                f"{options.static[number]} {form:<13} {name:<6} {statistics.median(sums):5.0f} ms "
                f"({sums[0]:.0f}-{sums[-1]:.0f}), of which JSON {parsed:.0f}"
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--static", type=Path, nargs="+", default=[STATIC])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--slower", type=int, default=6, help="so many times")
    return parser


if __name__ == "__main__":
    asyncio.run(main())
