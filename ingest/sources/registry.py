"""Which sources a workspace has, from its `sources.yaml`, and how each kind is opened."""

import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from crm.errors import BadInput, NotFound
from ingest.sources.privacy import Privacy
from ingest.sources.source import Source

Secret = Callable[[str], SecretStr]

# Settings that sources of every kind have.
_PRIVACY = ("private", "owner")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Kind:
    """One kind of source: where its configuration and its opener are, and what it is for."""

    module: str
    config: str
    opener: str
    line: str

    def config_class(self) -> type[BaseModel]:
        """Return the Pydantic model of its configuration."""
        found: type[BaseModel] = getattr(import_module(self.module), self.config)
        return found

    def open(self, config: BaseModel, *, name: str, secret: Secret) -> Source:
        """Return the source; nothing is connected yet."""
        opener: Callable[..., Source] = getattr(import_module(self.module), self.opener)
        return opener(config, name=name, secret=secret)


KINDS: Mapping[str, Kind] = {
    "folder": Kind(
        "ingest.sources.folder", "FolderConfig", "open_folder",
        "a folder of recordings, transcripts and mail files",
    ),
    "imap": Kind("ingest.sources.imap", "ImapConfig", "open_imap", "a mailbox"),
    "slack_export": Kind(
        "ingest.sources.slack_export", "SlackExportConfig", "open_slack_export",
        "an export of a Slack workspace",
    ),
    "salesforce": Kind(
        "ingest.sources.salesforce", "SalesforceConfig", "open_salesforce", "Salesforce",
    ),
    "hubspot": Kind("ingest.sources.hubspot", "HubspotConfig", "open_hubspot", "HubSpot"),
    "rest": Kind(
        "ingest.sources.custom_rest", "CustomRestConfig", "open_custom_rest",
        "any REST interface, declared in YAML",
    ),
}  # fmt: skip


class SourceBook:
    """The `sources.yaml` of a workspace: names and configurations, secrets by name only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def configs(self) -> dict[str, BaseModel]:
        """Return every source's configuration by name. Raises BadInput naming what is wrong."""
        return {name: self._parsed(name, given) for name, given in self._read().items()}

    def privacies(self) -> dict[str, Privacy]:
        """Return how private each source is, by name. Raises BadInput naming what is wrong."""
        return {name: _privacy(name, given) for name, given in self._read().items()}

    def set_private(self, name: str, privacy: Privacy) -> None:
        """Keep what comes from a source private, or no more. Raises NotFound."""
        entries = self._read()
        if name not in entries:
            raise NotFound(f"no source {name!r} is connected: see `sales-copilot sources`")
        given = {key: value for key, value in entries[name].items() if key not in _PRIVACY}
        if privacy.is_private:
            given["private"] = True
        if privacy.owner:
            given["owner"] = privacy.owner
        self._write({**entries, name: given})

    def open_all(
        self, *, secret: Secret, kinds: Collection[str] | None = None
    ) -> dict[str, Source]:
        """Return every source (of these kinds) by name; nothing is connected yet."""
        return {
            name: KINDS[_kind_of(name, config)].open(config, name=name, secret=secret)
            for name, config in self.configs().items()
            if kinds is None or _kind_of(name, config) in kinds
        }

    def add(self, name: str, given: Mapping[str, Any]) -> BaseModel:
        """Add a source, or replace the one of that name. Raises BadInput if it cannot be used."""
        if _NAME.fullmatch(name) is None:
            raise BadInput(
                f"the name {name!r} cannot be used: take small letters, digits, '-' and '_', "
                "at most 40"
            )
        config = self._parsed(name, dict(given))
        # A path is meant from where it was given, not from where it will be read.
        here = {key: str(value.absolute()) for key, value in config if isinstance(value, Path)}
        stored = {**given, **{key: path for key, path in here.items() if key in given}}
        self._write({**self._read(), name: stored})
        return config

    def remove(self, name: str) -> None:
        """Disconnect a source; what came from it stays. Raises NotFound."""
        entries = self._read()
        if name not in entries:
            raise NotFound(f"no source {name!r} is connected: see `sales-copilot sources`")
        self._write({other: given for other, given in entries.items() if other != name})

    def _parsed(self, name: str, given: dict[str, Any]) -> BaseModel:
        kind = KINDS.get(str(given.get("kind")))
        if kind is None:
            raise BadInput(
                f"source {name!r} has kind {given.get('kind')!r}: it has to be one of "
                f"{', '.join(KINDS)}"
            )
        try:
            _privacy(name, given)
            config = kind.config_class().model_validate(
                {key: value for key, value in given.items() if key not in _PRIVACY}
            )
            homes = {key: value.expanduser() for key, value in config if isinstance(value, Path)}
            return config.model_copy(update=homes)
        except ValidationError as error:
            said = "; ".join(_in_words(dict(item)) for item in error.errors())
            raise BadInput(f"source {name!r} ({self._path.name}) cannot be used: {said}") from None

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        try:
            data = yaml.safe_load(self._path.read_text(encoding="utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadInput(f"{str(self._path)!r} is no YAML: {error}") from None
        entries = data.get("sources", {}) if isinstance(data, dict) else None
        if not isinstance(entries, dict) or not all(isinstance(e, dict) for e in entries.values()):
            raise BadInput(
                f"{str(self._path)!r} needs the form `sources: {{name: {{kind: …}}}}`; "
                "`sales-copilot sources add` writes it"
            )
        return {str(name): entry for name, entry in entries.items()}

    def _write(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(
            {"sources": {name: dict(given) for name, given in entries.items()}},
            allow_unicode=True, sort_keys=False,
        )  # fmt: skip
        # Renamed into place: a crash leaves the old file or the new one.
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._path.parent, prefix=".sources-", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(self._path)


def _privacy(name: str, given: Mapping[str, Any]) -> Privacy:
    is_private, owner = given.get("private", False), given.get("owner")
    if not isinstance(is_private, bool):
        raise BadInput(f"source {name!r}: private is {is_private!r}: write true or false")
    if owner is not None and not (isinstance(owner, str) and is_private):
        raise BadInput(
            f"source {name!r}: owner {owner!r}: give the email of whose it is, with private: true"
        )
    return Privacy(is_private, owner)


def _kind_of(name: str, config: BaseModel) -> str:
    return str(getattr(config, "kind", name))


def _in_words(item: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "it"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}"
