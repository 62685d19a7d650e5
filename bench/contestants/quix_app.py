"""The same judging in a Quix Streams application with its state store, at least once or exactly once.

It judges with our sources as they are, in Python, as an application of one's own would (see `core`). Written the way its documentation shows stateful processing: a function applied with state, the customer's state kept as bytes
(which its documentation offers for states with an encoding of their own), changes sent to a topic, the changelog on. The
interval of its checkpoints is its default.
"""

import os
import time
from typing import Any, cast

from quixstreams import Application, State

import bench.contestants.core  # noqa: F401 - which core is said before anything of Etapa is imported
from bench.contestants.stopwatch import Stopwatch
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.incoming.touchpoint_message import TouchpointLimits
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.settings import SHIPPED_JOURNEY

journey = journey_or_raise(SHIPPED_JOURNEY.read_text(), SHIPPED_JOURNEY.name)
program = compile_journey(journey)
limits = TouchpointLimits()
stopwatch = Stopwatch()


def judge(value: bytes, key: bytes, timestamp: int, headers: object, state: State) -> list[bytes]:
    """The stage changes that come of a touchpoint, encoded."""
    touchpoint = decode_touchpoint(key, value, limits, time.time_ns() // 1000)
    if isinstance(touchpoint, Rejected):
        return []
    stored = cast("bytes | None", state.get_bytes("customer"))
    touched = touch(program, decode_state(stored, touchpoint.customer_id) if stored else None, touchpoint)
    if not touched.duplicate:
        state.set_bytes("customer", encode_state(touched.customer))
    return [encode_stage_change(change, journey.id, journey.version)[1] for change in touched.changes]


def main() -> None:
    guarantee: Any = os.environ["BENCH_GUARANTEE"]

    def processed(topic: str, partition: int, offset: int) -> None:
        if stopwatch.seen(1):
            app.stop()

    app = Application(
        broker_address=os.environ["BENCH_KAFKA"],
        consumer_group=os.environ["BENCH_GROUP"],
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,
        state_dir=os.environ["BENCH_FOLDER"],
        on_message_processed=processed,
        loglevel="WARNING",
    )
    touchpoints = app.topic(os.environ["BENCH_TOPIC"], value_deserializer="bytes", key_deserializer="bytes")
    changes = app.topic(os.environ["BENCH_CHANGES"], value_serializer="bytes", key_serializer="bytes")
    app.dataframe(touchpoints).apply(judge, stateful=True, expand=True, metadata=True).to_topic(changes)
    # Gives back when the last checkpoint is made.
    app.run()
    stopwatch.tell()


if __name__ == "__main__":
    main()
