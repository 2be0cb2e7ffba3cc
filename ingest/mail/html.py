"""The visible text of an HTML mail: no scripts, no hidden elements, links as their words only."""

import re
from collections import Counter
from html.parser import HTMLParser

_UNSEEN = (
    "script style head title template noscript svg math object iframe select textarea audio video "
    "canvas"
)
_EMPTY = "area base br col embed hr img input link meta param source track wbr basefont frame"
_SPACED = "p h1 h2 h3 h4 h5 h6 blockquote table ul ol pre"
_LINED = "div tr li section article header footer center dl dt dd address form fieldset tbody thead"
_DROPPED = frozenset(_UNSEEN.split())
_VOID = frozenset(_EMPTY.split())
_PARAGRAPHS = frozenset(_SPACED.split())
_BLOCKS = _PARAGRAPHS | frozenset(_LINED.split())
# Elements that end when a sibling starts, closed or not.
_SELF_CLOSING = {"p": "p", "li": "li", "td": "td", "th": "th", "tr": "tr", "dt": "dd", "dd": "dt"}
_QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "qmbox")
_MAX_UNENDED = 20
_SPACES = re.compile(r"\s{2,}")
_ZERO = re.compile(r"0+(\.0+)?(px|pt|em|rem|%)?")


def html_to_text(html: str) -> str:
    """Return what a reader of the mail sees, quoted parts marked with `> `."""
    reader = _Reader()
    reader.feed(_tame(html))
    reader.close()
    return reader.text()


def _tame(html: str) -> str:
    """Return HTML that the standard parser reads in time proportional to its length.

    For each `<` that no `>` ends it looks through all the rest, so that where such pile up they
    become text.
    """
    stretches = _SPACES.sub(" ", html).split(">")
    return ">".join(
        stretch if stretch.count("<") <= _MAX_UNENDED else _as_text(stretch)
        for stretch in stretches
    )


def _as_text(stretch: str) -> str:
    text, _, tag = stretch.rpartition("<")
    return f"{text.replace('<', '&lt;')}<{tag}"


class _Reader(HTMLParser):
    """Collects visible text; keeps the open elements, because mails seldom close them all."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, bool, bool]] = []
        self._open_names: Counter[str] = Counter()
        self._hidden = 0
        self._quoted = 0
        self._lines: list[str] = []
        self._line: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, hidden or quoted if its attributes say so."""
        if tag == "br":
            self._break()
        if tag in _VOID:
            return
        sibling = _SELF_CLOSING.get(tag)
        if sibling and self._open and self._open[-1][0] in (tag, sibling):
            self._close_last()
        if tag in _BLOCKS:
            self._break(is_paragraph=tag in _PARAGRAPHS)
        given = {name: value or "" for name, value in attrs}
        is_hidden = tag in _DROPPED or _is_hidden(given)
        is_quote = tag == "blockquote" or any(
            name in given.get("class", "") for name in _QUOTE_CLASSES
        )
        self._open.append((tag, is_hidden, is_quote))
        self._open_names[tag] += 1
        self._hidden += is_hidden
        self._quoted += is_quote

    def handle_endtag(self, tag: str) -> None:
        """Close the element and those left open inside it; ignore one that was never opened."""
        if not self._open_names[tag]:
            return
        while self._open[-1][0] != tag:
            self._close_last()
        self._close_last()

    def handle_data(self, data: str) -> None:
        """Keep text that can be seen."""
        if not self._hidden:
            self._line.append(data)

    def text(self) -> str:
        """Return the lines read so far."""
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip()

    def _close_last(self) -> None:
        tag, is_hidden, is_quote = self._open.pop()
        if tag in _BLOCKS:
            self._break(is_paragraph=tag in _PARAGRAPHS)
        if tag in ("td", "th"):
            self._line.append(" ")
        self._open_names[tag] -= 1
        self._hidden -= is_hidden
        self._quoted -= is_quote

    def _break(self, *, is_paragraph: bool = False) -> None:
        line = " ".join("".join(self._line).split())
        self._line = []
        if line:
            self._lines.append("> " + line if self._quoted else line)
        if is_paragraph or not line:
            self._lines.append("")


def _is_hidden(attributes: dict[str, str]) -> bool:
    if "hidden" in attributes:
        return True
    style = attributes.get("style", "").lower()
    pairs = (rule.partition(":") for rule in style.split(";"))
    rules = {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}
    return (
        rules.get("display") == "none"
        or rules.get("visibility") in ("hidden", "collapse")
        or rules.get("mso-hide") == "all"
        or any(
            _ZERO.fullmatch(rules.get(name, "")) is not None
            for name in ("font-size", "opacity", "max-height", "max-width")
        )
        or attributes.get("size", "").strip() == "0"
    )
