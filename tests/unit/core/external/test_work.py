import json
import pickle

import pytest

from workstate.core.external.errors import CallAmbiguousError, InvalidWorkError, UnknownPurposeError
from workstate.core.external.models import ExternalCall
from workstate.core.external.states import OnAmbiguous
from workstate.core.external.work import ExternalWork, get_work


def declare(**attributes):
    return type("Work", (ExternalWork,), {"send": None, "apply": None, **attributes})


@pytest.mark.parametrize(
    "attributes",
    [
        {"purpose": "unit.no policy"},
        {"purpose": "unit.wrong policy", "on_ambiguous": "perhaps"},
        {"purpose": "", "on_ambiguous": OnAmbiguous.ASK},
        {"purpose": "p" * 101, "on_ambiguous": OnAmbiguous.ASK},
        {"purpose": "unit.no sends", "on_ambiguous": OnAmbiguous.REPEAT, "max_sends": 0},
    ],
)
def test_work_that_does_not_say_what_it_must_is_refused_where_it_is_declared(attributes):
    with pytest.raises(InvalidWorkError):
        declare(**attributes)


def test_a_purpose_belongs_to_one_class():
    first = declare(purpose="unit.taken", on_ambiguous=OnAmbiguous.ASK)
    assert isinstance(get_work("unit.taken"), first)

    with pytest.raises(InvalidWorkError, match="both have the purpose"):
        type("Other", (ExternalWork,), {"purpose": "unit.taken", "on_ambiguous": OnAmbiguous.ASK})


def test_a_base_without_a_purpose_is_no_work_of_its_own():
    base = declare()
    work = type("Mail", (base,), {"purpose": "unit.mail", "on_ambiguous": OnAmbiguous.NEVER_REPEAT})

    assert isinstance(get_work("unit.mail"), work)


def test_an_unknown_purpose_says_where_to_declare_it():
    with pytest.raises(UnknownPurposeError, match=r"tasks\.py"):
        get_work("unit.unknown")


def test_errors_about_a_call_pass_through_a_jobs_result():
    error = CallAmbiguousError.of(ExternalCall(purpose="mail", key="7", error_message="no answer"))

    pickled = pickle.loads(pickle.dumps(error))
    told = CallAmbiguousError(*json.loads(json.dumps(error.args)))
    assert str(error) == str(pickled) == str(told)
    assert (told.purpose, told.key) == ("mail", "7")
    assert "no answer" in str(told)
