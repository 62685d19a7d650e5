"""Eight kinds of shoppers, each with its habits, told as stories: what a shopper does next, and how long that takes.

A story is a generator of steps. It ends when the shopper is lost for good. It knows neither the date nor the other
shoppers, and all its chance comes from the `Random` that it is given.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

CURRENCY = "EUR"


class Product(NamedTuple):
    name: str
    category: str
    price: float


CATALOGUE = (
    Product("espresso machine", "coffee", 389.0),
    Product("coffee grinder", "coffee", 119.0),
    Product("moka pot", "coffee", 34.5),
    Product("beans 1 kg", "coffee", 21.9),
    Product("oolong 100 g", "tea", 14.2),
    Product("teapot", "tea", 42.0),
    Product("kettle", "tea", 64.9),
    Product("chef's knife", "kitchen", 89.0),
    Product("cast iron pan", "kitchen", 58.0),
    Product("stand mixer", "kitchen", 429.0),
    Product("apron", "kitchen", 24.0),
    Product("olive oil 3 l", "pantry", 31.0),
    Product("chocolate box", "pantry", 18.5),
    Product("gift card", "gifts", 50.0),
)
SMALL_THINGS = tuple(product for product in CATALOGUE if product.price < 50)
CONSUMABLES = tuple(product for product in CATALOGUE if product.name.startswith(("beans", "oolong", "olive", "chocolate")))


class StoryStep(NamedTuple):
    """One touchpoint of a story. `wait` is the time since the step before it, in seconds."""

    wait: float
    type: str
    channel: str
    properties: dict[str, Any]


Story = Iterator[StoryStep]


class Habits:
    """What the stories are made of: one shopper's taste, and small scenes that many stories share."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.favourite = random.choice(CATALOGUE)
        self.device = "app" if random.random() < 0.35 else "web"
        self.reached_by = random.choices(("email", "sms", "whatsapp"), (5, 2, 3))[0]

    def between(self, shortest: float, longest: float) -> float:
        """Some time between the two, in seconds; shorter ones more often."""
        return self.random.triangular(shortest, longest, shortest + (longest - shortest) / 4)

    def happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def steps(self, fewest: int, most: int) -> range:
        return range(self.random.randint(fewest, most))

    def sees_an_ad(self, wait: float) -> StoryStep:
        channel = self.random.choices(("social", "search", "print"), (6, 3, 1))[0]
        campaign = self.random.choice(("spring-roast", "slow-mornings", "new-kitchen", "gift-guide"))
        return StoryStep(wait, "ad_view" if self.happens(0.6) else "ad_click", channel, {"campaign": campaign})

    def reads(self, wait: float) -> StoryStep:
        topic = self.random.choice(("how to brew", "grinder guide", "gift ideas", "sharpening knives"))
        return StoryStep(wait, "content_view", self.random.choice(("web", "social", "email")), {"topic": topic})

    def views(self, wait: float, product: Product | None = None) -> StoryStep:
        product = product or self.favourite
        return StoryStep(wait, "product_view", self.device, {"product": product.name, "category": product.category, "price": product.price})

    def adds_to_cart(self, wait: float, product: Product) -> StoryStep:
        return StoryStep(wait, "add_to_cart", self.device, {"product": product.name, "amount": product.price, "currency": CURRENCY})

    def looks_into_the_cart(self, wait: float) -> StoryStep:
        return StoryStep(wait, "cart", self.device, {})

    def weighs(self, wait: float) -> StoryStep:
        """Compares, reads what others say, or keeps it for later."""
        kind = self.random.choice(("compare", "review_page", "review_page", "wishlist_add"))
        return StoryStep(wait, kind, self.device, {"product": self.favourite.name, "category": self.favourite.category})

    def searches(self, wait: float) -> StoryStep:
        return StoryStep(wait, "search", "search", {"query": self.favourite.name})

    def gets_a_message(self, wait: float) -> StoryStep:
        return StoryStep(wait, "message_open", self.reached_by, {"campaign": self.random.choice(("weekly", "back-in-stock", "your-cart"))})

    def visits_the_store(self, wait: float) -> StoryStep:
        return StoryStep(wait, "store_visit", "store", {"city": self.random.choice(("La Paz", "Cochabamba", "Santa Cruz"))})

    def buys(self, wait: float, product: Product, channel: str | None = None) -> StoryStep:
        quantity = 1 if product.price > 60 else self.random.choice((1, 1, 1, 2, 3))
        properties = {
            "product": product.name,
            "category": product.category,
            "quantity": quantity,
            "amount": round(product.price * quantity * self.random.choice((1.0, 1.0, 1.0, 0.9)), 2),
            "currency": CURRENCY,
        }
        return StoryStep(wait, "purchase", channel or self.device, properties)

    def is_delivered_to(self, wait: float) -> StoryStep:
        return StoryStep(wait, "delivery", "courier", {"on_time": self.happens(0.9)})

    def picks_it_up(self, wait: float) -> StoryStep:
        return StoryStep(wait, "pickup", "store", {})

    def asks_for_help(self, wait: float) -> StoryStep:
        topic = self.random.choice(("how to descale it", "wrong size", "where is my parcel", "invoice"))
        channel = self.random.choice(("whatsapp", "phone", "web", "store"))
        kind = "support_chat" if channel == "web" else "support_request"
        return StoryStep(wait, kind, channel, {"topic": topic, "sentiment": self.random.choice(("neutral", "neutral", "negative"))})

    def is_helped(self, wait: float) -> StoryStep:
        return StoryStep(wait, "support_resolved", "whatsapp", {"sentiment": self.random.choice(("neutral", "positive"))})

    def complains(self, wait: float) -> StoryStep:
        reason = self.random.choice(("late parcel", "broken on arrival", "rude answer", "charged twice"))
        channel = self.random.choice(("phone", "email", "social", "store"))
        return StoryStep(wait, "complaint", channel, {"reason": reason, "sentiment": "negative"})

    def joins_the_programme(self, wait: float) -> StoryStep:
        return StoryStep(wait, "loyalty_signup", self.random.choice((self.device, "store")), {})

    def writes_a_review(self, wait: float, rating: int) -> StoryStep:
        sentiment = "positive" if rating >= 4 else "negative" if rating <= 2 else "neutral"
        return StoryStep(wait, "review", "web", {"rating": rating, "sentiment": sentiment, "product": self.favourite.name})

    def refers_a_friend(self, wait: float) -> StoryStep:
        return StoryStep(wait, "referral", self.random.choice(("whatsapp", "social", "email")), {"sentiment": "positive"})

    def orders(self, wait: float, product: Product) -> Story:
        """Product page, cart and sale online, within minutes; the goods come, or are picked up, days later."""
        yield self.views(wait, product)
        yield self.adds_to_cart(self.between(20, 6 * MINUTE), product)
        if self.happens(0.2):
            yield self.looks_into_the_cart(self.between(20, 2 * MINUTE))
        yield self.buys(self.between(40, 12 * MINUTE), product)
        if self.happens(0.15):
            yield self.picks_it_up(self.between(4 * HOUR, 3 * DAY))
        else:
            yield self.is_delivered_to(self.between(1 * DAY, 9 * DAY))


def impulse_buyer(habits: Habits) -> Story:
    """From the ad to the sale in minutes, and again on a whim."""
    yield habits.sees_an_ad(0)
    while True:
        product = habits.random.choice(SMALL_THINGS)
        yield from habits.orders(habits.between(30, 4 * MINUTE), product)
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
    yield habits.views(habits.between(10, 3 * MINUTE))
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
