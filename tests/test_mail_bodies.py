"""What of a mail its sender newly wrote, in many languages, and what the signature tells."""

from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.conversations import ParsedConversation
from ingest.mail.message import parse_mail
from ingest.mail.quotes import divide_quotes
from ingest.mail.signature import read_signature, split_signature

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "mail" / "bodies.yaml").read_text(encoding="utf-8")
)


def _parse(body: str, sender: str) -> ParsedConversation:
    message = EmailMessage()
    message["From"] = Address(sender, "x", "acme.example")
    message["Date"] = "Mon, 4 May 2026 10:00:00 +0200"
    message.set_content(body)
    return parse_mail(message.as_bytes())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_new_words_are_told_from_quotes_signatures_and_notices(case: dict[str, Any]) -> None:
    parsed = _parse(case["body"], case["from"])
    said = [one.text for one in parsed.segments if not one.speaker.endswith("(quoted)")]
    assert " ".join(" ".join(said).split()) == " ".join(case["new"].split())
    assert parsed.participants[0].phone == case.get("phone")
    assert parsed.participants[0].role == case.get("title", "from")


def test_cases_are_many_and_in_many_languages() -> None:
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_new_phone_in_a_signature_makes_another_mail() -> None:
    body = "We accept.\n\n-- \nBob Ray\n+49 30 901820\n"
    first, second = _parse(body, "Bob Ray"), _parse(body.replace("820", "821"), "Bob Ray")
    assert first.segments == second.segments
    assert first.content_sha256 != second.content_sha256


def test_mail_that_is_all_signature_is_kept() -> None:
    parsed = _parse("Best regards,\nBob Ray\n", "Bob Ray")
    assert [one.text for one in parsed.segments] == ["Best regards,\nBob Ray"]


@pytest.mark.parametrize(
    ("line", "phone"),
    [
        ("Tel. +44 (0)20 7946 0958", "+442079460958"),
        ("Mobile: 0171 1234567", "01711234567"),
        ("电话：010-65529988", "01065529988"),
        ("Invoice 2026-05-04 123", None),
        ("HRB 123456 Berlin", None),
    ],
)
def test_phone_is_read_where_it_is_one(line: str, phone: str | None) -> None:
    assert read_signature([line], "Bob").phone == phone


@pytest.mark.parametrize(
    "flood",
    [
        "On a " * 100_000, "-" * 500_000, "--\n" * 100_000, "From: x\n" * 60_000,
        "a" * 500_000, " " * 500_000 + "x", "> " * 200_000, "Best,\n" * 80_000,
        "Bob | " * 80_000, "1 " * 200_000, "<a@b" * 100_000 + ":",
    ],
)  # fmt: skip
def test_floods_do_not_stall(flood: str) -> None:
    divided = divide_quotes(flood)
    kept, signature = split_signature(divided.new, "Bob Ray")
    assert len(kept) + len(divided.quoted) + len(signature.lines) > 0
