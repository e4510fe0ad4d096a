"""Screenshots: of every scene of waiting page and shop to look at, or those of the documents.

Without options it starts a service, opens each scene of `waiting_scenes.py` and `shop_scenes.py` in
`tests/support/pages`, and takes it in every width and colour scheme, with and without scripts,
into a folder outside the repository.

With `--readme` it starts `holdfast demo`, opens the shop's door on a phone and on a desktop as two
visitors, and takes the waiting page while they stand in line and the seat map once they are through
and hold two seats, into docs/images. Nothing in those pictures is arranged.

With `--console` it starts `holdfast demo`, signs in to its console as an operator, and takes the
screens that docs/operations.md shows, while the crowd is there.
"""

import argparse
import asyncio
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from playwright.async_api import Browser, Page, expect  # noqa: E402
from support.pages.browser import Size, chromium_path, open_page, run_chromium  # noqa: E402 - of the tests
from support.pages.scene_pictures import take_shop, take_waiting_page  # noqa: E402

from scripts.running_demo import IMAGES, ROOT, operator_key, running_demo, wait_until  # noqa: E402

SIZES: Final[dict[str, Size]] = {"phone": (390, 844), "desktop": (1280, 800)}
PORT: Final = 8480
SHOP_PORT: Final = 8481
START_SECONDS: Final = 60.0
# Enough ahead of the two that the line is seen, few enough to leave them seats.
CROWD: Final = 150
STATUS: Final = f"http://127.0.0.1:{PORT}/v1/sales/concert/status"
CONSOLE: Final = f"http://127.0.0.1:{PORT}/console"
HISTORY_SECONDS: Final = 45.0
"""In which the curves of the last hour get some points."""
POLL_SECONDS: Final = 0.2
TURN_SECONDS: Final = 300.0
SETTLE_SECONDS: Final = 1.0
ON_THE_WAY: Final = """bar => new Promise((reached) => {
  const look = () => { if (bar.value >= 300) reached(); else setTimeout(look, 100); };
  look();
})"""


def main() -> None:
    options, demo_options = _options()
    binary = chromium_path()
    if binary is None:
        sys.exit("Chromium is not installed (Debian package chromium-headless-shell)")
    if options.readme:
        IMAGES.mkdir(exist_ok=True)
        asyncio.run(take_readme(binary, demo_options))
    elif options.console:
        IMAGES.mkdir(exist_ok=True)
        asyncio.run(take_console(binary, demo_options))
    else:
        folder = options.out or Path(tempfile.mkdtemp(prefix="holdfast-scenes-"))
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(take_scenes(binary, folder, options.language))
        print(f"the scenes are in {folder}")


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description="Screenshots of the pages, in Chromium.")
    parser.add_argument(
        "--readme", action="store_true", help="those of the README, of a demo; options go to it"
    )
    parser.add_argument(
        "--console", action="store_true", help="those of the console, of a demo; options go to it"
    )
    parser.add_argument("--out", type=Path, help="folder of the scenes (a new temporary one)")
    parser.add_argument("--language", default="en", help="language of the scenes")
    return parser.parse_known_args()


@contextmanager
def demo(options: Sequence[str]) -> Iterator[None]:
    """A demo whose shop answers, until the pictures are taken."""
    ports = ("--port", str(PORT), "--shop-port", str(SHOP_PORT))
    with running_demo("--hold-seconds", "120", *ports, *options, quiet=True):
        wait_until(_shop_answers, "the demo did not start")
        yield


def _shop_answers() -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{SHOP_PORT}/", timeout=5).close()
    except OSError:
        return False
    return True


async def take_scenes(binary: str, folder: Path, language: str) -> None:
    async with run_chromium(binary) as browser:
        await take_waiting_page(browser, folder, language)
        await take_shop(browser, folder)


async def take_readme(binary: str, demo_options: Sequence[str]) -> None:
    async with run_chromium(binary) as browser:
        with demo(demo_options):
            await asyncio.gather(*(visit(browser, device) for device in SIZES))


async def take_console(binary: str, demo_options: Sequence[str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-console-") as directory,
        demo([*demo_options, "--data-dir", directory]),
    ):
        key = operator_key(directory)
        async with run_chromium(binary) as browser:
            await asyncio.gather(*(look(browser, device, key) for device in SIZES))


async def look(browser: Browser, device: str, key: str) -> None:
    """Takes the pictures of the console while the sale goes on."""
    async with open_page(browser, SIZES[device]) as page:
        await page.goto(CONSOLE)
        await page.get_by_label("API key").fill(key)
        await page.get_by_role("button", name="Sign in").click()
        await await_crowd(page)
        await page.goto(f"{CONSOLE}/sales/concert")
        await page.get_by_label("Visitors a minute").fill("3000")
        await asyncio.sleep(HISTORY_SECONDS)
        await page.evaluate("scrollTo(0, 0)")
        await shoot(page, f"console-live-{device}")
        if device == "desktop":
            for screen in ("seats", "report"):
                await page.goto(f"{CONSOLE}/sales/concert/{screen}")
                await shoot(page, f"console-{screen}-{device}")


async def visit(browser: Browser, device: str) -> None:
    """Takes the pictures of one visit: the shop, the line, the seats."""
    async with open_page(browser, SIZES[device]) as page:
        await page.goto(f"http://127.0.0.1:{SHOP_PORT}/")
        await await_crowd(page)
        await page.locator("main a.button").click()
        await page.locator("#progress").evaluate(ON_THE_WAY)
        await shoot(page, f"waiting-{device}")
        await expect(page.locator("#shop")).to_be_visible(timeout=TURN_SECONDS * 1000)
        await page.locator("#best .button").click()
        await expect(page.locator(".hold")).to_be_visible()
        await page.evaluate("scrollTo(0, 0)")
        if device == "desktop":
            await page.locator("#zoom-fit").click()
        await expect(page.locator("#toast")).not_to_contain_class("on")
        await shoot(page, f"seats-{device}")


async def await_crowd(page: Page) -> None:
    """Waits until so many are in line: how fast they come depends on the machine."""
    async with asyncio.timeout(START_SECONDS):
        issued = 0
        while issued < CROWD:
            await asyncio.sleep(POLL_SECONDS)
            issued = (await (await page.request.get(STATUS)).json())["issued"]


async def shoot(page: Page, name: str) -> None:
    await asyncio.sleep(SETTLE_SECONDS)
    path = IMAGES / f"{name}.png"
    await page.screenshot(path=path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
