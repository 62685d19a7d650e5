"""People with several ids who live at a place, and what a link makes of two of them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from etapa.journey.identity.links import IdLink, Joining, Links, Person, Refusal
from etapa.journey.identity.unite import Published

FORMAT: Final = 1


class LinkedIds(msgspec.Struct, array_like=True, frozen=True, tag=FORMAT):
    """A person's ids, the links that hold them together, and the id under which it is kept."""

    ids: tuple[str, ...]
    tree: tuple[IdLink, ...]
    kept: str
    left: Mapping[str, Published] = {}
    """What was published last under ids that are no longer used."""

    def sequence_of(self, customer_id: str) -> int:
        """The number of the last change published under an id that is no longer used; 0 if none was."""
        published = self.left.get(customer_id)
        return 0 if published is None else published.sequence

    @property
    def least(self) -> str:
        """The id by which two people compare: whoever has the greater one moves."""
        return min(self.ids)


def alone(customer_id: str) -> LinkedIds:
    """A person with one id."""
    return LinkedIds((customer_id,), (), customer_id)


class JudgedLink(NamedTuple):
    """What a link does: the two ids under which people were kept, which are one from now on, and that person."""

    gone: str
    kept: str
    person: LinkedIds
    """Without what was published under the ids that are no longer used."""


class People:
    """In memory they are by each of their ids. Their number is that of the linked people of a partition."""

    def __init__(self) -> None:
        self._by_id: dict[str, LinkedIds] = {}
        self._changed: dict[str, LinkedIds | None] = {}

    def of(self, customer_id: str) -> LinkedIds | None:
        """Who has this id; none: nobody here who has several."""
        return self._by_id.get(customer_id)

    def learn(self, person: LinkedIds) -> None:
        """Somebody is stored here."""
        self._by_id.update(dict.fromkeys(person.ids, person))

    def settle(self, person: LinkedIds, *, is_at_home: bool) -> None:
        """Somebody lives here from the next batch on. Who has one id needs no entry at home: nobody who is asked there sends on."""
        if len(person.ids) > 1 or not is_at_home:
            self.learn(person)
            self._changed[person.least] = person

    def leave(self, person: LinkedIds) -> None:
        """Somebody no longer lives here, or no longer as that."""
        if person.kept in self._by_id:
            self._changed[person.least] = None
        for customer_id in person.ids:
            self._by_id.pop(customer_id, None)

    def take_changed(self) -> Mapping[str, LinkedIds | None]:
        """What the next batch stores, by least id; none: nobody any more."""
        changed, self._changed = self._changed, {}
        return changed


def judge_link(link: IdLink, *people: LinkedIds) -> JudgedLink | Refusal | None:
    """What a link between ids of these people does, one or two of them. None: nothing that anybody could see."""
    links = Links()
    for each in people:
        links.take(Joining(each.kept, each.kept, are_two=False, person=Person(each.ids, list(each.tree), each.kept)))
    joining = links.judge(link)
    if joining is None or isinstance(joining, Refusal):
        return joining
    person = joining.person
    return JudgedLink(joining.gone, joining.kept, LinkedIds(tuple(person.ids), tuple(person.tree), person.kept))
