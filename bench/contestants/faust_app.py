"""Etapa as one would write it with Faust alone: an agent, one touchpoint at a time, its state in Redis.

It decodes, judges and encodes with the sources of the very functions of the worker, in Python, as an application of one's own would (see
`core`). So what differs is how touchpoints and states are carried, and that the worker's core is compiled.
It is not exactly once: a crash between two of its awaits loses a change or repeats it.
"""

import time
from typing import cast

import faust

from bench.contestants.faust_setting import faust_app, journey, limits, program, raw_topic, run, states, stopwatch, view
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.judging.classify import touch

app = faust_app()
touchpoints, changes = raw_topic(app, "BENCH_TOPIC"), raw_topic(app, "BENCH_CHANGES")


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
    run(app)
