"""Who counts as being on this machine, when no token is set."""

import pytest

from etapa.serve.access import access_of

LOCAL = {"Host": "localhost:6066"}


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_in_any_notation_is_this_machine(peer: str) -> None:
    assert access_of(peer, LOCAL, None) == "granted"


@pytest.mark.parametrize("peer", ["10.0.0.7", "192.168.1.2", "172.17.0.1", "::ffff:10.0.0.7", "fe80::1%eth0", "2001:db8::1", "", None])
def test_everybody_else_is_not_whatever_host_they_ask_for(peer: str | None) -> None:
    assert access_of(peer, LOCAL, None) == "not_local"
