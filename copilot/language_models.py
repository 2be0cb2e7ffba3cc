"""Which language model the settings ask for: an endpoint's, else the embedded one."""

from pathlib import Path
from typing import TYPE_CHECKING

from copilot.settings import Settings
from crm.errors import PermanentError

if TYPE_CHECKING:
    from copilot.llm.client import LanguageModel


def make_model(settings: Settings) -> "LanguageModel":
    """Return the language model. Raises PermanentError if none is installed or named."""
    if settings.uses_endpoint:
        from copilot.breakers import breaker_for
        from copilot.llm.breaking import BreakingModel
        from copilot.llm.endpoint import EndpointModel

        model = EndpointModel(
            settings.llm_model or "",
            base_url=settings.endpoint_url,
            api_key=settings.llm_api_key,
            structured=settings.llm_structured,
            timeout_s=settings.llm_timeout_s,
        )
        return BreakingModel(model, breaker_for("model", model.place, folder=settings.breakers_dir))
    from copilot.llm.embedded import EmbeddedModel
    from copilot.llm.llama import Threads

    threads = Threads(settings.n_threads, settings.n_threads) if settings.n_threads else None
    return EmbeddedModel(
        _model_file(settings),
        context_tokens=settings.llm_context_tokens,
        threads=threads,
        state_dir=settings.prefix_dir,
    )


def _model_file(settings: Settings) -> Path:
    from copilot.llm.modelfiles import ModelSet, find_models

    if settings.llm_model_path is not None:
        if not settings.llm_model_path.is_file():
            raise PermanentError(
                f"SALES_COPILOT_LLM_MODEL_PATH={str(settings.llm_model_path)!r} is no file: "
                "point it at a GGUF file, or unset it and run `sales-copilot setup`"
            )
        return settings.llm_model_path
    found = find_models(settings.cache_dir, which=[ModelSet.LLM]).llm
    if found is None:
        raise PermanentError(
            f"no language model is installed in {str(settings.cache_dir)!r}: run "
            "`sales-copilot setup`, or name an endpoint with SALES_COPILOT_LLM_BASE_URL and "
            "SALES_COPILOT_LLM_MODEL"
        )
    return found
