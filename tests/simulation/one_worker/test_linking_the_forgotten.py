"""Links with somebody who was forgotten, and whose id has another home since: it stays forgotten there."""

import json

import pytest

from etapa.contracts.partitioner import partition_of
from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.transfer import ANNOUNCER, CustomersDenied, LayoutAnnounced, LinkAsked, PersonMoved, TopicLayout
from tests.simulation.checking.joined import KEY
from tests.simulation.one_worker.alone import START
from tests.simulation.one_worker.test_coming_back import PLACES, ComingBack, asked
from tests.simulation.worlds.forgetting import FOR_EVER, request_for

IDS = [f"c{number}" for number in range(10, 60)]
FORGOTTEN = next(one for one in IDS if (partition_of(one, 2), partition_of(one, PLACES)) == (0, 1))
STAYS = next(one for one in reversed(IDS) if (partition_of(one, 2), partition_of(one, PLACES)) == (0, 0))


@pytest.mark.parametrize("kind", [LinkAsked, PersonMoved])
def test_a_new_home_hears_who_was_forgotten_before_a_link_or_a_person_asks_for_them(kind: type[LinkAsked | PersonMoved]) -> None:
    run = ComingBack()
    forget = request_for(FORGOTTEN, run.alone.now(), FOR_EVER, KEY)
    run.alone.broker.append(forget.key, forget.value, forget.headers, run.alone.now())
    run.work()
    run.receive(ANNOUNCER, LayoutAnnounced(TopicLayout(1, PLACES, 2)))
    if kind is PersonMoved:
        run.receive(1, asked(STAYS, moved=FORGOTTEN, kept=STAYS, other=FORGOTTEN))
    else:
        told = {"id": "l-1", "type": "$link", "customer_id": STAYS, "same_as": FORGOTTEN, "occurred_at": format_time(START)}
        run.alone.broker.append(STAYS.encode(), json.dumps(told).encode(), (), run.alone.now())
    run.work()
    sent = run.sent(1)
    [position] = [number for number, one in enumerate(sent) if isinstance(one, kind)]
    before = sent[position - 1] if position else None
    assert isinstance(before, CustomersDenied)
    assert len(before.entries) == 1
