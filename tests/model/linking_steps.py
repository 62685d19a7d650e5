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
from tests.model.linking_rounds import Sends, going_round, probe_is_back, round_of, round_of_person, with_round
from tests.model.places import FaultyPlaces, with_place
from tests.model.search import ModelStep


def steps(scenario: LinkScenario, linking: Linking) -> Iterator[ModelStep[Linking]]:
    """Everything that may happen next."""
    return _LinkPlaces(scenario).steps(linking)


class _LinkPlaces(FaultyPlaces[Linking, LinkBatch]):
    def __init__(self, scenario: LinkScenario) -> None:
        super().__init__(scenario.off)
        self._scenario = scenario

    def batches(self, state: Linking, number: int) -> Iterator[tuple[str, LinkBatch]]:
        for kind in (_Owner.transfers, _Owner.records, _Owner.layout):
            yield from kind(_Owner(self._scenario, state, number))

    def stored(self, state: Linking, number: int, batch: LinkBatch) -> Linking:
        published = tuple(sorted(state.published + batch.published, key=lambda seen: seen.customer)) if batch.published else state.published
        refused = tuple(sorted(state.refused + batch.refused))
        return with_place(state, number, stored=batch.stored, memory=batch.memory)._replace(published=published, refused=refused)

    def successor(self, place: LinkPlace, stored: LinkStored) -> LinkPlace:
        return LinkPlace(stored, place.incoming)

    def name(self, sent: SentParcel) -> str:
        return sent.parcel.name


class _Owner:
    """The owner of one place, about to process a batch."""

    def __init__(self, scenario: LinkScenario, linking: Linking, number: int) -> None:
        self._scenario = scenario
        self._off = scenario.off
        self._me = number
        self._linking = linking
        place = linking.places[number]
        self._place = place
        self._stored = place.stored
        self._memory = place.memory
        self._away = dict(place.stored.away)
        self._before = dict(scenario.homes)
        self._sender: int | None = None
        self._adopted = place.stored.adopted

    def transfers(self) -> Iterator[tuple[str, LinkBatch]]:
        """The next of what other places sent."""
        stored = self._stored
        if stored.transfers < len(self._place.incoming):
            yield self._take_in(self._place.incoming[stored.transfers])

    def records(self) -> Iterator[tuple[str, LinkBatch]]:
        """The next record. Which input comes first is open."""
        stored = self._stored
        records = self._scenario.records[self._me]
        if stored.records >= len(records):
            return
        record = records[stored.records]
        who = record.customer if isinstance(record, TouchRecord) else record.moved
        if self._before[who] != self._me and not self._all_know():
            return
        if self._may_be_on_the_way(who):
            if who not in self._memory.claimed:
                self._remember(claimed=who)
                yield f"claims {who}", self._batch(stored, ((self._before[who], Parcel(who, word="claim")),))
            return
        done = stored._replace(records=stored.records + 1)
        if isinstance(record, TouchRecord):
            yield f"reads {who}{record.number}", self._deal_with(Parcel(who, seen=record), done)
        else:
            yield f"reads {who}={record.kept}", self._deal_with(Parcel(who, link=record), done)

    def layout(self) -> Iterator[tuple[str, LinkBatch]]:
        """The change of the layout: to follow it, to tell the new home of an id, to have told all."""
        stored, memory = self._stored, self._memory
        if self._scenario.after and not stored.adopted:
            yield "adopts the layout", self._batch(stored._replace(adopted=True))
        if not stored.adopted or self._me in stored.ended:
            return
        known = {*self._away, *(customer for person in stored.here for customer in person.ids)}
        left = sorted(each for each in known - memory.told if self._before[each] == self._me != self._home(each))
        for customer in left:
            self._memory = memory._replace(told=memory.told | {customer})
            yield f"tells of {customer}", self._told(customer, stored)
        if not left or "ends_last" in self._off:
            self._memory = memory
            sends = tuple((place, Parcel("", word="finished")) for place in range(len(stored.sent)) if place != self._me)
            yield "ends", self._batch(stored._replace(ended=stored.ended | {self._me}), sends)

    def _told(self, customer: str, stored: LinkStored, *, is_asked: bool = False) -> LinkBatch:
        """Tell the new home of an id who that is, or, asked for it, that it is nobody."""
        to = self._home(customer)
        person = next((person for person in stored.here if customer in person.ids), None)
        if person is not None and person.ids == {customer} and round_of(stored, customer) is None:
            without = stored._replace(here=tuple(each for each in stored.here if each != person))
            return self._batch(self._with_addresses(without, person, to), ((to, Parcel(customer, person=person, word="moves")),))
        leads_there = person is None and self._away.get(customer, to) == to
        if leads_there or "tells_ways" in self._off:
            return self._batch(stored, ((to, Parcel(customer, word="none")),) if is_asked else ())
        return self._batch(stored, ((to, Parcel(customer, word="through me")),))

    def _home(self, customer: str) -> int:
        return dict(self._scenario.after).get(customer, -1) if self._adopted else self._before[customer]

    def _all_know(self) -> bool:
        return all(place.stored.adopted for place in self._linking.places)

    def _may_be_on_the_way(self, customer: str, forwarded_by: int | None = None) -> bool:
        """Whether its old home has not told yet who that is. What it forwards comes behind that."""
        here, before = self._me, self._before[customer]
        if not self._adopted or self._home(customer) != here or before in (here, forwarded_by) or "waits" in self._off:
            return False
        known = any(customer in person.ids for person in self._stored.here)
        return not known and before not in self._stored.ended and customer not in self._memory.cleared

    def _remember(self, *, claimed: str = "", cleared: str = "") -> None:
        memory = self._memory
        self._memory = memory._replace(
            claimed=memory.claimed | ({claimed} if claimed else set()), cleared=memory.cleared | ({cleared} if cleared else set())
        )

    def _elsewhere(self, customer: str, forwarded_by: int | None = None) -> int | None:
        """Where what is for an id goes that nobody here has; none: it is a new one here."""
        to = self._away.get(customer)
        if to is not None:
            return to if "forwards" not in self._off else None
        home, before = self._home(customer), self._before[customer]
        if home == self._me:
            return before if self._may_be_on_the_way(customer, forwarded_by) else None
        return home if before == self._me else before

    def _take_in(self, sent: SentParcel) -> tuple[str, LinkBatch]:
        stored = self._stored._replace(transfers=self._stored.transfers + 1)
        if "numbers" not in self._off:
            if sent.number <= stored.taken[sent.sender]:
                return f"passes a repeated {sent.parcel.name} over", self._batch(stored)
            stored = stored._replace(taken=(*stored.taken[: sent.sender], sent.number, *stored.taken[sent.sender + 1 :]))
        if sent.adopted and "tells_layout" not in self._off:
            stored = stored._replace(adopted=True)
            self._adopted = True
        self._sender = sent.sender
        name = f"takes in {sent.parcel.name}"
        return name, self._heard(sent, stored) if sent.parcel.word else self._deal_with(sent.parcel, stored)

    def _heard(self, sent: SentParcel, stored: LinkStored) -> LinkBatch:
        """What another place says of the layout."""
        word, customer, person = sent.parcel.word, sent.parcel.target, sent.parcel.person
        if word == "probe":
            return self._probed(customer, stored)
        if word == "claim":
            return self._told(customer, stored, is_asked=True)
        if word == "finished":
            return self._batch(stored._replace(ended=stored.ended | {sent.sender}))
        self._remember(cleared=customer)
        if word == "moves" and person is not None:
            stored = stored.without_addresses(person)
            return self._batch(stored.holding(person, person))
        is_known = customer in self._away or any(customer in each.ids for each in stored.here)
        if word == "through me" and not is_known:
            stored = stored._replace(away=tuple(sorted({**self._away, customer: sent.sender}.items())))
        return self._batch(stored)

    def _deal_with(self, parcel: Parcel, stored: LinkStored) -> LinkBatch:
        """What is for `target`: here, or passed on to where it went, or to its home."""
        target = parcel.target
        here = next((person for person in stored.here if target in person.ids), None)
        if here is None:
            to = self._elsewhere(target, self._sender)
            if to is not None:
                return self._passed_on(parcel, to, stored)
            if self._sender == self._before[target]:
                # It would have told before who that is.
                self._remember(cleared=target)
            here = JoinedIds(frozenset([target]))
        if parcel.person is not None:
            stored, sends = self._going_round(parcel.person, stored)
            return self._met(here, parcel.person, parcel.link, stored, sends)
        if parcel.seen is not None and (way := round_of(stored, target)) is not None and way.back_from != self._sender:
            return self._batch(with_round(stored, way._replace(is_used=True)), ((way.to, parcel._replace(hops=parcel.hops + 1)),))
        if parcel.seen is not None:
            judged = here._replace(judged=(*here.judged, parcel.seen))
            return self._batch(stored.holding(here, judged), published=(parcel.seen,))
        assert parcel.link is not None
        return self._asked(here, parcel, parcel.link, stored)

    def _passed_on(self, parcel: Parcel, to: int, stored: LinkStored) -> LinkBatch:
        if parcel.person is not None:
            there, sends = self._going_round(parcel.person, stored)
            if sends and "stays" not in self._off:
                # It stays until nothing is on its way round, and so does the question whom it meets.
                way = there.rounds[-1]
                asks = (way.to, Parcel(way.customer, link=parcel.link, other=parcel.target))
                return self._batch(there.without_addresses(parcel.person).holding(parcel.person, parcel.person), (*sends, asks))
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
            return self._batch(stored.holding(here, here._replace(links=here.links | {link})))
        if parcel.other_is_known and self._is_known(here):
            return self._batch(stored, refused=(link,))
        moves = other < here.least if "to_the_lesser" not in self._off else here.least != link.kept
        return self._move(here, other, link, stored) if moves else self._ask(here, other, link, stored)

    def _ask(self, here: JoinedIds, whom: str, link: IdLinkRecord, stored: LinkStored) -> LinkBatch:
        """Ask the person with the id `whom` to meet the one who is here."""
        if whom in here.ids:
            return self._batch(stored.holding(here, here._replace(links=here.links | {link})))
        question = Parcel(whom, link=link, other=here.least, other_is_known=self._is_known(here))
        neighbour = next((person for person in stored.here if whom in person.ids), None)
        to = self._elsewhere(whom)
        if neighbour is not None or to is None:
            return self._asked(neighbour or JoinedIds(frozenset([whom])), question, link, stored)
        return self._batch(stored, ((to, question),))

    def _move(self, here: JoinedIds, to: str, link: IdLinkRecord, stored: LinkStored) -> LinkBatch:
        """Move to the person with the id `to`; if that one is here, meet at once."""
        without = stored._replace(here=tuple(person for person in stored.here if person != here))
        neighbour = next((person for person in without.here if to in person.ids), None)
        place = self._elsewhere(to)
        if neighbour is not None or place is None:
            return self._met(neighbour or JoinedIds(frozenset([to])), here, link, without)
        way = round_of_person(stored, here)
        if way is not None and "stays" not in self._off:
            return self._batch(stored, ((way.to, Parcel(way.customer, link=link, other=to)),))
        without = without._replace(rounds=tuple(way for way in stored.rounds if way.customer not in here.ids))
        return self._batch(self._with_addresses(without, here, place), ((place, Parcel(to, link=link, person=here)),))

    def _met(self, here: JoinedIds, comes: JoinedIds, link: IdLinkRecord | None, stored: LinkStored, sends: Sends = ()) -> LinkBatch:
        """Somebody arrives where the other one lives."""
        assert link is not None
        stored = stored.without_addresses(comes)
        if "looks_again" not in self._off and self._is_known(here) and self._is_known(comes):
            # They stay two people, neighbours from now on.
            return self._batch(stored.holding(comes, comes), sends, refused=(link,))
        if "unites" in self._off:
            return self._batch(stored.holding(here, comes._replace(ids=here.ids | comes.ids)), sends)
        united = JoinedIds(here.ids | comes.ids, here.links | comes.links | {link}, here.judged + comes.judged)
        return self._batch(stored.holding(here, united), sends)

    def _going_round(self, person: JoinedIds, stored: LinkStored) -> tuple[LinkStored, Sends]:
        """Somebody arrives: what this place has sent on for its ids is still on its way, and a probe follows it."""
        assert self._sender is not None
        if "goes_round" in self._off:
            return stored, ()
        ids = [each for each in sorted(person.ids) if each in self._away or (self._adopted and self._home(each) != self._me)]
        sent_to = {customer: to for customer in ids if (to := self._elsewhere(customer, self._sender)) is not None}
        return going_round(stored, sent_to, self._sender)

    def _probed(self, customer: str, stored: LinkStored) -> LinkBatch:
        """A probe has come back, or has to go on."""
        way = round_of(stored, customer)
        if way is None:
            to = self._elsewhere(customer, self._sender)
            return self._batch(stored, () if to is None else ((to, Parcel(customer, word="probe")),))
        return self._batch(*probe_is_back(stored, way, asks_again="asks_again" not in self._off))

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
            numbered.append((to, SentParcel(self._me, sent[to], parcel, stored.adopted)))
        return LinkBatch(stored._replace(sent=tuple(sent)), tuple(numbered), published, refused, self._memory)
