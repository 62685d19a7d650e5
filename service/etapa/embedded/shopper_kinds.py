"""Eight kinds of shoppers, each with its habits, told as stories: what a shopper does next, and how long that takes.

A story is a generator of steps. It ends when the shopper is lost for good. It knows neither the date nor the other
shoppers, and all randomness comes from the `Random` that it is given.
"""

from collections.abc import Callable
from random import Random

from etapa.embedded.habits import CATALOGUE, CONSUMABLES, SMALL_THINGS, Habits
from etapa.embedded.stories import Character, Story
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND


def impulse_buyer(habits: Habits) -> Story:
    """From the ad to the sale in minutes, and again on a whim."""
    yield habits.sees_an_ad(0)
    while True:
        product = habits.random.choice(SMALL_THINGS)
        yield from habits.orders(habits.between(30 * SECOND, 4 * MINUTE), product)
        if habits.happens(0.12):
            yield habits.asks_for_help(habits.between(1 * HOUR, 4 * DAY))
        if habits.happens(0.35):
            return
        yield habits.sees_an_ad(habits.between(12 * DAY, 75 * DAY))


def researcher(habits: Habits) -> Story:
    """Weeks of reading and comparing before one large sale; many never buy at all."""
    yield habits.reads(0)
    for _ in habits.steps(1, 3):
        yield habits.reads(habits.between(4 * HOUR, 9 * DAY))
    for _ in habits.steps(2, 5):
        yield habits.views(habits.between(10 * MINUTE, 8 * DAY))
        yield habits.weighs(habits.between(1 * MINUTE, 2 * DAY))
        if habits.happens(0.3):
            yield habits.gets_a_message(habits.between(1 * DAY, 6 * DAY))
    if habits.happens(0.35):
        return
    if habits.happens(0.4):
        yield habits.visits_the_store(habits.between(2 * DAY, 20 * DAY))
        yield habits.buys(habits.between(20 * MINUTE, 1 * HOUR), habits.favourite, "store")
    else:
        yield from habits.orders(habits.between(1 * DAY, 20 * DAY), habits.favourite)
    if habits.happens(0.5):
        yield habits.asks_for_help(habits.between(1 * DAY, 12 * DAY))
        yield habits.is_helped(habits.between(1 * HOUR, 2 * DAY))
    if habits.happens(0.5):
        yield habits.writes_a_review(habits.between(10 * DAY, 40 * DAY), habits.random.choice((4, 5, 5)))


def loyal_regular(habits: Habits) -> Story:
    """Back every few weeks, at the counter as often as online, for years."""
    yield habits.visits_the_store(0) if habits.happens(0.4) else habits.sees_an_ad(0)
    yield habits.views(habits.between(1 * HOUR, 4 * DAY))
    for _ in range(2):
        yield from _next_sale(habits)
    if habits.happens(0.7):
        yield habits.joins_the_programme(habits.between(1 * MINUTE, 2 * DAY))
    yield from _sales_for_years(habits)


def _sales_for_years(habits: Habits) -> Story:
    while True:
        yield from _next_sale(habits)
        if habits.happens(0.03):
            yield habits.refers_a_friend(habits.between(1 * DAY, 9 * DAY))


def _next_sale(habits: Habits) -> Story:
    product = habits.random.choice(CONSUMABLES)
    if habits.happens(0.5):
        yield habits.buys(habits.between(9 * DAY, 32 * DAY), product, "store")
    else:
        if habits.happens(0.4):
            yield habits.gets_a_message(habits.between(7 * DAY, 20 * DAY))
        yield from habits.orders(habits.between(2 * DAY, 20 * DAY), product)
    if habits.happens(0.08):
        yield habits.asks_for_help(habits.between(1 * HOUR, 3 * DAY))
        if habits.happens(0.4):
            yield habits.complains(habits.between(1 * HOUR, 2 * DAY))
        yield habits.is_helped(habits.between(1 * HOUR, 1 * DAY))


def lapsing(habits: Habits) -> Story:
    """Two or three good months, then silence; some come back when they are called."""
    yield habits.sees_an_ad(0)
    while True:
        for _ in habits.steps(3, 5):
            yield from habits.orders(habits.between(6 * DAY, 22 * DAY), habits.random.choice(CONSUMABLES))
        yield habits.joins_the_programme(habits.between(1 * MINUTE, 3 * DAY))
        yield habits.gets_a_message(habits.between(20 * DAY, 40 * DAY))
        if habits.happens(0.6):
            return
        yield habits.gets_a_message(habits.between(120 * DAY, 260 * DAY))
        yield habits.views(habits.between(1 * MINUTE, 2 * DAY))


def one_time_buyer(habits: Habits) -> Story:
    """A present, a single sale, and never seen again."""
    yield habits.searches(0)
    yield habits.views(habits.between(10 * SECOND, 3 * MINUTE))
    if habits.happens(0.6):
        yield habits.views(habits.between(1 * HOUR, 3 * DAY), habits.random.choice(CATALOGUE))
    yield from habits.orders(habits.between(10 * MINUTE, 6 * DAY), habits.favourite)


def complainer(habits: Habits) -> Story:
    """Buys, and is not content: help, complaints, bad reviews. Some are won back."""
    yield habits.sees_an_ad(0)
    while True:
        yield from habits.orders(habits.between(5 * MINUTE, 12 * DAY), habits.random.choice(CATALOGUE))
        yield habits.asks_for_help(habits.between(2 * HOUR, 6 * DAY))
        yield habits.complains(habits.between(1 * HOUR, 5 * DAY))
        if habits.happens(0.4):
            yield habits.writes_a_review(habits.between(1 * HOUR, 4 * DAY), habits.random.choice((1, 1, 2)))
        if habits.happens(0.55):
            return
        yield habits.is_helped(habits.between(4 * HOUR, 3 * DAY))
        yield habits.gets_a_message(habits.between(20 * DAY, 60 * DAY))


def advocate(habits: Habits) -> Story:
    """Delighted from the start: buys, joins, praises, and brings friends. The praise ends one day; the habit stays."""
    yield habits.reads(0)
    yield habits.views(habits.between(1 * MINUTE, 2 * DAY))
    yield from habits.orders(habits.between(1 * HOUR, 4 * DAY), habits.favourite)
    yield habits.joins_the_programme(habits.between(1 * HOUR, 5 * DAY))
    while True:
        for _ in habits.steps(1, 2):
            yield from habits.orders(habits.between(8 * DAY, 35 * DAY), habits.random.choice(CATALOGUE))
        yield habits.writes_a_review(habits.between(2 * DAY, 12 * DAY), habits.random.choice((4, 5, 5, 5)))
        for _ in habits.steps(1, 2):
            yield habits.refers_a_friend(habits.between(3 * DAY, 25 * DAY))
        if habits.happens(0.4):
            break
    yield from _sales_for_years(habits)


def window_shopper(habits: Habits) -> Story:
    """Ads, searches, a stroll through the store, a cart that is left behind. Buying is for another day."""
    yield habits.sees_an_ad(0)
    while True:
        for _ in habits.steps(1, 3):
            look = habits.random.choice((habits.searches, habits.visits_the_store, habits.sees_an_ad, habits.views))
            yield look(habits.between(2 * HOUR, 12 * DAY))
        if habits.happens(0.4):
            yield habits.adds_to_cart(habits.between(1 * MINUTE, 2 * DAY), habits.favourite)
            if habits.happens(0.5):
                yield habits.gets_a_message(habits.between(1 * DAY, 10 * DAY))
        if habits.happens(0.5):
            return


PERSONAS: dict[Callable[[Habits], Story], int] = {
    window_shopper: 16,
    impulse_buyer: 18,
    researcher: 17,
    one_time_buyer: 14,
    loyal_regular: 14,
    lapsing: 9,
    advocate: 7,
    complainer: 5,
}
"""How many of a hundred shoppers are of each kind."""

_TELLERS = list(PERSONAS)
_WEIGHTS = list(PERSONAS.values())


def any_shopper(random: Random) -> Character:
    """One of the eight kinds, by chance."""
    tell = random.choices(_TELLERS, _WEIGHTS)[0]
    habits = Habits(random)
    return Character({"persona": tell.__name__, "marketing_consent": random.random() < 0.7}, lambda: tell(habits))
