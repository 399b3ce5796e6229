"""The checks: registered by name and tags, run in the order of their registration."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from workstate.core.health.findings import Finding, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a run of the checks knows and how far it may go."""

    is_deep: bool = False
    web_address: str | None = None
    patience: timedelta = timedelta(seconds=10)


type_of_check = Callable[[Context], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question about the installation."""

    name: str
    tags: frozenset[str]
    ask: type_of_check


_checks: dict[str, Check] = {}


def check(*tags: str) -> Callable[[type_of_check], type_of_check]:
    """Register the decorated function as a check; its name, in words, is the check's."""

    def register(function: type_of_check) -> type_of_check:
        name = function.__name__.replace("_", " ")
        _checks[name] = Check(name=name, tags=frozenset(tags), ask=function)
        return function

    return register


def known_tags() -> list[str]:
    """Return every tag that some check has, sorted."""
    return sorted({tag for known in _checks.values() for tag in known.tags})


def run_checks(context: Context, *, only: Collection[str] = ()) -> list[Finding]:
    """Run the checks that have one of the tags, or all of them, and return what they found."""
    chosen = [known for known in _checks.values() if not only or known.tags & set(only)]
    return [finding for known in chosen for finding in _ask(known, context)]


def _ask(known: Check, context: Context) -> Iterator[Finding]:
    try:
        yield from known.ask(context)
    except Exception as error:  # noqa: BLE001  one broken check must not hide what the others found
        yield Finding(
            Level.ERROR,
            known.name,
            f"the check itself failed: {type(error).__name__}: {error}",
            "what it looks at may be broken in a way that nobody foresaw",
            "workstate doctor --json",
        )
