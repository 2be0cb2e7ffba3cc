"""Which speech recogniser the settings ask for."""

from copilot.model_settings import OPENAI_URL
from copilot.settings import Settings
from crm.errors import PermanentError
from ingest.speech.transcriber import Transcriber


def make_transcriber(settings: Settings) -> Transcriber:
    """Return the recogniser, loaded now. Raises PermanentError if it is missing."""
    from copilot.llm.modelfiles import ModelSet, find_models
    from ingest.speech.voices import VoiceDiarizer
    from ingest.speech.whisper import FasterWhisperTranscriber

    found = find_models(settings.cache_dir, which=[ModelSet.WHISPER, ModelSet.VOICES])
    weights = settings.voices_model_path or found.voices
    diarizer = VoiceDiarizer(weights) if weights else None
    if settings.uses_speech_endpoint:
        from copilot.breakers import breaker_for
        from copilot.guarded_models import GuardedTranscriber
        from ingest.speech.endpoint import EndpointTranscriber

        elsewhere = EndpointTranscriber(
            settings.speech_model or "",
            base_url=settings.speech_base_url or OPENAI_URL,
            api_key=settings.speech_api_key,
            timeout_s=settings.speech_timeout_s,
            diarizer=diarizer,
        )
        breaker = breaker_for("recogniser", elsewhere.place, folder=settings.breakers_dir)
        return GuardedTranscriber(elsewhere, breaker)
    folder = settings.whisper_dir or found.whisper
    if folder is None:
        raise PermanentError(
            "the speech recogniser is not installed: run `sales-copilot setup`, "
            "or set SALES_COPILOT_WHISPER_DIR"
        )
    return FasterWhisperTranscriber(folder, threads=settings.whisper_threads, diarizer=diarizer)
