"""The contract of work that leaves the house, and where the declared ones are known by their purpose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from workstate.core.external.errors import InvalidWorkError, UnknownPurposeError
from workstate.core.external.states import OnAmbiguous

if TYPE_CHECKING:
    from workstate.core.external.models import ExternalCall

PURPOSE_LENGTH = 100
_declared: dict[str, type[ExternalWork]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, as it came, and what is worth knowing about it; stored before anybody reads it."""

    body: bytes | str
    details: dict[str, Any] = field(default_factory=dict)
    """A status, an id, a price. Whatever has no JSON form is stored as its repr()."""


class ExternalWork(ABC):
    """One kind of call: how it is made, what is done with the answer, and what if nobody knows how it ended.

    A subclass is known by its `purpose` as soon as it is defined; workers must import its module.
    """

    purpose: ClassVar[str]
    on_ambiguous: ClassVar[OnAmbiguous]
    max_sends: ClassVar[int] = 3
    """How often it is sent at most, when it may be repeated; then somebody is asked."""
    longest_send: ClassVar[timedelta] = timedelta(minutes=5)
    """After so long a sender that is not a job counts as gone. A job is known to be gone when its attempt is over."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # One without a purpose of its own is a base for others.
        if "purpose" in vars(cls):
            _declare(cls)

    @abstractmethod
    def send(self, call: ExternalCall) -> Answer:
        """Make the call and return the answer unread; runs outside of any transaction.

        Pass `call.key` on where the other side takes such a key, and set a time-out. Raise
        NotSentError when nothing has left the house for certain, and RefusedError when the
        other side has said no for good. After anything else nobody knows: the call is ambiguous.
        """

    @abstractmethod
    def apply(self, call: ExternalCall) -> None:
        """Do what follows from the answer, in one transaction with the state `applied`: it counts once.

        When it fails it is done again later from the stored answer, without another call.
        Raise RefusedError when the answer means no.
        """


def get_work(purpose: str) -> ExternalWork:
    """Return the work of that purpose; raises UnknownPurposeError."""
    if purpose not in _declared:
        raise UnknownPurposeError(purpose)
    return _declared[purpose]()


def _declare(cls: type[ExternalWork]) -> None:
    if not cls.purpose or len(cls.purpose) > PURPOSE_LENGTH:
        raise InvalidWorkError(f"{cls.__name__}.purpose must have 1 to {PURPOSE_LENGTH} characters.")
    if not isinstance(getattr(cls, "on_ambiguous", None), OnAmbiguous):
        raise InvalidWorkError(f"{cls.__name__}.on_ambiguous must be one of {', '.join(map(str, _names()))}.")
    if cls.max_sends < 1:
        raise InvalidWorkError(f"{cls.__name__}.max_sends must be at least 1.")
    other = _declared.get(cls.purpose)
    if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InvalidWorkError(f"{cls.__name__} and {other.__name__} both have the purpose {cls.purpose!r}.")
    _declared[cls.purpose] = cls


def _names() -> list[str]:
    return [f"OnAmbiguous.{policy.name}" for policy in OnAmbiguous]
