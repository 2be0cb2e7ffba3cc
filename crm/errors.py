"""The errors that every layer raises, split by what the caller should do about them."""


class CopilotError(Exception):
    """Root of all errors that carry a message fit for a user: the value, and what to do next."""


class BadInput(CopilotError):
    """The caller's input cannot be used; the message says which part and how to mend it."""


class NotFound(CopilotError):
    """The thing asked for does not exist, or the caller may not know that it does."""


class Ambiguous(CopilotError):
    """A name fits several things; `candidates` lists them for the question back."""

    def __init__(self, message: str, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


class NotAllowed(CopilotError):
    """The caller may not do this."""


class NeedsApproval(CopilotError):
    """A person has to approve this before it happens."""


class TransientError(CopilotError):
    """It may work if tried again: a busy server, a dropped connection."""


class OutOfReach(TransientError):
    """The server did not answer, or broke off: whoever asks it next may wait as long in vain."""


class PermanentError(CopilotError):
    """It will fail again until somebody mends the set-up; the message says what."""
