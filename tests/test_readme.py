"""What the READMEs promise: commands, options, targets, settings and links that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices
from typer.main import get_command

from copilot.cli.main import app
from copilot.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)
_COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?P<line>(?:\.venv/bin/)?sales-copilot .+)$")


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks_of(text: str) -> list[str]:
    """The lines of all fenced blocks."""
    return [
        line.strip()
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
        for line in block.splitlines()
    ]


def command_lines(name: str) -> list[str]:
    text = text_of(name)
    found = [_COMMAND.match(line) for line in blocks_of(text)]
    lines = [match["line"] for match in found if match]
    return lines + re.findall(r"`((?:\.venv/bin/)?sales-copilot [^`]+)`", text)


def words_of(line: str) -> list[str]:
    """The words of a command line, without what its output is redirected to."""
    words = shlex.split(line, comments=True)
    cut = [number for number, word in enumerate(words) if word in {">", "|", "<"}]
    return words[1 : cut[0]] if cut else words[1:]


def unknown_in(words: list[str]) -> list[str]:
    """What the command line does not know among the words: commands and options."""
    command: Any = get_command(app)
    context: Any = command.make_context("sales-copilot", [], resilient_parsing=True)
    known, unknown, rest = options_of(command), [], iter(words)
    for word in rest:
        if word.startswith("--"):
            if word not in known:
                unknown.append(word)
            elif not known[word]:
                next(rest, None)
        elif hasattr(command, "list_commands"):
            found = command.get_command(context, word)
            if found is None:
                return [*unknown, word]
            command, known = found, options_of(found)
    if hasattr(command, "list_commands"):
        unknown.append("no command")
    return unknown


def options_of(command: Any) -> dict[str, bool]:
    """The command's options, and whether each is a flag."""
    own = {
        name: bool(getattr(each, "is_flag", False))
        for each in command.params
        for name in [*each.opts, *each.secondary_opts]
    }
    return {**own, "--help": True}


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that does something, as the words that call it."""
    command = command or get_command(app)
    if not hasattr(command, "list_commands"):
        yield path
        return
    context = command.make_context("sales-copilot", [], resilient_parsing=True)
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), (*path, name))


def listed_commands(name: str) -> list[str]:
    """The commands of the table of commands, in its order."""
    return re.findall(r"^\| `sales-copilot ([a-z -]+)` \|", text_of(name), re.M)


@pytest.mark.parametrize("name", [*READMES, "docs/mapping.md", "docs/mapping.zh-CN.md"])
def test_every_command_line_shown_is_one_that_exists(name: str) -> None:
    lines = command_lines(name)

    assert lines, f"{name} shows no command"
    assert {line: unknown_in(words_of(line)) for line in lines if unknown_in(words_of(line))} == {}


@pytest.mark.parametrize(
    "line", ["sales-copilot aks x", "sales-copilot ask x --az me", "sales-copilot draft"]
)
def test_a_command_line_that_does_not_exist_is_noticed(line: str) -> None:
    assert unknown_in(words_of(line))


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_commands_is_complete(name: str) -> None:
    assert listed_commands(name) == [" ".join(path) for path in leaves()]


@pytest.mark.parametrize("name", READMES)
def test_options_in_the_table_of_commands_exist(name: str) -> None:
    rows = re.findall(r"^\| `sales-copilot ([a-z ]+)` \| (.*) \|$", text_of(name), re.M)
    wrong = {
        command: missing
        for command, does in rows
        if (missing := unknown_in([*command.split(), *re.findall(r"`(--[\w-]+)`", does)]))
        and any(each.startswith("--") for each in missing)
    }

    assert wrong == {}


@pytest.mark.parametrize("name", [*READMES, "AGENTS.md"])
def test_make_targets_exist(name: str) -> None:
    shown = {
        line.split()[1] for line in blocks_of(text_of(name)) if re.match(r"make [a-z-]+", line)
    } | set(re.findall(r"`make ([a-z-]+)`", text_of(name)))
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))

    assert shown
    assert shown - targets == set()


@pytest.mark.parametrize("name", READMES)
def test_the_table_of_settings_is_that_of_the_code(name: str) -> None:
    rows = re.findall(r"^\| (`SALES_COPILOT_.*?) \| (.*?) \|", text_of(name), re.M)
    listed = [tuple(re.findall(r"`(\w+)`", names)) for names, _ in rows]
    in_code = []
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [f"{PREFIX}{field.upper()}"]
        in_code.append(tuple(str(choice) for choice in choices))

    assert sorted(listed) == sorted(in_code)


@pytest.mark.parametrize("name", READMES)
def test_the_defaults_of_settings_are_those_of_the_code(name: str) -> None:
    rows = re.findall(r"^\| `(SALES_COPILOT_\w+)`[^|]*\| `([^`]+)` \|", text_of(name), re.M)
    defaults = {
        f"{PREFIX}{field.upper()}": info.default for field, info in Settings.model_fields.items()
    }

    assert len(rows) > 5
    assert {key: shown for key, shown in rows if not same(shown, defaults[key])} == {}


def same(shown: str, default: object) -> bool:
    if isinstance(default, (int, float)):
        return float(shown) == default
    return shown == default


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name: str) -> None:
    text = re.sub(r"^```\w*\n.*?^```", "", text_of(name), flags=re.M | re.S)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if not re.match(r"\w+:", link)]

    assert [link for link in local if not ((ROOT / name).parent / link).exists()] == []


def test_both_languages_show_the_same_sections_and_commands() -> None:
    english, chinese = (text_of(name) for name in READMES)

    assert listed_commands("README.md") == listed_commands("README.zh-CN.md")
    assert len(re.findall(r"^## ", english, re.M)) == len(re.findall(r"^## ", chinese, re.M))
    assert re.findall(r"\b[0-9a-f]{64}\b", english) == re.findall(r"\b[0-9a-f]{64}\b", chinese)
