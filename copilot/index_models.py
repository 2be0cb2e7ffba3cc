"""Which small models the settings ask for: embedder, reranker, judge of sentences."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from copilot.model_settings import OPENAI_URL
from copilot.settings import Settings
from crm.errors import CopilotError, PermanentError
from crm.index.embedder import Embedder

if TYPE_CHECKING:
    from copilot.agent.kinds import OutsideKinds
    from copilot.grounding.entailment import Entailment
    from crm.index.reranker import Reranker

log = logging.getLogger(__name__)

_USED = "embedders.json"
_FIELDS = (
    "embedder",
    "embedder_base_url",
    "embedder_dimensions",
    "embedder_query_prefix",
    "embedder_passage_prefix",
)


def make_embedder(settings: Settings) -> Embedder:
    """Return the embedder. Raises PermanentError if its model or its package is missing."""
    kind, _, model = settings.embedder.partition(":")
    if kind == "sentence-transformers":
        from crm.index.embedders.sentence_transformer import (
            SentenceTransformerEmbedder,
            find_model_folder,
        )

        return SentenceTransformerEmbedder(
            find_model_folder(model),
            query_prefix=settings.embedder_query_prefix,
            passage_prefix=settings.embedder_passage_prefix,
        )
    if kind == "openai":
        from copilot.breakers import breaker_for
        from copilot.guarded_models import GuardedEmbedder
        from crm.index.embedders.endpoint import EndpointEmbedder

        elsewhere = EndpointEmbedder(
            model,
            dimensions=settings.embedder_dimensions or 0,
            base_url=settings.embedder_base_url or OPENAI_URL,
            api_key=settings.embedder_api_key,
            query_prefix=settings.embedder_query_prefix,
            passage_prefix=settings.embedder_passage_prefix,
        )
        breaker = breaker_for("embedder", elsewhere.place, folder=settings.breakers_dir)
        return GuardedEmbedder(elsewhere, breaker)
    from crm.index.embedders.e5 import E5Embedder

    return E5Embedder(threads=settings.embedder_threads)


def make_outside_kinds(settings: Settings) -> "OutsideKinds":
    """Return what guesses questions of people outside, by the embedder that its file is for.

    That is the shipped one, whichever embeds the conversations; it is loaded at the first guess.
    """
    from copilot.agent.kinds import OutsideKinds
    from crm.index.embedders.e5 import E5Embedder

    return OutsideKinds(E5Embedder(threads=settings.embedder_threads))


def former_embedders(settings: Settings, present: Embedder) -> list[Embedder]:
    """Return the embedders that this workspace used before, and note the present one.

    One whose model or package has gone is passed over: words find its passages until they are
    embedded anew.
    """
    path = settings.workspace_dir / _USED
    used = _read(path)
    given = {name: getattr(settings, name) for name in _FIELDS}
    if used.get(present.name) != given:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({**used, present.name: given}), encoding="utf-8")
        except OSError as error:
            # A disk that takes no note still answers; the change of embedder costs words only.
            log.warning("the embedder cannot be noted: %s", error.strerror)
    found: list[Embedder] = []
    for name, fields in used.items():
        if name == present.name:
            continue
        try:
            embedder = make_embedder(settings.model_copy(update=fields))
        except CopilotError as error:
            log.warning("the former embedder %s cannot be used: %s", name, error)
            continue
        found += [embedder] if embedder.name == name else []
    return found


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        used = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return {
        str(name): {key: fields[key] for key in _FIELDS if key in fields}
        for name, fields in used.items()
        if isinstance(fields, dict)
    }


def make_reranker(settings: Settings) -> "Reranker | None":
    """Return the reranker, None without one. Raises PermanentError if its model is missing."""
    _, _, model = settings.reranker.partition(":")
    if not model:
        return None
    from crm.index.embedders.sentence_transformer import CrossEncoderReranker, find_model_folder

    return CrossEncoderReranker(find_model_folder(model))


def make_entailment(settings: Settings) -> "Entailment | None":
    """Return the judge of sentences, None without one.

    Raises PermanentError if its model is missing, or was not trained on entailment.
    """
    _, _, model = settings.entailment.partition(":")
    if not model:
        return None
    from copilot.grounding.entailment import CrossEncoderEntailment
    from crm.index.embedders.sentence_transformer import find_model_folder, load_local

    folder = find_model_folder(model)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    named = sorted(dict(config.get("id2label", {})).items(), key=lambda pair: int(pair[0]))
    labels = tuple(str(label).lower() for _, label in named)
    if "entailment" not in labels:
        raise PermanentError(
            f"the model in {str(folder)!r} names no class 'entailment' in its config.json: give "
            "one that was trained on natural language inference"
        )
    return CrossEncoderEntailment(
        str(folder), labels, load=lambda name: load_local("CrossEncoder", Path(name))
    )
