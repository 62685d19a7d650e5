"""`etapa validate`: where a journey file is wrong, for people and machines, with reliable exit codes."""

import json
import os
from pathlib import Path

import pytest

from tests.unit.cli.journeys import BAD, GOOD
from tests.unit.cli.process import etapa


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return str(path)


def test_a_good_file_is_one_line(good: str) -> None:
    done = etapa("validate", good)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines()[-1] == f"{good}: good: journey shop version 3, 3 stages, 3 rules"


def test_an_error_is_shown_with_its_place_its_line_and_a_caret(bad: str) -> None:
    done = etapa("validate", bad)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 1
    assert lines[0].startswith(f"{bad}:8:9: error: ")
    assert "byer" in lines[0]
    assert lines[1].strip() == "to: byer"
    assert lines[2].index("^") == lines[1].index("byer")
    assert lines[-1] == f"{bad}: 1 error"


def test_several_files_are_all_checked_and_counted(good: str, bad: str) -> None:
    done = etapa("validate", bad, good)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines()[-1].startswith(f"{good}: good")
    assert done.stderr == b"1 of 2 files are good\n"


def test_a_machine_gets_one_object(good: str, bad: str) -> None:
    done = etapa("validate", "--json", good, bad)
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["ok"] is False
    assert found["files"][0] | {"findings": []} == {
        "file": good,
        "ok": True,
        "journey": "shop",
        "version": 3,
        "stages": 3,
        "rules": 3,
        "campaigns": 0,
        "findings": [],
    }
    finding = found["files"][1]["findings"][0]
    assert (finding["severity"], finding["line"], finding["column"]) == ("error", 8, 9)


def test_standard_input_can_be_checked() -> None:
    done = etapa("validate", "-", stdin=GOOD.encode())
    assert (done.returncode, done.stdout.splitlines()[-1][:13]) == (0, b"-: good: jour")


def test_a_file_that_is_not_there_is_wrong_use_and_the_others_are_still_checked(good: str) -> None:
    done = etapa("validate", "/no/such/journey.yaml", good)
    assert done.returncode == 2
    assert b"Error: /no/such/journey.yaml: cannot read it: no such file or directory\n" in done.stderr
    assert b"good: journey shop" in done.stdout


def test_a_folder_is_no_journey_file(tmp_path: Path) -> None:
    done = etapa("validate", str(tmp_path))
    assert (done.returncode, done.stderr) == (2, f"Error: {tmp_path}: cannot read it: is a directory\n".encode())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# only a comment\n", b"\xef\xbb\xbf", b"just text", b"- a\n- b\n", b"\x00\x01\x02"])
def test_a_file_that_holds_no_journey_is_an_error_of_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.write_bytes(content)
    done = etapa("validate", str(path))
    assert done.returncode == 1
    assert f"{path}:1:".encode() in done.stdout
    assert b"Traceback" not in done.stderr


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.write_bytes(b"journey: shop\nname: caf\xe9\n")
    done = etapa("validate", str(path))
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == (f"{path}:2:10: error: found the byte 0xe9, which is not UTF-8; allowed: text in UTF-8".encode())


def test_a_huge_file_is_refused_without_being_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.touch()
    os.truncate(path, 10**12)
    done = etapa("validate", str(path))
    assert done.returncode == 1
    assert done.stdout.decode() == f"{path}:1:1: error: the file is larger than 1024 KiB\n{path}: 1 error\n"


def test_with_strict_a_warning_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journey.yaml"
    path.write_text(GOOD.replace("  - {id: asleep}\n", "  - {id: asleep}\n  - {id: unreachable}\n"))
    relaxed, strict = etapa("validate", str(path)), etapa("validate", "--strict", str(path))
    assert relaxed.returncode == 0
    assert b"warning" in relaxed.stdout
    assert strict.returncode == 1
    assert strict.stdout.decode().splitlines()[-1] == f"{path}: 1 warning"


def test_without_a_file_it_is_wrong_use() -> None:
    done = etapa("validate")
    assert done.returncode == 2
    assert b"Missing argument 'FILE" in done.stderr
