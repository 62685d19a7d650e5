"""The latest moves between two stages, with whose they were and why: of customers whom the view still knows."""

from collections.abc import Sequence
from typing import Final

from etapa.contracts.outgoing.stage_change_message import StageChangeMessage
from etapa.contracts.rfc3339 import format_time, microseconds_of
from etapa.contracts.stored.state import decode_state
from etapa.journey.map.document import MapReason
from etapa.journey.map.rules_told import RulesTold
from etapa.serve.answer_shapes import LatestMove, LatestMoves
from etapa.serve.ports import StageReader
from etapa.stream.protocol.readers import ChangesSeen, OnTheWay

MOST_TOLD: Final = 20
MOST_LOOKED_UP: Final = 100
"""Most customers who are asked for in the view, because some moves are of those who were forgotten."""


async def latest_moves(seen: ChangesSeen, source: str | None, to: str | None, reader: StageReader, rules: RulesTold) -> LatestMoves:
    """The moves from `source` into `to` (none: any), the newest first.

    Whoever was forgotten is left out, and so is what somebody did before being forgotten. Raises `ViewError` and `StateError`.
    """
    fitting = [each for each in _of_present_lives(seen.changes) if source in (None, each.source) and to in (None, each.to)]
    # Of moves at the same instant, those that came later count as newer.
    newest = sorted(fitting, key=lambda each: each.at)[::-1]
    told: list[LatestMove] = []
    for change in newest[:MOST_LOOKED_UP]:
        kept_id = await _kept_id(change, reader)
        if kept_id is not None:
            told.append(_told(change, kept_id, rules))
            if len(told) == MOST_TOLD:
                break
    since = min((each.at for each in seen.changes), default=None)
    return LatestMoves(told, len(seen.changes), None if since is None else format_time(microseconds_of(since)), list(seen.missing))


def _of_present_lives(changes: Sequence[StageChangeMessage]) -> list[StageChangeMessage]:
    """Without those of customers who began anew after them, which only the forgotten do. Each partition's are in order."""
    begun = {each.customer_id: place for place, each in enumerate(changes) if each.source is None}
    return [each for place, each in enumerate(changes) if place >= begun.get(each.customer_id, 0)]


async def _kept_id(change: StageChangeMessage, reader: StageReader) -> str | None:
    """The id under which the customer is kept; none if nobody knows the customer, or it has begun anew since."""
    try:
        stored = await reader.customer(change.customer_id)
    except OnTheWay:
        return None
    if stored is None:
        return None
    customer = decode_state(stored.state, stored.customer_id, stored.common)
    is_before_its_life = microseconds_of(change.at) < customer.first_at
    is_unknown_yet = stored.customer_id == change.customer_id and change.sequence > customer.sequence
    return None if is_before_its_life or is_unknown_yet else stored.customer_id


def _told(change: StageChangeMessage, kept_id: str, rules: RulesTold) -> LatestMove:
    because = [MapReason(rules.reason(clause.condition), clause.observed) for clause in change.because]
    return LatestMove(kept_id, format_time(microseconds_of(change.at)), change.source, change.to, change.rule, change.cause, because)
