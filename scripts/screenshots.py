"""Screenshots: of every scene of the waiting page and the demo's shop to look at, or the README's.

Without options it starts a service, opens each scene of `tests/waiting_scenes.py` and then of
`tests/storefront_scenes.py`, and takes it in every width and colour scheme, with and without
scripts, into a folder outside the repository.

With `--readme` it starts `holdfast demo`, opens the shop's door on a phone and on a desktop as two
visitors, and takes the waiting page while they stand in line and the seat map once they are through
and hold two seats, into docs/images. Nothing in those pictures is arranged.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from chromium import Chromium, Page, chromium_path  # noqa: E402 - beside the tests
from scene_pictures import take_scenes  # noqa: E402
from storefront_pictures import take_storefront  # noqa: E402

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
    options, demo_options = _options()
    binary = chromium_path()
    if binary is None:
        sys.exit("Chromium is not installed (Debian package chromium)")
    if options.readme:
        IMAGES.mkdir(exist_ok=True)
        with demo(demo_options):
            time.sleep(CROWD_SECONDS)
            asyncio.run(take(binary))
    else:
        folder = options.out or Path(tempfile.mkdtemp(prefix="holdfast-scenes-"))
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(take_scenes(binary, folder, options.language))
        asyncio.run(take_storefront(binary, folder))
        print(f"the scenes are in {folder}")


def _options() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description="Screenshots of the pages, in Chromium.")
    parser.add_argument(
        "--readme", action="store_true", help="those of the README, of a demo; options go to it"
    )
    parser.add_argument("--out", type=Path, help="folder of the scenes (a new temporary one)")
    parser.add_argument("--language", default="en", help="language of the scenes")
    return parser.parse_known_args()


@contextmanager
def demo(options: Sequence[str]) -> Iterator[None]:
    """A demo whose shop answers, until the pictures are taken."""
    command = [sys.executable, "-m", "holdfast", "demo", "--hold-seconds", "120"]
    command += ["--port", str(PORT), "--shop-port", str(SHOP_PORT), *options]
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
