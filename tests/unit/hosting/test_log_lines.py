"""One event, one line, whatever is logged; no secret and no customer id in it."""

import json
import logging
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from etapa.hosting.log_lines import LineFormatter
from etapa.hosting.log_setup import line_formatter
from etapa.settings import Settings
from etapa.settings.reading import load_settings
from etapa.settings.values import HIDDEN, RedisUrl, Secret

FORMATS = ("text", "logfmt", "json")
ANY_TEXT = st.text(st.characters(), max_size=60)
PASSWORD = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\n\r\0"), min_size=8, max_size=40).filter(
    lambda text: len(set(text)) > 4
)
KEY = "k3y-of-the-pseudonyms"


def formatter(log_format: str, **others: Any) -> LineFormatter:
    return line_formatter(Settings(log_format=log_format, **others), "worker")  # type: ignore[arg-type]


def record(message: object, *arguments: object, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("etapa.test", logging.WARNING, __file__, 1, message, arguments, (type(error), error, None) if error else None)
    vars(made).update(extra)
    return made


def raised(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.parametrize("log_format", FORMATS)
@given(text=ANY_TEXT, argument=ANY_TEXT, value=ANY_TEXT, customer=ANY_TEXT, failure=ANY_TEXT)
@example(text="%s and %s", argument="\u2028", value="a=b", customer="c\n", failure="two\nlines")
@hypothesis_settings(deadline=None)
def test_whatever_is_logged_is_one_line_of_what_has_a_glyph(
    log_format: str, text: str, argument: str, value: str, customer: str, failure: str
) -> None:
    lines = formatter(log_format)
    for one in (record(text, argument), record(text, error=raised(failure), detail=value, customer_id=customer), record(text)):
        assert lines.format(one).isprintable()


@given(text=ANY_TEXT, value=ANY_TEXT, failure=ANY_TEXT)
@hypothesis_settings(deadline=None)
def test_json_holds_what_was_logged(text: str, value: str, failure: str) -> None:
    told = json.loads(formatter("json").format(record("%s", text, error=raised(failure), detail=value)))
    sound = [each.encode("utf-8", "backslashreplace").decode() for each in (text, value, failure)]
    assert (told["message"], told["detail"], told["level"], told["error"]) == (sound[0], sound[1], "warning", "ValueError")
    assert sound[2].rstrip() in told["traceback"]


@given(value=ANY_TEXT)
@hypothesis_settings(deadline=None)
def test_logfmt_can_be_taken_apart_again(value: str) -> None:
    line = formatter("logfmt").format(record("of %s", "it", detail=value, count=3, flag=True))
    told = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ ]*)', line))
    sound = value.encode("utf-8", "backslashreplace").decode()
    assert (json.loads(told["detail"]) if told["detail"].startswith('"') else told["detail"]) == sound
    assert (told["message"], told["count"], told["flag"]) == ('"of it"', "3", "true")


def test_what_logs_in_to_the_collector_of_spans_gets_into_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-scope=shop,Authorization=Bearer%20c0llector-key")
    written = formatter("text", traces="otlp").format(record("Invalid header value b'Bearer c0llector-key' (c0llector-key)"))
    assert "c0llector" not in written


@pytest.mark.parametrize("log_format", FORMATS)
@given(password=PASSWORD, before=ANY_TEXT, after=ANY_TEXT)
@hypothesis_settings(deadline=None)
def test_no_secret_gets_into_a_line_wherever_it_was_logged(log_format: str, password: str, before: str, after: str) -> None:
    lines = formatter(log_format, kafka_sasl_password=Secret(password), api_token=Secret("another-token-of-16"))
    whole = before + password + after
    if HIDDEN in password or password in HIDDEN:
        return
    for one in (record(whole), record("%r", whole), record("x", error=raised(whole)), record("x", detail=whole, customer_id=whole)):
        written = lines.format(one)
        assert password not in written
        assert json.dumps(password)[1:-1] not in written
        assert HIDDEN in written or one.msg == "x"


@pytest.mark.parametrize("log_format", FORMATS)
def test_the_password_of_redis_is_no_part_of_a_line_in_any_spelling(log_format: str) -> None:
    lines = formatter(log_format, redis_url=RedisUrl("redis://ada:p%2Fss%23word@redis:6379/0?password=another%20one"))
    written = lines.format(record("no answer from redis://ada:p/ss#word@redis and %s", "p%2Fss%23word another one"))
    for secret in ("p/ss#word", "p%2Fss%23word", "another one", "another%20one"):
        assert secret not in written
    assert "ada" in written


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_customer_is_a_pseudonym_that_is_the_same_wherever_the_key_is(log_format: str) -> None:
    keyed = [formatter(log_format, log_customer_key=Secret(KEY)).format(record("gone", customer_id="c-1017")) for _ in range(2)]
    assert keyed[0].partition("gone")[2] == keyed[1].partition("gone")[2]
    assert "c-1017" not in keyed[0]
    own = formatter(log_format).format(record("gone", customer_id="c-1017"))
    assert "c-1017" not in own
    assert own.partition("gone")[2] != keyed[0].partition("gone")[2]
    assert "c-1017" in formatter(log_format, log_customer_ids="plain").format(record("gone", customer_id="c-1017"))


def test_openssl_finds_the_pseudonym_of_a_customer() -> None:
    told = json.loads(formatter("json", log_customer_key=Secret(KEY)).format(record("gone", customer_id="c-1017")))
    done = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", KEY], input=b"c-1017", capture_output=True, check=True)
    assert done.stdout.decode().split()[-1][:16] == told["customer_id"]


def test_a_line_says_whose_it_is() -> None:
    told = json.loads(formatter("json", group="shop").format(record("up")))
    assert told.keys() == {"time", "level", "logger", "message", "process", "version", "group", "instance"}
    assert (told["process"], told["group"], told["logger"]) == ("worker", "shop", "etapa.test")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["time"])


def test_text_is_short_and_leaves_out_what_is_the_same_in_each_line() -> None:
    written = formatter("text").format(record("partition %d: gone", 3, customer_id="c", error=raised("no")))
    assert re.fullmatch(
        r"\S{19}Z WARNING etapa\.test: partition 3: gone customer_id=[0-9a-f]{16} \| Traceback .* \| ValueError: no", written
    )


def test_a_mistake_in_logging_is_one_line_too() -> None:
    assert "%d of ('x', 1)" in formatter("text").format(record("%d of", "x", 1))


def test_what_ends_a_process_unforeseen_is_one_line() -> None:
    code = "from etapa.hosting.log_setup import log_to_stderr; from etapa.settings.reading import load_settings; import os;"
    code += "log_to_stderr(load_settings(os.environ, {}), 'worker'); 1 / 0"
    done = subprocess.run([sys.executable, "-c", code], env={"ETAPA_LOG_FORMAT": "json"}, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    told = json.loads(line)
    assert (done.returncode, told["level"], told["error"]) == (1, "critical", "ZeroDivisionError")


def test_the_format_is_a_setting() -> None:
    assert load_settings({"ETAPA_LOG_FORMAT": "JSON"}, {}).log_format == "json"
    assert load_settings({}, {}).log_format == "text"
