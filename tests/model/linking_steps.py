"""What may happen in the model of links: batches, crashes, repeated records."""

from collections.abc import Iterator

from tests.model.linking import (
    IdLinkRecord,
    JoinedIds,
    LinkBatch,
    Linking,
    LinkPlace,
    LinkScenario,
    LinkStored,
    Parcel,
    SentParcel,
    TouchRecord,
)
from tests.model.places import FaultyPlaces, with_place
from tests.model.search import ModelStep

Sends = tuple[tuple[int, Parcel], ...]


def steps(scenario: LinkScenario, linking: Linking) -> Iterator[ModelStep[Linking]]:
    """Everything that may happen next."""
    return _LinkPlaces(scenario).steps(linking)


class _LinkPlaces(FaultyPlaces[Linking, LinkBatch]):
    def __init__(self, scenario: LinkScenario) -> None:
        super().__init__(scenario.off)
        self._scenario = scenario

    def batches(self, state: Linking, number: int) -> Iterator[tuple[str, LinkBatch]]:
        return _Owner(self._scenario, state.places[number], number).batches()

    def stored(self, state: Linking, number: int, batch: LinkBatch) -> Linking:
        published = tuple(sorted(state.published + batch.published, key=_customer)) if batch.published else state.published
        refused = tuple(sorted(state.refused + batch.refused))
        return with_place(state, number, stored=batch.stored)._replace(published=published, refused=refused)

    def successor(self, place: LinkPlace, stored: LinkStored) -> LinkPlace:
        return LinkPlace(stored, place.incoming)

    def name(self, sent: SentParcel) -> str:
        return _name(sent.parcel)


def _customer(seen: TouchRecord) -> str:
    return seen.customer


def _name(parcel: Parcel) -> str:
    if parcel.person is not None:
        return f"{'+'.join(sorted(parcel.person.ids))}, who moves to {parcel.target},"
    if parcel.seen is not None:
        return f"{parcel.seen.customer}{parcel.seen.number}"
    return f"the question whether {parcel.target} meets {parcel.other}"


class _Owner:
    """The owner of one place, about to process a batch."""

    def __init__(self, scenario: LinkScenario, place: LinkPlace, number: int) -> None:
        self._scenario = scenario
        self._off = scenario.off
        self._me = number
        self._place = place
        self._stored = place.stored
        self._away = dict(place.stored.away)
        self._home = dict(scenario.homes)

    def batches(self) -> Iterator[tuple[str, LinkBatch]]:
        """Each batch that it may commit now. Which input comes first is open."""
        stored = self._stored
        if stored.transfers < len(self._place.incoming):
            yield self._take_in(self._place.incoming[stored.transfers])
        records = self._scenario.records[self._me]
        if stored.records < len(records):
            record = records[stored.records]
            done = stored._replace(records=stored.records + 1)
            if isinstance(record, TouchRecord):
                yield f"reads {record.customer}{record.number}", self._deal_with(Parcel(record.customer, seen=record), done)
            else:
                yield f"reads {record.moved}={record.kept}", self._deal_with(Parcel(record.moved, link=record), done)

    def _take_in(self, sent: SentParcel) -> tuple[str, LinkBatch]:
        stored = self._stored._replace(transfers=self._stored.transfers + 1)
        if "numbers" not in self._off:
            if sent.number <= stored.taken[sent.sender]:
                return f"passes a repeated {_name(sent.parcel)} over", self._batch(stored)
            stored = stored._replace(taken=(*stored.taken[: sent.sender], sent.number, *stored.taken[sent.sender + 1 :]))
        return f"takes in {_name(sent.parcel)}", self._deal_with(sent.parcel, stored)

    def _deal_with(self, parcel: Parcel, stored: LinkStored) -> LinkBatch:
        """What is for `target`: here, or passed on to where it went, or to its home."""
        target = parcel.target
        here = next((person for person in stored.here if target in person.ids), None)
        if here is None:
            to = self._away.get(target)
            if to is not None and "forwards" not in self._off:
                return self._passed_on(parcel, to, stored)
            if self._home[target] != self._me and to is None:
                return self._passed_on(parcel, self._home[target], stored)
            here = JoinedIds(frozenset([target]))
        if parcel.person is not None:
            return self._met(here, parcel.person, parcel.link, stored)
        if parcel.seen is not None:
            judged = here._replace(judged=(*here.judged, parcel.seen))
            return self._batch(_holding(stored, here, judged), published=(parcel.seen,))
        assert parcel.link is not None
        return self._asked(here, parcel, parcel.link, stored)

    def _passed_on(self, parcel: Parcel, to: int, stored: LinkStored) -> LinkBatch:
        if parcel.person is not None:
            # What comes behind it for any of its ids takes the same way.
            stored = self._with_addresses(stored, parcel.person, to)
        return self._batch(stored, ((to, parcel._replace(hops=parcel.hops + 1)),))

    def _asked(self, here: JoinedIds, parcel: Parcel, link: IdLinkRecord, stored: LinkStored) -> LinkBatch:
        """A link has come to one of its two people, or back to one of them."""
        other = parcel.other
        if not other:
            # It was read just now, at the home of `moved`, or has reached whoever that is.
            return self._ask(here, link.kept, link, stored)
        if other in here.ids:
            return self._batch(_holding(stored, here, here._replace(links=here.links | {link})))
        if parcel.other_is_known and self._is_known(here):
            return self._batch(stored, refused=(link,))
        moves = other < here.least if "to_the_lesser" not in self._off else here.least != link.kept
        return self._move(here, other, link, stored) if moves else self._ask(here, other, link, stored)

    def _ask(self, here: JoinedIds, whom: str, link: IdLinkRecord, stored: LinkStored) -> LinkBatch:
        """Ask the person with the id `whom` to meet the one who is here."""
        if whom in here.ids:
            return self._batch(_holding(stored, here, here._replace(links=here.links | {link})))
        question = Parcel(whom, link=link, other=here.least, other_is_known=self._is_known(here))
        neighbour = next((person for person in stored.here if whom in person.ids), None)
        if neighbour is not None or (self._home[whom] == self._me and whom not in self._away):
            return self._asked(neighbour or JoinedIds(frozenset([whom])), question, link, stored)
        return self._batch(stored, ((self._away.get(whom, self._home[whom]), question),))

    def _move(self, here: JoinedIds, to: str, link: IdLinkRecord, stored: LinkStored) -> LinkBatch:
        """Move to the person with the id `to`; if that one is here, meet at once."""
        without = stored._replace(here=tuple(person for person in stored.here if person != here))
        neighbour = next((person for person in without.here if to in person.ids), None)
        if neighbour is not None or (self._home[to] == self._me and to not in self._away):
            return self._met(neighbour or JoinedIds(frozenset([to])), here, link, without)
        place = self._away.get(to, self._home[to])
        return self._batch(self._with_addresses(without, here, place), ((place, Parcel(to, link=link, person=here)),))

    def _met(self, here: JoinedIds, comes: JoinedIds, link: IdLinkRecord | None, stored: LinkStored) -> LinkBatch:
        """Somebody arrives where the other one lives."""
        assert link is not None
        gone = {customer for customer, _ in stored.away if customer in comes.ids}
        stored = stored._replace(away=tuple(item for item in stored.away if item[0] not in gone))
        if "looks_again" not in self._off and self._is_known(here) and self._is_known(comes):
            # They stay two people, neighbours from now on.
            return self._batch(_holding(stored, comes, comes), refused=(link,))
        if "unites" in self._off:
            return self._batch(_holding(stored, here, comes._replace(ids=here.ids | comes.ids)))
        united = JoinedIds(here.ids | comes.ids, here.links | comes.links | {link}, here.judged + comes.judged)
        return self._batch(_holding(stored, here, united))

    def _is_known(self, person: JoinedIds) -> bool:
        return bool(person.ids & self._scenario.known)

    def _with_addresses(self, stored: LinkStored, person: JoinedIds, to: int) -> LinkStored:
        ids = person.ids if "all_ids" not in self._off else frozenset([person.least])
        away = {**dict(stored.away), **dict.fromkeys(ids, to)}
        return stored._replace(away=tuple(sorted(away.items())))

    def _batch(
        self, stored: LinkStored, sends: Sends = (), published: tuple[TouchRecord, ...] = (), refused: tuple[IdLinkRecord, ...] = ()
    ) -> LinkBatch:
        """The batch with its sends numbered."""
        sent = list(stored.sent)
        numbered = []
        for to, parcel in sends:
            sent[to] += 1
            numbered.append((to, SentParcel(self._me, sent[to], parcel)))
        return LinkBatch(stored._replace(sent=tuple(sent)), tuple(numbered), published, refused)


def _holding(stored: LinkStored, before: JoinedIds, after: JoinedIds) -> LinkStored:
    """With `after` in the place of `before`, who may be new."""
    others = [person for person in stored.here if person != before]
    return stored._replace(here=tuple(sorted([*others, after], key=lambda each: each.least)))
