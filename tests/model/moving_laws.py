"""What must be true in every state of the model of moving customers, and what must be true at rest."""

from collections import Counter
from collections.abc import Iterator

from tests.model.moving import Moving, MovingScenario, Place


def violation_in(scenario: MovingScenario, moving: Moving) -> str | None:
    """What is wrong in this state."""
    at: Counter[str] = Counter()
    for place in moving.places:
        at.update(customer for customer, _ in place.stored.here)
        at.update(_under_way(place))
    for customer, places in at.items():
        if places > 1:
            return f"{customer} is at two places"
    for customer in {change.customer for change in moving.changes}:
        if not at[customer]:
            return f"{customer} is at no place"
    return _wrong_changes(scenario, moving)


def violation_at_rest(scenario: MovingScenario, moving: Moving) -> str | None:
    """What is unfinished, though nothing more happens by itself."""
    home = dict(scenario.then or scenario.after)
    for number, (place, touchpoints) in enumerate(zip(moving.places, scenario.touchpoints, strict=True)):
        if place.stored.touchpoints < len(touchpoints):
            return f"{number} stands still at its touchpoint {place.stored.touchpoints}"
        for customer, _ in place.stored.here:
            if home[customer] != number:
                return f"{customer} still lives at {number}"
        if place.stored.adopted < (2 if scenario.then else 1):
            return f"{number} does not follow the last layout"
        if len(place.stored.ended) < len(moving.places):
            return f"{number} does not know that all have ended"
    expected = Counter(touch.customer for touchpoints in scenario.touchpoints for touch in touchpoints)
    judged = Counter(change.customer for change in moving.changes)
    return None if judged == expected else f"judged {dict(judged)} of {dict(expected)} touchpoints"


def _under_way(place: Place) -> Iterator[str]:
    """Customers whose state was sent to the place and is not taken in. A repeat is none."""
    last = list(place.stored.taken)
    for transfer in place.incoming[place.stored.transfers :]:
        if transfer.number > last[transfer.sender]:
            last[transfer.sender] = transfer.number
            if transfer.kind == "state":
                yield transfer.customer
    for _, transfer in place.unsent:
        if transfer.kind == "state":
            yield transfer.customer


def _wrong_changes(scenario: MovingScenario, moving: Moving) -> str | None:
    """Each touchpoint causes one change; sequences have no gap; touchpoints of one producer are judged in their order."""
    source = {(touch.customer, touch.number): place for place, all_there in enumerate(scenario.touchpoints) for touch in all_there}
    sequence: Counter[str] = Counter()
    last: dict[tuple[str, int], int] = {}
    for customer, touchpoint, number in moving.changes:
        sequence[customer] += 1
        if number != sequence[customer]:
            return f"change {number} of {customer} came as number {sequence[customer]}"
        stream = customer, source[customer, touchpoint]
        if touchpoint <= last.get(stream, 0):
            return f"touchpoint {touchpoint} of {customer} was judged after {last[stream]}"
        last[stream] = touchpoint
    return None
