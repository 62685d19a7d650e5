"""Scenarios of links, from the smallest that shows anything to those that take minutes."""

from collections.abc import Mapping
from typing import Final

from tests.model.linking import IdLinkRecord, LinkScenario, TouchRecord

BOTH: Final = frozenset({0, 1})


def _records(text: str) -> tuple[IdLinkRecord | TouchRecord, ...]:
    """Such as `a1 a=b`: a touchpoint, and a link from a to b."""
    return tuple(IdLinkRecord(word[0], word[2]) if word[1] == "=" else TouchRecord(word[0], int(word[1:])) for word in text.split())


def _scenario(
    records: list[str], homes: str, *, known: str = "", crashes: int = 1, repeats: int = 1, after: str = "", old: frozenset[int] = BOTH
) -> LinkScenario:
    """`homes`: the ids at home at each place, such as `ac b`; `after`: those after a change of the layout, `-` for nobody."""
    texts = tuple(_records(text) for text in records)
    return LinkScenario(texts, _by_id(homes), frozenset(known), crashes, repeats, after=_by_id(after), old=old)


def _by_id(homes: str) -> tuple[tuple[str, int], ...]:
    return tuple((customer, place) for place, customers in enumerate(homes.split()) for customer in customers if customer != "-")


SMALL_LINKS: Final[Mapping[str, LinkScenario]] = {
    "the greater moves": _scenario(["a1 a2", "b1 b=a b2"], "a b"),
    "the other moves": _scenario(["a1 a=b a2", "b1 b2"], "a b"),
    "a circle": _scenario(["a1 a=b", "b=c b1", "c=a c1"], "a b c", crashes=0, repeats=0),
    "two known": _scenario(["a1 a=c", "b1 b=a", "c1"], "a b c", known="bc", crashes=0, repeats=0),
    "neighbours": _scenario(["a1 c1 c=a c2", "b1 b=c"], "ac b", crashes=0),
}
"""Each is searched within seconds."""
COMING_BACK: Final[Mapping[str, LinkScenario]] = {
    "back": _scenario(["c=a c1 c2", "b=c"], "ac b", crashes=0, repeats=0),
    "back, with a crash": _scenario(["c=a c1 c2", "b=c"], "ac b"),
    "both ids back": _scenario(["d=c c=a c1 d1 c2", "b=c"], "acd b", crashes=0, repeats=0),
    "a chain": _scenario(["d=c d1 d2", "c=b", "b=a"], "ad c b", crashes=0, repeats=0),
    "passing": _scenario(["d=c b=a d1 d2", "c=b", ""], "bd c a", crashes=0, repeats=0),
}
"""People come back to places that they left, or pass through one, while touchpoints are on their way round. Each is searched within seconds."""
LAYOUT_LINKS: Final[Mapping[str, LinkScenario]] = {
    "the greater one moves": _scenario(["", "b=a b1 b2"], "a b", after="b a", crashes=0, repeats=0),
    "the lesser one moves": _scenario(["a=b b1 b2", ""], "a b", after="b a", repeats=0),
    "both to one place": _scenario(["a1", "c=a c1 c2"], "a c", after="- ac", crashes=0, repeats=0),
    "a partition of neither layout": _scenario(["c=a", "c1 c2"], "c a", after="c a", crashes=0, repeats=0),
}
"""The layout changes while links are followed. Each is searched within seconds."""
LARGE_LINKS: Final[Mapping[str, LinkScenario]] = {
    "one more place": _scenario(["a1", "b=a", "b2 b3"], "a b", after="a - b", crashes=0, repeats=0),
    "one more place, and the lesser one moves": _scenario(["a1", "b=a", "a2 a3"], "a b", after="- b a", crashes=0, repeats=0),
    "both move": _scenario(["a1 a=b", "", "a2 a3"], "a b", after="- - ab", crashes=0, repeats=0),
    "they change places": _scenario(["a1 a=b b2", "a2"], "a b", after="b a", crashes=0, repeats=0),
    "a circle with a crash": _scenario(["a1 a=b", "b=c b1", "c=a c1"], "a b c"),
    "the greater one moves, and the other was there": _scenario(["a1", "b=a b1 b2"], "a b", after="b a", crashes=0, repeats=0),
    "back by two ways": _scenario(["d=c e=b d1 e1 d2", "c=b", "b=a"], "ade c b", crashes=0, repeats=0),
    "back by a chain, with a crash": _scenario(["d=c d1 d2", "c=b", "b=a"], "ad c b"),
    "passing, with a crash": _scenario(["d=c b=a d1 d2", "c=b", ""], "bd c a"),
    "back, and three touchpoints": _scenario(["c=a c1 c2 c3", "b=c"], "ac b"),
    "a star": _scenario(["a1", "b=a b1", "c=a c1", "d=c d1"], "a b c d", crashes=0, repeats=0),
    "two known, and a third between": _scenario(["a1 a=c", "b1 b=c", "c1 c2"], "a b c", known="ab"),
}
"""These take minutes: `make model`."""
