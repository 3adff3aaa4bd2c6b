"""The documents are true: what they name exists, what they list is complete, and their examples run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import commands
from tests.support import JsonClient, Program, Server

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FEATURES = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
Start = Callable[..., Program]


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("**/*.md")
                                        if not {".venv", ".git"} & set(path.parts)))  # fmt: skip
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}, which is not there"


def test_the_host_s_commands_in_the_readme_are_those_there_are() -> None:
    listed = set(re.findall(r"^\| `([A-Z_]+)", README, re.MULTILINE))
    there = {command.name.upper() for command in commands.load().commands if command.bare}
    assert listed == there


def test_every_command_typed_in_the_readme_exists() -> None:
    verbs = {verb for command in commands.load().commands for verb in (command.name, *command.aliases)}
    for verb in re.findall(r"`/([a-z]+)", README):
        assert verb in verbs, f"/{verb} stands in the README, and is no command"


def test_every_row_of_the_features_names_tests_that_exist() -> None:
    for file, name in re.findall(r"`((?:faults/)?test_\w+\.py)::(\w+)`", FEATURES + RELIABILITY):
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text, f"docs/features.md names {file}::{name}, which is not there"
    for row in re.findall(r"^\| [A-Z]\d+ .*", FEATURES, re.MULTILINE):
        assert "::" in row, f"without a proof: {row}"


def test_every_option_of_the_server_in_the_readme_exists(start: Start) -> None:
    asked = start("chat_server.py", "--help")
    shown = asked.wait_for(re.compile(r"usage:.*--port.*", re.DOTALL)).group()
    assert asked.wait() == 0
    for option in re.findall(r"(?:chat_server\.py|ARGS=\") ?(--[a-z-]+)", README):
        assert option in shown


def test_the_bot_answers(start: Start, server: Server, join_json: Callable[..., JsonClient]) -> None:
    """examples/bot.py, as the README starts it."""
    alice = join_json("alice")
    start("examples/bot.py", server.host, server.port)
    alice.wait_for("entered", name="dice")
    alice.request("say", text="!roll")
    assert re.fullmatch(r"alice rolls [1-6]", alice.wait_for("said", from_="dice")["text"])
    server.type("KICK dice")
    alice.wait_for("left", name="dice")


def test_a_pipe_says_its_lines(start: Start, server: Server, join_json: Callable[..., JsonClient]) -> None:
    """The README's `echo … | python chat_client.py -c HOST 3001 backup`."""
    alice = join_json("alice")
    backup = start("chat_client.py", "-c", server.host, server.port, "backup")
    backup.type("The backup is done.")
    backup.end_input()
    assert alice.wait_for("said", from_="backup")["text"] == "The backup is done."
    assert backup.wait() == 0
