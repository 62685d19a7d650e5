"""Customers who are forgotten: in many seeded runs, and one step at a time."""

from collections import Counter

import msgspec
import pytest

from etapa.contracts.stored.ledger_page import DENIED_PREFIX
from etapa.journey.engine.deny_list import DenyKey
from etapa.journey.units import SECOND
from tests.simulation.checking.joined import KEY
from tests.simulation.one_worker.alone import OPTIONS, START, Alone
from tests.simulation.one_worker.working import while_working
from tests.simulation.worlds.forgetting import FOR_EVER, ForgettingWorld, request_for

pytestmark = pytest.mark.usefixtures("quiet_logs")

SEEDS = 150
SEEDS_WITHOUT = 100
FORGETTING = msgspec.structs.replace(OPTIONS, forget_key=KEY)


def ask(alone: Alone, customer_id: str, readmit_after: int = FOR_EVER, key: DenyKey = KEY) -> None:
    arrival = request_for(customer_id, alone.now(), readmit_after, key)
    alone.broker.append(arrival.key, arrival.value, arrival.headers, alone.now())


def forgotten(alone: Alone) -> int:
    return sum(batch.forgotten for batch in alone.told.batches)


def shop(**options: object) -> Alone:
    """Two customers who have bought twice."""
    alone = Alone(msgspec.structs.replace(FORGETTING, **options))
    for customer_id in ("ada", "bob", "ada", "bob"):
        alone.touch(customer_id)
    alone.run(alone.drain())
    return alone


def test_whoever_is_forgotten_whatever_a_seed_brings_every_invariant_holds() -> None:
    events: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = ForgettingWorld(seed).run()
        assert result.violations == [], seed
        events.update(result.events)
    must = ("forget", "forget, by a stranger", "of the forgotten", "compact", "flush", "died")
    assert [event for event in must if not events[event]] == []


def test_without_the_deny_list_the_checker_finds_the_forgotten_again() -> None:
    assert any(ForgettingWorld(seed, off=frozenset(["deny_list"])).run().violations for seed in range(SEEDS_WITHOUT))


@pytest.mark.parametrize("bounds", [{}, {"max_records": 1}, {"customers_in_memory": 0}])
def test_state_timer_and_count_go_and_late_touchpoints_change_nothing(bounds: dict[str, int]) -> None:
    alone = shop(**bounds)
    changes = len(alone.changes())
    ask(alone, "ada")
    alone.touch("ada")
    alone.touch("ada", at=START - 100 * SECOND)
    alone.worker()
    alone.run(alone.drain())
    assert list(alone.redis.customers) == ["bob"]
    assert sum(alone.redis.counts().values()) == 1
    assert (forgotten(alone), len(alone.changes())) == (2, changes)
    states = [record for record in alone.broker.committed_states(0, alone.broker.stable_end()) if record.key == b"ada"]
    assert states[-1].value is None
    assert sum(batch.stage_deltas.get("active", 0) for batch in alone.told.batches) == 1


def test_the_list_survives_takeovers_and_a_lost_redis() -> None:
    alone = shop()
    ask(alone, "ada")
    alone.worker()
    alone.run(alone.drain())
    alone.broker.compact()
    alone.redis.flush()
    alone.touch("ada")
    alone.worker()
    alone.run(alone.drain())
    assert list(alone.redis.customers) == ["bob"]
    assert forgotten(alone) == 1
    assert sum(name.startswith(DENIED_PREFIX) for name in alone.redis.ledger) == 1
    assert not any(b"ada" in name + value for name, value in alone.redis.ledger.items())


def test_after_its_time_somebody_with_this_id_is_new_and_in_the_end_the_list_is_empty() -> None:
    alone = shop()
    ask(alone, "ada", 30 * SECOND)

    async def steps() -> None:
        await alone.until(lambda: "ada" not in alone.redis.customers)
        alone.touch("ada")
        await alone.until(lambda: forgotten(alone) == 1)
        await alone.until(lambda: alone.now() > START + 40 * SECOND)
        alone.touch("ada")
        await alone.until(lambda: "ada" in alone.redis.customers)
        await alone.until(lambda: not any(name.startswith(DENIED_PREFIX) for name in alone.redis.ledger))

    alone.worker()
    while_working(alone, steps)
    assert [change.sequence for change in alone.changes() if change.customer_id == "ada"].count(1) == 2


def test_whoever_comes_and_is_forgotten_in_one_batch_leaves_a_change_and_no_state() -> None:
    alone = shop()
    alone.touch("eve")
    ask(alone, "eve")
    alone.touch("eve")
    alone.worker()
    alone.run(alone.drain())
    assert "eve" not in alone.redis.customers
    assert [change.customer_id for change in alone.changes()].count("eve") >= 1
    mark = alone.last_mark()
    assert mark is not None
    assert mark.last_change is None


def test_a_request_that_was_made_without_the_key_is_a_dead_letter_and_changes_nothing() -> None:
    alone = shop()
    ask(alone, "ada", key=DenyKey(b"guessed"))
    alone.worker()
    alone.run(alone.drain())
    assert sorted(alone.redis.customers) == ["ada", "bob"]
    assert [batch.dead_letters for batch in alone.told.batches][-1] == {"invalid": 1}


@pytest.mark.parametrize(("key", "words"), [(None, "there is no key"), (DenyKey(b"another"), "another ETAPA_FORGET_KEY")])
def test_a_worker_that_could_not_recognise_them_refuses_the_partition(key: DenyKey | None, words: str) -> None:
    alone = shop()
    ask(alone, "ada")
    alone.worker()
    alone.run(alone.drain())
    alone.worker(msgspec.structs.replace(FORGETTING, forget_key=key))
    with pytest.raises(Exception, match=words):
        alone.run(alone.task.run())
