"""The live map over HTTP: the page and what it needs, the map, and the stream of its figures."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from jsonschema import Draft202012Validator

from etapa.journey.language.design.parts import Design, Persona
from etapa.journey.language.kinds.trait import Trait
from etapa.journey.language.model import Comparison, Test
from etapa.journey.ledger.report import ReportQuery
from etapa.journey.map.schema import map_schema
from etapa.journey.units import DAY, HOUR
from etapa.serve.live_map import DrawnMap, LiveFigures, LiveMap
from etapa.serve.map_api import CONTENT_SECURITY_POLICY
from etapa.serve.map_stream import MapStream
from etapa.serve.operations import OF_A_WORKER, STREAMS_OF_A_WORKER
from etapa.stream.protocol.ports import ViewError
from etapa.stream.protocol.readers import LedgerParts
from tests.unit.serve.asked import JOURNEY, NOON, StagesInMemory, application, ask, customer, serving

Client = TestClient[Request, Application]
DEADLINE = 20.0


def test_the_page_holds_no_script_of_its_own_and_asks_only_for_what_is_there() -> None:
    status, page, headers = ask(application(), "/")
    assert (status, headers["Content-Security-Policy"]) == (200, CONTENT_SECURITY_POLICY)
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "sha256" not in CONTENT_SECURITY_POLICY
    assert re.findall(r"<script([^>]*)>", page) == [' type="application/json" id="given"', ' src="/assets/map.js"']
    assert not re.search(r"\s(style|on\w+)=|<style", page)
    script = ask(application(), "/assets/map.js")[1]
    asked = {*re.findall(r'(?:src|href)="([^"]+)"', page), *re.findall(r'"(/v1/[^"]+)"', script)}
    assert asked == {"/assets/map.js", "/assets/map.css", "/v1/map", "/v1/map/events"}
    assert asked <= {operation.path for operation in (*OF_A_WORKER, *STREAMS_OF_A_WORKER)}
    assert ask(application(), "/assets/map.css")[0] == 200


def test_the_map_has_everybody_where_the_view_has_them() -> None:
    status, drawn, _ = ask(application(customer("a"), customer("b"), customer("c", "new")), "/v1/map")
    assert status == 200
    Draft202012Validator(map_schema()).validate(drawn)
    assert [(stage["id"], stage["customers"]) for stage in drawn["stages"]] == [("new", 1), ("curious", 0), ("buyer", 2)]
    assert (drawn["customers"], drawn["from"], drawn["way"]) == (3, None, None)


def _counted() -> StagesInMemory:
    """A month ago one customer bought, today two did, one of them a student."""
    shown = StagesInMemory(customer("a"), customer("b"), customer("c"))
    for persona, at in (("student", NOON), (None, NOON - HOUR), (None, NOON - 30 * DAY)):
        shown.tally.moved(at, persona, None, "new", "touchpoint", None)
        shown.tally.moved(at, persona, "new", "buyer", "timer", 2 * HOUR)
        shown.tally.touched(at, persona, "new", "visit", "web")
    return shown


def _drawn(path: str) -> tuple[int, dict[str, Any]]:
    journey = replace(JOURNEY, design=Design(personas=(Persona("student", {}, Trait("age", Comparison((Test("lt", 26),))), {}),)))
    status, body, _ = ask(application(reader=_counted(), journey=journey), path)
    return status, body


def test_the_map_has_the_figures_of_the_whole_installation() -> None:
    status, drawn = _drawn("/v1/map")
    assert status == 200
    Draft202012Validator(map_schema()).validate(drawn)
    assert [(flow["from"], flow["to"], flow["count"], flow["causes"]) for flow in drawn["flows"]] == [("new", "buyer", 3, {"timer": 3})]
    assert drawn["stages"][0]["touchpoints"][0]["count"] == 3
    assert (drawn["stages"][0]["entered"], drawn["stages"][0]["stay"]["count"]) == (3, 3)
    assert [stage["customers"] for stage in drawn["stages"]] == [0, 0, 3]


def test_a_period_and_a_persona_are_drawn_by_themselves() -> None:
    _, lately = _drawn("/v1/map?from=2026-11-20")
    assert [flow["count"] for flow in lately["flows"]] == [2]
    assert (lately["from"], [stage["customers"] for stage in lately["stages"]]) == ("2026-11-20T00:00:00Z", [0, 0, 3])
    _, students = _drawn("/v1/map?persona=student")
    assert [flow["count"] for flow in students["flows"]] == [1]
    assert (students["persona"], [stage["customers"] for stage in students["stages"]]) == ("student", [0, 0, 1])
    assert [persona["new"] for persona in students["personas"]] == [1]


@pytest.mark.parametrize(
    ("takes", "encoding"),
    [("gzip, deflate, br", "gzip"), ("br;q=1, gzip;q=0.5", "gzip"), ("gzip;q=0, br", None), ("identity", None), ("", None)],
)
def test_the_map_is_the_same_compressed_and_not(takes: str, encoding: str | None) -> None:
    app = application(customer("a"))
    status, body, headers = ask(app, "/v1/map", {"Accept-Encoding": takes})
    assert (status, headers.get("Content-Encoding"), headers["Vary"]) == (200, encoding, "Accept-Encoding")
    assert (headers["Content-Type"], body["journey"], body["customers"]) == ("application/json", "shop", 1)


def test_a_wrong_query_is_told_what_is_wrong() -> None:
    status, problem = _drawn("/v1/map?persona=robot")
    assert (status, "student" in problem["detail"]) == (400, True)


def test_however_many_ask_at_once_the_map_is_drawn_once() -> None:
    reader = _counted()
    reads: list[int | None] = []
    ledger = reader.ledger

    async def counted(since: int | None, until: int | None) -> LedgerParts:
        reads.append(since)
        return await ledger(since, until)

    async def asking() -> set[DrawnMap]:
        live = LiveMap(JOURNEY, reader, lambda: NOON)
        return set(await asyncio.gather(*(live.drawn(ReportQuery()) for _ in range(50))))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "ledger", counted)
        assert len(asyncio.run(asking())) == 1
    assert reads == [None]


def test_without_the_view_there_is_no_map_and_one_may_ask_again() -> None:
    reader = StagesInMemory()
    reader.down = True
    status, _, headers = ask(application(reader=reader), "/v1/map")
    assert (status, headers["Retry-After"]) == (503, "1")


def test_a_stream_tells_of_a_change_at_once_and_of_nothing_else() -> None:
    async def looking() -> tuple[dict[str, int], dict[str, int]]:
        reader = StagesInMemory(customer("a"))
        async with serving(application(reader=reader)) as client, client.get("/v1/map/events") as response:
            assert response.headers["Content-Type"] == "text/event-stream"
            first = await _next_figures(response.content.readline)
            reader.customers["b"] = customer("b", "new")
            return first, await _next_figures(response.content.readline)

    assert asyncio.run(looking()) == ({"new": 0, "curious": 0, "buyer": 1}, {"new": 1, "curious": 0, "buyer": 1})


async def _next_figures(readline: Callable[[], Awaitable[bytes]]) -> dict[str, int]:
    async with asyncio.timeout(DEADLINE):
        while (await readline()) != b"event: figures\n":
            pass
        found: dict[str, int] = json.loads((await readline()).removeprefix(b"data: "))["stages"]
        return found


class _Figures:
    """Figures that a test sets, and how often they were read."""

    def __init__(self) -> None:
        self.number = 0
        self.reads = 0
        self.down = False

    async def read(self) -> LiveFigures:
        self.reads += 1
        if self.down:
            raise ViewError("Redis at 10.0.0.1 does not answer")
        return LiveFigures({"a": self.number})


async def _reaches(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0)


def test_however_many_look_the_figures_are_read_once_and_not_at_all_when_nobody_does() -> None:
    async def looking() -> None:
        figures = _Figures()
        stream = MapStream(figures.read, 100, every=3600)
        lookers = [stream.events() for _ in range(100)]
        firsts = await asyncio.gather(*(anext(looker) for looker in lookers))
        assert len(set(firsts)) == 1
        assert figures.reads == 1
        assert stream.is_full
        for looker in lookers:
            await looker.aclose()
        assert not stream.is_full
        assert len(asyncio.all_tasks()) == 1, "nobody looks, and something still reads"

    asyncio.run(looking())


def test_who_reads_slowly_gets_the_latest_figures_alone() -> None:
    async def looking() -> None:
        figures = _Figures()
        stream = MapStream(figures.read, 1, every=0)
        events = stream.events()
        await anext(events)
        for number in range(1, 50):
            figures.number = number
            before = figures.reads
            await _reaches(lambda before=before: figures.reads > before + 1)  # type: ignore[misc]
        assert b'"a":49' in await anext(events)
        await events.aclose()

    asyncio.run(looking())


def test_figures_that_do_not_change_are_said_to_be_fresh_and_old_ones_are_not() -> None:
    async def looking() -> None:
        figures = _Figures()
        stream = MapStream(figures.read, 1, every=0, beat=0.01)
        events = stream.events()
        assert (await anext(events)).startswith(b"event: figures")
        assert (await anext(events)).startswith(b"event: beat")
        figures.down = True
        silent = asyncio.ensure_future(anext(events))
        reads = figures.reads
        await _reaches(lambda: figures.reads > reads + 1 or silent.done())
        figures.down, figures.number = False, 7
        # First the beats that were already due, then the new figures.
        event = await silent
        while event.startswith(b"event: beat"):
            event = await anext(events)
        assert b'"a":7' in event
        await events.aclose()

    asyncio.run(looking())


def test_a_server_that_stops_ends_its_streams() -> None:
    async def looking() -> bytes:
        async with serving(application(customer("a"))) as client:
            response = await client.get("/v1/map/events")
            await _next_figures(response.content.readline)
            assert client.server.runner is not None
            await client.server.runner.shutdown()
            async with asyncio.timeout(DEADLINE):
                return await response.content.read()

    assert b"figures" not in asyncio.run(looking())
