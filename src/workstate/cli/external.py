"""`workstate external`: list and show external calls, and say what became of an ambiguous one."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.utils import timezone

from workstate.cli import EXIT_CANNOT, EXIT_OK
from workstate.cli.terminal import current_user, table
from workstate.core.external import selectors, services
from workstate.core.external.errors import ExternalCallError
from workstate.core.external.states import CallState
from workstate.core.external.work import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.external.models import ExternalCall

RESOLUTIONS = (CallState.APPLIED, CallState.ANSWERED, CallState.FAILED, CallState.PLANNED)
SUMMARY = ("id", "purpose", "key", "state", "on_ambiguous", "sends", "planned_at", "sent_at", "answered_at", "ended_at")
ENDS = ("error_type", "error_message", "resolved_at", "resolved_by", "resolved_reason")


def run(arguments: Sequence[str]) -> int:
    """Do what was asked; return 0, or 2 when it cannot be done, with one line that says why."""
    options = _parser().parse_args(arguments)
    try:
        print(options.act(options))
    except (ExternalCallError, ValueError) as error:
        print(f"workstate: {error}", file=sys.stderr)
    except DatabaseError as error:
        print(
            f"workstate: the database cannot be used: {str(error).strip()} (`workstate doctor` says what to do)",
            file=sys.stderr,
        )
    else:
        return EXIT_OK
    return EXIT_CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workstate external", description="Look at external calls, and resolve ambiguous ones."
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list calls: those that wait for a hand, unless a state is asked for")
    listing.add_argument("--purpose", help="of this purpose")
    listing.add_argument("--state", action="append", choices=CallState.values, default=[], help="may be repeated")
    listing.add_argument("--limit", type=int, default=selectors.MOST_SHOWN, metavar="N", help="default: %(default)s")
    listing.set_defaults(act=_list)
    show = actions.add_parser("show", help="show one call with its request and answer")
    show.add_argument("id", type=int)
    show.set_defaults(act=_show)
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="print JSON, for programs")
    resolve = actions.add_parser("resolve", help="say what became of an ambiguous call, and go on from there")
    resolve.add_argument("id", type=int)
    resolve.add_argument(
        "--as",
        dest="as_",
        required=True,
        choices=RESOLUTIONS,
        help="applied: it happened, nothing is left to do; answered: it happened, with --answer;"
        " failed: it did not happen, and shall not; planned: send it again",
    )
    resolve.add_argument("--answer", help="what the other side said: it is applied by a job")
    resolve.add_argument("--reason", required=True, help="how you know; kept with the call")
    resolve.add_argument("--by", default=current_user(), help="who says so; the user of this terminal")
    resolve.set_defaults(act=_resolve)
    return parser


def _list(options: argparse.Namespace) -> str:
    if options.state:
        states = [CallState(state) for state in options.state]
        calls = selectors.list_calls(purpose=options.purpose, states=states, limit=options.limit)
    else:
        calls = selectors.list_awaiting_decision(purpose=options.purpose, limit=options.limit)
    if options.json:
        return _as_json([_described(call, SUMMARY + ENDS) for call in calls])
    if not calls:
        return "no such call" if options.state else "no call waits for a hand"
    rows = [(str(call.pk), call.purpose, call.key, call.state, _time(call.sent_at), call.error_type) for call in calls]
    return table(("id", "purpose", "key", "state", "sent", "error"), rows, figures=(0,))


def _show(options: argparse.Namespace) -> str:
    call = selectors.get_call(options.id)
    described = _described(call, SUMMARY + ENDS) | {"request": call.request, "details": call.details}
    if call.answer is not None:
        described["answer"] = call.text
    if options.json:
        return _as_json(described)
    known = {name.replace("_", " "): value for name, value in described.items() if value}
    return "\n".join(f"{name}: {_shown(value)}" for name, value in known.items())


def _resolve(options: argparse.Namespace) -> str:
    answer = None if options.answer is None else Answer(body=options.answer)
    call = services.resolve_ambiguous(
        selectors.get_call(options.id),
        as_=CallState(options.as_),
        by=options.by,
        reason=options.reason,
        answer=answer,
    )
    return f"{call} is {call.state}"


def _described(call: ExternalCall, columns: Sequence[str]) -> dict[str, Any]:
    return {column: getattr(call, column) for column in columns}


def _shown(value: object) -> str:
    return _time(value) if isinstance(value, datetime) else value if isinstance(value, str) else json.dumps(value)


def _time(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _as_json(document: object) -> str:
    return json.dumps(document, indent=2, default=datetime.isoformat)
