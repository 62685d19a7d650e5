"""Where our requests may go: not to this machine or into its network, unless the delivery file names the host.

Otherwise anyone who can write a delivery file, or the DNS zone of a name in it, could make Etapa post to what only it can reach: a cloud's
metadata, a database's HTTP port, another server nearby. URLs are checked when the file is read, and resolved addresses at each connection.
"""

import ipaddress
import re
import socket
from collections.abc import Collection

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from etapa.errors import EtapaError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal")
_METADATA = tuple(map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))
"""Metadata servers of Azure, Alibaba, Oracle, Amazon and Google; those of others are link-local. https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SHARED = ipaddress.ip_network("100.64.0.0/10")


class DestinationRefused(EtapaError, OSError):
    """A host resolves to an address that must not be posted to. The message does not contain the URL."""


def why_never(host: str, port: int | None) -> str | None:
    """Why nothing can ever be posted there, even if the file allows it; None when it can."""
    if port == 0:
        return "port 0 leads nowhere"
    if re.search(r"[^A-Za-z0-9._:\[\]-]", host):
        return "its host holds characters that no host has: write it in plain ASCII (xn--… for other letters)"
    address = _address_in(host)
    if address is None:
        # `inet_aton` accepts one to four numbers as an address, including octal and hexadecimal ones.
        if all(re.fullmatch(r"0[xX][0-9A-Fa-f]*|[0-9]+", part) for part in host.rstrip(".").split(".")):
            return "its host is a number that may mean an address: write an address as 192.0.2.1 or [2001:db8::1]"
        return "it is a cloud's metadata" if host.rstrip(".") in _METADATA_NAMES else None
    return _why_never_address(address)


def why_internal(host: str) -> str | None:
    """Why a URL with this host must be allowed by name; None when it need not, or when only resolving the host can tell."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "it is this machine"
    address = _address_in(host)
    return None if address is None else _why_internal_address(address)


def _address_in(host: str) -> Address | None:
    try:
        return _unwrapped(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """An IPv4 address written as IPv6 is treated as the IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _why_never_address(address: Address) -> str | None:
    if address.is_link_local or address in _METADATA:
        return "it is link-local or a cloud's metadata"
    if address.is_unspecified or address.is_multicast or (isinstance(address, ipaddress.IPv4Address) and address.is_reserved):
        return "it is not the address of a single host"
    return None


def _why_internal_address(address: Address) -> str | None:
    if address.is_loopback:
        return "it is this machine"
    if address.version == _SHARED.version and address in _SHARED:
        return "it is in a network that is not public"
    return None if address.is_global else "it is in a network that is not public"


class GuardedResolver(AbstractResolver):
    """Resolves names for aiohttp, and refuses those that lead where nothing may be posted. Called for every new connection."""

    def __init__(self, internal: Collection[str], resolver: AbstractResolver | None = None) -> None:
        """`internal`: hosts, in lower case, that may be in networks that are not public."""
        self._internal = internal
        self._resolver = resolver or ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses. Raises `DestinationRefused` when any of them is not allowed: a name with several may be meant to reach that one."""
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            why = self._why_not(host, one["host"])
            if why is not None:
                raise DestinationRefused(why)
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()

    def _why_not(self, host: str, resolved: str) -> str | None:
        address = _unwrapped(ipaddress.ip_address(resolved.partition("%")[0]))
        why = _why_never_address(address)
        if why is not None:
            return f"the address that its name resolves to is refused: {why}"
        why = _why_internal_address(address)
        if why is None or host.lower().rstrip(".") in self._internal:
            return None
        return f"the address that its name resolves to is refused: {why}, and allow_internal does not name the host"


def hosts_compared(names: tuple[str, ...]) -> frozenset[str]:
    """Hosts of the delivery file in the form used for comparison."""
    return frozenset(name.lower().strip("[]").rstrip(".") for name in names)


def shown_host(host: str) -> str:
    """A host as it is written in a YAML list."""
    return f'"[{host}]"' if ":" in host else host
