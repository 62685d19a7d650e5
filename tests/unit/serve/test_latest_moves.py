"""The latest moves between two stages, for whoever has the token: with customer, time and reasons, and of nobody who was forgotten."""

from dataclasses import replace
from typing import Any

import pytest

from etapa.contracts.stored.state import encode_state
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.facts.stage_change import StageChange
from etapa.journey.units import SECOND
from etapa.serve.latest_moves import MOST_LOOKED_UP, MOST_TOLD
from etapa.stream.protocol.readers import BeingRebuilt, OnTheWay, StoredCustomer
from tests.support.stage_changes import stage_change
from tests.unit.serve.asked import JOURNEY, NOON, PURCHASES, ChangesInMemory, StagesInMemory, application, ask, customer


def move(who: str, at: int = 0, source: str | None = "new", to: str = "buyer", **fields: Any) -> StageChange:
    """So many seconds after noon."""
    return stage_change(source, to, **{"customer_id": who, "at": NOON + at * SECOND, "sequence": 2, **fields})


def who_moved(changes: ChangesInMemory, *customers: Customer, query: str = "", reader: StagesInMemory | None = None) -> list[str]:
    status, body, _ = ask(application(*customers, changes=changes, reader=reader), f"/v1/moves{query}")
    assert status == 200
    return [each["customer_id"] for each in body["moves"]]


def test_moves_are_told_with_their_reasons_in_every_language() -> None:
    because = (Clause("count(purchase) >= 3", 4),)
    changes = ChangesInMemory(move("a", 1, None, "new", sequence=1), move("a", 7, "buyer", "curious", rule="loyal", because=because))
    changes.missing = [2]
    app = application(customer("a"), changes=changes, journey=replace(JOURNEY, rules=(PURCHASES,)))
    status, body, headers = ask(app, "/v1/moves?from=buyer&to=curious")
    assert status == 200
    [told] = body["moves"]
    [reason] = told.pop("because")
    assert told == {
        "customer_id": "a",
        "at": "2026-11-21T12:00:07Z",
        "from": "buyer",
        "to": "curious",
        "rule": "loyal",
        "cause": "touchpoint",
    }
    assert reason["observed"] == 4
    assert set(reason["sentence"]) >= {"en", "es"}
    assert reason["sentence"]["en"] != reason["sentence"]["es"]
    assert (body["looked_at"], body["since"], body["missing_partitions"]) == (2, "2026-11-21T12:00:01Z", [2])
    assert headers["Cache-Control"] == "no-store"


def test_the_newest_come_first_whichever_partition_they_are_in_and_only_those_that_were_asked_for() -> None:
    everybody = [customer(each) for each in "abc"]
    changes = ChangesInMemory(move("a", 1), move("b", 3), move("c", 2), move("b", 3, to="curious"))
    assert who_moved(changes, *everybody) == ["b", "b", "c", "a"]
    assert who_moved(changes, *everybody, query="?from=new&to=buyer") == ["b", "c", "a"]
    assert who_moved(changes, *everybody, query="?to=curious") == ["b"]
    assert who_moved(changes, *everybody, query="?from=curious") == []


def test_only_so_many_are_told_and_looked_up() -> None:
    many = [customer(f"c-{number}") for number in range(MOST_LOOKED_UP + 5)]
    changes = ChangesInMemory(*(move(each.id, place) for place, each in enumerate(many)))
    assert who_moved(changes, *many) == [each.id for each in many[: -MOST_TOLD - 1 : -1]]
    # Those before are not asked for, however many of the newest were forgotten.
    assert who_moved(changes, *many[:5]) == []


def test_the_forgotten_are_left_out_and_so_is_what_they_did_before_they_came_again() -> None:
    changes = ChangesInMemory(move("forgotten", 1), move("back", 2), move("back", 3, None, "new", sequence=1), move("back", 4))
    back = customer("back")
    assert who_moved(changes, back, query="?to=buyer") == ["back"]
    # In another partition, nothing shows that it began anew but the time.
    back.first_at = NOON + 3 * SECOND
    assert who_moved(ChangesInMemory(move("back", 4), move("back", 2)), back) == ["back"]


def test_a_move_that_the_view_does_not_show_yet_is_left_out() -> None:
    assert who_moved(ChangesInMemory(move("a", 1), move("a", 2, sequence=3)), customer("a")) == ["a"]


class _Elsewhere(StagesInMemory):
    """A view where `anon` turned out to be `ada`, and `mover` is on the way from one partition to another."""

    async def customer(self, customer_id: str) -> StoredCustomer | None:
        if customer_id == "mover":
            raise OnTheWay("on the way")
        return StoredCustomer("ada", 0, "buyer", encode_state(customer("ada")))


def test_a_linked_customer_has_the_id_that_is_kept_and_who_is_on_the_way_is_left_out() -> None:
    assert who_moved(ChangesInMemory(move("anon", 1, sequence=9), move("mover", 2)), reader=_Elsewhere()) == ["ada"]


class _Refilled(StagesInMemory):
    async def customer(self, customer_id: str) -> StoredCustomer | None:
        raise BeingRebuilt("partition 0 of the view is being rebuilt from the log")


def test_without_kafka_or_redis_it_says_so_and_when_to_ask_again() -> None:
    changes = ChangesInMemory(move("a"))
    status, body, headers = ask(application(changes=changes, reader=_Refilled()), "/v1/moves")
    assert (status, headers["Retry-After"]) == (503, "5")
    assert "rebuilt" in body["detail"]
    changes.down = True
    status, body, headers = ask(application(changes=changes), "/v1/moves")
    assert (status, headers["Retry-After"], body["detail"]) == (503, "5", "Kafka does not answer; try again in a moment.")


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({"Authorization": "Bearer guess"}, 401)])
def test_nobody_without_the_token_learns_anything(headers: dict[str, str], status: int) -> None:
    assert ask(application(customer("a"), changes=ChangesInMemory(move("a"))), "/v1/moves", headers)[0] == status
    assert ask(application(token=None), "/v1/moves")[0] == 403


def test_where_nobody_moved_there_is_nothing_to_tell() -> None:
    status, body, _ = ask(application(), "/v1/moves?from=new&to=buyer")
    assert (status, body) == (200, {"moves": [], "looked_at": 0, "since": None, "missing_partitions": []})
