"""Whatever text comes from outside, no command prints anything that a terminal would act on; JSON keeps its meaning."""

import asyncio
import json
from itertools import count

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.commands import forget, triggers
from etapa.commands.letters import dead_letter_fields
from etapa.commands.terminal.printing import json_line
from etapa.contracts.outgoing.campaign_trigger import decode_campaign_trigger
from etapa.contracts.outgoing.dead_letter import DeadLetter
from etapa.hosting.foreign_text import json_text, printable
from etapa.stream.upkeep.dead_letters import Letter
from etapa.stream.upkeep.person_ids import PersonIds
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import etapa
from tests.unit.cli.test_forget import certificate
from tests.unit.cli.test_stage import customer
from tests.unit.cli.view import show

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
HOSTILE = "ada\x1b[31m\x07\x9b2J\u202egnp\u2028\x7f\N{BOM}"
groups = (f"foreign-{number}" for number in count())


def harmless(printed: bytes | str) -> bool:
    """Check that it contains only printable characters, line feeds, and the colours that `etapa` itself sets."""
    text = printed if isinstance(printed, str) else printed.decode()
    return all(one.isprintable() or one == "\n" for one in text)


@given(TEXT)
def test_prose_is_one_line_of_what_has_a_glyph_and_good_text_stays_as_it_is(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)
    assert not text.isprintable() or printable(text) == text


@given(st.recursive(TEXT | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8))
def test_json_means_the_same_and_is_harmless(value: object) -> None:
    for encoded in (msgspec.json.encode(value), msgspec.json.format(msgspec.json.encode(value))):
        assert harmless(json_text(encoded))
        assert json.loads(json_text(encoded)) == value
        assert json.loads(json_line(encoded)) == value
        assert harmless(json_line(encoded))


@given(TEXT, TEXT, st.binary(max_size=8))
def test_a_trigger_that_somebody_else_wrote(customer_id: str, campaign: str, odd: bytes) -> None:
    fields = {"id": "t", "campaign": campaign, "customer_id": customer_id, "stage_change_id": "c/1", "from": None, "to": campaign}
    rest = {"at": "2026-01-01T00:00:00Z", "holdout": False, "payload": {campaign: customer_id}, "journey": "j", "version": 1}
    # A field that Etapa does not know is not parsed, so it may hold anything, even invalid text.
    other = odd.translate(None, bytes(range(32)) + b'"\\')
    value = msgspec.json.encode(fields | rest)[:-1] + b',"other":"' + other + b'"}'
    trigger = decode_campaign_trigger(value)
    assert harmless(triggers._as_json(trigger, value))
    assert harmless(triggers._as_row(trigger, value))


@given(TEXT, st.binary(max_size=30), st.binary(max_size=30), TEXT)
def test_a_dead_letter(detail: str, key: bytes, value: bytes, header: str) -> None:
    content = DeadLetter(key, value, ((header, value),), "invalid", detail, header, 0, 0)
    shown = dead_letter_fields.text_of(Letter(0, 0, 0, content), sent=False)
    assert harmless(shown.replace("\t", " "))


@given(TEXT, TEXT)
def test_somebody_who_is_forgotten(customer_id: str, other: str) -> None:
    assert all(map(harmless, forget._lines(customer_id, PersonIds(customer_id, other), certificate())))


@pytest.mark.redis
@pytest.mark.parametrize("command", ["stage", "why"])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_customer(command: str, flags: list[str], redis_server: RedisServer) -> None:
    environ = {"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": next(groups)}
    asyncio.run(show(environ, customer(HOSTILE)))
    done = etapa(command, *flags, "--", HOSTILE, env=environ)
    assert done.returncode == 0, done.stderr
    assert harmless(done.stdout)
    if flags:
        assert HOSTILE in json.loads(done.stdout).values()


@pytest.mark.redis
def test_a_customer_that_is_not_there(redis_server: RedisServer) -> None:
    done = etapa("stage", "--", HOSTILE, env={"ETAPA_REDIS_URL": redis_server.url, "ETAPA_GROUP": next(groups)})
    assert done.returncode == 1
    assert harmless(done.stderr)


@settings(deadline=None, max_examples=10)
@given(st.lists(TEXT, min_size=1, max_size=3))
def test_touchpoints_that_are_simulated_and_some_that_cannot_be(texts: list[str]) -> None:
    lines = [
        msgspec.json.encode({"id": f"t{number}", "customer_id": text, "type": "purchase", "occurred_at": "2026-01-01T00:00:00Z"})
        for number, text in enumerate([HOSTILE, *texts])
    ]
    odd = [msgspec.json.encode({"id": "x", "customer_id": "c", "type": text, text: text}) for text in (HOSTILE, *texts)]
    for flags in ([], ["--json"], ["--triggers"]):
        done = etapa("simulate", *flags, "-", stdin=b"\n".join([*lines, *odd]))
        assert harmless(done.stdout)
        assert harmless(done.stderr)
