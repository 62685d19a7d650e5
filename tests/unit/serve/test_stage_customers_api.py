"""Who is in a stage: for whoever has the token, a few at a time."""

from typing import Any

import msgspec
import pytest

from etapa.journey.units import SECOND
from etapa.stream.protocol.readers import StageMembers, StagePlace, StoredCustomer
from tests.unit.serve.asked import NOON, StagesInMemory, application, ask, customer

PATH = "/v1/stages/buyer/customers"


def _came(name: str, seconds: int) -> Any:
    found = customer(name)
    found.entered_at = NOON + seconds * SECOND
    return found


def test_customers_are_told_with_what_brought_them_and_the_latest_first() -> None:
    status, body, headers = ask(application(_came("ada", 1), _came("bob", 2), customer("cleo", "new")), PATH)
    assert status == 200
    assert body == {
        "stage": "buyer",
        "customers": [
            {"customer_id": "bob", "since": "2026-11-21T12:00:02Z", "from": "new", "rule": "buys", "sequence": 2},
            {"customer_id": "ada", "since": "2026-11-21T12:00:01Z", "from": "new", "rule": "buys", "sequence": 2},
        ],
        "next": None,
        "missing_partitions": [3],
    }
    assert headers["Cache-Control"] == "no-store"


def test_pages_follow_each_other_to_the_end() -> None:
    app = [customer(f"c-{number}") for number in range(5)]
    found, after = [], ""
    for _ in range(3):
        _, body, _ = ask(application(*app), PATH + after)
        found += [each["customer_id"] for each in body["customers"]]
        after = f"?after={body['next']}"
    assert sorted(found) == [f"c-{number}" for number in range(5)]
    assert after == "?after=None"


def test_a_stage_in_which_nobody_is_has_no_customers() -> None:
    assert ask(application(customer("ada")), "/v1/stages/nowhere/customers")[1]["customers"] == []


@pytest.mark.parametrize(
    ("token", "headers", "status"), [("t0ken", {}, 401), ("t0ken", {"Authorization": "Bearer no"}, 401), (None, None, 403)]
)
def test_nobody_is_named_without_the_token(token: str | None, headers: dict[str, str] | None, status: int) -> None:
    answered, body, _ = ask(application(customer("ada"), token=token), PATH, headers)
    assert answered == status
    assert "ada" not in str(body)


@pytest.mark.parametrize("after", ["", "x", "1", "-1-0", "0-18446744073709551616", "0-1-2", "٣-0"])
def test_a_place_that_no_answer_named_is_refused(after: str) -> None:
    status, body, _ = ask(application(customer("ada")), f"{PATH}?after={after}")
    assert (status, body["detail"]) == (400, "`after` must be the `next` of the answer before.")


def test_a_customer_who_moved_away_meanwhile_is_left_out() -> None:
    class Moving(StagesInMemory):
        async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
            found = await super().in_stage("new", begin)
            return msgspec.structs.replace(found, after=None)

    assert ask(application(reader=Moving(customer("ada", "new"))), PATH)[1]["customers"] == []


def test_a_state_of_another_version_of_etapa_is_said() -> None:
    class Later(StagesInMemory):
        async def in_stage(self, stage: str, begin: StagePlace) -> StageMembers:
            return StageMembers([StoredCustomer("ada", 0, stage, msgspec.msgpack.encode([99, "buyer"]))], None, [])

    status, body, _ = ask(application(reader=Later()), PATH)
    assert status == 500
    assert "format 99" in body["detail"]
