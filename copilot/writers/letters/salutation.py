"""How a letter begins and ends around its text: greeting and sign-off, in the rep's style."""

import re

from copilot.grounding import lexicon
from copilot.grounding.pack.asked import Channel, DraftKind
from copilot.grounding.pack.model import DraftEvidence, Party
from copilot.writers.company.guide import CompanyGuide
from copilot.writers.style import Formality, Style
from tools.language import Language

_CHINESE_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}")
_SENIOR = re.compile(
    r"总监|总经理|总裁|董事长|CEO|CTO|CFO|CIO|COO|VP|副总|首席|创始人|负责人|director|head|chief"
    r"|president",
    re.IGNORECASE,
)
_COMPOUND = ("欧阳", "司马", "诸葛", "上官")
_HONOURS = re.compile(r"^((?:(?:Prof|Dr|Mr|Ms|Mrs|Mx)\.?\s+)+)", re.IGNORECASE)
_ACADEMIC = re.compile(r"\b(?:Prof|Dr)\b\.?", re.IGNORECASE)
_SLOT = re.compile(r"\{(name|first|surname|title|sender)\}")
_FORMAL_KINDS = frozenset({DraftKind.PROPOSAL_COVER, DraftKind.RENEWAL})
_SIGN_OFFS: dict[Language, dict[Formality, str]] = {
    "en": {"formal": "Kind regards,", "neutral": "Best regards,", "casual": "Best,"},
    "zh": {"formal": "此致\n敬礼", "neutral": "祝商祺", "casual": "祝好"},
}


def greeting_of(evidence: DraftEvidence, style: Style, guide: CompanyGuide) -> str:
    """Return the salutation: the rep's own, else the house's, else what suits kind and channel.

    "Hi Priya,", "Dear Dr. Weber,", 「王总，您好：」 where surname and title are known; a template
    that needs a name is not used where nobody's name is known.
    """
    language, person = evidence.language, evidence.recipient
    template = style.greeting or guide.house.greeting.in_language(language)
    if template and _fills(template, person):
        return _filled(template, person, evidence.sender, language)
    if language == "zh":
        return _greeting_zh(evidence, style)
    if not _has_name(person):
        return "Hello,"
    if _formality(evidence, style) == "formal":
        return f"Dear {_formal_name(person.name)},"
    word = "Hello" if evidence.kind is DraftKind.COLD_OUTREACH else "Hi"
    if _CHINESE_NAME.fullmatch(person.name.strip()):
        return f"{word} {person.name.strip()},"
    return f"{word} {first_name(person.name)},"


def sign_off_of(evidence: DraftEvidence, style: Style, guide: CompanyGuide) -> str:
    """Return the words above the sender's name; a chat message has none."""
    if evidence.channel is not Channel.EMAIL:
        return ""
    template = style.sign_off or guide.house.sign_off.in_language(evidence.language)
    if template:
        # The signature with the name follows by itself.
        kept = [line for line in template.splitlines() if line.strip(" ,，") != "{sender}"]
        filled = "\n".join(kept).replace("{sender}", "").strip()
        if filled and _fills(filled, evidence.recipient):
            return _filled(filled, evidence.recipient, evidence.sender, evidence.language)
    return _SIGN_OFFS[evidence.language][_formality(evidence, style)]


def address_zh(person: Party) -> str:
    """Return how a Chinese letter names somebody: 王总, 李经理, else the whole name."""
    name = person.name.strip()
    if not _CHINESE_NAME.fullmatch(name) or name[0] not in lexicon.SURNAMES:
        return name
    title = person.title or ""
    if _SENIOR.search(title):
        return f"{_surname_zh(name)}总"
    if "经理" in title or "manager" in title.casefold():
        return f"{_surname_zh(name)}经理"
    if "主任" in title:
        return f"{_surname_zh(name)}主任"
    return f"{_surname_zh(name)}工" if "工程师" in title else name


def first_name(name: str) -> str:
    """Return the given name; "Raman, Priya" is written family name first."""
    parts = [part.strip() for part in name.split(",")]
    words = _HONOURS.sub("", parts[1] if len(parts) == 2 and parts[1] else parts[0]).split()
    return words[0] if words else name


def _greeting_zh(evidence: DraftEvidence, style: Style) -> str:
    person = evidence.recipient
    if not _has_name(person):
        return "您好：" if evidence.channel is Channel.EMAIL else "您好，"
    named = address_zh(person)
    if evidence.channel is not Channel.EMAIL:
        return f"{named}，"
    if _formality(evidence, style) == "formal":
        # A whole name alone would be curt: nobody tells whether it is 先生 or 女士.
        return f"尊敬的{named}，您好：" if named == person.name.strip() else f"尊敬的{named}："
    return f"{named}，您好："


def _formality(evidence: DraftEvidence, style: Style) -> Formality:
    if style.formality:
        return style.formality
    learned = evidence.style.formality if evidence.style else None
    if evidence.channel is not Channel.EMAIL:
        return "casual"
    if learned in {"formal", "neutral"}:
        return "formal" if learned == "formal" else "neutral"
    return "formal" if evidence.kind in _FORMAL_KINDS else "neutral"


def _formal_name(name: str) -> str:
    """Return "Dr. Weber" where a title says how to address, else the whole name."""
    honours = _HONOURS.match(name.strip())
    plain = _HONOURS.sub("", name.strip())
    if honours is None:
        return plain
    academic = " ".join(_ACADEMIC.findall(honours.group()))
    return f"{academic or honours.group().strip()} {_surname(plain)}"


def _surname(plain: str) -> str:
    if "," in plain:
        return plain.split(",", maxsplit=1)[0].strip()
    if _CHINESE_NAME.fullmatch(plain):
        return _surname_zh(plain)
    return plain.rsplit(maxsplit=1)[-1] if plain.split() else plain


def _surname_zh(name: str) -> str:
    return name[:2] if name.startswith(_COMPOUND) else name[0]


def _has_name(person: Party) -> bool:
    return bool(person.name.strip()) and "@" not in person.name


def _fills(template: str, person: Party) -> bool:
    needs = set(_SLOT.findall(template)) - {"sender"}
    if "title" in needs and not person.title:
        return False
    return not needs or _has_name(person)


def _filled(template: str, person: Party, sender: Party, language: Language) -> str:
    plain = _HONOURS.sub("", person.name.strip())
    values = {
        "name": address_zh(person) if language == "zh" and "{title}" not in template else plain,
        "first": first_name(person.name),
        "surname": _surname(plain),
        "title": person.title or "",
        "sender": sender.name,
    }
    return _SLOT.sub(lambda match: values[match.group(1)], template).strip()
