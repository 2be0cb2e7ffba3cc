"""Compares a mail's HTML with its text, so that nobody receives what nobody approved."""

import re
import unicodedata
from html.parser import HTMLParser

from crm.errors import BadInput

_ALLOWED = frozenset(
    [
        "a",
        "b",
        "blockquote",
        "body",
        "br",
        "code",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "head",
        "hr",
        "html",
        "i",
        "li",
        "meta",
        "ol",
        "p",
        "pre",
        "span",
        "strong",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ]
)
_ATTRIBUTES = frozenset(
    ["align", "charset", "class", "colspan", "dir", "href", "lang", "rowspan", "style", "valign"]
)
_LINK = re.compile(r"(https?://|mailto:)\S+", re.IGNORECASE)
# Marks in front of quoted lines, which HTML shows as a line at the side.
_QUOTED = re.compile(r"^(> ?)+", re.MULTILINE)
# What a style may set: nothing that hides words, turns them round, or loads a picture.
_STYLES = re.compile(
    r"(font-size:\s*(9|[1-4]\d)(\.\d+)?(px|pt)|line-height:\s*[1-3](\.\d+)?|text-align:\s*[a-z]+"
    r"|font-(family|weight|style):[^-(\\:]*(-[^-(\\:]*)*"
    r"|(margin|padding|border)(-(left|right|top|bottom|collapse))?:\s*[\w#.% ]+)",
    re.IGNORECASE,
)


def check_same_words(html: str, text: str) -> None:
    """Refuse HTML that shows other words than the text, loads something, or runs something.

    Raises BadInput saying which.
    """
    page = _Page()
    page.feed(html)
    page.close()
    shown, approved = _letters("".join(page.texts)), _letters(_QUOTED.sub("", text))
    if shown != approved:
        shared = zip(shown, approved, strict=False)
        shorter = min(len(shown), len(approved))
        at = next((at for at, (one, other) in enumerate(shared) if one != other), shorter)
        raise BadInput(
            f"the HTML says {shown[at : at + 40]!r} where the text says {approved[at : at + 40]!r}:"
            " make both of one text"
        )


def _letters(text: str) -> str:
    """Return what is read of a text: without spaces and signs that are not seen."""
    plain = unicodedata.normalize("NFC", text)
    return "".join(
        char for char in plain if not char.isspace() and unicodedata.category(char) != "Cf"
    )


class _Page(HTMLParser):
    """Collects what a page shows, and refuses what does more than show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element that only shows."""
        if tag not in _ALLOWED:
            raise BadInput(f"the HTML holds <{tag[:40]}>, which our mail may not: leave it out")
        for name, value in attrs:
            _check_attribute(tag, name, value or "")

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        """Refuse: some programs show what stands in a conditional comment."""
        raise BadInput("the HTML holds a comment, which some programs show: leave it out")

    def handle_pi(self, data: str) -> None:
        """Refuse what is no plain page."""
        raise BadInput(f"the HTML holds {data[:40]!r}, which is no plain page: leave it out")

    def unknown_decl(self, data: str) -> None:
        """Refuse what is no plain page."""
        self.handle_pi(data)


def _check_attribute(tag: str, name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise BadInput(f"the HTML's <{tag}> has {name[:40]!r}, which ours may not: leave it out")
    if name == "href" and not _LINK.fullmatch(value.strip()):
        raise BadInput(f"the HTML links to {value[:80]!r}: link to https:// or mailto: addresses")
    if name == "style":
        for one in filter(None, (part.strip() for part in value.split(";"))):
            if not _STYLES.fullmatch(one):
                raise BadInput(
                    f"the HTML's style {one[:80]!r} could hide or load something: leave it out"
                )
