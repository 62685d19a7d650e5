"""Fetching the secrets that a delivery file refers to, from the environment and from files. Messages name the place, never the secret."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from etapa.deliver.attempts.signature import SecretError, secret_key
from etapa.deliver.delivery_file.plan import HeaderValue, Plan, SecretSource
from etapa.errors import EtapaError
from etapa.settings.values import Secret

MAX_SECRET_BYTES = 64 * 1024


class SecretsError(EtapaError):
    """Secrets are missing or cannot be used. `problems` names every one of them."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Credentials(msgspec.Struct, frozen=True):
    """What requests to a target carry: headers for all campaigns, headers for single campaigns, and the signing keys."""

    headers: Mapping[str, Secret]
    by_campaign: Mapping[str, Mapping[str, Secret]]
    keys: tuple[Secret, ...]

    def headers_for(self, campaign: str) -> dict[str, str]:
        """The headers of a request; those of the campaign win. Pass them to the HTTP client and to nothing else."""
        chosen = {name.lower(): (name, value) for name, value in self.headers.items()}
        chosen.update({name.lower(): (name, value) for name, value in self.by_campaign.get(campaign, {}).items()})
        return {name: value.reveal() for name, value in chosen.values()}

    def signing_keys(self) -> list[bytes]:
        """The signing keys, newest first."""
        return [secret_key(key.reveal()) for key in self.keys]


def secret_texts(credentials: Iterable[Credentials]) -> list[str]:
    """Everything in them that must not be logged: headers, with and without a scheme such as `Bearer`, and the signing keys."""
    headers = [
        header.reveal()
        for found in credentials
        for named in (found.headers, *found.by_campaign.values())
        for name, header in named.items()
        # Its value is not secret, and receivers repeat it in their answers.
        if name.lower() != "content-type"
    ]
    return [*headers, *(header.rpartition(" ")[2] for header in headers), *(key.reveal() for found in credentials for key in found.keys)]


def find_secrets(plan: Plan, environ: Mapping[str, str], folder: Path) -> dict[str, Credentials]:
    """The credentials of every target, by id. Paths are relative to `folder`. Raises `SecretsError` with all problems at once."""
    problems: list[str] = []

    def header(owner: str, name: str, value: HeaderValue) -> Secret:
        if isinstance(value, str):
            return Secret(value)
        text = _fetch(value, environ, folder, f"{owner}, header {name}", problems)
        if not all(0x20 <= ord(character) <= 0x7E for character in text):
            problems.append(
                f"{owner}, header {name}: {value} holds characters that no header may have; allowed: printable ASCII on one line"
            )
        return Secret(text)

    def key(owner: str, source: SecretSource) -> Secret:
        text = _fetch(source, environ, folder, f"{owner}, signing secret", problems)
        if text:
            try:
                secret_key(text)
            except SecretError as error:
                problems.append(f"{owner}, signing secret: {source} does not hold one: {error}")
        return Secret(text)

    found = {}
    for target in plan.targets:
        owner = f"target {target.id}"
        found[target.id] = Credentials(
            headers={name: header(owner, name, value) for name, value in target.headers.items()},
            by_campaign={
                campaign: {name: header(f"campaign {campaign}", name, value) for name, value in route.headers.items()}
                for campaign, route in plan.campaigns.items()
                if route.target == target.id
            },
            keys=tuple(key(owner, source) for source in target.secrets),
        )
    if problems:
        raise SecretsError(tuple(problems))
    return found


def _fetch(source: SecretSource, environ: Mapping[str, str], folder: Path, use: str, problems: list[str]) -> str:
    if source.kind == "env":
        text = environ.get(source.name, "")
        if not text.strip():
            problems.append(f"{use}: {source} is not set")
        return text
    try:
        with (folder / source.name).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "not a path").lower()
        problems.append(f"{use}: {source} cannot be read ({reason})")
        return ""
    if len(content) > MAX_SECRET_BYTES:
        problems.append(f"{use}: {source} holds more than {MAX_SECRET_BYTES} bytes")
        return ""
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        problems.append(f"{use}: {source} is not UTF-8 text")
        return ""
    if not text.strip():
        problems.append(f"{use}: {source} is empty")
    return text
