"""The customers of one stage, a page at a time: who is in it, since when, and what brought them."""

import re
from typing import Final

from etapa.contracts.rfc3339 import format_time
from etapa.contracts.stored.state import decode_state
from etapa.serve.answer_shapes import CustomersOfStage, StageCustomer
from etapa.stream.protocol.readers import StageMembers, StagePlace

BEGINNING: Final = StagePlace(0, 0)
_PLACE: Final = re.compile(r"([0-9]{1,6})-([0-9]{1,20})")


def place_of(text: str | None) -> StagePlace:
    """Where a page begins, as the answer before it says. Raises `ValueError` with a message for the client."""
    if text is None:
        return BEGINNING
    found = _PLACE.fullmatch(text)
    if found is None or int(found[2]) >= 1 << 64:
        raise ValueError("`after` must be the `next` of the answer before.")
    return StagePlace(int(found[1]), int(found[2]))


def customers_of(stage: str, found: StageMembers) -> CustomersOfStage:
    """The answer, with those first who came last. Raises `StateError`."""
    customers = [decode_state(each.state, each.customer_id, each.common) for each in found.customers]
    # One of them may have moved between two looks at the view.
    here = sorted((each for each in customers if each.stage == stage), key=lambda each: each.entered_at, reverse=True)
    return CustomersOfStage(
        stage,
        [
            StageCustomer(each.id, format_time(each.entered_at), None if each.before is None else each.before[0], each.rule, each.sequence)
            for each in here
        ],
        None if found.after is None else f"{found.after.partition}-{found.after.cursor}",
        list(found.missing),
    )
