from __future__ import annotations

from argparse import Namespace
from typing import Any

from loadtest.arguments import GUARDED, GUARDS, MEASURED, MEETINGS, PLATFORM, SHAPE, add_arguments

OPTIONS = (*MEETINGS, *MEASURED, *SHAPE, *PLATFORM, *GUARDS)


class _Group:
    def __init__(self) -> None:
        self.added: dict[str, dict[str, Any]] = {}
        self.actions: dict[str, Namespace] = {}

    def add_argument(self, *names: str, **keywords: Any) -> Namespace:
        self.added[names[0]] = keywords
        self.actions[names[0]] = Namespace()
        return self.actions[names[0]]

    def add_argument_group(self, title: str, description: str) -> _Group:
        return self


def test_every_option_teaches_and_has_a_variable_of_its_own() -> None:
    parser = _Group()
    add_arguments(parser)
    assert set(parser.added) == {option.name for option in OPTIONS}
    assert all(len(keywords["help"]) > 20 and "%" not in keywords["help"] for keywords in parser.added.values())
    variables = [keywords["env_var"] for keywords in parser.added.values()]
    assert len(set(variables)) == len(variables)
    assert all(name.startswith("MEETPROBE_") for name in variables)


def test_guards_are_not_in_the_form() -> None:
    parser = _Group()
    add_arguments(parser)
    hidden = {name for name, action in parser.actions.items() if not action.include_in_web_ui}
    assert hidden == {f"--{name.replace('_', '-')}" for name in GUARDED}
    assert {"--allow-target", "--max-participants", "--max-rate", "--max-duration", "--out"} <= hidden
