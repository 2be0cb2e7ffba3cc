"""Names made comparable: case, width, spaces and punctuation do not tell two names apart."""

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz, process

# C++ and C# are names of their own.
_TELLING = "+#"
# The runner-up has to be this much worse, in points of 100.
_MARGIN = 4.0


@lru_cache(maxsize=65_536)
def normal(name: str) -> str:
    """Return the comparable form of a name; names of punctuation alone keep it."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    if folded.isascii() and folded.isalnum():
        return folded
    kept = "".join(
        char for char in folded if char in _TELLING or unicodedata.category(char)[0] in "LMN"
    )
    return kept or " ".join(folded.split())


def nearest(name: str, known: list[str], threshold: float) -> str | None:
    """Return the one comparable name that is nearly this one, or None.

    `threshold` is a similarity from 0 to 1 (indel ratio). Numbers must agree, since "Plan 200" and
    "Plan 300" are two things, and a second name almost as near makes it nobody's.
    """
    wanted = normal(name)
    found = process.extract(
        wanted, known, scorer=fuzz.ratio, limit=5, score_cutoff=threshold * 100 - _MARGIN
    )
    near = [(text, score) for text, score, _ in found if _digits(text) == _digits(wanted)]
    if not near or near[0][1] < threshold * 100:
        return None
    if len(near) > 1 and near[0][1] - near[1][1] < _MARGIN:
        return None
    return near[0][0]


def _digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)
