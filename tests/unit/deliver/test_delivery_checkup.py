"""What `etapa doctor` finds about delivery without a Kafka: each broken set-up has its own cause."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from etapa.deliver.delivery_checkup import check_delivery
from etapa.hosting.check_result import CheckResult

GOOD = "allow_http: 127.0.0.1\nallow_internal: 127.0.0.1\n"
CAMPAIGNS = "campaigns:\n  - {id: thanks, target: crm}\n"


def checked(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[CheckResult]:
    file = folder / "delivery.yaml"
    file.write_text(text)
    return asyncio.run(check_delivery(file, environ or {}))


def test_where_all_is_well_nothing_is_bad(tmp_path: Path) -> None:
    text = (
        f"{GOOD}targets:\n  - {{id: crm, url: 'http://127.0.0.1:1/a-secret-path', headers: {{Authorization: {{env: TOKEN}}}}}}\n{CAMPAIGNS}"
    )
    results = checked(tmp_path, text, {"TOKEN": "Bearer between-us"})
    assert [(one.area, one.check, one.level) for one in results] == [
        ("Delivery", "file", "good"),
        ("Delivery", "secrets", "good"),
        ("Delivery", "targets", "good"),
    ]
    assert "secret-path" not in str(results)
    assert "between-us" not in str(results)


@pytest.mark.parametrize(
    ("text", "cause", "words"),
    [
        ("targets: []\n", "delivery_file", "delivery.yaml:1:"),
        (f"targets:\n  - {{id: crm, url: 'https://example.com/', secrets: [{{env: HOOK}}]}}\n{CAMPAIGNS}", "secrets", "variable HOOK"),
        (
            f"targets:\n  - {{id: crm, url: 'https://no-such-host.invalid/hidden'}}\n{CAMPAIGNS}",
            "name_unknown",
            "target crm: its name cannot",
        ),
    ],
)
def test_each_broken_set_up_has_its_cause(tmp_path: Path, text: str, cause: str, words: str) -> None:
    [line] = [one for one in checked(tmp_path, text) if one.cause == cause]
    assert line.level == "bad"
    assert words in line.found
    assert line.advice
    assert "hidden" not in line.found


def test_a_name_that_leads_to_this_machine_is_refused_unless_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The delivery file does not show where a name leads: only resolving it does."""

    async def resolve(*_: object) -> list[dict[str, object]]:
        return [{"hostname": "hook.example", "host": "127.0.0.1", "port": 0, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    text = f"targets:\n  - {{id: crm, url: 'https://hook.example/'}}\n{CAMPAIGNS}"
    [refused] = [one for one in checked(tmp_path, text) if one.level == "bad"]
    assert refused.cause == "destination"
    assert "it is this machine" in refused.found
    assert [one for one in checked(tmp_path, f"allow_internal: hook.example\n{text}") if one.level == "bad"] == []


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    [line] = asyncio.run(check_delivery(tmp_path / "none.yaml", {}))
    assert (line.level, line.cause) == ("bad", "delivery_file")
    assert "No such file" in line.found
