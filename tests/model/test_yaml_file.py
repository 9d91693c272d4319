from __future__ import annotations

from pathlib import Path

import pytest

from probe.model.errors import ConfigError
from probe.model.yaml_file import MAX_BYTES, line_of, parse_yaml, read_yaml


def test_a_mapping_is_read() -> None:
    assert parse_yaml("a: 1\nb: {c: [x, 2.5]}", source="f") == {"a": 1, "b": {"c": ["x", 2.5]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found nothing"),
        ("- 1", "found a list"),
        ("just words", "found a str"),
        ("a:\n\tb: 2", "indent with spaces, YAML takes no tabs"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: key 'a' appears twice"),
        ("a: {x: 1, x: 2}", "key 'x' appears twice"),
        ("a: [", "line 1"),
        ("a: &n 1\nb: *n", "line 2, column 6: aliases"),
        ("a: !!python/object/apply:os.system [ls]", "line 1"),
        ("a: 1\n---\nb: 2", "expected a single document"),
        ("a: \x00", "not YAML"),
        ("{" * 5000, "f"),
    ],
)
def test_what_is_no_configuration_says_where(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, source="f")
    assert said in str(caught.value)
    assert caught.value.who == "f"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary, big = tmp_path / "binary.yaml", tmp_path / "big.yaml"
    binary.write_bytes(b"name: \xff\xfe")
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, said in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "directory"),
        (binary, "byte 6"),
        (big, "has 10"),
    ):
        with pytest.raises(ConfigError, match=said):
            read_yaml(path)


def test_a_byte_order_mark_is_not_content(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_yaml(path) == {"name": "x"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 1),
        (("b",), 2),
        (("b", 1), 4),
        (("b", 1, "y"), 5),
        (("b", 1, "z"), 4),
        (("b", 7), 2),
        (("c",), None),
        ((), None),
    ],
)
def test_the_line_of_a_path(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of("a: 1\nb:\n  - x: 1\n  - x: 2\n    y: 3\n", path) == line
    assert line_of("a: [", ("a",)) is None
