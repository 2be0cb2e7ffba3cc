"""Where secrets come from, and what may be one: no placeholder, no password that all know."""

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from crm.errors import BadInput

PREFIX = "SALES_COPILOT_"
_FILE_NAME = re.compile(r"[\w-][\w.-]{0,99}")
_PLACEHOLDERS = re.compile(
    r"(change|replace)[-_ ]?(me|this)|pass(word|wd|wort)?|pw|(my)?secret|default|"
    r"x{2,}|\*{2,}|\.{2,}|-{2,}|0+|12345?6?7?8?9?0?|test|todo|tbd|example|placeholder|none|null|"
    r"<.*>|\{.*\}|\$\{?\w+\}?|(your|my|the)[-_ ].*|sk-(your.*|x{3,}.*)|insert[-_ ].*|"
    r"密码|请修改|你的.*|您的.*",
    re.IGNORECASE,
)
_KNOWN_PASSWORDS = re.compile(r"postgres(ql)?|admin|root|guest|user|pgpass(word)?", re.IGNORECASE)
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1", re.IGNORECASE)
_MAX_BYTES = 64_000


def is_placeholder(value: str) -> bool:
    """Say whether this stands where a secret should stand, such as "changeme" or "<your key>"."""
    return _PLACEHOLDERS.fullmatch(value.strip()) is not None or not value.strip()


def known_password(url: str) -> str | None:
    """Return what is wrong with the password of a database's address, None if nothing is.

    On this machine itself a password that everybody knows is let through.
    """
    parts = urlsplit(url)
    password = unquote(parts.password or parse_qs(parts.query).get("password", [""])[0])
    host = unquote(parts.hostname or parse_qs(parts.query).get("host", [""])[0])
    if not password or not host or host.startswith("/") or _LOOPBACK.fullmatch(host):
        return None
    is_known = _KNOWN_PASSWORDS.fullmatch(password) or is_placeholder(password)
    if is_known or password.lower() == unquote(parts.username or "").lower():
        return f"the password for {host!r} is one that everybody tries first: set a real one there"
    return None


def find_secret(name: str, environment: Mapping[str, str], folder: Path) -> str:
    """Return the secret of a name: from its variable, the file that one names, or the folder's.

    Raises BadInput if there is none, its file cannot be read, or it is a placeholder.
    """
    variable = f"{PREFIX}SECRET_{re.sub(r'[^A-Za-z0-9]+', '_', name).upper()}"
    value, named = environment.get(variable), environment.get(f"{variable}_FILE")
    path = Path(named).expanduser() if named else folder / name
    if not value:
        if not named and not (_FILE_NAME.fullmatch(name) and path.is_file()):
            raise BadInput(
                f"the secret {name!r} is missing: set {variable}, or write it to {str(path)!r}"
            )
        try:
            value = _secret_in(path)
        except ValueError as error:
            raise BadInput(f"the secret {name!r} cannot be used: {error}") from None
    if is_placeholder(value):
        raise BadInput(f"the secret {name!r} is a placeholder: set {variable} to the real one")
    return value


def secrets_in_files(
    environment: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields of those variables whose name with _FILE behind it names a file.

    `variables` are the names that hold secrets, each with its field. Raises BadInput if a file
    cannot be used, or a variable is set both ways.
    """
    given: dict[str, str] = {}
    for variable, field in variables.items():
        named = environment.get(f"{variable}_FILE")
        if not named:
            continue
        if environment.get(variable):
            raise BadInput(f"{variable} and {variable}_FILE are both set: keep one of them")
        try:
            given[field] = _secret_in(Path(named).expanduser())
        except ValueError as error:
            raise BadInput(f"{variable}_FILE={named!r} cannot be used: {error}") from None
    return given


def exposed_files(
    environment: Mapping[str, str], variables: Iterable[str], folder: Path
) -> list[Path]:
    """Return the files with secrets, named or in the folder, that others here may read."""
    files = {f"{variable}_FILE" for variable in variables}
    named = [
        Path(value).expanduser()
        for name, value in sorted(environment.items())
        if value and (name in files or re.fullmatch(f"{PREFIX}SECRET_\\w+_FILE", name))
    ]
    own = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in (*own, *named) if path.is_file() and _is_open_to_others(path)]


def _secret_in(path: Path) -> str:
    """Return the secret in a file, without the line's end; a ValueError never holds it."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"{str(path)!r} is too long for a secret")
        value = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{str(path)!r} is no text in UTF-8") from None
    if not value:
        raise ValueError(f"{str(path)!r} is empty")
    return value


def _is_open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
