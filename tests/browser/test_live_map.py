"""The journey map served by a worker: up to date within two seconds, and it says so when the worker is gone."""

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from playwright.sync_api import Browser, expect

from etapa.journey.engine.facts.changes import Clause
from etapa.journey.language.model import Journey
from etapa.journey.units import SECOND
from tests.browser.viewer import NARROW, looking
from tests.support.stage_changes import stage_change
from tests.unit.serve.asked import JOURNEY, NOON, PURCHASES, TOKEN, ChangesInMemory, StagesInMemory, application, customer
from tests.unit.serve.test_live_and_file_maps import JOURNEY as CLOTHES_SHOP
from tests.unit.serve.test_live_and_file_maps import Installation

pytestmark = pytest.mark.browser


class _Served:
    """A real server in its own thread."""

    def __init__(self, reader: StagesInMemory | Installation, journey: Journey = JOURNEY, changes: ChangesInMemory | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner = web.AppRunner(application(reader=reader, journey=journey, changes=changes), shutdown_timeout=1)
        self.address = self.do(self._start())

    def stop(self) -> None:
        if self._thread.is_alive():
            self.do(self._runner.cleanup())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _start(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    def do(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(timeout=30)


@contextmanager
def _served(*customers: Any) -> Iterator[tuple[_Served, StagesInMemory]]:
    reader = StagesInMemory(*customers)
    server = _Served(reader)
    try:
        yield server, reader
    finally:
        server.stop()


def test_a_customer_who_moves_is_seen_to_move(chromium: Browser) -> None:
    with _served(customer("a", "new")) as (server, reader), looking(chromium, server.address, "en-GB") as seen:
        stage = seen.page.get_by_role("button", name="Buyer: ")
        expect(stage).to_contain_text("0")
        reader.customers["b"] = customer("b")
        expect(stage).to_contain_text("1", timeout=10_000)
        expect(seen.page.locator(".sum strong")).to_have_text("2")
        assert seen.complaints == []
        assert {address.removeprefix(server.address) for address in seen.asked} == {
            "",
            "assets/map.css",
            "assets/map.js",
            "v1/map",
            "v1/map/events",
        }


def test_a_worker_that_is_gone_leaves_figures_that_say_how_old_they_are(chromium: Browser) -> None:
    with _served(customer("a", "new")) as (server, _), looking(chromium, server.address, "es-BO") as seen:
        # The page's clock is moved ahead, so that the test need not wait.
        expect(seen.page.get_by_role("button", name="new: ").or_(seen.page.get_by_role("button", name="Nuevo: "))).to_be_visible()
        seen.page.clock.install()
        server.stop()
        seen.page.clock.run_for(60_000)
        expect(seen.page.locator(".stale")).to_contain_text("Visto por última vez a las ")
        assert seen.page.locator("main").get_attribute("class") == "old"
        assert seen.page.locator(".sum strong").inner_text() == "1"


def test_a_customer_s_story_is_found_with_the_keyboard_by_who_has_the_token(chromium: Browser) -> None:
    with _served(customer("ana/7")) as (server, _), looking(chromium, server.address, "es-BO") as seen:
        page, keyboard = seen.page, seen.page.keyboard
        button = page.get_by_role("button", name="Buscar un cliente")
        button.focus()
        # On a slow machine, whoever types at once must not lose the first letters.
        speed = page.context.new_cdp_session(page)
        speed.send("Emulation.setCPUThrottlingRate", {"rate": 30})
        keyboard.press("Enter")
        keyboard.type("ana/7")
        expect(page.get_by_label("Identificador del cliente")).to_have_value("ana/7")
        speed.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        keyboard.press("Tab")
        keyboard.type("guess")
        keyboard.press("Enter")
        expect(page.locator(".refused")).to_have_text("Esta no es la clave correcta.")
        page.get_by_label("Clave de acceso").fill(TOKEN)
        keyboard.press("Enter")
        expect(page.locator(".story strong")).to_have_text(["Buyer", "Nuevo"])
        expect(page.locator(".panel")).to_contain_text("Ninguna regla lleva fuera de esta etapa.")
        # The token is known now, so only the id is asked for.
        assert page.get_by_label("Clave de acceso").count() == 0
        page.get_by_label("Identificador del cliente").fill("nobody")
        keyboard.press("Enter")
        expect(page.locator(".refused")).to_have_text("Ningún cliente tiene el identificador «nobody».")
        assert seen.keeps_out() == []
        keyboard.press("Escape")
        expect(page.locator(".panel")).to_have_count(0)
        expect(button).to_be_focused()
        assert not any(TOKEN in address for address in (*seen.asked, page.url))


def test_a_stage_names_its_customers_to_who_has_the_token_and_leads_to_their_stories(chromium: Browser) -> None:
    with _served(*(customer(f"c-{number}") for number in range(3))) as (server, _), looking(chromium, server.address, "es-BO") as seen:
        page, keyboard = seen.page, seen.page.keyboard
        page.get_by_role("button", name="Buyer: ").focus()
        keyboard.press("Enter")
        members = page.locator(".members")
        expect(members.locator("li")).to_have_count(0)
        members.get_by_label("Clave de acceso").fill(TOKEN)
        keyboard.press("Enter")
        expect(members.locator("li")).to_have_count(2)
        expect(members.locator("li").first).to_contain_text("Desde «Nuevo».")
        assert seen.keeps_out() == []
        members.get_by_role("button", name="Mostrar más").focus()
        keyboard.press("Enter")
        expect(members.locator(".customer")).to_have_text(["c-0", "c-1", "c-2"])
        assert members.get_by_role("button", name="Mostrar más").count() == 0
        members.get_by_role("button", name="c-2").focus()
        keyboard.press("Enter")
        expect(page.locator(".here")).to_contain_text("c-2")
        expect(page.locator(".story strong")).to_have_text(["Buyer", "Nuevo"])
        assert not any(TOKEN in address for address in (*seen.asked, page.url))
        assert seen.complaints == []


def test_a_way_and_a_stage_tell_their_latest_moves_with_customers_and_reasons_to_who_has_the_token(chromium: Browser) -> None:
    because = (Clause("count(purchase) >= 3", 4),)
    moves = [
        stage_change("buyer", "curious", customer_id=who, sequence=2, at=NOON + at * SECOND, rule="loyal", because=because)
        for who, at in (("ana", 1), ("bea", 5), ("gone", 9))
    ]
    changes = ChangesInMemory(*moves)
    reader, journey = StagesInMemory(customer("ana", "curious"), customer("bea", "curious")), replace(JOURNEY, rules=(PURCHASES,))
    server = _Served(reader, journey, changes)
    try:
        with looking(chromium, server.address, "es-BO") as seen:
            page, keyboard = seen.page, seen.page.keyboard
            page.get_by_role("button", name="curious: ").focus()
            keyboard.press("Enter")
            latest = page.locator(".latest")
            latest.get_by_label("Clave de acceso").fill("guess")
            keyboard.press("Enter")
            expect(latest.locator(".refused")).to_have_text("Esta no es la clave correcta.")
            latest.get_by_label("Clave de acceso").fill(TOKEN)
            keyboard.press("Enter")
            # Whoever was forgotten is not told of.
            expect(latest.locator(".customer")).to_have_text(["bea", "ana"])
            expect(latest.locator("li").first).to_contain_text("Desde «Buyer».")
            expect(latest.locator(".reason").first).to_contain_text("· 4")
            expect(latest.get_by_role("status")).to_contain_text("Entre los últimos 3 pasos de todos los clientes, desde el")
            assert seen.keeps_out() == []
            page.locator(".panel .way").filter(has_text="Buyer").first.click()
            latest.get_by_role("button", name="Mostrarlos").click()
            expect(latest.locator(".customer")).to_have_text(["bea", "ana"])
            changes.changes.clear()
            latest.get_by_role("button", name="Mirar otra vez").click()
            expect(latest.get_by_role("status")).to_have_text("Todavía nadie ha cambiado de etapa.")
            changes.down = True
            latest.get_by_role("button", name="Mirar otra vez").click()
            expect(latest.locator(".refused")).to_be_visible()
            changes.down = False
            changes.changes += moves
            latest.get_by_role("button", name="Mirar otra vez").click()
            latest.get_by_role("button", name="ana").click()
            expect(page.locator(".here")).to_contain_text("ana")
            assert not any(TOKEN in address for address in (*seen.asked, page.url))
        with looking(chromium, server.address, "en-GB", "dark", window=NARROW) as seen:
            seen.page.get_by_role("button", name="curious").first.click()
            latest = seen.page.locator(".latest")
            latest.get_by_label("Token").fill(TOKEN)
            latest.get_by_role("button", name="Show them").click()
            expect(latest.get_by_role("status")).to_contain_text("Among the latest 3 moves of all customers, since")
            assert seen.keeps_out() == []
            assert seen.fits()[0]
    finally:
        server.stop()


def test_a_live_map_keeps_nobody_out_on_a_desk_and_on_a_phone(chromium: Browser) -> None:
    with _served(customer("a", "new"), customer("b")) as (server, _):
        with looking(chromium, server.address, "es-BO", "dark") as seen:
            assert seen.keeps_out() == []
        with looking(chromium, server.address, "en-GB", window=NARROW) as seen:
            assert seen.keeps_out() == []
            assert seen.fits()[0]


def test_a_live_map_of_a_whole_shop_fits_a_desk_and_says_who_leaves_the_ideal_way_of_whom(chromium: Browser) -> None:
    view = Installation()
    server = _Served(view, CLOTHES_SHOP)
    try:
        server.do(view.process())
        with looking(chromium, server.address, "en-GB") as seen:
            expect(seen.page.locator(".findings .ideal")).to_contain_text("of 60 customers")
            expect(seen.page.locator(".findings .ideal")).to_contain_text("of all steps fit it")
            detour = seen.page.locator(".findings .detours li").first
            expect(detour).to_contain_text(re.compile(r"Consideration → Discovery 36 customers, 60%; [\d,]+ days lost · lets-the-cart-go"))
            detour.get_by_role("button").click()
            expect(seen.page.locator(".panel .facts")).to_contain_text("36 · 60%")
            seen.page.keyboard.press("Escape")
            expect(seen.page.locator(".plate .sparkline")).to_have_count(6)
            assert seen.fits() == (True, True)
            seen.page.get_by_label("Channel").select_option("instagram")
            expect(seen.page.locator(".lane.channels")).not_to_contain_text("WhatsApp")
            assert seen.keeps_out() == []
            seen.page.get_by_role("combobox", name="Who").select_option("student")
            expect(seen.page.locator(".findings .ideal")).to_contain_text("of all steps fit it")
            expect(seen.page.locator(".findings .ideal")).not_to_contain_text("of 60 customers")
            expect(detour).not_to_contain_text("36 customers")
            expect(detour).to_contain_text("days lost")
            assert seen.complaints == []
        with looking(chromium, server.address, "es-BO") as seen:
            seen.page.get_by_role("combobox", name="Periodo").select_option("365")
            # In a part of the time, customers who leave the way again cannot be told from others.
            expect(seen.page.locator(".findings .detours li").first).to_contain_text(re.compile(r"\d (vez|veces); \d+ días perdidos"))
            assert seen.fits() == (True, True)
    finally:
        server.stop()
