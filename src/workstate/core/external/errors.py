"""What can go wrong with external calls; each message says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from workstate.core.jobs.errors import WorkstateError

if TYPE_CHECKING:
    from workstate.core.external.models import ExternalCall


class ExternalCallError(WorkstateError):
    """Root of all errors about external calls."""


class InvalidWorkError(ExternalCallError):
    """An ExternalWork is not declared as it must be."""


class UnknownPurposeError(ExternalCallError):
    """No ExternalWork of that purpose is imported here."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        super().__init__(
            f"No ExternalWork has the purpose {purpose!r} here: import its module where tasks are, such as tasks.py."
        )


class OpenTransactionError(ExternalCallError):
    """A call was to leave the house inside a transaction."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        super().__init__(
            f"An external call can't be made inside a transaction (on database {alias!r}): it would hold locks while the"
            " network is waited for, and a rollback would forget that it was made. Plan it there with enqueue_call(),"
            " or perform it after the transaction."
        )


class CallNotFoundError(ExternalCallError):
    """There is no external call of this id: it was never planned, or it is forgotten by now."""

    def __init__(self, call_id: int) -> None:
        self.call_id = call_id
        super().__init__(f"{self.__doc__} The id is {call_id}.")


class CallError(ExternalCallError):
    """Root of the errors about one call; its arguments are strings, so that it passes through a job's result."""

    def __init__(self, message: str, purpose: str = "", key: str = "") -> None:
        self.purpose = purpose
        self.key = key
        super().__init__(message, purpose, key)

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def of(cls, call: ExternalCall) -> Self:
        """Make the error that this call has met."""
        return cls(cls._message(call), call.purpose, call.key)

    @classmethod
    def _message(cls, call: ExternalCall) -> str:
        return f"{call}: {cls.__doc__}"


class KeyReusedError(CallError):
    """It was planned with another request; a key names one call for ever."""


class CallInProgressError(CallError):
    """It is being made by somebody else just now; try again later."""


class LateAnswerError(CallError):
    """It was answered when it had been sent again or resolved; this answer was not stored."""


class CallAmbiguousError(CallError):
    """It may have happened, and must not be repeated unasked; resolve_ambiguous() says what became of it."""

    @classmethod
    def _message(cls, call: ExternalCall) -> str:
        return f"{super()._message(call)} The reason: {call.error_message}"


class CallFailedError(CallError):
    """It was refused for good."""

    @classmethod
    def _message(cls, call: ExternalCall) -> str:
        return f"{super()._message(call)} The reason: {call.error_message}"


class NotAmbiguousError(CallError):
    """Only an ambiguous call can be resolved."""

    @classmethod
    def _message(cls, call: ExternalCall) -> str:
        return f"{super()._message(call)} It is {call.state}."


class NotSentError(ExternalCallError):
    """Raised by `send` when it is certain that nothing left the house: the call is planned again, to be tried later."""


class RefusedError(ExternalCallError):
    """Raised by `send` or `apply` when the other side has said no for good: the call has failed."""
