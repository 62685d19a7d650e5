"""What is known about a customer: of each trait when it was told and its value, side by side, in the order of names.

Customers have few traits, and most have the same ones. So the names are kept once for all who have them, and a customer keeps no more
than one object beside the values themselves.
"""

from typing import Any, Final

from mypy_extensions import mypyc_attr

Told = tuple[Any, ...]
"""The time at which a trait was told (microseconds since 1970) and its value, trait by trait."""
Places = dict[str, int]
"""Where in that the time of each trait is; its value comes after it. Shared, never changed."""

NOTHING_TOLD: Final[Told] = ()
_MOST_SHARED: Final = 1_000
"""Sets of names that are shared. Beyond that, each customer has its own."""
_SHARED: Final[dict[tuple[str, ...], Places]] = {}


def places_of(names: tuple[str, ...]) -> Places:
    """The places of traits with these names, which are sorted."""
    places = _SHARED.get(names)
    if places is None:
        places = {name: 2 * number for number, name in enumerate(names)}
        if len(_SHARED) < _MOST_SHARED:
            _SHARED[names] = places
    return places


NO_PLACES: Final = places_of(())


def told_again(told: Told, place: int, when: Any, value: Any) -> Told:
    """The same, with another time and value of the trait at `place`."""
    parts = list(told)
    parts[place] = when
    parts[place + 1] = value
    return tuple(parts)


@mypyc_attr(acyclic=True, allow_interpreted_subclasses=False)
class KnownByTraits:
    """Whoever has traits."""

    __slots__ = ("told", "trait_places")

    def __init__(self, traits: dict[str, list[Any]] | None) -> None:
        self.told: Told = NOTHING_TOLD
        self.trait_places: Places = NO_PLACES
        if traits:
            self.traits = traits

    @property
    def traits(self) -> dict[str, list[Any]]:
        """[occurred_at, value] by trait name."""
        return {name: [self.told[place], self.told[place + 1]] for name, place in self.trait_places.items()}

    @traits.setter
    def traits(self, traits: dict[str, list[Any]]) -> None:
        names = sorted(traits)
        self.told, self.trait_places = tuple([part for name in names for part in traits[name]]), places_of(tuple(names))

    def trait(self, name: str, missing: Any) -> Any:
        """The trait's value, or `missing`."""
        place = self.trait_places.get(name)
        return missing if place is None else self.told[place + 1]

    def trait_told_at(self, name: str) -> int | None:
        """When the trait was told; none if it was not."""
        place = self.trait_places.get(name)
        return None if place is None else self.told[place]

    def tell(self, name: str, when: Any, value: Any) -> None:
        """Let a trait have that value."""
        place = self.trait_places.get(name)
        if place is None:
            self.traits = {**self.traits, name: [when, value]}
        else:
            self.told = told_again(self.told, place, when, value)
