"""Prompts as files: loading, filling in declared variables, and quoting text from outside."""

import functools
import importlib.resources
import re
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Literal

import yaml
from jinja2 import TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from crm.errors import BadInput

Language = Literal["en", "zh"]

_FILE_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*)\.(?P<language>en|zh)\.md")
_FRONT = re.compile(r"\A---\n(?P<front>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_CHINESE = re.compile(r"[\u3400-\u9fff]")
# A tag of ours in disguise: any kind of bracket, then `data` with anything but letters between.
_TAG_START = re.compile(
    r"[<＜﹤](?=[\W_]{0,8}[dｄ][\W_]{0,4}[aａ][\W_]{0,4}[tｔ][\W_]{0,4}[aａ])", re.IGNORECASE
)
_CONTROL_TOKEN = re.compile(r"<(?=[\W_]{0,4}[|｜])")


class FrontMatter(BaseModel):
    """What a prompt file declares above its text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: Language
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """One prompt in one language."""

    name: str
    language: Language
    variables: tuple[str, ...]
    body: str

    def render(self, **variables: object) -> str:
        """Return the text with its variables filled in; values are never read as template.

        Raises:
            BadInput: a declared variable is missing, or one is given that is not declared.
        """
        label = f"prompt {self.name!r} ({self.language})"
        if missing := [name for name in self.variables if name not in variables]:
            raise BadInput(f"{label} needs {missing!r}; pass them to render()")
        if unused := [name for name in variables if name not in self.variables]:
            raise BadInput(f"{label} does not use {unused!r}; it declares {self.variables!r}")
        return _environment().from_string(self.body).render(variables).strip()


def load_prompt(name: str, language: Language) -> Prompt:
    """Return a prompt from this folder, checked against what it declares.

    Raises:
        BadInput: there is no such file, or its front matter and its text disagree.
    """
    return _load(f"{name}.{language}.md")


def prompt_files() -> list[str]:
    """Return the names of all prompt files, sorted."""
    return sorted(entry.name for entry in _folder().iterdir() if entry.name.endswith(".md"))


def parse_prompt(file_name: str, text: str) -> Prompt:
    """Return the prompt in a file's text.

    Raises:
        BadInput: the name, the front matter or the variables are not as declared.
    """
    named, parts = _FILE_NAME.fullmatch(file_name), _FRONT.match(text.replace("\r\n", "\n"))
    if named is None or parts is None:
        raise BadInput(
            f"{file_name!r} is not a prompt: name it <name>.<en|zh>.md and open it with "
            "front matter between --- lines"
        )
    front = _front_matter(file_name, parts["front"])
    if (front.name, front.language) != (named["name"], named["language"]):
        raise BadInput(
            f"{file_name!r} declares name {front.name!r}, language {front.language!r}; "
            "make both agree with the file's name"
        )
    used = _variables_in(file_name, parts["body"])
    if used != set(front.variables):
        raise BadInput(
            f"{file_name!r} declares the variables {sorted(front.variables)!r} "
            f"but its text uses {sorted(used)!r}; make them agree"
        )
    return Prompt(front.name, front.language, front.variables, parts["body"])


def quote_outside(text: str) -> str:
    """Return text from outside between <data> tags that nothing inside it can open or close."""
    return f"<data>\n{defuse(text)}\n</data>"


def defuse(text: str) -> str:
    """Return text in which imitations of our tags and of a model's control tokens are inert."""
    return without_control_tokens(_TAG_START.sub("‹", text))


def without_control_tokens(text: str) -> str:
    """Return a whole prompt in which a model's control tokens are inert; our own tags stay tags."""
    return _CONTROL_TOKEN.sub("‹", text)


def language_of(text: str) -> Language:
    """Return "zh" for text with Chinese characters, else "en": which prompt file suits it."""
    return "zh" if _CHINESE.search(text) else "en"


@functools.cache
def _load(file_name: str) -> Prompt:
    file = _folder() / file_name
    if _FILE_NAME.fullmatch(file_name) is None or not file.is_file():
        raise BadInput(f"no prompt {file_name!r}; there are {prompt_files()!r}")
    return parse_prompt(file_name, file.read_text(encoding="utf-8"))


def _folder() -> Traversable:
    return importlib.resources.files("prompts")


def _front_matter(file_name: str, text: str) -> FrontMatter:
    try:
        return FrontMatter.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise BadInput(f"{file_name!r} has front matter that cannot be read: {error}") from error


def _variables_in(file_name: str, body: str) -> set[str]:
    try:
        return meta.find_undeclared_variables(_environment().parse(body))
    except TemplateError as error:
        raise BadInput(f"{file_name!r} is not a valid template: {error}") from error


@functools.cache
def _environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(autoescape=False, keep_trailing_newline=False)
