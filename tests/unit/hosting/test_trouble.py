"""Causes of trouble with a server, as listed in the documentation."""

import re
from pathlib import Path
from typing import get_args

from etapa.hosting.dependencies import Cause
from etapa.hosting.trouble import Trouble, TroubleKind

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_every_kind_of_trouble_is_in_the_table_and_no_other() -> None:
    text = OPERATIONS.read_text()
    table = text[text.index("| `cause` | Kafka | Redis |") :].split("\n\n")[0]
    listed = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(listed) == sorted(get_args(TroubleKind))


def test_each_kind_has_a_word_for_metrics() -> None:
    for kind in get_args(TroubleKind):
        assert Trouble("Kafka", "a:9092", kind, "", "").cause in get_args(Cause)


def test_it_is_told_with_the_address_that_was_asked() -> None:
    trouble = Trouble("Kafka", "a:9092", "refused", "nobody listens there", "Is it running?")
    assert str(trouble) == "Kafka at a:9092: nobody listens there. Is it running?"
