"""How jobs, queues and their database are called, wherever they are enqueued, run or listed."""

from enum import StrEnum

APP = "sales-copilot"
VERSION = "1"
EXECUTOR = "local"
SCHEMA = "sales_copilot_jobs"
SOURCES = "sources"
MODELS = "models"


class JobName(StrEnum):
    """What a job does; the engine keeps these names in its database."""

    SYNC_SOURCE = "sync_source"
    TRANSCRIBE = "transcribe"
    UNDERSTAND = "understand"
    EMBED = "embed"
