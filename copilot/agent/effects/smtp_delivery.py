"""Hands one message to an SMTP server, and tells apart taken, refused and unclear."""

import base64
import re
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from copilot.agent.effects.mail_account import MailAccount
from copilot.agent.effects.mail_attempts import Stage
from copilot.agent.effects.mail_limits import CONTENT_S, PREPARE_S, cut_off
from copilot.agent.effects.outgoing import wire_address
from crm.errors import BadInput, CopilotError, OutOfReach, PermanentError, TransientError
from ingest.sources.imap_client import Endpoint
from ingest.sources.pacing import Pacing, make_retrying

_DOT = re.compile(rb"^\.", re.MULTILINE)
_LINES = re.compile(rb"\r\n|\r|\n")
_ENHANCED = re.compile(rb"\b5\.(\d{1,3})\.\d{1,3}\b")


class Unclear(OutOfReach):
    """The connection broke after the message was handed over and before the server said a word."""


@dataclass(frozen=True)
class Envelope:
    """A message and the addresses that it goes to; `raw` has lines that end in CRLF."""

    raw: bytes
    recipients: Sequence[str]


def hand_over(
    account: MailAccount,
    envelope: Envelope,
    *,
    note: Callable[[Stage], None],
    sleep: Callable[[float], None],
) -> None:
    """Return once the server has taken the message for every recipient.

    `note` is told right before the content goes out (whoever stops earlier has sent nothing) and
    right after it was taken. Until it goes out what may pass is tried again, three times in all.

    Raises:
        BadInput: the server refuses a recipient or the content; nobody received it.
        PermanentError: the server refuses us; nobody received it.
        TransientError: the server is busy (OutOfReach: not there); nobody received it.
        Unclear: it is not known whether the server took it.
    """
    pacing = Pacing(attempts=3, first_wait_s=1.0, longest_wait_s=8.0, sleep=sleep)
    ends_at = time.monotonic() + PREPARE_S
    server = make_retrying(pacing)(_ready, account, envelope, ends_at)
    try:
        note(Stage.BEGUN)
        code, said = _send_content(server, envelope.raw, account)
        if not 200 <= code < 300:
            raise _content_refused(account, code, said)
        note(Stage.TAKEN)
    finally:
        _leave(server)


def try_sign_in(account: MailAccount, *, within_s: float) -> None:
    """Sign in and leave again, sending nothing. Raises TransientError or PermanentError."""
    with _before_content(account):
        server = _connect(account)
    try:
        with _before_content(account), cut_off(lambda: server.sock, after_s=within_s):
            _sign_in(server, account)
    finally:
        _leave(server)


def _ready(account: MailAccount, envelope: Envelope, ends_at: float) -> smtplib.SMTP:
    """Return a connection whose server waits for the content, every recipient accepted."""
    with _before_content(account):
        server = _connect(account)
    try:
        left_s = ends_at - time.monotonic()
        with _before_content(account), cut_off(lambda: server.sock, after_s=left_s):
            _sign_in(server, account)
            _announce(server, account, envelope)
            code, said = server.docmd("DATA")
            if code != 354:
                raise _content_refused(account, code, said)
    except BaseException:
        _leave(server)
        raise
    return server


@contextmanager
def _before_content(account: MailAccount) -> Iterator[None]:
    """Turn what breaks before anything was sent into what to do about it."""
    where = f"{account.smtp_host!r} for {account.address!r}"
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise PermanentError(
            f"the certificate of {account.smtp_host!r} is not trusted ({error.verify_message}):"
            " check the host, or name the authority's file"
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise PermanentError(
            f"mail server {where} lacks what the set-up asks for ({error}): check its port and"
            " security"
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        raise _login_refused(account, error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(account, error.smtp_code, _bytes(error.smtp_error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise OutOfReach(
            f"mail server {where} is out of reach ({type(error).__name__}): try again later;"
            " nothing was sent"
        ) from error


def _connect(account: MailAccount) -> smtplib.SMTP:
    endpoint = account.smtp
    if endpoint.security == "tls":
        return smtplib.SMTP_SSL(
            endpoint.host, endpoint.port, timeout=endpoint.timeout_s, context=_tls(endpoint)
        )
    server = smtplib.SMTP(endpoint.host, endpoint.port, timeout=endpoint.timeout_s)
    if endpoint.security == "starttls":
        try:
            server.starttls(context=_tls(endpoint))
        except BaseException:
            server.close()
            raise
    return server


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    if not endpoint.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _sign_in(server: smtplib.SMTP, account: MailAccount) -> None:
    server.ehlo_or_helo_if_needed()
    user, tokens = account.user, account.tokens
    if tokens is None:
        password = account.secret.get_secret_value() if account.secret else ""
        if user.isascii() and password.isascii():
            server.login(user, password)
            return
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
        code, said = server.docmd("AUTH", f"PLAIN {plain}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, said)
        return
    is_old = tokens.is_held
    try:
        _with_token(server, user, tokens.get().get_secret_value())
    except smtplib.SMTPAuthenticationError:
        tokens.forget()
        if not is_old:
            raise
        _with_token(server, user, tokens.get().get_secret_value())


def _with_token(server: smtplib.SMTP, user: str, token: str) -> None:
    answer = f"user={user}\1auth=Bearer {token}\1\1"
    # A refusal comes as a challenge, which wants an empty answer.
    server.auth("XOAUTH2", lambda challenge=None: answer if challenge is None else "")


def _announce(server: smtplib.SMTP, account: MailAccount, envelope: Envelope) -> None:
    """Name sender, size and every recipient: one that is refused stops the mail for all."""
    most = server.esmtp_features.get("size", "")
    if most.isdigit() and 0 < int(most) < len(envelope.raw):
        raise _too_large(account, len(envelope.raw), int(most))
    recipients = [wire_address(one) for one in envelope.recipients]
    options = [f"size={len(envelope.raw)}"] if server.has_extn("size") else []
    sender = wire_address(account.address)
    beyond = [one for one in (sender, *recipients) if not one.isascii()]
    if beyond:
        if not server.has_extn("smtputf8"):
            raise BadInput(
                f"the mail server takes no address such as {beyond[0]!r}: use another of theirs"
            )
        options.append("smtputf8")
    code, said = server.mail(sender, options)
    if code != 250:
        raise _refused(account, code, said)
    for recipient in recipients:
        code, said = server.rcpt(recipient)
        if code not in (250, 251):
            raise _recipient_refused(account, recipient, code, said)


def _send_content(server: smtplib.SMTP, raw: bytes, account: MailAccount) -> tuple[int, bytes]:
    lines = b"\r\n".join(_LINES.split(raw.removesuffix(b"\r\n")))
    try:
        if server.sock is not None:
            server.sock.settimeout(CONTENT_S)
        with cut_off(lambda: server.sock, after_s=CONTENT_S):
            server.send(_DOT.sub(b"..", lines) + b"\r\n.\r\n")
            code, said = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise _unclear(account, type(error).__name__) from error
    if not 200 <= code < 600:
        raise _unclear(account, f"an answer of {said[:80]!r}")
    return code, said


def _unclear(account: MailAccount, why: str) -> Unclear:
    return Unclear(
        f"mail server {account.smtp_host!r} broke off after it was given the mail ({why}): it is"
        " not known whether it was sent"
    )


def _leave(server: smtplib.SMTP) -> None:
    with suppress(smtplib.SMTPException, OSError):
        if server.sock is not None:
            server.sock.settimeout(3.0)
        server.quit()
    server.close()


def _login_refused(account: MailAccount, code: int) -> CopilotError:
    who = f"{account.user!r} at {account.smtp_host!r}"
    if not 500 <= code < 600:
        return TransientError(f"{who} cannot sign in for now: try again later; nothing was sent")
    return PermanentError(f"{who} may not sign in: check its user and password, or its token")


def _refused(account: MailAccount, code: int, said: bytes) -> CopilotError:
    shown = f"{account.smtp_host!r} says {code} {_shown(said)!r}"
    if code == 552:
        return _too_large(account, None, None)
    if 500 <= code < 600:
        return PermanentError(
            f"{shown}: ask who runs it whether {account.address!r} may send; nothing was sent"
        )
    return TransientError(f"{shown}: try again later; nothing was sent")


def _recipient_refused(
    account: MailAccount, recipient: str, code: int, said: bytes
) -> CopilotError:
    enhanced = _ENHANCED.search(said)
    is_ours = enhanced is not None and enhanced[1] == b"7"
    if not 500 <= code < 600 or is_ours:
        return _refused(account, code, said)
    return BadInput(
        f"the mail server refuses {recipient!r} ({code} {_shown(said)!r}): correct the address and"
        " propose the mail anew; nobody received it"
    )


def _content_refused(account: MailAccount, code: int, said: bytes) -> CopilotError:
    if code == 552:
        return _too_large(account, None, None)
    if 500 <= code < 600:
        return BadInput(
            f"{account.smtp_host!r} refuses the mail ({code} {_shown(said)!r}): change it and"
            " propose it anew; nobody received it"
        )
    return _refused(account, code, said)


def _too_large(account: MailAccount, size: int | None, most: int | None) -> BadInput:
    figures = f" ({size:,} bytes, at most {most:,})" if size and most else ""
    return BadInput(
        f"the mail is too large for {account.smtp_host!r}{figures}: leave attachments out or send"
        " a link; nobody received it"
    )


def _shown(said: bytes) -> str:
    return said[:200].decode("utf-8", "replace")


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode("utf-8", "replace")
