"""What an installation needs: the model compared with measurements, and how it responds to more of everything."""

import json

import msgspec
import pytest

from bench.reporting.measured import MODULE, as_module, constants, kept_results
from bench.sizing_figures import cores_table, model_points
from etapa.rehearsal import measured, sizing
from etapa.rehearsal.sizing import SizingInput, size
from tests.unit.cli.process import etapa

WITHIN = 1.25
"""The factor by which the model may differ from a measurement; the page states it too."""

FOUND = kept_results()


@pytest.mark.parametrize(("name", "predicted", "measured"), model_points(FOUND))
def test_the_model_meets_what_was_measured(name: str, predicted: float, measured: float) -> None:
    assert measured / WITHIN <= predicted <= measured * WITHIN, name


def test_the_constants_are_those_of_the_results_that_are_kept() -> None:
    assert MODULE.read_text(encoding="utf-8") == as_module(constants(FOUND)), "the results have changed: make bench-page"


def test_more_cores_carry_more_until_redis_fills_its_own() -> None:
    run = {
        "store": "one Redis",
        "workers": 2,
        "touchpoints": 1_000_000,
        "seconds": 10.5,
        "worker_cpu_seconds": [5.0, 5.0],
        "redis_cpu_seconds": [5.0],
        "kafka_cpu_seconds": 5.0,
        "kafka_bytes": {},
    }
    table = cores_table(FOUND._replace(scale=[run], cores=2))
    assert "| 2 cores | 1 | 100,000 | 50 % | 95,238 |" in table
    assert "| 4 cores | 2 | 200,000 | 100 % |  |" in table
    assert "| 8 cores | 2 | 200,000 | 100 % |  |" in table


def test_what_the_model_takes_for_the_most_is_not_exceeded() -> None:
    for one in FOUND.scale:
        assert sum(one["redis_cpu_seconds"]) / one["touchpoints"] * 1e6 < measured.REDIS_MICROSECONDS
        assert (
            one["kafka_bytes"]["customer-state"]
            < sizing.bytes_per_touchpoint(SizingInput(events_per_second=1, customers=1))["customer-state"]
        )


def test_twice_the_touchpoints_take_twice_the_workers_and_the_bytes_in_kafka() -> None:
    one, two = (size(SizingInput(events_per_second=rate, customers=10**6, partitions=64)) for rate in (100_000, 200_000))
    assert two.workers == pytest.approx(2 * one.workers, abs=1)
    assert sum(two.kafka_in_bytes_per_second.values()) == pytest.approx(2 * sum(one.kafka_in_bytes_per_second.values()))
    assert two.redis_bytes == one.redis_bytes


def test_customers_who_are_not_in_memory_cost_workers_more() -> None:
    few, many = (size(SizingInput(events_per_second=10, customers=customers)) for customers in (600_000, 6_000_000))
    assert few.worker_microseconds == sizing.worker_microseconds(0)
    assert few.worker_microseconds < many.worker_microseconds < sizing.worker_microseconds(1)


def test_more_customers_take_more_redis_and_at_last_a_cluster() -> None:
    few, many = (size(SizingInput(events_per_second=10, customers=customers)) for customers in (10**5, 10**8))
    assert few.redis_nodes == 1
    assert many.redis_nodes >= 3
    assert many.redis_bytes == pytest.approx(1000 * few.redis_bytes, rel=0.1)


def test_longer_ids_and_larger_states_take_more() -> None:
    usual = sizing.redis_bytes_per_customer(10**6, 16)
    assert sizing.redis_bytes_per_customer(10**6, 16, id_characters=36) > usual + 2 * 24
    assert sizing.redis_bytes_per_customer(10**6, 16, state_bytes=400) == pytest.approx(usual + 400 - measured.STATE_BYTES)


def test_workers_that_cannot_share_the_partitions_are_told() -> None:
    assert "use at least" in size(SizingInput(events_per_second=10**6, customers=10, partitions=4)).warnings[0]
    assert size(SizingInput(events_per_second=1_000, customers=10)).warnings == ()


def test_the_command_says_what_is_needed() -> None:
    done = etapa("sizing", "--events-per-second", "20000", "--customers", "5000000")
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode()
    for word in ("workers", "Redis", "Kafka", "customer-state"):
        assert word in said


def test_the_command_s_json_is_the_model_s() -> None:
    done = etapa("sizing", "--events-per-second", "20000", "--customers", "5000000", "--partitions", "24", "--json")
    plan = SizingInput(events_per_second=20_000, customers=5_000_000, partitions=24)
    assert json.loads(done.stdout) == json.loads(msgspec.json.encode(size(plan)))


def test_a_rate_that_is_none_is_wrong_use() -> None:
    assert etapa("sizing", "--events-per-second", "0", "--customers", "5").returncode == 2
