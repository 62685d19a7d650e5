"""Some random histories with links, and that the law can be broken."""

from collections import Counter

import pytest

from etapa.rehearsal.identities import Identities
from tests.histories.law import check

FEW = 600


def test_the_state_is_what_one_id_would_have_led_to() -> None:
    happened: Counter[str] = Counter()
    check(FEW, 3, happened.update)
    assert happened["two people united"] > FEW / 2
    assert all(happened[what] for what in ("touchpoints", "link_cycle", "two_known", "said before", "nobody there yet"))


def test_without_the_touchpoints_of_both_it_would_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Identities, "_united_arrivals", lambda *_: None)
    with pytest.raises(AssertionError, match=r"Touchpoint\("):
        check(FEW, 3, Counter[str]().update)
