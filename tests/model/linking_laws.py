"""What must be true in every state of the model of links, and what must be true at rest."""

from collections import Counter
from collections.abc import Iterator

from tests.model.linking import IdLinkRecord, JoinedIds, Linking, LinkPlace, LinkScenario, TouchRecord

MOST_HOPS = 8


def violation_in(scenario: LinkScenario, linking: Linking) -> str | None:
    """What is wrong in this state."""
    people = [person for place in linking.places for person in (*place.stored.here, *_under_way(place))]
    at = Counter(customer for person in people for customer in person.ids)
    for customer, places in at.items():
        if places > 1:
            return f"{customer} is at two places"
    kept = Counter(seen for person in people for seen in person.judged)
    for seen in linking.published:
        if kept[seen] != 1:
            return f"{seen.customer}{seen.number} was judged, and is remembered {kept[seen]} times"
    if any(len(person.ids & scenario.known) > 1 for person in people):
        return "two known people were made one"
    if any(sent.parcel.hops > MOST_HOPS for place in linking.places for sent in place.incoming):
        return "something is passed on for ever"
    return _overtaken(scenario, linking)


def violation_at_rest(scenario: LinkScenario, linking: Linking) -> str | None:
    """What is unfinished, though nothing more happens by itself."""
    records = [record for records in scenario.records for record in records]
    for number, (place, all_there) in enumerate(zip(linking.places, scenario.records, strict=True)):
        if place.stored.records < len(all_there):
            return f"{number} stands still at its record {place.stored.records}"
        if scenario.after and len(place.stored.ended) < len(linking.places):
            return f"{number} does not know that all have told all"
        if place.stored.rounds:
            return f"{number} never hears that nothing is on its way round"
    people = [person for place in linking.places for person in place.stored.here]
    for seen in (record for record in records if isinstance(record, TouchRecord)):
        if not any(seen in person.judged and seen.customer in person.ids for person in people):
            return f"{seen.customer}{seen.number} was not judged"
    for link in (record for record in records if isinstance(record, IdLinkRecord)):
        together = any(link in person.links and {link.moved, link.kept} <= person.ids for person in people)
        if together == (link in linking.refused):
            return f"{link.moved}={link.kept} was {'followed and refused' if together else 'lost'}"
    return next(_lost(scenario, linking), None)


def _lost(scenario: LinkScenario, linking: Linking) -> Iterator[str]:
    """Ids from whose home no way leads to their person."""
    for customer, home in scenario.after or scenario.homes:
        if not any(customer in person.ids for place in linking.places for person in place.stored.here):
            continue
        at, passed = home, 0
        while not any(customer in person.ids for person in linking.places[at].stored.here):
            to = dict(linking.places[at].stored.away).get(customer)
            if to is None or passed > len(linking.places):
                yield f"no way leads to {customer}"
                break
            at, passed = to, passed + 1


def _under_way(place: LinkPlace) -> Iterator[JoinedIds]:
    """People who were sent to the place and are not taken in. A repeat is none."""
    last = list(place.stored.taken)
    for sent in place.incoming[place.stored.transfers :]:
        if sent.number > last[sent.sender]:
            last[sent.sender] = sent.number
            if sent.parcel.person is not None:
                yield sent.parcel.person
    for _, sent in place.unsent:
        if sent.parcel.person is not None:
            yield sent.parcel.person


def _overtaken(scenario: LinkScenario, linking: Linking) -> str | None:
    """Each touchpoint causes one change, and those of one id in one partition come in their order."""
    source = {record: place for place, records in enumerate(scenario.records) for record in records if isinstance(record, TouchRecord)}
    last: dict[tuple[str, int], int] = {}
    for seen in linking.published:
        stream = seen.customer, source[seen]
        if seen.number <= last.get(stream, 0):
            return f"{seen.customer}{seen.number} was judged after {last[stream]}"
        last[stream] = seen.number
    return None
