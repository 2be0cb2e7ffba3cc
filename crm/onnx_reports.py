"""Keeps ONNX Runtime, the engine of small models, from reporting its use to its maker."""

import os


def forbid_reports() -> None:
    """Forbid them for this process; to be called before whatever may import the engine.

    It looks for this as it is imported. Its own `disable_telemetry_events` comes too late: the
    first session reports all the same.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
