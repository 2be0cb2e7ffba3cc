"""The words in which the origin of a style is told, in English and Chinese."""

from collections.abc import Mapping
from typing import Final

from copilot.writers.learning.origin import Origin
from crm.models import StyleAspect
from tools.language import Language

ASPECTS: Final[Mapping[Language, Mapping[StyleAspect, str]]] = {
    "en": {
        StyleAspect.GREETING: "greeting",
        StyleAspect.SIGN_OFF: "sign-off",
        StyleAspect.LENGTH: "length",
        StyleAspect.FORMALITY: "formality",
        StyleAspect.AVOID: "phrase",
    },
    "zh": {
        StyleAspect.GREETING: "称呼",
        StyleAspect.SIGN_OFF: "落款",
        StyleAspect.LENGTH: "篇幅",
        StyleAspect.FORMALITY: "正式程度",
        StyleAspect.AVOID: "措辞",
    },
}
# Where a phrase was replaced, only the drafts that had it count.
PHRASE_EDITS: Final[Mapping[Language, str]] = {
    "en": "replaced in {evidence} of the {of} drafts that had it",
    "zh": "含该措辞的 {of} 份草稿中有 {evidence} 份被您改掉",
}
FORMALITY: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {"formal": "formal", "neutral": "neutral", "casual": "casual"},
    "zh": {"formal": "正式", "neutral": "中性", "casual": "随和"},
}
ORIGINS: Final[Mapping[Language, Mapping[Origin, str]]] = {
    "en": {
        Origin.SET_CUSTOMER: "set for this customer by {who} on {day}",
        Origin.SET: "set by {who} on {day}",
        Origin.EDITS_CONTACT: "from {evidence} of your last {of} drafts to this person",
        Origin.EDITS: "from {evidence} of your last {of} edited or accepted drafts",
        Origin.MAILS: "from {evidence} of your last {of} sent mails",
        Origin.CUSTOMER: "from {of} mails of the customer",
        Origin.HOUSE: "from the company guide",
    },
    "zh": {
        Origin.SET_CUSTOMER: "由 {who} 于 {day} 为该客户设定",
        Origin.SET: "由 {who} 于 {day} 设定",
        Origin.EDITS_CONTACT: "您最近发给此人的 {of} 份草稿中有 {evidence} 份如此",
        Origin.EDITS: "您最近采纳或修改的 {of} 份草稿中有 {evidence} 份如此",
        Origin.MAILS: "您最近发出的 {of} 封邮件中有 {evidence} 封如此",
        Origin.CUSTOMER: "根据客户的 {of} 封来信",
        Origin.HOUSE: "来自公司指南",
    },
}
