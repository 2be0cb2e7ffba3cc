"""Runs commands in one process and tells on standard output who tried to reach the network.

Python's own attempts are refused and named. Where the machine lets the process have a network of
its own, one without any route, the attempts of native code are counted as well.
"""

import ctypes
import ipaddress
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_NAMES = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_CALLS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LATE_S = 9.0
_BEYOND = ("203.0.113.7", 443)


def is_here(place: Any) -> bool:
    """Say whether an address or name is this machine's own."""
    host = place[0] if isinstance(place, tuple) else place
    if host is None or isinstance(host, bytes) or not isinstance(place, tuple | str):
        return True
    if isinstance(place, str) and place.startswith(("/", "\0")):
        return True
    try:
        return host in {"", "localhost"} or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def watched() -> list[str]:
    """Refuse what leaves this machine from now on, and return the list that names it."""
    tried: list[str] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        place = args[1] if event in _CALLS else args[0] if event in _NAMES else None
        if place is not None and not is_here(place):
            tried.append(f"{event} {place!r}")
            raise OSError("no network in this process")

    sys.addaudithook(hook)
    return tried


def cut_off() -> bool:
    """Move this process into a network of its own without routes; False where that may not be."""
    libc = ctypes.CDLL(None, use_errno=True)
    return any(libc.unshare(kind) == 0 for kind in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK))


def without_route() -> int:
    """Return how often this network was asked for a way out that it has not."""
    rows = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()]
    names, values = (row for row in rows if row[0] == "Ip:")
    return int(values[names.index("OutNoRoutes")])


def reach_natively() -> None:
    """Call beyond this machine as native code does, past Python."""
    libc = ctypes.CDLL(None, use_errno=True)
    line = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    host, port = socket.inet_aton(_BEYOND[0]), _BEYOND[1].to_bytes(2, "big")
    family = socket.AF_INET.to_bytes(2, sys.byteorder)
    libc.connect(line, family + port + host + bytes(8), 16)
    libc.close(line)


def reach() -> None:
    """Call beyond this machine as Python code does."""
    with socket.socket() as line:
        try:
            line.connect(_BEYOND)
        except OSError:
            return


def run_commands(commands: Sequence[Sequence[str]]) -> list[int]:
    """Run commands, with a model that is out of reach, and return their exit codes."""
    from typer.testing import CliRunner

    from copilot.cli.main import app
    from copilot.wiring import Installation
    from crm.errors import TransientError
    from tests.scripted import ScriptedModel

    model = ScriptedModel([TransientError("no model here")] * 50)
    Installation.model = model  # type: ignore[assignment, method-assign]
    codes = [CliRunner().invoke(app, list(command)).exit_code for command in commands]
    time.sleep(_LATE_S)
    return codes


def hear() -> None:
    """Look for speech in a second of silence, and give late reports time to leave."""
    from ingest.speech.activity import find_speech
    from ingest.speech.channels import SAMPLE_RATE

    find_speech(np.zeros(SAMPLE_RATE, np.float32))
    time.sleep(_LATE_S)


_PROBES: dict[str, Callable[[], None]] = {
    "natively": reach_natively,
    "by Python": reach,
    "hearing": hear,
}


def main() -> None:
    """Read what to do as JSON: a list of commands, or the name of a probe."""
    wish = json.loads(sys.argv[1])
    is_cut_off = cut_off()
    tried = watched()
    with redirect_stdout(StringIO()):
        codes = run_commands(wish) if isinstance(wish, list) else _PROBES[wish]()
    told = {"tried": tried, "codes": codes, "native": without_route() if is_cut_off else None}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
