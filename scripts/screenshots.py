"""The README's screenshots, taken of a real demo while its crowd is there.

Starts `holdfast demo`, opens the shop's door on a phone and on a desktop as two visitors, takes the
waiting page while they stand in line and the seat map once they are through and hold two seats. It
is driven as the page tests drive Chromium, so nothing in the pictures is arranged.
"""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from chromium import Chromium, Page, chromium_path  # noqa: E402 - beside the tests

IMAGES: Final = ROOT / "docs" / "images"
SIZES: Final = {"phone": (390, 844), "desktop": (1280, 800)}
PORT: Final = 8480
SHOP_PORT: Final = 8481
START_SECONDS: Final = 60.0
# Long enough ahead of the two that the line is seen, short enough not to be bored by it.
CROWD_SECONDS: Final = 12.0
TURN_SECONDS: Final = 300.0
SETTLE_SECONDS: Final = 1.0
ON_THE_WAY: Final = "document.getElementById('progress')?.value >= 300"
AT_THE_MAP: Final = (
    f"location.port === '{SHOP_PORT}' && document.getElementById('shop')?.hidden === false"
)


def main() -> None:
    binary = chromium_path()
    if binary is None:
        sys.exit("Chromium is not installed (Debian package chromium)")
    IMAGES.mkdir(exist_ok=True)
    with demo():
        time.sleep(CROWD_SECONDS)
        asyncio.run(take(binary))


@contextmanager
def demo() -> Iterator[None]:
    """A demo whose shop answers, until the pictures are taken."""
    command = [sys.executable, "-m", "holdfast", "demo", "--hold-seconds", "120"]
    command += ["--port", str(PORT), "--shop-port", str(SHOP_PORT), *sys.argv[1:]]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT)
    try:
        _await_shop(process)
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _await_shop(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{SHOP_PORT}/", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    sys.exit("the demo did not start")


async def take(binary: str) -> None:
    async with Chromium(binary) as browser:
        await asyncio.gather(*(visit(browser, device) for device in SIZES))


async def visit(browser: Chromium, device: str) -> None:
    """One visitor's way from the shop's door through the line to the seats."""
    async with browser.page(SIZES[device]) as page:
        await page.go(f"http://127.0.0.1:{SHOP_PORT}/")
        await page.go(await page.until("document.querySelector('a[href*=\"/wait/\"]')?.href"))
        await page.until(ON_THE_WAY, START_SECONDS)
        await shoot(page, f"waiting-{device}")
        await page.until(AT_THE_MAP, TURN_SECONDS)
        await page.click("#best .button")
        await page.until("!!document.querySelector('.hold')")
        await page.run("scrollTo(0, 0)")
        if device == "desktop":
            await page.click("#zoom-fit")
        await page.until("!document.querySelector('.toast.on')")
        await shoot(page, f"seats-{device}")


async def shoot(page: Page, name: str) -> None:
    await asyncio.sleep(SETTLE_SECONDS)
    path = IMAGES / f"{name}.png"
    await page.screenshot(path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
