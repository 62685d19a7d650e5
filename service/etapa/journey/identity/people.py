"""People with several ids who live at a place, and what a link makes of two of them."""

from collections.abc import Iterable, Mapping
from itertools import islice
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
    """What is in memory of the people of a partition: those whom the next batch stores, and to whom ids lead that were met lately."""

    def __init__(self) -> None:
        self._changed: dict[str, LinkedIds | None] = {}
        self._kept: dict[str, str] = {}
        """By ids that are no longer used. Those noted first come first."""

    def __len__(self) -> int:
        """How many ids are in memory."""
        return len(self._kept)

    def is_changed(self, kept: str) -> bool:
        """Whether the next batch stores who is kept under this id, or that nobody is any more."""
        return kept in self._changed

    def changed(self, kept: str) -> LinkedIds | None:
        """Who is kept under this id from the next batch on; none: nobody, or whoever was before."""
        return self._changed.get(kept)

    def kept_of(self, customer_id: str) -> str | None:
        """The id under which the person is kept; none if that is not in memory, or this is the id."""
        return self._kept.get(customer_id)

    def note(self, customer_id: str, kept: str) -> None:
        """An id is found to lead to somebody here."""
        if customer_id not in self._changed:
            self._kept[customer_id] = kept

    def settle(self, person: LinkedIds) -> None:
        """Somebody lives here from the next batch on. Who has one id needs no entry."""
        if len(person.ids) > 1:
            self._changed[person.kept] = person
        self._kept.update(dict.fromkeys(person.ids, person.kept))
        self._kept.pop(person.kept)

    def leave(self, person: LinkedIds) -> None:
        """Somebody no longer lives here, or no longer as that."""
        if len(person.ids) > 1:
            self._changed[person.kept] = None
        self.forget(person.ids)

    def forget(self, customer_ids: Iterable[str]) -> None:
        """These ids lead to nobody here any more."""
        for customer_id in customer_ids:
            self._kept.pop(customer_id, None)

    def keep_at_most(self, most: int) -> None:
        """Between batches: drop what is found again where it is stored."""
        for customer_id in list(islice(self._kept, max(0, len(self._kept) - most))):
            del self._kept[customer_id]

    def take_changed(self) -> Mapping[str, LinkedIds | None]:
        """What the next batch stores, by the id that is kept; none: nobody any more."""
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
