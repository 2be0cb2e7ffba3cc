"""The YAML that declares a REST interface: where its records are, how they page and change."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from crm.errors import BadInput
from ingest.crm.mapping import (
    Mapping,
    Texts,
    close_to,
    explain_errors,
    parse_mapping,
    read_plain_yaml,
)
from ingest.sources.rest import WebAddress, origin_of

TRUE_WORDS = ("true", "1", "yes")


def _address(url: str) -> str:
    try:
        origin_of(url)
    except BadInput as error:
        raise ValueError(str(error)) from None
    return url


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Part):
    """Open to everybody."""

    kind: Literal["none"] = "none"


class BearerAuth(_Part):
    """`Authorization: Bearer …`."""

    kind: Literal["bearer"]
    secret: str


class HeaderAuth(_Part):
    """A header of the interface's own, such as X-Api-Key."""

    kind: Literal["header"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    secret: str


class BasicAuth(_Part):
    """User and password."""

    kind: Literal["basic"]
    user: str
    secret: str


class OauthAuth(_Part):
    """OAuth 2 client credentials."""

    kind: Literal["oauth2"]
    token_url: WebAddress
    client_id: str
    secret: str
    scope: str | None = None


AnyAuth = Annotated[
    NoAuth | BearerAuth | HeaderAuth | BasicAuth | OauthAuth, Field(discriminator="kind")
]


class Paging(_Part):
    """How the next page is had.

    `page` counts pages from `start`, `offset` records; `cursor` finds at `next` in the answer what
    goes into `param`, or a whole address if there is no `param`; `link` follows the Link header.
    """

    kind: Literal["none", "page", "offset", "cursor", "link"] = "none"
    param: str | None = None
    start: int | None = None
    next: str | None = None
    size_param: str | None = None
    size: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind in ("page", "offset") and not self.param:
            raise ValueError(f"paging by {self.kind} needs `param`, such as {self.kind}")
        if self.kind == "cursor" and not self.next:
            raise ValueError("paging by cursor needs `next`: where the answer holds it")
        if (self.size_param is None) != (self.size is None):
            raise ValueError("size and size_param belong together")
        return self


class Since(_Part):
    """What tells when a record changed, and the parameter that asks for what changed since.

    `is_ordered` says that the oldest change comes first, so that a reading that was cut off can
    go on in the middle.
    """

    field: str
    param: str
    format: Literal["iso", "epoch", "epoch_ms"] = "iso"
    overlap_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    is_ordered: bool = False


class Deleted(_Part):
    """The field that flags a record as deleted, and the values that say so."""

    field: str
    values: Texts = list(TRUE_WORDS)


class Endpoint(_Part):
    """One list of records; `object` is what tables of the mapping call it."""

    object: str
    path: Annotated[str, Field(min_length=1)]
    params: dict[str, str] = {}
    records: str = ""
    id: str = "id"
    paging: Paging = Paging()
    since: Since | None = None
    deleted: Deleted | None = None


class Declaration(_Part):
    """A whole interface."""

    base_url: Annotated[str, AfterValidator(_address)]
    auth: AnyAuth = NoAuth()
    most_megabytes: Annotated[int, Field(ge=1, le=512)] = 64
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]
    mapping: dict[str, object] | Path


_PARTS = (
    Declaration, Endpoint, Paging, Since, Deleted, BearerAuth, HeaderAuth, BasicAuth, OauthAuth,
)  # fmt: skip
_KEYS = sorted({key for part in _PARTS for key in part.model_fields})


def load_declaration(path: Path, *, source: str) -> tuple[Declaration, Mapping]:
    """Return what a file declares, and the mapping in it or beside it.

    Raises:
        BadInput: it cannot be read, or a key is wrong; names the place, the value, what is
            expected, and close matches of an unknown name.
    """
    loaded = read_plain_yaml(path, "declaration")
    if not isinstance(loaded, dict):
        raise BadInput(f"{path.name}: expected keys such as base_url, got {loaded!r}")
    try:
        declared = Declaration.model_validate(loaded)
    except ValidationError as error:
        lines = "\n".join(explain_errors(error, _KEYS))
        raise BadInput(f"{path.name} is not a usable declaration:\n{lines}") from None
    mapping = _mapping(declared, path, source)
    problems = [problem for one in declared.endpoints for problem in _problems(one, mapping)]
    if problems:
        raise BadInput(f"{path.name} is not a usable declaration:\n" + "\n".join(problems))
    return declared, mapping


def _mapping(declared: Declaration, path: Path, source: str) -> Mapping:
    given: object = declared.mapping
    name = f"{path.name}: mapping"
    if isinstance(given, Path):
        beside = path.parent / given
        given, name = read_plain_yaml(beside, "mapping"), beside.name
    if isinstance(given, dict):
        given = {"source": source, **given}
    return parse_mapping(given, name)


def _problems(endpoint: Endpoint, mapping: Mapping) -> list[str]:
    named = [name for table in mapping.tables for name in table.file]
    where = f"- endpoints: {endpoint.object!r}"
    tables = [table for table in mapping.tables if endpoint.object in table.file]
    if not tables:
        near = close_to(endpoint.object, named)
        return [f"{where}: no table of the mapping has `object: {endpoint.object}`{near}"]
    ids = [table.fields["id"].column for table in tables if "id" in table.fields]
    if endpoint.deleted and endpoint.id not in ids:
        return [f"{where}: its deletions need the field `id: {endpoint.id}` in the mapping"]
    return []
