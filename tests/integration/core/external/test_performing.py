"""A call from plan to effect: what is sent how often, and what is left when something fails on the way."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from real_databases import BOTH_DATABASES
from workstate.core.external import performing, services, transitions
from workstate.core.external.errors import (
    CallAmbiguousError,
    CallFailedError,
    KeyReusedError,
    LateAnswerError,
    NotSentError,
    OpenTransactionError,
    RefusedError,
)
from workstate.core.external.models import ExternalCall
from workstate.core.external.work import Answer, get_work
from workstate.core.live.models import Stream

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database", "app")]


def raising(error):
    def fail(call):
        raise error

    return fail


def stored():
    return ExternalCall.objects.get()


def test_a_call_is_sent_answered_and_applied(house, work):
    call = services.perform_call(work, key="order 7", request={"amount": "7.50"})

    assert house.sent == [(work.purpose, "order 7")]
    assert house.applied == [("order 7", "yes to order 7")]
    row = stored()
    assert (row.state, row.sends, bytes(row.answer), row.details) == ("applied", 1, b"yes to order 7", {"status": 200})
    assert row.planned_at <= row.sent_at <= row.answered_at <= row.ended_at
    assert call.state == "applied"


def test_a_call_that_was_made_is_not_made_again(house, work):
    first = services.perform_call(work, key="order 7", request={"amount": 7})
    again = services.perform_call(work, key="order 7", request={"amount": 7})

    assert again == first
    assert (len(house.sent), len(house.applied)) == (1, 1)


def test_the_same_key_is_another_call_for_another_purpose(house, works):
    services.perform_call(works.Mail, key="order 7")
    services.perform_call(works.Payment, key="order 7")

    assert sorted(house.sent) == [("tests.mail", "order 7"), ("tests.payment", "order 7")]


def test_a_key_with_another_request_is_refused(house, work):
    services.perform_call(work, key="order 7", request={"amount": 7})

    with pytest.raises(KeyReusedError) as caught:
        services.perform_call(work, key="order 7", request={"amount": 8})
    assert (caught.value.purpose, caught.value.key) == (work.purpose, "order 7")
    assert len(house.sent) == 1


def test_sending_inside_a_transaction_is_refused_before_anything_leaves(house, work):
    with pytest.raises(OpenTransactionError), transaction.atomic():
        services.perform_call(work, key="order 7")

    assert house.sent == []
    assert not ExternalCall.objects.exists()


def test_no_transaction_is_open_while_a_call_is_under_way(house, work):
    seen = []

    def look(call):
        seen.append((connection.in_atomic_block, stored().state))
        return Answer(body="yes")

    house.send = look
    services.perform_call(work, key="order 7")

    assert seen == [(False, "sent")]


def test_effects_and_state_are_undone_together_when_apply_fails_and_done_later_without_another_call(house, work):
    def write_and_fail(call):
        Stream.objects.create(name="written by apply")
        raise ValueError("the answer has a field that nobody expected")

    house.apply = write_and_fail
    with pytest.raises(ValueError, match="nobody expected"):
        services.perform_call(work, key="order 7")
    assert not Stream.objects.exists()
    row = stored()
    assert (row.state, bytes(row.answer), row.error_type) == ("answered", b"yes to order 7", "ValueError")

    house.apply = lambda _: Stream.objects.create(name="written by apply")
    services.perform_call(work, key="order 7")
    assert Stream.objects.count() == 1
    row = stored()
    assert (row.state, row.error_type, row.sends) == ("applied", "", 1)
    assert len(house.sent) == 1


@pytest.mark.parametrize("body", [b"\x00\xff\x00", b"", "text with \x00 and \ud800"], ids=["bytes", "nothing", "text"])
def test_any_answer_is_stored_as_it_came(house, works, body):
    house.send = lambda _: Answer(body=body, details={"odd": object(), "nan": float("nan"), "nul": "\x00"})

    services.perform_call(works.Payment, key="order 7")

    expected = body if isinstance(body, bytes) else body.encode("utf-8", "backslashreplace")
    assert bytes(stored().answer) == expected


def test_a_refusal_fails_the_call_for_good(house, work):
    house.send = raising(RefusedError("card expired"))

    for _ in range(2):
        with pytest.raises(CallFailedError, match="card expired"):
            services.perform_call(work, key="order 7")
    assert len(house.sent) == 1
    assert (stored().state, stored().error_message) == ("failed", "card expired")


def test_an_answer_that_means_no_fails_the_call_and_undoes_what_apply_did(house, work):
    def write_and_refuse(call):
        Stream.objects.create(name="written by apply")
        raise RefusedError("declined")

    house.apply = write_and_refuse
    with pytest.raises(CallFailedError, match="declined"):
        services.perform_call(work, key="order 7")

    assert (stored().state, bytes(stored().answer)) == ("failed", b"yes to order 7")
    assert not Stream.objects.exists()


def test_a_call_that_certainly_did_not_leave_is_planned_again_and_does_not_count(house, work):
    house.send = raising(NotSentError("connection refused"))
    for _ in range(5):
        with pytest.raises(NotSentError):
            services.perform_call(work, key="order 7")
    assert (stored().state, stored().sends, stored().error_message) == ("planned", 0, "connection refused")

    house.send = lambda _: Answer(body="yes")
    assert services.perform_call(work, key="order 7").state == "applied"
    assert stored().sends == 1


@pytest.mark.parametrize("purpose", ["tests.mail", "tests.payment"])
def test_a_call_without_an_answer_is_ambiguous_and_not_repeated(house, purpose):
    house.send = raising(TimeoutError("no answer within 10 s"))
    work = type(get_work(purpose))

    for _ in range(2):
        with pytest.raises(CallAmbiguousError, match="no answer within 10 s"):
            services.perform_call(work, key="order 7")
    assert len(house.sent) == 1
    assert stored().state == "ambiguous"


def test_a_call_without_an_answer_that_may_be_repeated_is_left_to_the_callers_retry(house, works):
    house.send = raising(TimeoutError("no answer within 10 s"))
    with pytest.raises(TimeoutError):
        services.perform_call(works.Webhook, key="order 7")
    assert (stored().state, stored().sends) == ("planned", 1)

    house.send = lambda _: Answer(body="yes")
    assert services.perform_call(works.Webhook, key="order 7").state == "applied"
    assert len(house.sent) == 2


def test_a_call_that_may_be_repeated_is_ambiguous_after_its_last_send(house, works):
    house.send = raising(TimeoutError("no answer"))
    with pytest.raises(TimeoutError):
        services.perform_call(works.Webhook, key="order 7")
    for _ in range(2):
        with pytest.raises(CallAmbiguousError):
            services.perform_call(works.Webhook, key="order 7")

    assert len(house.sent) == 2
    assert stored().state == "ambiguous"


def test_an_exit_in_the_middle_of_a_call_leaves_it_ambiguous(house, works):
    house.send = raising(SystemExit(1))
    with pytest.raises(SystemExit):
        services.perform_call(works.Payment, key="order 7")

    assert stored().state == "ambiguous"


def test_an_answer_is_stored_as_soon_as_the_database_is_back(house, works, monkeypatch):
    tries = []
    store = transitions.store_answer

    def store_at_the_third_try(call, answer):
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the database system is shutting down")
        return store(call, answer)

    monkeypatch.setattr(transitions, "store_answer", store_at_the_third_try)

    assert services.perform_call(works.Payment, key="order 7").state == "applied"
    assert (len(tries), len(house.sent)) == (3, 1)


def test_an_answer_that_can_not_be_stored_in_time_leaves_the_call_for_the_sweep(house, works, monkeypatch):
    monkeypatch.setattr(performing, "STORING_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(transitions, "store_answer", raising_any(OperationalError("gone")))

    with pytest.raises(OperationalError):
        services.perform_call(works.Payment, key="order 7")
    assert stored().state == "sent"


def raising_any(error):
    def fail(*args):
        raise error

    return fail


def test_an_answer_that_comes_after_the_call_was_given_up_is_taken(house, work):
    def answer_late(call):
        transitions.mark_ambiguous(ExternalCall.objects.get(), None)  # as another process would that misses this one
        return Answer(body="late")

    house.send = answer_late

    assert services.perform_call(work, key="order 7").state == "applied"
    assert house.applied == [("order 7", "late")]
    assert len(house.sent) == 1


def test_an_answer_that_comes_after_somebody_has_decided_changes_nothing_and_is_told(house, works, caplog):
    def answer_too_late(call):
        transitions.mark_ambiguous(other := ExternalCall.objects.get(), None)
        services.resolve_ambiguous(other, as_=services.CallState.FAILED, by="ada", reason="not in their log")
        return Answer(body="too late")

    house.send = answer_too_late
    with pytest.raises(LateAnswerError):
        services.perform_call(works.Payment, key="order 7")

    assert stored().state == "failed"
    assert "this answer was not stored" in caplog.text
