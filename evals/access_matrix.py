"""Looks for leaks: roles × policies × surfaces × kinds of data, against a filter row by row.

Every row of a generated company carries a mark of its own; a mark of a row that the caller may not
read, anywhere in what a surface gives him, is a leak. And what he is told has to be what somebody
who may read everything is told of a database that holds the caller's rows and no others.
"""

import argparse
import json
import sqlite3
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from crm.access.anchors import ANCHORS, PARENTS
from crm.access.fields import GROUPS
from crm.index.chroma import ChromaIndex
from crm.index.conversations import ConversationIndex
from crm.index.embedder import Vectors
from crm.index.terms import terms_of
from crm.models import Conversation, Opportunity, Stage
from crm.principal import Principal
from crm.store import Store
from evals.access_bench import Bench
from evals.access_company import build_world
from evals.access_filter import Caller, callers, policies
from evals.access_surfaces import SURFACES, outputs
from evals.access_world import World
from evals.databases import add_database_options, database_url, made_store

# Their words hang neither on a rank among all texts nor on who signs.
EXACT = (
    "record", "record by name", "attribute", "lists", "show", "metric totals", "metric groups",
    "rows behind", "timeline", "gaps", "account profile", "deal profile", "notes", "identities",
    "decisions",
)  # fmt: skip
_OF_A_CONVERSATION = (
    "participants", "segments", "passages", "notes", "note_sets", "field_proposals",
    "identity_questions", "voice_names",
)  # fmt: skip
_GROUP_OF = {
    (model.__name__, column): f"{group.value} fields"
    for group, models in GROUPS.items()
    for model, columns in models.items()
    for column in columns
}


@dataclass(frozen=True)
class Leak:
    """Marks that a caller read on a surface and may not."""

    policy: str
    role: str
    surface: str
    kind: str
    marks: tuple[str, ...]


@dataclass
class Found:
    """What the matrix showed.

    A cell counts where its caller has something to be kept from, and its surface shows such data
    to others. `compared` outputs were set beside those of a database without the hidden rows.
    """

    cells: int = 0
    leaks: list[Leak] = field(default_factory=list)
    shown: int = 0
    compared: int = 0
    different: list[tuple[str, str, str]] = field(default_factory=list)
    took_s: float = 0.0


class HashEmbedder:
    """Texts that share words lie close; no model is needed to see who may find what."""

    name = "hashed-words"
    dimensions = 256

    def embed_passages(self, texts: list[str]) -> Vectors:
        """Return one unit vector a text, shape (len(texts), 256)."""
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vectors:
        """Return the unit vector of a text, shape (256,)."""
        vector = np.full(self.dimensions, 1e-3, dtype=np.float32)
        for term in terms_of(text):
            vector[zlib.crc32(term.encode()) % self.dimensions] += 1
        unit: Vectors = vector / np.linalg.norm(vector)
        return unit


def look_for_leaks(
    folder: Path,
    *,
    seed: int = 1,
    size: int = 4,
    surfaces: Iterable[str] = tuple(SURFACES),
    under: Sequence[str] = (),
    compares: bool = True,
    url: str | None = None,
) -> Found:
    """Return what the matrix shows in a company of `size` accounts, generated into a folder.

    `under` limits the policies to those of these names; without any, all are tried. Without
    `compares` marks are looked for, and no output is set beside another. With the address of an
    empty PostgreSQL database the company is there, and outputs cannot be set beside others.
    """
    started, found = perf_counter(), Found()
    path = folder / "full.db"
    store = made_store(path, url)
    with store.session() as session:
        world = build_world(session, seed=seed, size=size)
    embedder = HashEmbedder()
    vectors = ChromaIndex(folder / "vectors", embedder_name=embedder.name)
    index = ConversationIndex(store, embedder=embedder, vectors=vectors)
    index.index_texts(world.ids[Conversation.__name__])
    index.embed_pending()
    with store.session() as session:
        everyone = [
            one for one in callers(session, world, seed=seed) if not under or one.policy in under
        ]
    twin = _Twin(path, folder / "own.db", Store.sqlite(folder / "own.db"))
    owner = _told(store, index, world, Principal.local_owner(), surfaces)
    for caller in everyone:
        told = _told(store, index, world, caller.principal, surfaces)
        _count(world, caller, told, owner, found)
        exact = [name for name in told if name in EXACT and compares and url is None]
        if not caller.withheld and exact:
            _compare(twin, world, caller, {name: told[name] for name in exact}, found)
    twin.store.close()
    store.close()
    found.took_s = perf_counter() - started
    return found


def _told(
    store: Store,
    index: ConversationIndex,
    world: World,
    principal: Principal,
    surfaces: Iterable[str],
) -> dict[str, str]:
    """Return everything that a caller reads, by surface; each has a session of its own."""
    found: dict[str, str] = {}
    for name in surfaces:
        with store.session() as session:
            found[name] = outputs(name, Bench(session, store, index, world, principal))
    return found


def _count(
    world: World,
    caller: Caller,
    told: Mapping[str, str],
    everything: Mapping[str, str],
    found: Found,
) -> None:
    hidden: dict[str, list[str]] = {}
    open_to: list[str] = []
    for mark, (model, number) in world.marks.items():
        if caller.may_read(model, number):
            open_to.append(mark)
        else:
            hidden.setdefault(model, []).append(mark)
    for mark, (model, number, column) in world.masks.items():
        if (model, column) in caller.withheld or not caller.may_read(model, number):
            hidden.setdefault(_GROUP_OF[model, column], []).append(mark)
    for name, text in told.items():
        read, all_read = text.casefold(), everything[name].casefold()
        found.shown += sum(mark in read for mark in open_to)
        for kind, marks in hidden.items():
            if name != "drafts" and not any(mark in all_read for mark in world.of_kind(kind)):
                continue
            found.cells += 1
            leaked = tuple(mark for mark in marks if mark in read)
            if leaked:
                role = caller.principal.role.value
                found.leaks.append(Leak(caller.policy, role, name, kind, leaked))


@dataclass
class _Twin:
    """A second database that is made to hold one caller's rows after the other's."""

    full: Path
    path: Path
    store: Store

    def told(self, world: World, caller: Caller, surfaces: Iterable[str]) -> dict[str, str]:
        """Return what somebody without any rules is told of the caller's rows alone."""
        self.store.engine.dispose()
        _keep_only(self.full, self.path, caller)
        unbound = replace(caller.principal, scopes=())
        return _told(self.store, ConversationIndex(self.store), world, unbound, surfaces)


def _compare(twin: _Twin, world: World, caller: Caller, told: dict[str, str], found: Found) -> None:
    alone = twin.told(world, caller, told)
    for name, text in told.items():
        found.compared += 1
        if alone[name] != text:
            found.different.append((caller.policy, caller.principal.role.value, name))


def _keep_only(full: Path, copy: Path, caller: Caller) -> None:
    with closing(sqlite3.connect(full)) as source, closing(sqlite3.connect(copy)) as database:
        source.backup(database)
        for model in (*ANCHORS, *PARENTS):
            kept = ",".join(map(str, caller.readable[model.__name__])) or "0"
            table = model.__tablename__
            if model is Stage:
                # Won, lost or open is the deal's own, so only names go.
                database.execute(f"UPDATE stages SET name = '' WHERE id NOT IN ({kept})")
            else:
                database.execute(f"DELETE FROM {table} WHERE id NOT IN ({kept})")
        talks = ",".join(map(str, caller.readable[Conversation.__name__])) or "0"
        for table in _OF_A_CONVERSATION:
            database.execute(f"DELETE FROM {table} WHERE conversation_id NOT IN ({talks})")
        # Their keys are name:conversation:NUMBER:…
        database.execute(
            "DELETE FROM identity_decisions"
            f" WHERE CAST(substr(key, 19) AS INTEGER) NOT IN ({talks})"
        )
        deals = ",".join(map(str, caller.readable[Opportunity.__name__])) or "0"
        # What belongs to a deleted deal is shown nowhere without it.
        for table in (one.__tablename__ for one, up in PARENTS.items() if up.model is Opportunity):
            database.execute(f"DELETE FROM {table} WHERE opportunity_id NOT IN ({deals})")
        database.execute(f"DELETE FROM field_proposals WHERE entity_id NOT IN ({deals})")
        database.commit()


def main() -> None:
    """Print how many cells there were, and every leak by surface."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=4, help="accounts of the company")
    parser.add_argument("--leaks-only", action="store_true", help="do not compare outputs")
    parser.add_argument("--surface", action="append", choices=list(SURFACES))
    parser.add_argument("--policy", action="append", choices=list(policies(0)))
    add_database_options(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database_url(on_postgres=given.postgres, url=given.url) as url,
    ):
        found = look_for_leaks(
            Path(folder), seed=given.seed, size=given.size,
            surfaces=given.surface or tuple(SURFACES),
            under=given.policy or (), compares=not given.leaks_only, url=url,
        )  # fmt: skip
    told = json.dumps(asdict(found), ensure_ascii=False) if given.json else _worded(found)
    sys.stdout.write(f"{told}\n")
    raise SystemExit(1 if found.leaks or found.different else 0)


def _worded(found: Found) -> str:
    lines = [
        f"cells {found.cells}, leaks {len(found.leaks)}, readable marks shown {found.shown}",
        f"compared {found.compared}, different {len(found.different)}, {found.took_s:.0f} s",
    ]
    for (surface, kind), count in sorted(
        Counter((one.surface, one.kind) for one in found.leaks).items()
    ):
        example = next(one for one in found.leaks if (one.surface, one.kind) == (surface, kind))
        lines.append(
            f"  leak: {surface} / {kind}: {count}, such as {example.policy} {example.role} "
            f"{example.marks[0]}"
        )
    lines += [f"  different: {' / '.join(each)}" for each in found.different]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
