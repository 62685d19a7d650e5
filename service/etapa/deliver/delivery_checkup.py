"""What `etapa doctor` checks of delivery, apart from Kafka: its file, the secrets named there, and where its targets are. It posts nothing."""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path

from yarl import URL

from etapa.deliver.attempts.destinations import DestinationRefused, GuardedResolver
from etapa.deliver.delivery_file.plan import Plan, Target
from etapa.deliver.delivery_file.plan_file import load_plan
from etapa.deliver.delivery_file.secrets_found import SecretsError, find_secrets
from etapa.hosting.check_result import CheckResult, DeliveryCause, Level
from etapa.journey.language.reading.yaml_nodes import MAX_BYTES

_RESOLVE_SECONDS = 10.0
_CHECK = "etapa deliver --check"


async def check_delivery(path: Path, environ: Mapping[str, str]) -> list[CheckResult]:
    """Check the delivery file at `path` and everything it refers to. Does not raise, whatever is found."""
    found = _plan_in(path)
    if isinstance(found, CheckResult):
        return [found]
    targets, campaigns = len(found.targets), len(found.campaigns)
    results = [_line("file", "good", f"{path}: targets: {targets}, campaigns: {campaigns}")]
    try:
        find_secrets(found, environ, path.parent)
    except SecretsError as error:
        advice = "Set it where `etapa deliver` runs; doctor checks the environment and the files where it runs"
        results += [_line("secrets", "bad", problem, advice, "secrets") for problem in error.problems]
    else:
        results.append(_line("secrets", "good", "all that the file refers to are there"))
    resolver = GuardedResolver(found.allow_internal)
    try:
        results += await asyncio.gather(*(_place(target, resolver) for target in found.targets))
    finally:
        await resolver.close()
    return results


def _line(check: str, level: Level, found: str, advice: str = "", cause: DeliveryCause | None = None) -> CheckResult:
    return CheckResult("Delivery", check, level, found, advice, cause)


def _plan_in(path: Path) -> Plan | CheckResult:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        found = f"{path}: cannot read it: {error.strerror or type(error).__name__}"
        return _line("file", "bad", found, "ETAPA_DELIVERY (or --delivery) names the delivery file", "delivery_file")
    except UnicodeDecodeError:
        return _line("file", "bad", f"{path}: this is not UTF-8 text", "Save it as UTF-8", "delivery_file")
    loaded = load_plan(text, str(path))
    if loaded.plan is None:
        first = next(finding for finding in loaded.findings if finding.severity == "error")
        return _line("file", "bad", str(first).splitlines()[0], f"`{_CHECK} --delivery {path}` shows all errors", "delivery_file")
    return loaded.plan


async def _place(target: Target, resolver: GuardedResolver) -> CheckResult:
    """Messages give only the target's id: its address may be a secret."""
    host = URL(target.url, encoded=True).host or ""
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            await resolver.resolve(host, 0, socket.AF_UNSPEC)
    except DestinationRefused as error:
        advice = "If it is meant, name the host in `allow_internal` of the delivery file"
        return _line("targets", "bad", f"target {target.id}: {error}", advice, "destination")
    except TimeoutError:
        return _line("targets", "bad", f"target {target.id}: its name was not resolved within {_RESOLVE_SECONDS:g} s", _DNS, "name_unknown")
    except OSError:
        return _line("targets", "bad", f"target {target.id}: its name cannot be resolved", _DNS, "name_unknown")
    return _line("targets", "good", f"target {target.id} is where requests may go")


_DNS = "Look at the url's host in the delivery file, and at the resolver of this machine"
