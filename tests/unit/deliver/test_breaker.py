from hypothesis import given
from hypothesis import strategies as st

from etapa.deliver.attempts.breaker import Breaker, BreakerPolicy

POLICY = BreakerPolicy(failures=3, pause=100)


def opened() -> Breaker:
    return Breaker(POLICY).failed(1).failed(2).failed(10)


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    assert Breaker(POLICY).failed(1).failed(2).state == "closed"
    assert Breaker(POLICY).failed(1).failed(2).succeeded().failed(3).failed(4).state == "closed"
    assert opened().state == "open"


def test_while_open_nothing_passes_until_the_pause_is_over_and_then_one_request() -> None:
    assert not opened().lets_pass(109)
    assert opened().lets_pass(110)
    asking = opened().begun()
    assert asking.state == "half_open"
    assert not asking.lets_pass(10_000)


def test_the_one_request_decides() -> None:
    assert opened().begun().succeeded() == Breaker(POLICY)
    again = opened().begun().failed(200)
    assert again.state == "open"
    assert not again.lets_pass(299)
    assert again.lets_pass(300)


def test_failures_of_requests_from_before_do_not_prolong_the_pause() -> None:
    assert opened().failed(60).until == opened().until


def test_a_request_that_was_given_up_leaves_its_place_to_another() -> None:
    assert opened().begun().abandoned(150).lets_pass(150)
    assert Breaker(POLICY).abandoned(5) == Breaker(POLICY)


@given(st.lists(st.sampled_from(["begin", "succeed", "fail", "abandon", "wait"]), max_size=60))
def test_it_never_stays_shut_once_its_requests_have_ended(steps: list[str]) -> None:
    breaker, now, under_way = Breaker(POLICY), 0, 0
    for step in steps:
        now += 1000 if step == "wait" else 1
        if step == "begin" and breaker.lets_pass(now):
            breaker, under_way = breaker.begun(), under_way + 1
        elif under_way and step in ("succeed", "fail", "abandon"):
            under_way -= 1
            breaker = breaker.succeeded() if step == "succeed" else breaker.failed(now) if step == "fail" else breaker.abandoned(now)
    while under_way:
        breaker, under_way = breaker.failed(now), under_way - 1
    assert breaker.lets_pass(now + POLICY.pause)
