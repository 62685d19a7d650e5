"""The map of errors agrees with the errors in the code."""

import importlib
import pkgutil
import re

import etapa
from etapa import errors
from etapa.errors import EtapaError


def _all_of(base: type[Exception]) -> set[type[Exception]]:
    return {found for each in base.__subclasses__() for found in {each, *_all_of(each)}}


def _import_everything() -> None:
    for module in pkgutil.walk_packages(etapa.__path__, "etapa."):
        if module.name != "etapa.__main__":
            importlib.import_module(module.name)


def _named_in_the_map() -> list[str]:
    rows = [line for line in (errors.__doc__ or "").splitlines() if line.startswith("    ") and not line.endswith(".")]
    return [name for row in rows[2:] for name in re.findall(r"\b[A-Z]\w+", re.split(r"\s{6,}", row.strip())[0])]


def test_every_error_is_in_the_map_once() -> None:
    _import_everything()
    ours = {error.__name__ for error in _all_of(EtapaError) if error.__module__.startswith("etapa.")}
    assert sorted(_named_in_the_map()) == sorted(ours)


def test_only_errors_of_libraries_kinds_stand_beside_the_common_base() -> None:
    _import_everything()
    beside = {
        error
        for error in _all_of(Exception)
        if error.__module__.startswith("etapa.") and not issubclass(error, EtapaError) and not error.__name__.startswith("_")
    }
    assert {error.__name__ for error in beside} == {"CheckFailed", "TransactionAbortable", "WrongUse"}
