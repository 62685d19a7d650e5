"""`etapa dead-letters list` and `show`, on a real Kafka."""

import json

import pytest

from tests.integration.buried_letters import BuriedLetter, buried, lines, run
from tests.integration.places import new_settings
from tests.servers.kafka_server import KafkaServer

pytestmark = pytest.mark.kafka


def test_letters_are_listed_by_reason_time_and_partition_with_totals(kafka_server: KafkaServer) -> None:
    noon = 1_763_719_200_000
    letters: list[BuriedLetter] = [
        ("not_json", b"c-1", b"{", ()),
        ("invalid", None, None, ()),
        ("invalid", b"\xff\x00", b"[]", [("etapa.attempt", b"2")]),
        ("key_mismatch", b"c" * 90, b"{}", ()),
    ]
    settings = buried(kafka_server, letters, 1, [noon, noon + 1_000, noon + 2_000, noon + 3_000])
    every = run(settings, "list")
    assert every.returncode == 0, every.stderr
    assert [line.split() for line in every.stdout.decode().splitlines()] == [
        ["PLACE", "TIME", "REASON", "ATTEMPTS", "SENT", "KEY", "DETAIL"],
        ["1/0", "2025-11-21T10:00:00Z", "not_json", "0", "no", "c-1", "detail", "0"],
        ["1/1", "2025-11-21T10:00:01Z", "invalid", "0", "no", "-", "detail", "1"],
        ["1/2", "2025-11-21T10:00:02Z", "invalid", "2", "no", "0xff00", "detail", "2"],
        ["1/3", "2025-11-21T10:00:03Z", "key_mismatch", "0", "no", "c" * 23 + "…", "detail", "3"],
    ]
    assert every.stderr.decode() == "4 dead letters: invalid 2, key_mismatch 1, not_json 1\n"

    def listed(*arguments: str) -> list[int]:
        return [one["offset"] for one in lines(run(settings, "list", "--json", *arguments))]

    assert listed("--reason", "invalid", "--reason", "not_json") == [0, 1, 2]
    assert listed("--since", "2025-11-21T10:00:01Z", "--until", "2025-11-21T10:00:03Z") == [1, 2]
    assert listed("--since", "2030-01-01") == []
    assert listed("--partition", "0") == []
    assert listed("--partition", "1", "--limit", "3") == [0, 1, 2]
    assert b"stopped at 3; there may be more" in run(settings, "list", "--limit", "3").stderr
    assert lines(run(settings, "list", "--json"))[2] == {
        "partition": 1,
        "offset": 2,
        "time": "2025-11-21T10:00:02Z",
        "reason": "invalid",
        "detail": "detail 2",
        "key_base64": "/wA=",
        "attempts": 2,
        "sent_back": False,
        "origin": {"topic": settings.topic_touchpoints, "partition": 1, "offset": 102},
        "value_bytes": 2,
    }
    nowhere = run(settings, "list", "--partition", "2")
    assert (nowhere.returncode, nowhere.stdout) == (2, b"")
    assert b"no partition 2; the topics have 2 partitions" in nowhere.stderr


def test_a_letter_is_shown_to_people_to_machines_and_as_it_is(kafka_server: KafkaServer) -> None:
    headers = [("trace", b"\x00\xff"), ("naïve", "añadido".encode())]
    letters: list[BuriedLetter] = [
        ("not_json", "señor".encode(), '{"broken":\n "ñ"'.encode(), headers),
        ("not_json", b"c-1", b"\x1b[31m\x00\xfe", ()),
        ("invalid", None, None, ()),
        ("too_large", b"c-1", b"x" * 100_000, ()),
    ]
    settings = buried(kafka_server, letters)
    first = run(settings, "show", "0/0")
    assert first.returncode == 0, first.stderr
    assert first.stdout.decode().splitlines()[1:] == [
        "reason    not_json: detail 0",
        f"read at   {settings.topic_touchpoints} 0/100",
        "attempts  0",
        "key       señor",
        "headers",
        "  trace: 0x00 ff",
        "  naïve: añadido",
        "value (16 bytes)",
        '{"broken":',
        ' "ñ"',
    ]
    assert b"0x1b 5b 33 31 6d 00 fe" in run(settings, "show", "0/1").stdout
    assert b"\x1b" not in run(settings, "show", "0/1").stdout
    assert run(settings, "show", "0/1", "--raw").stdout == letters[1][2]
    assert run(settings, "show", "0/2").stdout.endswith(b"key       (none)\nvalue\n(none)\n")
    assert run(settings, "show", "0/2", "--raw").returncode == 1
    large = run(settings, "show", "0/3").stdout
    assert large.endswith(b"91,808 bytes more; --raw writes all of it\n")
    assert len(large) < 10_000
    assert run(settings, "show", "0/3", "--raw").stdout == letters[3][2]
    told = json.loads(run(settings, "show", "0/0", "--json").stdout)
    assert told["headers"] == [{"name": "trace", "value_base64": "AP8="}, {"name": "naïve", "value": "añadido"}]
    assert (told["key"], told["value"]) == ("señor", '{"broken":\n "ñ"')
    assert json.loads(run(settings, "show", "0/1", "--json").stdout)["value_base64"] == "G1szMW0A/g=="
    gone = run(settings, "show", "0/9")
    assert (gone.returncode, gone.stdout) == (1, b"")
    assert b"no dead letter at 0/9; partition 0 holds offsets 0 to" in gone.stderr
    assert run(settings, "show", "3-7").returncode == 2


def test_topics_that_are_not_there_are_told(kafka_server: KafkaServer) -> None:
    done = run(new_settings(kafka_server.bootstrap_servers), "list")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"`etapa topics create` makes them" in done.stderr
