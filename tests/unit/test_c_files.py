"""The C files compile elsewhere than here, too: what only GCC and Clang know stands where other compilers do not read it."""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "service" / "etapa"
_CONDITION = re.compile(r"#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)")
_INCLUDED = re.compile(r'#\s*include "(.+)"')
_BUILTIN = re.compile(r"__builtin_\w+")
_ABOUT_COMPILERS = ("__GNUC__", "_MSC_VER", "__BYTE_ORDER__")
"""Only what is read if one of these says so may be known to some compilers only. MSVC does not define the last one."""


def for_some_compilers_only(path: Path) -> list[str]:
    """Each builtin function that a C file or a header of its own uses whatever the compiler, unless it is defined for the others."""
    defined: set[str] = set()
    used: list[str] = []
    _read(path, set(), defined, used)
    return [each for each in used if each.rpartition(" ")[2] not in defined]


def _read(path: Path, seen: set[Path], defined: set[str], used: list[str]) -> None:
    if path in seen:
        return
    seen.add(path)
    asked: list[bool] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        condition, included = _CONDITION.match(line), _INCLUDED.match(line)
        if included is not None:
            _read(path.parent / included[1], seen, defined, used)
        elif condition is not None:
            word, told = condition.groups()
            about_compilers = any(each in told for each in _ABOUT_COMPILERS)
            if word == "endif":
                asked.pop()
            elif word.startswith("if"):
                asked.append(about_compilers)
            else:
                asked[-1] = asked[-1] or about_compilers
        elif line.startswith("#define __builtin_"):
            defined.update(_BUILTIN.findall(line)[:1])
        elif not any(asked):
            used += [f"{path.name}:{number} {each}" for each in _BUILTIN.findall(line)]


def test_what_only_some_compilers_know_is_read_by_those_only() -> None:
    files = sorted(PACKAGE.rglob("*.c"))
    assert len(files) > 5
    assert [each for path in files for each in for_some_compilers_only(path)] == []


def test_a_builtin_that_any_compiler_reads_is_found_also_in_a_header(tmp_path: Path) -> None:
    (tmp_path / "near.h").write_text(
        "#if defined(__GNUC__)\n#define NEAR(at) __builtin_prefetch(at)\n#endif\nint a = __builtin_clz(4);\n", "utf-8"
    )
    (tmp_path / "one.c").write_text('#include "near.h"\n#ifdef ODD\nint b = __builtin_ctz(4);\n#endif\n', "utf-8")
    assert for_some_compilers_only(tmp_path / "one.c") == ["near.h:4 __builtin_clz", "one.c:3 __builtin_ctz"]


def test_a_builtin_that_is_defined_for_other_compilers_may_be_read_by_any(tmp_path: Path) -> None:
    text = "#if !defined(__GNUC__)\n#define __builtin_prefetch(at) ((void)(at))\n#endif\nvoid a(int *at) { __builtin_prefetch(at); }\n"
    (tmp_path / "one.c").write_text(text, "utf-8")
    assert for_some_compilers_only(tmp_path / "one.c") == []
