"""The parts of shoppers' stories: the shop's goods, a shopper's taste, and small scenes that many stories share."""

from random import Random
from typing import NamedTuple

from etapa.embedded.stories import Story, StoryStep
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND

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


class Habits:
    """One shopper's taste, and small scenes that many stories share."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.favourite = random.choice(CATALOGUE)
        self.device = "app" if random.random() < 0.35 else "web"
        self.reached_by = random.choices(("email", "sms", "whatsapp"), (5, 2, 3))[0]

    def between(self, shortest: float, longest: float) -> float:
        """A random time between the two, in microseconds; shorter times are more frequent."""
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
        yield self.adds_to_cart(self.between(20 * SECOND, 6 * MINUTE), product)
        if self.happens(0.2):
            yield self.looks_into_the_cart(self.between(20 * SECOND, 2 * MINUTE))
        yield self.buys(self.between(40 * SECOND, 12 * MINUTE), product)
        if self.happens(0.15):
            yield self.picks_it_up(self.between(4 * HOUR, 3 * DAY))
        else:
            yield self.is_delivered_to(self.between(1 * DAY, 9 * DAY))
