"""What docs/delivery.md shows really happens."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from etapa.contracts.outgoing.undelivered import REASONS
from etapa.deliver.attempts.signature import secret_key, signed_headers
from etapa.deliver.delivery_file.plan import Plan, Target
from etapa.deliver.delivery_file.plan_file import CAMPAIGN, PLAN_FIELDS, TARGET, load_plan
from etapa.deliver.metrics import DeliveryMetrics

PAGE = (Path(__file__).parents[3] / "docs" / "delivery.md").read_text("utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def is_genuine() -> Callable[[str, dict[str, str], bytes], bool]:
    """The receiver's check, as on the page."""
    names: dict[str, Callable[[str, dict[str, str], bytes], bool]] = {}
    exec(block("python"), names)  # noqa: S102 (our own page)
    return names["is_genuine"]


def test_the_delivery_file_is_good_and_shows_the_defaults() -> None:
    loaded = load_plan(block("yaml"), "delivery.yaml")
    assert [str(finding) for finding in loaded.findings] == []
    assert loaded.plan is not None
    shown, default = loaded.plan.targets[0], Target(id="", url="")
    assert (shown.timeout, shown.parallel, shown.retry, shown.breaker) == (
        default.timeout,
        default.parallel,
        default.retry,
        default.breaker,
    )


def test_every_key_of_the_file_is_in_the_table() -> None:
    named = set(re.findall(r"^\| `([a-z_.]+)` \|", PAGE, re.MULTILINE))
    keys = {field.name for field in PLAN_FIELDS}
    keys |= {f"targets.{field.name}" for field in TARGET.fields} | {f"campaigns.{field.name}" for field in CAMPAIGN.fields}
    assert keys - named == {"campaigns"}


def test_a_receiver_that_checks_as_shown_takes_ours_and_no_other(is_genuine: Callable[[str, dict[str, str], bytes], bool]) -> None:
    now = int(time.time())
    headers = signed_headers([b"y" * 32, secret_key(SECRET)], "ana@example.com/3/a", now, b"{}")
    assert is_genuine(SECRET, headers, b"{}")
    assert not is_genuine(SECRET, headers, b"{ }")
    assert not is_genuine(SECRET, headers | {"webhook-id": "ana@example%2Ecom/4/a"}, b"{}")
    assert not is_genuine(SECRET, headers | {"webhook-timestamp": str(now + 1)}, b"{}")
    assert not is_genuine(SECRET, signed_headers([secret_key(SECRET)], "a", now - 301, b"{}"), b"{}")
    assert not is_genuine(SECRET, signed_headers([b"x" * 32], "a", now, b"{}"), b"{}")


def test_every_reason_and_every_metric_is_explained() -> None:
    assert [reason for reason in REASONS if f"| `{reason}` |" not in PAGE] == []
    metrics = DeliveryMetrics(Plan(targets=()), lambda: 0)
    families = {family.name for family in metrics.registry.collect() if family.name.startswith("etapa_deliver")}
    named = {name.removesuffix("_total") for name in re.findall(r"^\| `(etapa_\w+)", PAGE, re.MULTILINE)}
    assert named == families
