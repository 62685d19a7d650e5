"""Etapa as someone who knows Faust well would write it: batches with `take`, Redis asked once for each, changes sent without waiting for each.

It decodes, judges and encodes with the sources of the very functions of the worker, in Python (see `core`). At least once: changes of a batch that a crash
interrupts are sent again.
"""

import time
from typing import Any, cast

import faust

from bench.contestants.faust_setting import faust_app, journey, limits, program, raw_topic, run, states, stopwatch, view
from etapa.contracts.incoming.rejected import Rejected
from etapa.contracts.incoming.touchpoint import decode_touchpoint
from etapa.contracts.outgoing.stage_change import encode_stage_change
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.facts.customer import Customer
from etapa.journey.engine.judging.classify import touch

MOST = 1_000
LONGEST = 0.1

app = faust_app(stream_buffer_maxsize=4 * MOST, producer_linger=0.02, producer_max_batch_size=256 * 1024)
touchpoints, changes = raw_topic(app, "BENCH_TOPIC"), raw_topic(app, "BENCH_CHANGES")


@app.agent(touchpoints)
async def classify(stream: faust.StreamT[bytes]) -> None:
    async for events in cast("Any", stream).take_events(MOST, within=LONGEST):
        wall = time.time_ns() // 1000
        decoded = [decode_touchpoint(event.key, event.value, limits, wall) for event in events]
        batch = [touchpoint for touchpoint in decoded if not isinstance(touchpoint, Rejected)]
        ids = list(dict.fromkeys(touchpoint.customer_id for touchpoint in batch))
        stored = cast("list[bytes | None]", await view.hmget(states, ids)) if ids else []
        customers: dict[str, Customer | None] = {
            customer_id: decode_state(state, customer_id) if state else None for customer_id, state in zip(ids, stored, strict=True)
        }
        for touchpoint in batch:
            touched = touch(program, customers[touchpoint.customer_id], touchpoint)
            customers[touchpoint.customer_id] = touched.customer
            for change in touched.changes:
                key, value, headers = encode_stage_change(change, journey.id, journey.version)
                _ = changes.send_soon(key=key, value=value, headers=dict(headers))
        if ids:
            await view.hset(states, mapping={one: encode_state(customer) for one, customer in customers.items() if customer is not None})
        if stopwatch.seen(len(events)):
            stopwatch.tell()


if __name__ == "__main__":
    run(app)
