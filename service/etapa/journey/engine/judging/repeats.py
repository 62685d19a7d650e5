"""Touchpoints seen before, recognised by short digests of their ids."""

from operator import mul
from struct import Struct
from typing import Final, final

from mypy_extensions import i64

from etapa.journey.engine.facts.customer import DIGEST_BYTES, Customer
from etapa.journey.engine.facts.instant import LONG_AGO
from etapa.journey.engine.judging.quick_digest import quick_digest
from etapa.journey.language.model import MOST_REMEMBERED_IDS

_QUICK: Final = quick_digest
_TIME_BYTES: Final = 8
_LAST: Final = DIGEST_BYTES - 1
_ONE: Final = Struct(">q")

# The prime 2³¹ - 1, and two multipliers drawn at random once and for all.
_PRIME: Final = 2_147_483_647
_FIRST: Final = 702_531_607
_SECOND: Final = 948_269_191
_PORTION: Final = 256
"""Bytes that are worked out together: a table for the longest id would be larger than most ids need."""


def digest_of(touchpoint_id: str) -> bytes:
    """What tells the id from others, in `DIGEST_BYTES`. The same in every process, because digests are stored."""
    quick = _QUICK
    return worked_out(touchpoint_id) if quick is None else quick(touchpoint_id)


def worked_out(touchpoint_id: str) -> bytes:
    """48 bits of two polynomials in the bytes of the id (Carter and Wegman, 1979), which tell two ids apart about as surely as any hash.

    Not secret, and no protection from somebody who makes up ids in order to have touchpoints of the same customer taken for repeats:
    whoever may do that can as well send other touchpoints.
    """
    text = touchpoint_id.encode()
    first = second = len(text)
    for start in range(0, len(text), _PORTION):
        portion = text[start : start + _PORTION]
        backwards, number = portion[::-1], len(portion)
        both = sum(map(mul, backwards, _BOTH_POWERS))
        first = (first * _FIRST_POWERS[number] + (both >> _APART)) % _PRIME
        second = (second * _SECOND_POWERS[number] + (both & _BELOW)) % _PRIME
    digest: int = first << 17 | second & 131_071
    return digest.to_bytes(DIGEST_BYTES, "big")


def _powers_of(multiplier: int) -> tuple[int, ...]:
    """The lowest first. With these, a portion is a sum of products, without a step for each byte."""
    powers = [1]
    for _ in range(_PORTION):
        powers.append(powers[-1] * multiplier % _PRIME)
    return tuple(powers)


_FIRST_POWERS: Final = _powers_of(_FIRST)
_SECOND_POWERS: Final = _powers_of(_SECOND)
_APART: Final = 48
"""The sum for a portion is below two to the power of this, so both polynomials can be summed up at once, one above the other."""
_BELOW: Final = (1 << _APART) - 1
_BOTH_POWERS: Final = tuple([first << _APART | second for first, second in zip(_FIRST_POWERS, _SECOND_POWERS, strict=True)])


def is_repeat(customer: Customer, digest: bytes) -> bool:
    """Whether the digest is among the customer's. Nearly all are new, and most of these are told by one bit, without a search."""
    if customer.sifted is not customer.recent:
        _sift(customer)
    last: i64 = digest[_LAST]
    return customer.may_hold(last) and place_among(customer.recent, digest) >= 0


def add_digest(customer: Customer, digest: bytes, most_bytes: int) -> None:
    """Keep a new digest beside the last ones, which together take `most_bytes` at most."""
    recent = customer.recent + digest
    is_sifted = customer.sifted is customer.recent
    customer.recent = recent if len(recent) <= most_bytes else recent[len(recent) - most_bytes :]
    # Digests that are forgotten leave their bits behind. After as many as are kept, the bits are set anew.
    if is_sifted and customer.sifted_since * DIGEST_BYTES < most_bytes:
        last: i64 = digest[_LAST]
        customer.sift(last)
        customer.sifted, customer.sifted_since = customer.recent, customer.sifted_since + 1
    else:
        customer.sifted = None


def _sift(customer: Customer) -> None:
    digests = customer.recent
    customer.sift_nothing()
    for place in range(_LAST, len(digests), DIGEST_BYTES):
        last: i64 = digests[place]
        customer.sift(last)
    customer.sifted = digests


def place_among(digests: bytes, digest: bytes) -> int:
    """The position of the digest; negative if it is not there."""
    place = digests.find(digest)
    # A match may span two digests.
    while place > 0 and place % DIGEST_BYTES:
        place = digests.find(digest, place + 1)
    return place // DIGEST_BYTES if place >= 0 else -1


@final
class RepeatsWithin:
    """Keeps the last `last` ids and those that arrived within `duration`, up to `MOST_REMEMBERED_IDS` in all.

    Arrival times, by the customer's clock, are kept beside the digests, so a late touchpoint is remembered as long as any other.
    """

    __slots__ = ("duration", "last")

    def __init__(self, last: int, duration: int) -> None:
        self.last: Final = last
        self.duration: Final = duration

    def knows(self, customer: Customer, digest: bytes, at: int) -> bool:
        """Whether a touchpoint that occurred at `at` is a repeat."""
        place = place_among(customer.recent, digest)
        if place < 0:
            return False
        later = len(customer.recent) // DIGEST_BYTES - place
        if later <= self.last:
            return True
        times = len(customer.arrived) // _TIME_BYTES
        if later > times:
            # The state is of a journey version that kept no times.
            return False
        came: int = _ONE.unpack_from(customer.arrived, (times - later) * _TIME_BYTES)[0]
        return came > max(customer.clock, at) - self.duration

    def remember(self, customer: Customer, digest: bytes, now: int) -> None:
        """Keep a touchpoint's digest, and forget those that need not be kept any longer."""
        recent = customer.recent + digest
        number = len(recent) // DIGEST_BYTES
        missing = number - 1 - len(customer.arrived) // _TIME_BYTES
        arrived = _ONE.pack(LONG_AGO) * missing + customer.arrived[max(0, -missing) * _TIME_BYTES :] + _ONE.pack(now)
        forgotten = max(0, number - MOST_REMEMBERED_IDS)
        while forgotten < number - self.last and _ONE.unpack_from(arrived, forgotten * _TIME_BYTES)[0] <= now - self.duration:
            forgotten += 1
        customer.recent, customer.arrived = recent[forgotten * DIGEST_BYTES :], arrived[forgotten * _TIME_BYTES :]


def with_arrivals(customer: Customer) -> list[tuple[bytes, int]]:
    """The customer's digests, oldest first, each with the time by the customer's clock at which it arrived; `LONG_AGO` if none was kept."""
    number = len(customer.recent) // DIGEST_BYTES
    missing = number - len(customer.arrived) // _TIME_BYTES
    return [
        (
            customer.recent[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES],
            LONG_AGO if place < missing else _ONE.unpack_from(customer.arrived, (place - missing) * _TIME_BYTES)[0],
        )
        for place in range(number)
    ]


def without_arrivals(remembered: list[tuple[bytes, int]]) -> tuple[bytes, bytes]:
    """The reverse: the digests, and the times of their arrival, as they are stored."""
    return b"".join([digest for digest, _ in remembered]), b"".join([_ONE.pack(at) for _, at in remembered])
