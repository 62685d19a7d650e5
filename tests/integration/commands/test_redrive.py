"""`etapa dead-letters redrive`, on a real Kafka and once with a real worker."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from etapa.contracts.outgoing.dead_letter import decode_dead_letter
from etapa.settings import Settings
from etapa.stream.kafka.cluster import Cluster
from etapa.stream.upkeep.dead_letter_topics import touchpoint_letters
from etapa.stream.upkeep.dead_letters import DeadLetters
from etapa.stream.upkeep.redrive import RedriveError, RedriveOptions, Sender, decided
from etapa.stream.upkeep.sent_back import SentBack
from tests.integration.buried_letters import BuriedLetter, arrived, buried, bury, customer_in, lines, outcomes, run, touchpoint
from tests.integration.outcome import followed
from tests.integration.places import new_place, put, read_all
from tests.integration.worker import StartedWorker, environment_of
from tests.servers.kafka_server import KafkaServer
from tests.servers.redis_server import RedisServer
from tests.unit.cli.process import environment, started

pytestmark = pytest.mark.kafka


def test_what_is_sent_back_is_the_original_in_its_customers_partition_and_says_where_it_comes_from(kafka_server: KafkaServer) -> None:
    here, there = customer_in(0), customer_in(1)
    headers = [("trace", b"\x00\xff"), ("etapa.attempt", b"1"), ("etapa.redriven-from", b"old/0/0")]
    letters: list[BuriedLetter] = [
        ("invalid", here.encode(), b"first", headers),
        ("invalid", there.encode(), b"second", ()),
        ("not_json", b"\xff", b"third", ()),
        ("not_json", None, None, ()),
        ("not_json", None, b"fifth", ()),
    ]
    settings = buried(kafka_server, letters)
    rehearsed = run(settings, "redrive", "--all", "--dry-run")
    assert rehearsed.returncode == 0, rehearsed.stderr
    topic = settings.topic_touchpoints
    assert rehearsed.stdout.decode().splitlines() == [
        f"0/0 -> {topic} 0, key {here}, invalid, attempt 2",
        f"0/1 -> {topic} 1, key {there}, invalid, attempt 1",
        f"0/2 -> {topic} 0, key 0xff, not_json, attempt 1",
        f"0/3 -> {topic} 0, key -, not_json, attempt 1",
        f"0/4 -> {topic} 0, key -, not_json, attempt 1",
    ]
    assert rehearsed.stderr.decode() == f"5 dead letters would be sent back to {topic}\n"
    assert arrived(settings) == []
    done = run(settings, "redrive", "--all", "--yes")
    assert (done.returncode, done.stdout) == (0, rehearsed.stdout)
    dead = settings.topic_dead_letters
    assert [(one.partition, one.key, one.value, list(one.headers)) for one in arrived(settings)] == [
        (0, here.encode(), b"first", [headers[0], ("etapa.attempt", b"2"), ("etapa.redriven-from", f"{dead}/0/0".encode())]),
        (0, b"\xff", b"third", [("etapa.attempt", b"1"), ("etapa.redriven-from", f"{dead}/0/2".encode())]),
        (0, None, None, [("etapa.attempt", b"1"), ("etapa.redriven-from", f"{dead}/0/3".encode())]),
        (0, None, b"fifth", [("etapa.attempt", b"1"), ("etapa.redriven-from", f"{dead}/0/4".encode())]),
        (1, there.encode(), b"second", [("etapa.attempt", b"1"), ("etapa.redriven-from", f"{dead}/0/1".encode())]),
    ]


def test_what_was_sent_back_is_remembered_letter_by_letter(kafka_server: KafkaServer) -> None:
    letters: list[BuriedLetter] = [("invalid" if number % 2 else "not_json", b"c-1", b"%d" % number, ()) for number in range(12)]
    settings = buried(kafka_server, letters)
    assert outcomes(run(settings, "redrive", "--json", "--reason", "invalid", "--limit", "2", "--yes")) == [
        ("0/1", "sent"),
        ("0/3", "sent"),
    ]
    # As after an interruption: the same selection resumes where it was.
    assert outcomes(run(settings, "redrive", "--json", "--reason", "invalid", "--limit", "2", "--yes")) == [
        ("0/5", "sent"),
        ("0/7", "sent"),
    ]
    assert outcomes(run(settings, "redrive", "--json", "0/4", "0/5", "0/4", "--yes")) == [("0/4", "sent")]
    rest = run(settings, "redrive", "--json", "--all", "--yes")
    assert outcomes(rest) == [(f"0/{offset}", "sent") for offset in (0, 2, 6, 8, 9, 10, 11)]
    assert b"5 sent back before, and passed over" in rest.stderr
    assert outcomes(run(settings, "redrive", "--json", "--all", "--yes")) == []
    assert all(one["sent_back"] for one in lines(run(settings, "list", "--json")))
    assert outcomes(run(settings, "redrive", "--json", "0/4", "--again", "--dry-run")) == [("0/4", "would_be_sent")]
    # A later letter is not among those that were sent.
    asyncio.run(bury(settings, [("invalid", b"c-1", b"new", ())]))
    assert [letter for letter, _ in outcomes(run(settings, "redrive", "--json", "--all", "--dry-run"))] == ["0/13"]
    assert len(arrived(settings)) == 12


def test_a_redrive_that_ends_within_a_transaction_has_sent_nothing_of_it_and_is_repeated_whole(kafka_server: KafkaServer) -> None:
    letters: list[BuriedLetter] = [("invalid", b"c-1", b"%d" % number, ()) for number in range(3)]
    settings = buried(kafka_server, letters)

    async def interrupted() -> None:
        async with Sender(Cluster(settings), touchpoint_letters(settings)) as sender:
            await sender._producer._producer.begin_transaction()
            await sender._producer._producer.send_and_wait(settings.topic_touchpoints, b"half", b"c-1", 0)

    asyncio.run(interrupted())
    assert outcomes(run(settings, "redrive", "--json", "--all", "--yes")) == [(f"0/{number}", "sent") for number in range(3)]
    assert [one.value for one in arrived(settings)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_redrive_that_is_interrupted_and_repeated_sends_every_letter_once(kafka_server: KafkaServer, number: int) -> None:
    count = 6_000
    settings = buried(kafka_server, [("invalid", customer_in(one % 2).encode(), b"%d" % one, ()) for one in range(count)])
    with started("dead-letters", "redrive", "--all", "--yes", "--json", env=environment_of(settings)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        process.stdout.read()
        assert process.wait(timeout=60) == (130 if number == signal.SIGINT else -signal.SIGKILL)
    rest = lines(run(settings, "redrive", "--all", "--yes", "--json"))
    assert 0 < len(rest) < count, "it was through before it was interrupted"
    found = [int(one.value) for one in arrived(settings)]
    assert sorted(found) == list(range(count))


def test_a_second_redrive_ends_the_first(kafka_server: KafkaServer) -> None:
    settings = buried(kafka_server, [("invalid", b"c-1", b"1", ())])

    async def scenario() -> None:
        async with DeadLetters(Cluster(settings), touchpoint_letters(settings), 2) as letters:
            letter = await letters.at(0, 0)
        assert letter is not None
        async with (
            Sender(Cluster(settings), touchpoint_letters(settings)) as first,
            Sender(Cluster(settings), touchpoint_letters(settings)),
        ):
            with pytest.raises(RedriveError, match="another redrive"):
                await first.send(0, [decided(letter, SentBack(), RedriveOptions(partitions=2))], SentBack())

    asyncio.run(scenario())
    assert arrived(settings) == []


@pytest.mark.parametrize(("answer", "code", "count"), [(b"n\n", 1, 0), (b"y\n", 0, 2)])
def test_a_person_is_asked_before_anything_is_sent(kafka_server: KafkaServer, answer: bytes, code: int, count: int) -> None:
    settings = buried(kafka_server, [("invalid", b"c-1", b"1", ()), ("not_json", b"c-1", b"2", ())])
    terminal, its_end = os.openpty()
    try:
        os.write(terminal, answer)
        done = subprocess.run(
            [sys.executable, "-m", "etapa", "dead-letters", "redrive", "--all"],
            stdin=its_end,
            env=environment(environment_of(settings)),
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(terminal)
        os.close(its_end)
    assert done.returncode == code, done.stderr
    assert f"Send 2 dead letters back to {settings.topic_touchpoints}: invalid 1, not_json 1?" in (done.stdout + done.stderr).decode()
    assert len(arrived(settings)) == count


def test_letters_that_failed_too_often_are_left_with_a_word(kafka_server: KafkaServer) -> None:
    letters: list[BuriedLetter] = [("invalid", b"c-1", b"%d" % number, [("etapa.attempt", b"%d" % number)]) for number in range(5)]
    settings = buried(kafka_server, letters)
    done = run(settings, "redrive", "--all", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[3:] == [
        "0/3 left after 3 attempts, key c-1, invalid",
        "0/4 left after 4 attempts, key c-1, invalid",
    ]
    assert b"2 left, because they had been sent back as often as --max-attempts allows" in done.stderr
    assert outcomes(run(settings, "redrive", "--json", "--all", "--max-attempts", "4", "--yes")) == [("0/3", "sent"), ("0/4", "attempts")]


def test_a_wrong_key_can_be_made_the_customers(kafka_server: KafkaServer) -> None:
    there = customer_in(1)
    letters: list[BuriedLetter] = [
        ("key_mismatch", b"somebody-else", touchpoint(there, 1), ()),
        ("key_mismatch", None, touchpoint(there, 2), ()),
        ("invalid", customer_in(0).encode(), touchpoint(there, 3), ()),
    ]
    settings = buried(kafka_server, letters)
    done = run(settings, "redrive", "--all", "--rekey", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"0/0 -> {settings.topic_touchpoints} 1, key {there} (was somebody-else), key_mismatch, attempt 1" in done.stdout.decode()
    assert [(one.partition, one.key, one.value) for one in arrived(settings)] == [
        (0, customer_in(0).encode(), letters[2][2]),
        (1, there.encode(), letters[0][2]),
        (1, there.encode(), letters[1][2]),
    ]


def test_a_letter_that_the_topic_does_not_take_holds_up_no_other(kafka_server: KafkaServer) -> None:
    # The limit of the topic here: 1 MiB and 64 KiB. Compressible records would fit.
    large = random.Random(3).randbytes(1_114_050)
    letters: list[BuriedLetter] = [("invalid", b"c-1", b"a", ()), ("too_large", b"c-1", large, ()), ("invalid", b"c-1", b"b", ())]
    settings = buried(kafka_server, letters)
    done = run(settings, "redrive", "--all", "--yes")
    assert done.returncode == 1
    assert b"0/1 left, too large" in done.stdout
    assert b"1 dead letter could not be sent back" in done.stderr
    assert [one.value for one in arrived(settings)] == [b"a", b"b"]
    assert [one["sent_back"] for one in lines(run(settings, "list", "--json"))] == [True, False, True]


def test_many_letters_of_many_partitions_go_back_in_their_order(kafka_server: KafkaServer) -> None:
    settings = buried(kafka_server, [("invalid", customer_in(number % 2).encode(), b"%d" % number, ()) for number in range(1_300)])
    asyncio.run(bury(settings, [("invalid", b"c-1", b"x" * 50_000, ()) for _ in range(30)], partition=1))
    assert len(lines(run(settings, "redrive", "--all", "--json", "--yes"))) == 1_330
    found = arrived(settings)
    small = [(one.partition, int(one.value)) for one in found if len(one.value) < 9]
    assert small == [(0, number) for number in range(0, 1_300, 2)] + [(1, number) for number in range(1, 1_300, 2)]
    assert len(found) == 1_330
    assert lines(run(settings, "redrive", "--all", "--json", "--yes")) == []


@pytest.mark.redis
def test_a_touchpoint_that_was_keyed_wrongly_reaches_its_customer_once_and_what_fails_again_counts_its_attempts(
    kafka_server: KafkaServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    customer = customer_in(1)

    async def start() -> Settings:
        settings = await new_place(kafka_server.bootstrap_servers, redis_server.url, session_timeout=3_000_000)
        await put(settings, settings.topic_touchpoints, [(b"wrong", touchpoint(customer, 1)), (b"broken", b"{")])
        return settings

    async def through(settings: Settings) -> None:
        # A transaction ends with its own record, which is never processed; records that follow show that everything was.
        for partition in range(2):
            key = customer_in(partition, 5)
            await put(settings, settings.topic_touchpoints, [(key.encode(), touchpoint(key, 0))], partition)
        async with followed(settings) as progress:
            await progress.wait_through()

    settings = asyncio.run(start())
    worker = StartedWorker(settings, tmp_path)
    asyncio.run(through(settings))
    assert len(lines(run(settings, "redrive", "--all", "--rekey", "--json", "--yes"))) == 2
    asyncio.run(through(settings))
    # The customer has it now. BuriedLetter once more, it is a duplicate.
    assert len(lines(run(settings, "redrive", "0/0", "--again", "--rekey", "--json", "--yes"))) == 1
    asyncio.run(through(settings))
    found = lines(run(settings, "list", "--json"))
    assert [(one["reason"], one["attempts"], one["sent_back"]) for one in found] == [
        ("key_mismatch", 0, True),
        ("not_json", 0, True),
        ("not_json", 1, False),
    ]
    failed_again = [one for one in asyncio.run(read_all(settings, settings.topic_dead_letters)) if one.value == b"{"][1]
    again = decode_dead_letter(failed_again.key, failed_again.value, failed_again.headers)
    assert dict(again.headers)["etapa.redriven-from"] == f"{settings.topic_dead_letters}/0/1".encode()
    changes = [one for one in asyncio.run(read_all(settings, settings.topic_stage_changes)) if one.key == customer.encode()]
    assert [msgspec.json.decode(one.value)["id"] for one in changes] == [f"{customer}/1", f"{customer}/2"]
    worker.ask_to_stop()
    assert worker.exit_code() == 0
