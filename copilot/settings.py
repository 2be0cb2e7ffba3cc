"""All settings, read from the environment in this one place; model names in `model_settings`."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from platformdirs import user_cache_path, user_data_path
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from copilot.company_settings import CompanySettings
from copilot.mail_settings import MailSettings
from copilot.model_settings import ModelSettings
from copilot.secret_rules import (
    PREFIX,
    exposed_files,
    find_secret,
    known_password,
    secrets_in_files,
)
from copilot.setting_types import AnyPath, FilePath, HttpAddress, endpoint_field
from crm.errors import BadInput

APP = "sales-copilot"
_WORKSPACE = re.compile(r"[\w-][\w.-]{0,63}")
_POSTGRES = re.compile(r"^postgres(ql)?://", re.IGNORECASE)
_POSTGRES_DRIVER = re.compile(r"^postgresql\+\w+://", re.IGNORECASE)


class Settings(ModelSettings, CompanySettings, MailSettings, BaseSettings):
    """What this installation was told; `load()` reads it, and fails naming the variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        protected_namespaces=(),
    )

    home: AnyPath = Field(default_factory=lambda: user_data_path(APP))
    workspace: str = "default"
    cache_dir: AnyPath = Field(default_factory=lambda: user_cache_path(APP))
    database_url: SecretStr | None = None
    threads_keep_days: int = Field(default=90, ge=1, le=36_500)

    questions_per_minute: int | None = Field(default=None, ge=0, le=100_000)
    tokens_per_day: int = Field(default=0, ge=0)

    otlp_endpoint: HttpAddress | None = endpoint_field(
        "otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    traces_file: AnyPath | None = None
    log_format: Literal["text", "json"] = "text"

    access_policy: FilePath | None = None
    smallest_group: int = Field(default=3, ge=2, le=1000)

    time_zone: str = "UTC"
    fiscal_year_first_month: int = Field(default=1, ge=1, le=12)
    today: date | None = None

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Return the settings from the environment, with `given` taking precedence.

        Raises:
            BadInput: a value cannot be used; the message names its variable, never a secret.
        """
        try:
            return cls(**{**secrets_in_files(os.environ, _secret_names()), **given})
        except ValidationError as error:
            raise BadInput("; ".join(_in_words(dict(item)) for item in error.errors())) from None

    @property
    def workspace_dir(self) -> Path:
        """The folder of this workspace's data."""
        return self.home / self.workspace

    @property
    def crm_db(self) -> Path:
        """The SQLite file of the CRM, used unless `database_url` names another database."""
        return self.workspace_dir / "crm.db"

    @property
    def sqlalchemy_url(self) -> str:
        """The database to open; a PostgreSQL address without a driver gets psycopg 3."""
        if self.database_url is not None:
            written = self.database_url.get_secret_value().strip()
            return _POSTGRES.sub("postgresql+psycopg://", written)
        return f"sqlite:///{self.crm_db}"

    @property
    def postgres_url(self) -> str | None:
        """The address of the PostgreSQL server as its own tools take it; None on SQLite."""
        url = self.sqlalchemy_url
        return _POSTGRES_DRIVER.sub("postgresql://", url) if _POSTGRES_DRIVER.match(url) else None

    @property
    def breakers_dir(self) -> Path:
        """The folder in which processes tell each other which servers are down."""
        return self.workspace_dir / "breakers"

    @property
    def index_dir(self) -> Path:
        """The folder of the conversation vectors."""
        return self.workspace_dir / "index"

    @property
    def threads_db(self) -> Path:
        """The SQLite file of the graph's checkpoints."""
        return self.workspace_dir / "threads.db"

    @property
    def rejects_dir(self) -> Path:
        """The folder of rows that an import refused."""
        return self.workspace_dir / "rejects"

    @property
    def sources_file(self) -> Path:
        """The YAML file that names what is connected."""
        return self.workspace_dir / "sources.yaml"

    @property
    def guide_file(self) -> Path:
        """The company's guide: the one set, else `company.yaml` in the workspace."""
        return self.company_file or self.workspace_dir / "company.yaml"

    @property
    def policy_file(self) -> Path | None:
        """The access policy: the one set, else the workspace's `access.cedar`, else none.

        A link to nowhere, or a folder, is no absence: it cannot be read, and nothing is opened.
        """
        own = self.workspace_dir / "access.cedar"
        is_there = own.exists() or own.is_symlink()
        return self.access_policy or (own if is_there else None)

    @property
    def jobs_url(self) -> str:
        """The database of the durable jobs: a file of its own, or the one set for everything."""
        if self.database_url is not None:
            return self.sqlalchemy_url
        return f"sqlite:///{self.workspace_dir / 'jobs.db'}"

    def secret(self, name: str) -> SecretStr:
        """Return the secret of this name: SALES_COPILOT_SECRET_<NAME>, else a file of that name.

        The file is the one that SALES_COPILOT_SECRET_<NAME>_FILE names, else the one of this name
        in the workspace's folder `secrets`. Raises BadInput if there is none, or a placeholder.
        """
        return SecretStr(find_secret(name, os.environ, self.workspace_dir / "secrets"))

    def exposed_secrets(self) -> list[Path]:
        """Return the files with secrets of this workspace that others on this machine may read."""
        return exposed_files(os.environ, _secret_names(), self.workspace_dir / "secrets")

    @property
    def logs_dir(self) -> Path:
        """The folder of log files."""
        return self.workspace_dir / "logs"

    @property
    def prefix_dir(self) -> Path:
        """The folder of the embedded model's saved states after fixed prompts."""
        return self.cache_dir / "prefixes"

    @field_validator("database_url")
    @classmethod
    def _has_own_password(cls, url: SecretStr | None) -> SecretStr | None:
        problem = known_password(url.get_secret_value()) if url is not None else None
        if problem:
            raise ValueError(problem)
        return url

    @field_validator("workspace")
    @classmethod
    def _is_folder_name(cls, name: str) -> str:
        if _WORKSPACE.fullmatch(name) is None:
            raise ValueError("use letters, digits, '-', '_' and '.', at most 64, no '.' in front")
        return name

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("use an IANA name such as 'Europe/Berlin'") from None
        return name


def _secret_names() -> dict[str, str]:
    """Return each variable that holds a secret, with its field."""
    fields = Settings.model_fields.items()
    secret = [name for name, info in fields if "SecretStr" in str(info.annotation)]
    return {variable: name for name in secret for variable in _variables(name)}


def _in_words(item: dict[str, Any]) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if not item["loc"]:
        return message
    name = str(item["loc"][0]).removeprefix(PREFIX).lower()
    is_secret = "SecretStr" in str(Settings.model_fields[name].annotation)
    shown = "(a secret)" if is_secret else repr(item["input"])
    return f"{_variable(name)}={shown} cannot be used: {message}"


def _variable(name: str) -> str:
    """Return the variable that gave the field its value, or the one that would."""
    names = _variables(name)
    return next((choice for choice in names if choice in os.environ), names[0])


def _variables(name: str) -> list[str]:
    alias = Settings.model_fields[name].validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [f"{PREFIX}{name.upper()}"]
    return [str(choice) for choice in choices]
