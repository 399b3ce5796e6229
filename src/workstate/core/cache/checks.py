"""What Django's checks say of the project's caches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.core.checks import Error, Tags, register

if TYPE_CHECKING:
    from django.core.checks import CheckMessage


@register(Tags.caches)
def check_names(**_: Any) -> list[CheckMessage]:
    """Refuse two caches of one name: in the database each would find the other's entries."""
    from workstate.core.cache.selectors import list_names

    aliases_of: defaultdict[str, list[str]] = defaultdict(list)
    for alias, name in list_names():
        aliases_of[name].append(alias)
    return [
        Error(
            f"The caches {', '.join(aliases)} have one name, {name!r}: each would find what the others have set.",
            hint="Give each of them a KEY_PREFIX of its own, or a NAME in its OPTIONS.",
            id="workstate.E010",
        )
        for name, aliases in aliases_of.items()
        if len(aliases) > 1
    ]
