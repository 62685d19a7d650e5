"""The same judging in Bytewax (an engine in Rust, logic in Python): stateful batches for each customer, Kafka in and out, a recovery store.

It judges with our sources as they are, in Python, as Quix Streams' application does, and like that one it looks at timers only when a touchpoint comes, since
Bytewax's notifications follow the system's time. At least once: its sink for Kafka has no transactions.
"""

import os
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import bytewax.operators as op
from bytewax._bytewax import cli_main
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir

import bench.contestants.core  # noqa: F401 - which core is said before anything of Etapa is imported
from bench.contestants.stopwatch import Stopwatch
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY

SINK_SECONDS = 2.0
"""How long the last batch may be on its way into the sink, which tells nobody."""

journey = journey_or_raise(SHIPPED_JOURNEY.read_text(), SHIPPED_JOURNEY.name)
program = compile_journey(journey)
limits = TouchpointLimits()
stopwatch = Stopwatch()


class JudgedCustomer(StatefulBatchLogic):  # type: ignore[misc]  # which says nothing of its types
    """One customer."""

    def __init__(self, customer: Customer | None) -> None:
        self.customer = customer

    def on_batch(self, values: list[Any]) -> tuple[Iterable[Any], bool]:
        out = []
        wall = time.time_ns() // 1000
        for message in values:
            touchpoint = decode_touchpoint(message.key, message.value, limits, wall)
            if isinstance(touchpoint, Rejected):
                continue
            touched = touch(program, self.customer, touchpoint)
            self.customer = touched.customer
            out += [encode_stage_change(change, journey.id, journey.version) for change in touched.changes]
        if stopwatch.seen(len(values)):
            Thread(target=end, daemon=True).start()
        return out, StatefulBatchLogic.RETAIN

    def snapshot(self) -> tuple[str, bytes] | None:
        return None if self.customer is None else (self.customer.id, encode_state(self.customer))


def end() -> None:
    time.sleep(SINK_SECONDS)
    stopwatch.tell()
    os._exit(0)


def judge_of(snapshot: tuple[str, bytes] | None) -> JudgedCustomer:
    return JudgedCustomer(None if snapshot is None else decode_state(snapshot[1], snapshot[0]))


def main() -> None:
    flow = Dataflow("journey")
    source: Any = KafkaSource([os.environ["BENCH_KAFKA"]], [os.environ["BENCH_TOPIC"]], tail=True, batch_size=5000)
    messages = op.input("touchpoints", flow, source)
    keyed = op.key_on("by-customer", messages, lambda message: message.key.decode())
    changes = op.stateful_batch("judge", keyed, judge_of)
    out = op.map("out", changes, lambda item: KafkaSinkMessage(key=item[1][0], value=item[1][1], headers=list(item[1][2])))
    sink: Any = KafkaSink([os.environ["BENCH_KAFKA"]], os.environ["BENCH_CHANGES"], {"linger.ms": "5"})
    op.output("changes", out, sink)
    store = Path(os.environ["BENCH_FOLDER"]) / "recovery"
    store.mkdir(parents=True)
    init_db_dir(store, 1)
    cli_main(flow, workers_per_process=1, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(store, timedelta(seconds=0)))


if __name__ == "__main__":
    main()
