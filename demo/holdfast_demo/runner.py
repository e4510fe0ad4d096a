"""Runs a demo: service, shop, sale, crowd, audit; then it stays up for a person to look at.

One loop drives shop, crowd and display; the service is a process of its own. Everything started
here is stopped here, whichever way the demo ends. The exit status is the audit's.
"""

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import web

from holdfast.data_files import ledger_url_in
from holdfast.keyfiles import make_data_dir
from holdfast_demo.chaos.disk import SmallDisk
from holdfast_demo.chaos.options import ChaosOptions
from holdfast_demo.chaos.preparation import disk_for, with_faults
from holdfast_demo.chaos.recovery import Probe
from holdfast_demo.chaos.run import ChaosRun, Crowd
from holdfast_demo.chaos.target import ServiceLocation, Target
from holdfast_demo.display import Display, Figures, make_display
from holdfast_demo.sale import FLOOR_PER_VISITOR, DemoSale, Operator
from holdfast_demo.service import Service, ServiceOptions, free_port
from holdfast_demo.shop.app import create_shop
from holdfast_ledger import Ledger
from holdfast_loadtest.audit.findings import concluded
from holdfast_loadtest.audit.journal import Journal
from holdfast_loadtest.audit.verdict import Verdict, settled_verdict
from holdfast_loadtest.calls import ShopCalls
from holdfast_loadtest.client import Unreachable, open_session
from holdfast_loadtest.crowd.arrivals import CrowdPlan, run_crowd
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.offer import read_offer
from holdfast_loadtest.crowd.profiles import Pace
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.wire import Sale, Status
from holdfast_web.credentials import Role
from holdfast_web.server.bounds import ConnectionBounds
from holdfast_web.server.rejections import Rejections
from holdfast_web.server.site import BoundedSite
from holdfast_web.shedding.request_age import ProxyClocks
from holdfast_web.shedding.shedder import OFF, Shedder
from holdfast_web.trusted_proxies import TrustedProxies

DEFAULT_PORT: Final = 8080
DEFAULT_SHOP_PORT: Final = 8081
FRAME_SECONDS: Final = 0.25
STATUS_EVERY_FRAMES: Final = 4
TIME_LIMIT_SECONDS: Final = 420.0
SHOP_KEY: Final = "demo-shop"
JOURNAL_FILE: Final = "crowd.jsonl"
ROOMY_FLOOR_PER_VISITOR: Final = 5.0
"""so that there is something to buy after each fault"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of the command line."""

    visitors: int
    seed: int
    per_minute: int
    host: str
    port: int | None
    shop_port: int | None
    workers: int
    hold_seconds: int
    data_dir: Path | None
    headless: bool
    chaos: ChaosOptions | None = None

    @property
    def pace(self) -> Pace:
        """People take a share of the time that a hold gives them."""
        return Pace(
            arrival_window_s=self.hold_seconds * 0.55,
            late_window_s=self.hold_seconds * 1.3,
            look_s=self.hold_seconds / 15,
            pay_s=self.hold_seconds / 9,
            patience_s=self.hold_seconds * 2,
        )


async def run_demo(options: DemoOptions) -> int:
    """Runs the demo; answers the exit status."""
    # Never that of a directory which is kept.
    fills_disk = options.chaos is not None and options.data_dir is None
    with (
        _directory(options.data_dir) as directory,
        disk_for(directory, wanted=fills_disk, visitors=options.visitors) as disk,
    ):
        service_options = ServiceOptions(
            directory if disk is None else disk.path,
            options.host,
            free_port(options.host, options.port, DEFAULT_PORT),
            options.workers,
            free_port(options.host, 0, 0),
        )
        print(f"Starting the service on {service_options.url} ...", flush=True)
        async with Service(service_options) as service, open_session() as session:
            demo = _Demo(options, service.options, session, directory, disk)
            return await _while_running(service, demo)


async def _while_running(service: Service, demo: "_Demo") -> int:
    """Runs the demo as long as the service can be kept running."""
    run = asyncio.create_task(demo.run())
    watch = asyncio.create_task(service.keep_running(demo.note))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.cancel)
    try:
        await asyncio.wait({run, watch}, return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            await watch
        return await run
    finally:
        for task in (run, watch):
            task.cancel()
        await asyncio.gather(run, watch, return_exceptions=True)


@dataclass
class _Demo:
    """One demo, from creating the sale to the audit."""

    _options: DemoOptions
    _service: ServiceOptions
    _session: aiohttp.ClientSession
    _directory: Path
    _disk: SmallDisk | None

    def __post_init__(self) -> None:
        self._operator = Operator(self._session, self._service)
        self._display = make_display(headless=self._options.headless)

    def note(self, text: str) -> None:
        self._display.note(text)

    async def run(self) -> int:
        options = self._options
        shop_port = free_port(options.host, options.shop_port, DEFAULT_SHOP_PORT)
        shop_url = f"http://{options.host}:{shop_port}"
        origins = [shop_url, self._service.url]
        sale = await self._operator.put_on_sale(
            DemoSale(
                options.visitors,
                options.per_minute,
                options.hold_seconds,
                origins,
                FLOOR_PER_VISITOR if options.chaos is None else ROOMY_FLOOR_PER_VISITOR,
            )
        )
        kept_back = await self._operator.block_some_seats(sale)
        key = await _platform_key(self._service.data_dir)
        shop = create_shop(self._service.url, shop_url, sale, key, key_url=self._service.key_url)
        async with _serving(shop, options.host, shop_port):
            await self._operator.open(sale)
            verdict = await self._sell_to_crowd(sale, shop_url, key)
            print("\n".join(["", *verdict.lines(), ""]), flush=True)
            if not verdict.held:
                print(_where_the_books_are(options.data_dir), flush=True)
            if not options.headless:
                await self._operator.release_seats(sale, kept_back)
                await _until_interrupted(shop_url, self._service.url, len(kept_back))
        return 0 if verdict.held else 1

    async def _sell_to_crowd(self, sale: str, shop_url: str, key: str) -> Verdict:
        """Runs the crowd with a display, then the audit."""
        options = self._options
        client = self._service.client(self._session, sale)
        tally = Tally(options.visitors)
        figures = Figures(sale, shop_url, options.per_minute, tally, client.traffic)
        plan = CrowdPlan(options.visitors, options.seed, options.pace, TIME_LIMIT_SECONDS)
        shop = ShopCalls(self._service.client(self._session, sale), key)
        # Beside the service's data: what the crowd was told is written while their disk is full.
        with (self._directory / JOURNAL_FILE).open("w", encoding="utf-8") as file:
            journal = Journal(file)
            context = CrowdContext(client, key, await read_offer(shop), tally, journal)
            chaos = await self._prepare_chaos(context, key)
            with self._display as display:
                showing = asyncio.create_task(self._show(display, figures, shop))
                try:
                    faults = [] if chaos is None else [chaos.run()]
                    await asyncio.gather(run_crowd(plan, context), *faults)
                finally:
                    showing.cancel()
                display.finish(figures)
                display.note("everybody has gone home; reading the books")
            verdict = await settled_verdict(shop, journal)
        verdict = _with_sales(verdict, len(journal.confirmed))
        return verdict if chaos is None else with_faults(verdict, chaos)

    async def _prepare_chaos(self, context: CrowdContext, key: str) -> ChaosRun | None:
        """The faults that were asked for, against the sale of the crowd; None without --chaos."""
        if self._options.chaos is None:
            return None
        operator = self._operator.shop(context.client.sale)
        sale = (await operator.read("")).read(Sale)
        service, session = self._service, self._session
        location = ServiceLocation(session, service.url, service.data_dir, self._disk)
        probe = Probe(service.client(session, sale.sale), key, context.journal)
        crowd = Crowd(context.tally, context.client.traffic)
        target = Target(location, sale, operator)
        return ChaosRun(target, probe, crowd, note=self.note, options=self._options.chaos)

    async def _show(self, display: Display, figures: Figures, shop: ShopCalls) -> None:
        """Redraws the figures; the sale's own status joins it about once a second."""
        frame = 0
        while True:
            if frame % STATUS_EVERY_FRAMES == 0:
                with contextlib.suppress(Unreachable):
                    answer = await shop.read("/status")
                    if answer.ok:
                        figures.status = answer.read(Status)
            display.show(figures)
            frame += 1
            await asyncio.sleep(FRAME_SECONDS)


def _with_sales(verdict: Verdict, confirmed: int) -> Verdict:
    """Adds the check that the crowd could buy: else a demo without any order would pass."""
    nothing = [] if confirmed else ["nobody got an order"]
    sold = concluded("the crowd could buy", f"{confirmed:,} orders", nothing)
    return Verdict(verdict.sale, (sold, *verdict.checks))


def _where_the_books_are(data_dir: Path | None) -> str:
    """Says where to look when a promise was broken."""
    if data_dir is None:
        return "Store, ledger and log go with this demo; run it with --data-dir to keep them."
    return f"Store, ledger, log and what the crowd was told are in {data_dir}."


async def _platform_key(data_dir: Path) -> str:
    """Creates the shop's API key, with the role platform."""
    ledger = await Ledger.open(ledger_url_in(data_dir))
    try:
        _, secret = await ledger.keys.create(SHOP_KEY, int(Role.PLATFORM))
    finally:
        await ledger.close()
    return secret


@contextlib.contextmanager
def _directory(given: Path | None) -> Iterator[Path]:
    """The given directory, which is kept, or a temporary one, which is removed."""
    if given is not None:
        make_data_dir(given)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as made:
        yield Path(made)


@contextlib.asynccontextmanager
async def _serving(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        # Bounded as the service is: links back to the shop carry hand-offs, and none may be logged.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family)
        rejections = Rejections(lambda _: None)
        shedder = Shedder(OFF, ProxyClocks(TrustedProxies()), rejections.refuse)
        await BoundedSite(runner, sock, ConnectionBounds(), rejections, shedder).start()
        yield
    finally:
        await runner.cleanup()


async def _until_interrupted(shop_url: str, service_url: str, seats: int) -> None:
    """Keeps the demo up until Ctrl-C; its verdict does not change any more."""
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    print(
        f"{seats} seats that were kept back are on sale now.\n"
        f"  shop      {shop_url}\n"
        f"  service   {service_url}\n"
        "Press Ctrl-C to stop everything.",
        flush=True,
    )
    await enough.wait()
