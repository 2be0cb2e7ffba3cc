"""The demo company's guide: policies, terms, phrases, and references among the deals it won."""

from pathlib import Path

import yaml

from ingest.demo.deals import Deal
from ingest.demo.wordbank import bank, fill

GUIDE_FILE = "company.yaml"
_WANTED = {"en": 2, "zh": 1}


class References:
    """The largest won deals of each language, one a customer, told of while they are made."""

    def __init__(self) -> None:
        self._best: dict[str, list[Deal]] = {language: [] for language in _WANTED}

    def consider(self, deals: list[Deal]) -> None:
        """Keep the customer's largest won deal if it is among the largest so far."""
        won = [deal for deal in deals if deal.closed_on and deal.hidden.outcome == "won"]
        if not won:
            return
        best = max(won, key=_size)
        kept = [*self._best[best.language], best]
        kept.sort(key=lambda deal: (-_size(deal), deal.id))
        self._best[best.language] = kept[: _WANTED[best.language]]

    @property
    def deals(self) -> list[Deal]:
        """The deals to be told of."""
        return [deal for kept in self._best.values() for deal in kept]


def write_guide(path: Path, references: References) -> None:
    """Write the guide as YAML."""
    words = dict(bank("guide"))
    told = words.pop("reference")
    content = {
        "name": bank("company")["name"],
        **{key: words[key] for key in ("names", "policies", "terms")},
        "references": [_reference(deal, told) for deal in references.deals],
        **{key: words[key] for key in ("banned", "house")},
    }
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)
    path.write_text(text, "utf-8", newline="\n")


def _reference(deal: Deal, told: dict[str, str]) -> dict[str, object]:
    names = list(dict.fromkeys(line.product.name for line in deal.lines))
    slots = {
        "customer": deal.customer.name,
        "year": str(deal.closed_on.year if deal.closed_on else ""),
    }
    text = {
        "en": fill(told["en"], {**slots, "products": _listed(names)}),
        "zh": fill(told["zh"], {**slots, "products": "、".join(names)}),
    }
    return {"customer": deal.customer.name, "text": text, "products": names}


def _listed(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _size(deal: Deal) -> int:
    """Return the size by which deals of one language, and so mostly one currency, are compared."""
    return deal.amount_minor
