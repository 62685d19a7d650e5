"""Etapa as one would write it with Faust alone: an agent, one touchpoint at a time, its state in Redis.

It decodes, judges and encodes with the sources of the very functions of the worker, in Python, as an application of one's own would (see
`core`). So what differs is how touchpoints and states are carried, and that the worker's core is compiled.
It is not exactly once: a crash between two of its awaits loses a change or repeats it.
"""

import os
import time
from typing import cast

import faust
import mode.loop
import redis.asyncio

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
view: redis.asyncio.Redis = redis.asyncio.Redis.from_url(os.environ["BENCH_REDIS"])
states = f"{os.environ['BENCH_GROUP']}:state"
stopwatch = Stopwatch()

app = faust.App(
    os.environ["BENCH_GROUP"],
    datadir=os.environ["BENCH_FOLDER"],
    broker=f"kafka://{os.environ['BENCH_KAFKA']}",
    store="memory://",
    web_enabled=False,
    topic_partitions=int(os.environ["BENCH_PARTITIONS"]),
    topic_disable_leader=True,
    topic_allow_declare=False,
    consumer_auto_offset_reset="earliest",
)
touchpoints = app.topic(os.environ["BENCH_TOPIC"], key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
changes = app.topic(os.environ["BENCH_CHANGES"], key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


@app.agent(touchpoints)
async def classify(stream: faust.StreamT[bytes]) -> None:
    async for event in stream.events():
        touchpoint = decode_touchpoint(event.key, event.value, limits, time.time_ns() // 1000)
        if not isinstance(touchpoint, Rejected):
            stored = cast("bytes | None", await view.hget(states, touchpoint.customer_id))
            touched = touch(program, decode_state(stored, touchpoint.customer_id) if stored else None, touchpoint)
            if not touched.duplicate:
                await view.hset(states, touchpoint.customer_id, encode_state(touched.customer))
            for change in touched.changes:
                key, value, headers = encode_stage_change(change, journey.id, journey.version)
                _ = await changes.send(key=key, value=value, headers=dict(headers))
        if stopwatch.seen(1):
            stopwatch.tell()


if __name__ == "__main__":
    # As Faust's pages advise, and as the worker does.
    mode.loop.use("uvloop")
    faust.Worker(app, loglevel="warn").execute_from_commandline()
