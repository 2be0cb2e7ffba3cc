"""What the documents state about packages, models and files, held against what is there."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from copilot.llm.modelfiles import FILES, ModelSet

ROOT = Path(__file__).parents[1]
_COPYLEFT = re.compile(r"\b[AL]?GPL|GNU (?:Affero|Lesser|General)", re.IGNORECASE)


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def pinned(lock: str) -> list[str]:
    return re.findall(r"^([\w.-]+)==", text_of(f"requirements/{lock}.lock"), re.M)


def licence_of(name: str) -> str:
    """What an installed package declares, in any of the places for it."""
    metadata = importlib.metadata.metadata(name)
    classifiers = metadata.get_all("Classifier") or []
    # A licence's whole text may stand there: its name is in front.
    declared = [metadata.get("License-Expression") or "", (metadata.get("License") or "")[:200]]
    return " | ".join(declared + [each for each in classifiers if each.startswith("License")])


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_no_package_of_the_product_declares_a_copyleft_licence_but_the_named_one() -> None:
    installed = [name for name in pinned("core") if is_installed(name)]
    found = {name: licence_of(name) for name in installed}

    assert len(installed) > 100
    copyleft = {name: terms for name, terms in found.items() if _COPYLEFT.search(terms)}
    assert set(copyleft) <= {"psycopg", "psycopg-binary"}
    assert all(terms.startswith("LGPL-3.0-only") for terms in copyleft.values())
    assert "**psycopg** is LGPL-3.0" in text_of("docs/dependencies.md")


@pytest.mark.parametrize(
    "terms", ["GPL-3.0-only", "AGPL-3.0", "LGPLv3+", "GNU General Public License v2 (GPLv2)"]
)
def test_copyleft_is_recognised(terms: str) -> None:
    assert _COPYLEFT.search(terms)


def direct_dependencies() -> list[str]:
    project = tomllib.loads(text_of("pyproject.toml"))
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        project["dependency-groups"]["dev"],
    ]
    names = [re.match(r"[\w.-]+", each) for group in lists for each in group]
    return [name[0] for name in names if name]


def test_every_direct_dependency_is_explained() -> None:
    rows = "\n".join(re.findall(r"^\| (`.*?) \|", text_of("docs/dependencies.md"), re.M))

    assert sorted(set(direct_dependencies()) - set(re.findall(r"`([\w.-]+)`", rows))) == []


def test_no_document_explains_a_dependency_that_is_gone() -> None:
    tables = text_of("docs/dependencies.md").split("## Models")[0]
    named = {
        name
        for cell in re.findall(r"^\| (`.*?) \|", tables, re.M)
        for name in re.findall(r"`([\w.-]+)`", re.sub(r"\(.*?\)", "", cell))
    }

    assert sorted(named - set(direct_dependencies())) == []


def test_carriers_of_models_are_named() -> None:
    text = text_of("docs/dependencies.md")
    packages = [part.package for files in FILES.values() for file in files for part in file.parts]
    firsts = {re.sub(r"\d+$", "1", package) for package in packages}

    assert [first for first in firsts if f"`{first}`" not in text] == []


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
@pytest.mark.parametrize("which", list(ModelSet))
def test_digests_of_models_are_those_that_are_checked(name: str, which: ModelSet) -> None:
    assert FILES[which][0].sha256 in text_of(name)


def test_locks_hold_hashes_and_no_address() -> None:
    for lock in ("build", "core", "dev", "models"):
        text = text_of(f"requirements/{lock}.lock")
        assert "--hash=sha256:" in text
        assert "://" not in text, f"{lock}.lock names an address"


@pytest.mark.parametrize(
    "name",
    [
        "docs/architecture.md",
        "AGENTS.md",
        *(f"docs/decisions/{p.name}" for p in (ROOT / "docs/decisions").glob("*.md")),
    ],
)
def test_files_that_a_document_names_exist(name: str) -> None:
    named = re.findall(
        r"`((?:crm|ingest|tools|prompts|copilot|evals|tests|requirements)/[\w./-]*)`",
        text_of(name),
    )

    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_decision_gives_context_choice_and_consequence() -> None:
    for path in sorted((ROOT / "docs/decisions").glob("*.md")):
        headings = re.findall(r"^## (.*)$", path.read_text("utf-8"), re.M)
        assert headings == ["Context", "Choice", "Consequence"], path.name
