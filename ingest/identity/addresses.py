"""E-mail addresses: whose company they speak for, which are one mailbox, what name they spell."""

import re

# Everybody has these; they say nothing about a company.
_PUBLIC = (
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com "
    "aol.com gmx.de gmx.net web.de proton.me protonmail.com mail.ru yandex.ru qq.com vip.qq.com "
    "foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn "
    "yahoo.co.jp naver.com"
)
_PUBLIC_DOMAINS = frozenset(_PUBLIC.split())
_GMAIL = frozenset(("gmail.com", "googlemail.com"))
# Mailboxes of a function, which several people read.
_SHARED_NAMES = (
    "info office contact contacts sales support service services help helpdesk hello team mail "
    "admin administrator webmaster postmaster billing accounts accounting finance invoice invoices "
    "orders order purchasing procurement hr jobs careers marketing press media noreply no-reply "
    "donotreply do-not-reply newsletter notifications notification alerts reception enquiries "
    "kontakt buchhaltung einkauf vertrieb"
)
_SHARED = frozenset(_SHARED_NAMES.split())
_SECOND_LEVEL = frozenset(["co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go"])
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def domain_of(email: str | None) -> str | None:
    """Return the company's domain of an address; None for public mail providers."""
    _, at, domain = (email or "").strip().lower().rpartition("@")
    return domain if at and domain and domain not in _PUBLIC_DOMAINS else None


def parents(domain: str | None) -> list[str]:
    """Return the domain and those above it, without the top level."""
    labels = (domain or "").split(".")[-5:]
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def stem_of(domain: str | None) -> str:
    """Return the label that a company chose: `acme` of `mail.acme.co.uk`; empty if there is none.

    >>> stem_of("mail.acme.co.uk")
    'acme'
    """
    labels = (domain or "").split(".")
    if len(labels) < 2:
        return ""
    is_second = len(labels) > 2 and labels[-2] in _SECOND_LEVEL
    return labels[-3] if is_second else labels[-2]


def canonical_address(email: str | None) -> str:
    """Return the mailbox an address reaches: lower case, no plus-tag, no dots where they mean none.

    Empty for what is no address.
    """
    lowered = (email or "").strip().lower()
    if not _ADDRESS.fullmatch(lowered):
        return ""
    local, _, domain = lowered.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


def local_part(email: str | None) -> str:
    """Return what stands before the @, without plus-tag; empty for what is no address."""
    return canonical_address(email).rpartition("@")[0]


def is_shared(email: str | None) -> bool:
    """Say whether the mailbox is that of a function (info@, sales@), not of a person."""
    return local_part(email) in _SHARED


def words_in(email: str | None) -> tuple[str, ...]:
    """Return the words of the part before the @: (`priya`, `nair`) of `priya.nair2@acme.com`."""
    return tuple(re.findall(r"[^\W\d_]+", local_part(email)))


def digits_in(email: str | None) -> str:
    """Return the digits before the @, by which companies tell namesakes apart."""
    return "".join(char for char in local_part(email) if char.isdigit())
