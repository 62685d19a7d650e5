"""`python manifests.py KUBERNETES_VERSION <MANIFESTS`: check Kubernetes manifests against their schemas; exit code 1, a line per problem.

Kubernetes' own kinds are checked strictly against its schemas; those of KEDA and the Prometheus operator against types made from their
definitions. A field that these types do not have is a problem too.
"""

import sys
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as monitoring
from pydantic import ValidationError

CUSTOM = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "PodMonitor": monitoring.PodMonitor,
    "PrometheusRule": monitoring.PrometheusRule,
}


def problems_of(manifest: dict[str, Any], version: str) -> Iterator[str]:
    """What is wrong with a manifest, in words."""
    kind = manifest["kind"]
    if kind not in CUSTOM:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message}"
        return
    try:
        known = CUSTOM[kind].model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_none=True)
    except ValidationError as error:
        yield str(error)
        return
    yield from (f"{place}: no such field" for place in _unknown(manifest, known, ""))


def _unknown(given: Any, known: Any, place: str) -> Iterator[str]:
    """The paths of fields in `given` that the types do not have."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            if name not in known:
                yield f"{place}.{name}"
            else:
                yield from _unknown(value, known[name], f"{place}.{name}")
    elif isinstance(given, list) and isinstance(known, list):
        for index, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from _unknown(one, other, f"{place}[{index}]")


def main() -> int:
    """Check the manifests on standard input."""
    found = 0
    for manifest in yaml.safe_load_all(sys.stdin):
        if manifest is None:
            continue
        for problem in problems_of(manifest, sys.argv[1]):
            found += 1
            sys.stdout.write(f"{manifest['kind']} {manifest['metadata']['name']}: {problem}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
