"""The same cause has the same fingerprint, release after release; another cause has another one."""

from __future__ import annotations

import sysconfig
import traceback

import pytest

from workstate.core.jobs.fingerprints import fingerprint_of

STDLIB = sysconfig.get_path("stdlib")


def frame(file, line, function):
    return f'  File "{file}", line {line}, in {function}\n    …\n'


def trace(*frames, error="ValueError: no"):
    return "Traceback (most recent call last):\n" + "".join(frames) + error


OWN = frame("/srv/shop/orders/payments.py", 10, "charge")


def test_line_numbers_messages_and_folders_do_not_matter():
    moved = frame("/opt/release-7/orders/payments.py", 99, "charge")

    assert fingerprint_of("pay", "ValueError", trace(OWN)) == fingerprint_of(
        "pay", "ValueError", trace(moved, error="ValueError: customer 7")
    )


@pytest.mark.parametrize(
    "other",
    [
        ("refund", "ValueError", trace(OWN)),
        ("pay", "KeyError", trace(OWN)),
        ("pay", "ValueError", trace(frame("/srv/shop/orders/payments.py", 10, "refund"))),
        ("pay", "ValueError", trace(frame("/srv/shop/orders/refunds.py", 10, "charge"))),
    ],
    ids=["task", "error", "function", "file"],
)
def test_other_cause_has_another_fingerprint(other):
    assert fingerprint_of("pay", "ValueError", trace(OWN)) != fingerprint_of(*other)


@pytest.mark.parametrize(
    "file",
    ["/srv/.venv/lib/python3.11/site-packages/requests/api.py", f"{STDLIB}/json/decoder.py", "<string>"],
    ids=["installed", "standard library", "no file"],
)
def test_code_of_others_below_does_not_matter(file):
    deeper = trace(OWN, frame(file, 5, "get"))

    assert fingerprint_of("pay", "ValueError", deeper) == fingerprint_of("pay", "ValueError", trace(OWN))


def test_error_within_code_of_others_alone_is_told_by_its_place_there():
    inside = "/srv/site-packages/celery/app/trace.py"

    assert fingerprint_of("pay", "ValueError", trace(frame(inside, 1, "a"))) != fingerprint_of(
        "pay", "ValueError", trace(frame(inside, 1, "b"))
    )


def test_place_is_that_of_the_error_that_was_raised_and_not_of_its_cause():
    cause = trace(frame("/srv/shop/orders/cause.py", 1, "cause"))
    both = f"{cause}\n\nThe above exception was the direct cause of the following exception:\n\n{trace(OWN)}"

    assert fingerprint_of("pay", "ValueError", both) == fingerprint_of("pay", "ValueError", trace(OWN))


def test_traceback_of_a_group_is_read():
    try:
        raise ExceptionGroup("two", [ValueError("one"), KeyError("two")])  # noqa: TRY301  for its traceback
    except ExceptionGroup:
        text = traceback.format_exc()

    assert fingerprint_of("pay", "ExceptionGroup", text) != fingerprint_of("pay", "ExceptionGroup", "")


@pytest.mark.parametrize("text", [None, "", "no traceback at all", 'File "', "\udc80\x00"])
def test_whatever_stands_for_a_traceback_gives_a_fingerprint(text):
    assert len(fingerprint_of("pay", None, text)) == 32
