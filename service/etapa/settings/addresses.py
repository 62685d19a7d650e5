"""Settings that are addresses: of brokers, of token endpoints and registries, and the one to listen on."""

import ipaddress
import re
from urllib.parse import urlsplit

from etapa.settings.values import ValueKind


def _is_host(text: str) -> bool:
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:
        return len(text) <= 253 and bool(re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", text))


def host() -> ValueKind:
    """A host name or an IP address to listen on."""

    def parse(text: str) -> str:
        if not _is_host(text.strip()):
            raise ValueError("")
        return text.strip().strip("[]")

    return ValueKind(parse, "a host name or an IP address, such as 127.0.0.1, or 0.0.0.0 for every interface")


def check_address(address: str) -> None:
    """Raises `ValueError`, with the address in its message, when it is not host:port."""
    name, colon, port = address.rpartition(":")
    if not colon or not name:
        raise ValueError(f"where {address!r} has no port")
    if not _is_host(name) or (":" in name and not name.startswith("[")):
        raise ValueError(f"where {name!r} is not a host")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise ValueError(f"where {port!r} is not a port")


def servers() -> ValueKind:
    """Kafka brokers as `host:port`, separated by commas."""

    def parse(text: str) -> str:
        if "@" in text:
            raise ValueError("which holds a login; ETAPA_KAFKA_SASL_USERNAME and ETAPA_KAFKA_SASL_PASSWORD are for that")
        addresses = [address.strip() for address in text.split(",") if address.strip()]
        if not addresses:
            raise ValueError("")
        for address in addresses:
            check_address(address)
        return ",".join(addresses)

    return ValueKind(parse, "host:port, or several separated by commas")


def endpoint() -> ValueKind:
    """An https URL, or an http URL to this machine."""

    def parse(text: str) -> str:
        text = text.strip()
        parts = urlsplit(text)
        if "@" in parts.netloc:
            raise ValueError("which holds a login")
        if not text.isprintable() or parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("")
        if is_open(text):
            raise ValueError("which would send secrets unencrypted")
        return text

    return ValueKind(parse, "a URL of https, or of http to this machine")


def is_open(url: str) -> bool:
    """Whether data sent to this URL leaves the machine unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1")


def registry() -> ValueKind:
    """URLs of one registry, http or https."""

    def parse(text: str) -> str:
        urls = [url.strip() for url in text.split(",") if url.strip()]
        for url in urls:
            parts = urlsplit(url)
            if "@" in parts.netloc:
                raise ValueError("which holds a login; ETAPA_REGISTRY_USER and ETAPA_REGISTRY_PASSWORD are for that")
            if not url.isprintable() or parts.scheme not in ("https", "http") or not parts.hostname:
                raise ValueError("")
        if not urls:
            raise ValueError("")
        return ",".join(urls)

    return ValueKind(parse, "a URL of http or https, or several separated by commas")
