"""Fills the templates of a half with values and writes the source pairs: `python -m ... --help`."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from evals.seeded_bench.demo_slots import DemoDeals
from evals.seeded_bench.invented_slots import invented_slots
from evals.seeded_bench.sources import HALVES, SETS, SetName, Source

_SEEDS: dict[SetName, int] = {"dev": 20_270_104, "heldout": 20_270_511}
_NAMES = ("account", "person", "colleague", "stranger", "owner", "mate", "rival")
_PRODUCTS = ("product1", "product2", "absent")
_SLOT = re.compile(r"\{([^{}]+)\}")


def make_sets(crm_db: Path) -> dict[SetName, list[dict[str, Any]]]:
    """Return the source pairs that the templates make; no deal of the demo is in both sets."""
    used: set[int] = set()
    return {name: _make_set(name, crm_db, used) for name in HALVES}


def _make_set(name: SetName, crm_db: Path, used: set[int]) -> list[dict[str, Any]]:
    templates = yaml.safe_load((SETS / f"templates_{name}.yaml").read_text("utf-8"))
    deals = DemoDeals(crm_db, seed=_SEEDS[name])
    made: list[dict[str, Any]] = []
    for place, template in enumerate(templates):
        language = template["language"]
        if template["origin"] == "demo":
            offered = deals.slots(language, template.get("said", {}))
        else:
            offered = invented_slots(name, language, seed=_SEEDS[name] + place)
        made += _fill_all(template, offered, used)
    return made


def _fill_all(
    template: dict[str, Any], offered: Iterator[dict[str, Any]], used: set[int]
) -> Iterator[dict[str, Any]]:
    texts = " ".join(_texts([template[part] for part in ("facts", "holds", "wrong")]))
    needed = {re.split(r"[.:]", slot)[0] for slot in _SLOT.findall(texts)}
    number = 0
    for values in offered:
        if number == template["count"]:
            return
        if values.get("opportunity") in used or not needed <= values.keys():
            continue
        if "opportunity" in values:
            used.add(values["opportunity"])
        number += 1
        yield _fill(template, values, f"{template['id']}-{number}")


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _texts(each)
    elif isinstance(part, str):
        yield part


def _fill(template: dict[str, Any], values: dict[str, Any], key: str) -> dict[str, Any]:
    names = {str(values[name]) for name in (*_NAMES, *_PRODUCTS) if values.get(name)}
    return {
        "id": key,
        "origin": values["origin"],
        "language": template["language"],
        "today": values["today"].day,
        "sender": values["owner"].name,
        "recipient": str(values[template.get("to", "person")]),
        "names": sorted(names),
        **{part: _filled(template[part], values) for part in ("facts", "holds", "wrong")},
    }


def _filled(part: Any, values: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, values) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, values) for value in part]
    return part.format(**values) if isinstance(part, str) else part


def write_set(name: SetName, made: list[dict[str, Any]]) -> Path:
    """Write the generated source pairs of a set beside its hand-written ones; return the file."""
    path = SETS / name / "generated.yaml"
    head = f"# Made by `python -m evals.seeded_bench.generate` from templates_{name}.yaml.\n\n"
    path.write_text(head + "\n".join(_readable(one) for one in made), encoding="utf-8")
    for one in yaml.safe_load(path.read_text("utf-8")) or ():
        Source.model_validate(one)
    return path


def _readable(source: dict[str, Any]) -> str:
    lines = [f"- id: {source['id']}"]
    for key in ("origin", "language", "today", "sender", "recipient", "names"):
        lines.append(f"  {key}: {_inline(source[key])}")
    lines.append("  facts:")
    lines += [f"    {key}: {_inline(fact)}" for key, fact in source["facts"].items()]
    for part in ("holds", "wrong"):
        lines.append(f"  {part}:")
        lines += [f"    - {_inline(one)}" for one in source[part]]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    """Write a value in one line of YAML, texts that need it in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(each) for each in value) + "]"
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*|\d[\d-]*", value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def main() -> None:
    """Write the generated half of each set."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("crm_db", type=Path, help="crm.db of a demo workspace")
    for name, made in make_sets(parser.parse_args().crm_db).items():
        print(write_set(name, made))  # noqa: T201


if __name__ == "__main__":
    main()
