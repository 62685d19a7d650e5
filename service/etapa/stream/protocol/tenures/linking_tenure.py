"""A tenure in which links join customers, wherever they live: the steps of docs/moving-customers.md, *Two ids, one person*.

Each link is a batch of its own, like what comes by `transfers`.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from etapa.contracts.incoming.link import CROWD, CYCLE, TWO_KNOWN
from etapa.contracts.incoming.rejected import Reason, Rejected, rejected
from etapa.contracts.stored.denial_transfer import denials_of
from etapa.contracts.stored.forwarding import NO_STAGE, ForwardingAddress
from etapa.contracts.stored.linked_ids import decode_linked_ids, encode_linked_ids
from etapa.contracts.stored.state import decode_sequence, decode_state, encode_state
from etapa.contracts.stored.transfer import ANNOUNCER, LayoutAnnounced, LinkAsked, PersonMoved, Transfer, WayProbed
from etapa.journey.engine.facts.touchpoint import SAME_AS, Touchpoint
from etapa.journey.engine.judging.classify import carry_over
from etapa.journey.engine.judging.outcomes import EvaluationFailed, Happened
from etapa.journey.identity.links import IdLink, Refusal
from etapa.journey.identity.people import JudgedLink, LinkedIds, alone, judge_link
from etapa.journey.identity.unite import Meeting, Published, is_known, standing_of, unite
from etapa.journey.language.model import LINK
from etapa.stream.protocol.batch import Encoded, dead_letters
from etapa.stream.protocol.forwarded_items import record_in, sent_along
from etapa.stream.protocol.intake import Accounted
from etapa.stream.protocol.moved_in_batch import MovedInBatch
from etapa.stream.protocol.observer import LinkOutcome, LinksCounted
from etapa.stream.protocol.ports import Transfers
from etapa.stream.protocol.records import Outgoing
from etapa.stream.protocol.takeover import TakenOver
from etapa.stream.protocol.task_context import TaskContext
from etapa.stream.protocol.tenures.returning_tenure import ReturningTenure
from etapa.stream.protocol.waiting import Item

_REFUSALS: Final[Mapping[str, LinkOutcome]] = {
    "two_known": "two_known",
    "link_cycle": "link_cycle",
    "not_linked": "not_linked",
    "evaluation_failed": "evaluation_failed",
}


class LinkingTenure(ReturningTenure):
    """A tenure that follows links."""

    def __init__(self, around: TaskContext, taken: TakenOver, transfers: Transfers) -> None:
        super().__init__(around, taken, transfers)
        identity = around.program.journey.identity
        self._merges_known = identity is not None and identity.merge_known
        self._refused: list[Outgoing] = []
        """Dead letters of links that came from other places."""
        self._links_done = 0
        self._outcomes: Counter[LinkOutcome] = Counter()
        """Of links decided in this batch."""
        self._told: Counter[Reason] = Counter()
        """Why links that came from other places were refused."""

    # --- touchpoints ---

    async def _process_alone(self, item: Item) -> bool:
        if not isinstance(item, Touchpoint) or item.type != LINK:
            return await super()._process_alone(item)
        if await self._may_be_on_the_way(item.customer_id):
            return False
        await self._settle()
        record = self._waiting.records[0]
        read = sent_along(record, self._origin(0), is_needed=False)
        who = item.customer_id
        asked = LinkAsked(target=who, at=item.at, moved=who, kept=item.properties[SAME_AS], identity=item.id, record=read)
        refused = await self._follow(asked)
        self._links_done = refused is None
        self._count_refused(refused)
        await self._commit(1, [] if refused is None else [(record, refused)])
        self._links_done = 0
        await self._settle_moves()
        return True

    # --- transfers ---

    async def _act_on_one(self, transfer: Transfer) -> None:
        sent = transfer.sent
        if isinstance(sent, LinkAsked | PersonMoved | WayProbed) and sent.layout is not None:
            self._adopt(LayoutAnnounced(sent.layout))
        if isinstance(sent, LinkAsked):
            self._tell(sent, await self._follow(sent, transfer.sender))
        elif isinstance(sent, PersonMoved):
            self._tell(sent.link, await self._welcome(sent, transfer.sender))
        elif isinstance(sent, WayProbed):
            await self._pass_on(sent, transfer.sender)
        else:
            await super()._act_on_one(transfer)

    def _count_refused(self, refused: Rejected | None) -> None:
        if refused is not None and refused.reason in _REFUSALS:
            self._outcomes[_REFUSALS[refused.reason]] += 1

    def _tell(self, asked: LinkAsked, refused: Rejected | None) -> None:
        self._count_refused(refused)
        if refused is not None:
            self._told[refused.reason] += 1
            read = asked.record
            self._refused += dead_letters([(record_in(read), refused)], self._around.options.topic, read.partition)

    async def _follow(self, asked: LinkAsked, sender: int = ANNOUNCER) -> Rejected | None:
        """Take a link as far as it gets here. `sender`: the place that it came from."""
        while True:
            here = await self._whose(asked.target, sender)
            sender = ANNOUNCER
            if isinstance(here, int):
                self._send_to_target(here, asked)
                return None
            if self._is_forgotten(here, asked.at):
                self._outcomes["forgotten"] += 1
                return None
            if asked.other in here.ids:
                return await self._joined(asked, here)
            whom = asked.kept
            if asked.other:
                if asked.other_is_known and self._is_known(here):
                    return TWO_KNOWN
                if asked.other < here.least:
                    return await self._move(here, asked)
                whom = asked.other
            if whom in here.ids:
                return await self._joined(asked, here)
            asked = msgspec.structs.replace(asked, target=whom, other=here.least, other_is_known=self._is_known(here))

    def _send_to_target(self, to: int, sent: LinkAsked | PersonMoved) -> None:
        """Send a link, or a person, to where its target may live. If the target was forgotten here, the other place hears of that before."""
        self._moves.send_all(to, denials_of(self._deny_list, sent.target))
        self._moves.send(to, msgspec.structs.replace(sent, layout=self._moves.layout))

    async def _whose(self, customer_id: str, sender: int = ANNOUNCER) -> LinkedIds | int:
        """Who has this id, with its state in memory; or the place where to ask. `sender`: the place that asks for it here."""
        person = await self._person(customer_id)
        if person is not None:
            await self._into_memory(person.kept)
            return person
        if not self._engine.knows(customer_id):
            left = self._left.get(customer_id)
            to = self._place_of(customer_id, sender) if left is None else left.place
            if to != self._around.partition:
                return to
        return alone(customer_id)

    def _is_known(self, person: LinkedIds) -> bool:
        return not self._merges_known and is_known(self._around.program, self._engine.customer(person.kept))

    async def _move(self, here: LinkedIds, asked: LinkAsked) -> Rejected | None:
        """Somebody here moves to whoever has the id `other`."""
        there = await self._whose(asked.other)
        if not isinstance(there, int):
            return await self._meet(there, here, asked)
        if self._ask_later(asked, here):
            return None
        customer = self._engine.leave(here.kept) if self._engine.knows(here.kept) else None
        for customer_id in here.ids:
            sequence = customer.sequence if customer is not None and customer_id == here.kept else here.sequence_of(customer_id)
            self._left[customer_id] = ForwardingAddress(there, sequence)
        if customer is not None:
            self._stages.append((customer.stage, NO_STAGE))
        self._people.leave(here)
        state = None if customer is None else encode_state(customer)
        ids, time = encode_linked_ids(here), self._engine.stream_time
        self._send_to_target(there, PersonMoved(target=asked.other, linked_ids=ids, state=state, stream_time=time, link=asked))
        return None

    async def _welcome(self, moved: PersonMoved, sender: int) -> Rejected | None:
        """Somebody arrives, and meets whoever has the id `target`; or goes on to where that one is."""
        there = await self._whose(moved.target, sender)
        comes = decode_linked_ids(moved.linked_ids)
        sent_on = await self._sent_on(comes)
        if isinstance(there, int) and not sent_on:
            for customer_id in comes.ids:
                is_kept = customer_id == comes.kept and moved.state is not None
                sequence = decode_sequence(moved.state or b"") if is_kept else comes.sequence_of(customer_id)
                self._left[customer_id] = ForwardingAddress(there, sequence)
            self._send_to_target(there, moved)
            return None
        for customer_id in comes.ids:
            self._left.pop(customer_id, None)
        if moved.state is not None:
            customer = decode_state(moved.state, comes.kept)
            self._engine.arrive(customer)
            self._stages.append((NO_STAGE, customer.stage))
            if self._engine.stream_time is None:
                self._engine.stream_time = moved.stream_time
            await self._reclassifier.judge_who_came(self._engine, customer.id, self._around.clock.monotonic())
        self._settle_person(comes)
        for customer_id, to in sent_on.items():
            self._probe(customer_id, to, sender)
        if isinstance(there, int):
            # Only passing through, but then what comes next would overtake what was sent on before.
            self._ask_later(moved.link, comes)
            return None
        return await self._meet(there, comes, moved.link)

    async def _pass_on(self, probe: WayProbed, sender: int) -> None:
        """A probe is back, or goes on to where touchpoints of its id go."""
        if probe.origin == self._around.partition:
            self._is_back(probe)
            return
        there = await self._whose(probe.customer_id, sender)
        if isinstance(there, int) or not self._is_forgotten(there, 0):
            to = there if isinstance(there, int) else probe.origin
            self._moves.send(to, msgspec.structs.replace(probe, layout=self._moves.layout))

    # --- two who meet ---

    async def _meet(self, there: LinkedIds, comes: LinkedIds, asked: LinkAsked) -> Rejected | None:
        """Two people who are here become one, unless both are known, or one is nobody any more."""
        if self._is_forgotten(there, asked.at) or self._is_forgotten(comes, asked.at):
            self._outcomes["forgotten"] += 1
            return None
        if self._is_known(there) and self._is_known(comes):
            return TWO_KNOWN
        return await self._joined(asked, there, comes)

    async def _joined(self, asked: LinkAsked, *people: LinkedIds) -> Rejected | None:
        judged = judge_link(IdLink(asked.at, asked.moved, asked.kept), *people)
        if judged is None:
            self._outcomes["repeated"] += 1
            return None
        if isinstance(judged, Refusal):
            return CYCLE if judged is Refusal.CYCLE else CROWD
        left = {customer_id: published for person in people for customer_id, published in person.left.items()}
        if judged.gone != judged.kept:
            try:
                await self._unite(judged, asked.identity, left)
            except EvaluationFailed as failure:
                return rejected("evaluation_failed", str(failure))
        for person in people:
            self._people.leave(person)
        self._left.pop(judged.kept, None)
        are_right = [customer_id for person in people if person.kept == judged.kept for customer_id in person.ids]
        self._settle_person(msgspec.structs.replace(judged.person, left=left), are_right)
        self._outcomes["joined"] += 1
        return None

    async def _unite(self, judged: JudgedLink, link_id: str, left: dict[str, Published]) -> None:
        """Make one customer of two, and note in `left` what was published last under the id that is gone. Raises `EvaluationFailed`."""
        engine, program = self._engine, self._around.program
        for customer_id in (judged.gone, judged.kept):
            await self._into_memory(customer_id)
            await self._carry_over(customer_id)
        moved, kept = engine.customer(judged.gone), engine.customer(judged.kept)
        if moved is None:
            return
        before = {each.id: encode_state(each) for each in (moved, kept) if each is not None}
        was, standing = standing_of(moved), left.get(judged.kept) if kept is None else standing_of(kept)
        stage = moved.stage
        for customer_id in before:
            engine.leave(customer_id)
        happened = Happened()
        try:
            united = unite(program, Meeting(judged.kept, kept, moved, standing, link_id, None), happened)
        except EvaluationFailed:
            for customer_id, state in before.items():
                engine.arrive(decode_state(state, customer_id))
            raise
        engine.arrive(united)
        self._note_union(happened)
        self._stages.append((stage, NO_STAGE))
        if kept is None and standing is not None:
            self._stages.append((NO_STAGE, standing.stage))
        left.pop(judged.kept, None)
        if was is not None:
            left[judged.gone] = was

    def _note_union(self, happened: Happened) -> None:
        """Have the batch publish and count what followed from a union."""
        self._engine.note(happened)

    async def _carry_over(self, customer_id: str) -> None:
        """Have a customer of another version of the journey be of ours. Raises `EvaluationFailed`."""
        engine, program = self._engine, self._around.program
        while engine.reclassify(customer_id, publish=True) is None:
            await self._pause()
        customer = engine.customer(customer_id)
        if customer is not None and (customer.version != program.version or customer.stage not in program.stages):
            happened = Happened()
            happened.changes += carry_over(program, customer)
            engine.note(happened)

    # --- the batch ---

    def _letters(self, accounted: Accounted) -> list[Outgoing]:
        refused, self._refused = self._refused, []
        return [*super()._letters(accounted), *refused]

    def _moved(self, count: int, encoded: Encoded) -> MovedInBatch:
        moved = super()._moved(count, encoded)
        links = LinksCounted(self._outcomes, self._told) if self._outcomes else None
        self._outcomes, self._told = Counter(), Counter()
        return moved._replace(forwarded=moved.forwarded + self._links_done, links=links)
