"""Keeps the model's state after a fixed prompt on disk, so that a new process skips reading it."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

KEPT_FILES = 12
KEPT_BYTES = 1_000_000_000
_SUFFIX = ".prefix"
# llama.cpp refuses names with a dot in front.
_SCRATCH = "half-"
STALE_S = 3600


class PrefixStore:
    """A folder of saved states, one file a prompt prefix, the least recently used removed first.

    Only fixed system prompts are kept here, never a question or a fact: they are no secret.
    """

    def __init__(self, folder: Path, *, identity: str) -> None:
        """`identity` names all that makes a state unusable elsewhere: model, context, build."""
        self.folder = folder
        self._identity = identity

    def file_name(self, prefix: str) -> str:
        """Return the file name for a prefix, equal only for equal prefix and identity."""
        key = f"{self._identity}\0{prefix}".encode()
        return hashlib.sha256(key).hexdigest()[:32] + _SUFFIX

    def is_kept(self, file_name: str) -> bool:
        """Tell whether the state is on disk, and mark it as used just now."""
        try:
            os.utime(self.folder / file_name)
        except OSError:
            return False
        return True

    def scratch_name(self) -> str:
        """Return the name of a new file in the folder for a state that is being written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=_SCRATCH, dir=self.folder)
        os.close(handle)
        return Path(path).name

    def keep(self, scratch_name: str, file_name: str) -> None:
        """Make a written state visible under its name, and drop the oldest beyond the limits."""
        (self.folder / scratch_name).replace(self.folder / file_name)
        self._trim()

    def forget(self, file_name: str) -> None:
        """Remove a state that proved unusable, or a scratch file; absent is fine."""
        with contextlib.suppress(OSError):
            (self.folder / file_name).unlink()

    def _trim(self) -> None:
        self._sweep()
        kept = total = 0
        aged = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):  # another process may trim at the same time
                seen = path.stat()
                aged.append((seen.st_mtime_ns, seen.st_size, path))
        for _, size, path in sorted(aged, reverse=True):
            kept, total = kept + 1, total + size
            if kept > KEPT_FILES or total > KEPT_BYTES:
                self.forget(path.name)

    def _sweep(self) -> None:
        """Remove what processes that were killed left half written."""
        now = self.folder.stat().st_mtime
        for path in self.folder.glob(f"{_SCRATCH}*"):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > STALE_S:
                    path.unlink()
