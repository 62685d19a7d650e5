"""All zones of the pinned zone data, by name."""

from functools import lru_cache
from importlib.resources import files
from typing import Final

import tzdata

from etapa.journey.localtime.tzif import ZoneData, read_zone_data
from etapa.journey.localtime.zone import Zone

VERSION: Final[str] = tzdata.IANA_VERSION
"""The release of the zone data, such as `2026f`. A later one may place the same local time at another instant."""

UTC: Final = Zone("UTC", ZoneData([], [0], None))
_SHARED: Final[dict[str, Zone]] = {"UTC": UTC}


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Names as IANA writes them, links included."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def zone_called(name: object) -> Zone | None:
    """The zone with exactly this name; none if there is none."""
    if not isinstance(name, str):
        return None
    zone = _SHARED.get(name)
    if zone is None and name in zone_names():
        # There are only a few hundred names, so the cache is bounded.
        data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        zone = _SHARED[name] = Zone(name, read_zone_data(data))
    return zone
