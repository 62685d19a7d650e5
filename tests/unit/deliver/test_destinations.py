"""Where a request may go, and where not."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from etapa.deliver.attempts.destinations import DestinationRefused, GuardedResolver, hosts_compared
from etapa.deliver.attempts.target_answers import Answer
from etapa.deliver.delivery_file.plan import Target
from etapa.deliver.delivery_file.plan_file import load_plan
from etapa.deliver.delivery_file.secrets_found import Credentials
from etapa.deliver.dispatch.webhook import Webhooks


def errors_of(url: str, others: str = "") -> list[str]:
    return [str(one) for one in load_plan(f"{others}targets: [{{id: a, url: '{url}'}}]", "d.yaml").findings]


@pytest.mark.parametrize(
    "host",
    [
        *(
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "a%2eb",
            "a:0",
            "0.0.0.0",  # noqa: S104 (refused, not bound to)
            "[::]",
            "224.0.0.1",
        ),
        *("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "168.63.129.16", "100.100.100.200", "[fd00:ec2::254]"),
        *("metadata.google.internal", "METADATA.google.internal.", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]"),
    ],
)
def test_a_target_that_can_never_be_good_is_refused_whatever_is_allowed(host: str) -> None:
    name = host.partition(":0")[0] if host == "a:0" else host
    [error] = errors_of(f"https://{host}/hook", f"allow_internal: ['{name}']\n" if name.isalnum() or name.startswith("[") else "")
    assert "nothing can be posted there" in error


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "[::1]",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "[fd12::1]",
        "[::ffff:10.0.0.1]",
    ],
)
def test_an_internal_target_must_be_allowed_by_name(host: str) -> None:
    [error] = errors_of(f"https://{host}/hook")
    assert "allow that for this host with allow_internal" in error
    assert errors_of(f"https://{host}/hook", f"allow_internal: ['{host}']\n") == []


def test_public_targets_need_no_permission() -> None:
    for host in ("crm.example.com", "crm.example.com.", "8.8.8.8", "[2606:4700::1111]", "xn--bcher-kva.example"):
        assert errors_of(f"https://{host}/hook") == []


class Zone(AbstractResolver):
    """Resolves names as the test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in self.addresses]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("addresses", "internal", "refused"),
    [
        (("93.184.216.34",), (), None),
        (("93.184.216.34", "10.0.0.1"), (), "not public, and allow_internal does not name the host"),
        (("127.0.0.1",), (), "it is this machine"),
        (("127.0.0.1",), ("Hooks.Example.com.",), None),
        (("fe80::1%eth0",), ("hooks.example.com",), "link-local"),
        (("169.254.169.254",), ("hooks.example.com",), "link-local"),
        (("::ffff:169.254.169.254",), ("hooks.example.com",), "link-local"),
    ],
)
def test_what_a_name_resolves_to_is_looked_at(addresses: tuple[str, ...], internal: tuple[str, ...], refused: str | None) -> None:
    resolver = GuardedResolver(hosts_compared(internal), Zone(*addresses))
    if refused is None:
        assert len(asyncio.run(resolver.resolve("hooks.example.com", 443))) == len(addresses)
        return
    with pytest.raises(DestinationRefused, match=refused):
        asyncio.run(resolver.resolve("hooks.example.com", 443))


def test_an_attempt_at_a_name_that_leads_to_this_machine_fails_and_says_why() -> None:
    async def scenario(*internal: str) -> Answer:
        async with Webhooks(internal) as webhooks:
            target = Target(id="t", url="http://localhost:1/hook")
            return await webhooks.post(target, Credentials({}, {}, ()), "a", "c/1/a", b"{}", 1_700_000_000)

    answer = asyncio.run(scenario())
    assert answer.status is None
    assert (
        answer.trouble == "the address that its name resolves to is refused: it is this machine, and allow_internal does not name the host"
    )
    assert "no connection" in (asyncio.run(scenario("localhost")).trouble or "")
