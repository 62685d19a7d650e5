"""The HTTP API on a view in memory, and how tests send requests to it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from etapa.contracts.outgoing.stage_change import decode_stage_change, stage_change_json
from etapa.contracts.stored.state import encode_state
from etapa.hosting.health import Health
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.count import Count
from etapa.journey.language.model import EVER, Comparison, Journey, Match, Rule, Stage, Test
from etapa.journey.ledger.tally import BatchTally
from etapa.journey.units import SECOND
from etapa.metrics.worker import Metrics
from etapa.serve.http import Api
from etapa.serve.ports import StageReader
from etapa.settings.values import Secret
from etapa.stream.protocol.ledger_keeper import LedgerKeeper
from etapa.stream.protocol.ports import LogError, ViewError
from etapa.stream.protocol.readers import ChangesSeen, LedgerPart, LedgerParts, StageCounts, StageMembers, StagePlace, StoredCustomer

JOURNEY = Journey(
    id="shop",
    version=7,
    initial="new",
    remember_ids=64,
    grace=0,
    stages=(
        Stage("new", "before", {"en": "New", "es": "Nuevo"}),
        Stage("curious", "before", {}),
        Stage("buyer", "after", {"en": "Buyer"}),
    ),
    rules=(),
)
PURCHASES = Rule("loyal", ("buyer",), "curious", Count(Match(("purchase",)), EVER, Comparison((Test("gte", 3),))))
TOKEN = "t0ken"
NOON = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z


class StagesInMemory:
    """A view in memory; `down` makes it fail as when Redis does not answer."""

    def __init__(self, *customers: Customer) -> None:
        self.customers = {customer.id: customer for customer in customers}
        self.down = False
        self.tally = BatchTally()

    async def stage_counts(self) -> StageCounts:
        self._answer()
        stages = [customer.stage for customer in self.customers.values()]
        return StageCounts({stage: stages.count(stage) for stage in stages}, 4, [3])

    async def ledger(self, since: int | None, until: int | None) -> LedgerParts:
        self._answer()
        keeper = LedgerKeeper({}, None)
        return LedgerParts(
            [
                LedgerPart(
                    {
                        name: page
                        for name, page in (await keeper.enter(self.tally, NOON, lambda: asyncio.sleep(0))).items()
                        if page is not None
                    },
                    NOON,
                )
            ],
            [3],
        )

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        self._answer()
        found = self.customers.get(customer_id)
        return None if found is None else StoredCustomer(customer_id, 0, found.stage, encode_state(found))

    async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
        self._answer()
        here = [each for each in self.customers.values() if each.stage == stage]
        page = here[begin.cursor : begin.cursor + 2]
        after = begin.cursor + 2
        return StageMembers(
            [StoredCustomer(each.id, 0, stage, encode_state(each)) for each in page],
            StagePlace(0, after) if after < len(here) else None,
            [3],
        )

    def _answer(self) -> None:
        if self.down:
            raise ViewError("Redis at 10.0.0.1 does not answer")


class ChangesInMemory:
    """The latest stage changes that a test publishes; `down` makes it fail as when Kafka does not answer."""

    def __init__(self, *changes: StageChange) -> None:
        self.changes = list(changes)
        self.missing: list[int] = []
        self.down = False

    async def latest(self) -> ChangesSeen:
        if self.down:
            raise LogError("Kafka at 10.0.0.1 does not answer")
        return ChangesSeen([decode_stage_change(stage_change_json(each, "shop", 7)) for each in self.changes], self.missing)


class Checks:
    """Health checks that a test sets."""

    def __init__(self, *checks: Health) -> None:
        self.list: Sequence[Health] = checks

    async def health(self) -> Sequence[Health]:
        return self.list


class NeverDone:
    """Health checks that hang, as with a server that drops packets."""

    async def health(self) -> Sequence[Health]:
        await asyncio.Event().wait()
        return ()


def customer(customer_id: str, stage: str = "buyer") -> Customer:
    return Customer(
        version=7,
        id=customer_id,
        stage=stage,
        entered_at=NOON,
        clock=NOON,
        first_at=NOON,
        due=NOON + 3600 * SECOND,
        sequence=2,
        rule="buys",
        before=("new", NOON - SECOND, None),
    )


def application(
    *customers: Customer,
    token: str | None = TOKEN,
    reader: StageReader | None = None,
    readiness: Checks | NeverDone | None = None,
    rate: int = 100,
    journey: Journey = JOURNEY,
    changes: ChangesInMemory | None = None,
) -> web.Application:
    reader = reader or StagesInMemory(*customers)
    readiness = readiness or Checks(Health("kafka", ready=True))
    metrics = Metrics(journey)
    changes = changes or ChangesInMemory()
    api = Api(journey, reader, readiness, metrics.registry, Secret(token) if token else None, metrics.http, rate, changes=changes)
    return api.application()


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(app, host="127.0.0.1")) as client:
        yield client


def ask(
    app: web.Application, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, body (decoded if it is JSON) and headers of one request to a real server; with the token unless headers are given."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers

    async def asking() -> tuple[int, Any, Mapping[str, str]]:
        async with serving(app) as client, client.request(method, path, headers=headers) as response:
            body: Any = await response.text()
            if "json" in response.headers.get("Content-Type", "") and body:
                body = json.loads(body)
            return response.status, body, response.headers

    return asyncio.run(asking())


async def raw(client: TestClient[web.Request, web.Application], target: str) -> tuple[int, Any]:
    """Send a path byte for byte, as clients would normalise it."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def ask_raw(app: web.Application, target: str) -> tuple[int, Any]:
    async def asking() -> tuple[int, Any]:
        async with serving(app) as client:
            return await raw(client, target)

    return asyncio.run(asking())


def explaining(*customers: Customer, token: str | None = TOKEN) -> web.Application:
    """An application with a rule to explain, at half past noon."""
    rule = Rule("falls-asleep", ("buyer",), "curious", Absent(Match(("purchase",)), 3600 * SECOND))
    journey = replace(JOURNEY, rules=(rule,))
    reader, readiness = StagesInMemory(*customers), Checks()
    metrics = Metrics(journey)
    return Api(
        journey,
        reader,
        readiness,
        metrics.registry,
        Secret(token) if token else None,
        metrics.http,
        changes=ChangesInMemory(),
        now=lambda: NOON + 1800 * SECOND,
    ).application()
