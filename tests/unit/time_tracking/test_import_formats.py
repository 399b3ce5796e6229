# ruff: noqa: DTZ001, RUF001  a clock on the wall shows no zone; signs as people type them
from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstate.apps.time_tracking.errors import UnreadableFileError, UnreadableRowError
from workstate.apps.time_tracking.import_formats.dates import (
    DateOrderFinder,
    SlashOrder,
    parse_date,
    parse_length,
    parse_time,
)
from workstate.apps.time_tracking.import_formats.occurrences import count_occurrences
from workstate.apps.time_tracking.import_formats.table import find_format, open_lines, survey

TOGGL = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags,Amount ()"
TOGGL_ROW = "Ana,ana@example.com,Clinic,Boilers,,Check,Yes,2026-03-04,09:00:00,2026-03-04,10:30:00,01:30:00,,"
TOGGL_NEW = '"Description","Billable","Duration","Member","Email","Project","Tags","Start date","Start time","Stop date","Stop time"'
CLOCKIFY = (
    '"Project","Client","Description","Task","User","Group","Email","Tags","Billable","Start Date","Start Time",'
    '"End Date","End Time","Duration (h)","Duration (decimal)","Billable Rate (USD)","Billable Amount (USD)"'
)
DAY = date(2026, 3, 4)


@pytest.fixture
def write(tmp_path):
    def write(content, encoding="utf-8"):
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (TOGGL, "toggl"),
        (TOGGL.replace("Amount ()", "Amount (EUR)"), "toggl"),
        (TOGGL.removesuffix(",Tags,Amount ()"), "toggl"),
        (TOGGL_NEW, "toggl"),
        (CLOCKIFY, "clockify"),
        (CLOCKIFY + ',"Date of creation"', "clockify"),
        (CLOCKIFY.replace('"Client",', "").replace("USD", "EURO"), "clockify"),
        (CLOCKIFY.replace('"Email",', "").lower(), "clockify"),
    ],
)
def test_layout_is_known_by_its_header(write, header, name):
    assert find_format(write(header + "\n")).layout.name == name


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_separator_and_encoding_are_found(write, separator, encoding):
    text = "\r\n".join([TOGGL, TOGGL_ROW.replace("Check", "Prüfung – ok")]).replace(",", separator)
    path = write(text, encoding)
    table = find_format(path)
    with open_lines(path, table) as lines:
        [line] = lines
    assert line.cells["description"] == "Prüfung – ok"


def test_windows_text_is_read(write):
    path = write("\n".join([TOGGL, TOGGL_ROW.replace("Check", "Prüfung – ok")]), "cp1252")
    with open_lines(path, find_format(path)) as lines:
        assert next(lines).cells["description"] == "Prüfung – ok"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \r\n\n ", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
        (b"PK\x03\x04" + bytes(100), "an Excel workbook"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"some\x00binary\x00\x00\x01rubbish" * 9, "not a text file"),
        (b"\x81\x8d\x8f\x90\x9d" * 9, "not text in UTF-8"),
        (b"Date,Hours\n2026-03-04,1\n", "“Date”, “Hours”"),
        (b"\xff\xfeU\x00s\x00e", "not text in UTF-8"),
    ],
)
def test_file_that_can_not_be_read_says_what_it_is_and_what_to_do(write, content, message):
    with pytest.raises(UnreadableFileError, match=message) as caught:
        find_format(write(content))
    assert "xport" in str(caught.value) or "Save it" in str(caught.value)


def test_row_with_too_many_cells_or_an_open_quote_is_refused_and_reading_goes_on(write):
    path = write("\n".join([TOGGL, TOGGL_ROW + ",,,", TOGGL_ROW, "", ",,,", f'"{"x" * 140_000}', TOGGL_ROW]))
    with open_lines(path, find_format(path)) as lines:
        refused, taken, unclosed, last = lines
    assert "17 cells where the header has 14" in str(refused.error)
    assert (taken.number, taken.error) == (3, None)
    assert "quotation mark" in str(unclosed.error)
    assert last.cells["description"] == "Check"


def test_row_with_too_few_cells_lacks_only_those(write):
    path = write(f"{TOGGL}\nAna,ana@example.com,,,,Short,No,2026-03-04,09:00:00,2026-03-04,10:00:00\n")
    table = find_format(path)
    with open_lines(path, table) as lines:
        row = table.layout.read(next(lines).cells, SlashOrder.DAY_FIRST)
    assert (row.description, row.tags, row.length) == ("Short", "", None)


def test_toggl_row_is_read_whole(write):
    path = write(f"{TOGGL}\n{TOGGL_ROW}\n")
    table = find_format(path)
    with open_lines(path, table) as lines:
        row = table.layout.read(next(lines).cells, SlashOrder.DAY_FIRST)
    assert (row.start, row.end, row.length) == (
        datetime(2026, 3, 4, 9),
        datetime(2026, 3, 4, 10, 30),
        timedelta(minutes=90),
    )
    assert (row.email, row.project_name, row.details) == (
        "ana@example.com",
        "Boilers (Clinic)",
        {"client": "Clinic", "billable": "Yes"},
    )


def test_row_without_an_end_takes_its_duration(write):
    path = write(f"{TOGGL}\nAna,,,,,Call,No,2026-03-04,09:00:00,,,00:45:00,,\n")
    table = find_format(path)
    with open_lines(path, table) as lines:
        row = table.layout.read(next(lines).cells, SlashOrder.DAY_FIRST)
    assert (row.end, row.length) == (None, timedelta(minutes=45))


def test_digest_is_the_same_however_dates_are_written(write):
    row = '"A","","x","","","","a@b.c","","No","{}","{}","{}","{}","1:00:00","1.00","0","0"'
    forms = [
        ("03/04/2026", "02:05:00 PM", "03/04/2026", "03:05 PM"),
        ("2026-03-04", "14:05", "2026-03-04", "15:05:00"),
    ]
    path = write("\n".join([CLOCKIFY, *(row.format(*form) for form in forms)]))
    table = find_format(path)
    with open_lines(path, table) as lines:
        digests = {table.layout.read(line.cells, SlashOrder.MONTH_FIRST).digest("clockify") for line in lines}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["03/04/2026", "13/04/2026"], SlashOrder.DAY_FIRST),
        (["03/04/2026", "04/13/2026"], SlashOrder.MONTH_FIRST),
        (["04.03.2026"], SlashOrder.DAY_FIRST),
        (["04-13-2026"], SlashOrder.MONTH_FIRST),
        (["2026-03-04", "rubbish", ""], SlashOrder.DAY_FIRST),
    ],
)
def test_whole_file_tells_whether_the_day_comes_first(dates, order):
    finder = DateOrderFinder()
    for text in dates:
        finder.watch(text)
    assert finder.decide() is order


@pytest.mark.parametrize(
    ("dates", "message"), [(["03/04/2026"], "Choose under “Dates”"), (["13/04/2026", "04/13/2026"], "Some dates")]
)
def test_file_that_can_not_tell_is_not_guessed_at(dates, message):
    finder = DateOrderFinder()
    for text in dates:
        finder.watch(text)
    with pytest.raises(UnreadableFileError, match=message):
        finder.decide()


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2199, 12, 31)))
def test_dates_are_read_back_in_every_form(day):
    assert parse_date(f"{day:%Y-%m-%d}", SlashOrder.MONTH_FIRST) == day
    assert parse_date(f"{day:%m/%d/%Y}", SlashOrder.MONTH_FIRST) == day
    assert parse_date(f"{day:%d/%m/%Y}", SlashOrder.DAY_FIRST) == day
    assert parse_date(f"{day.day}.{day.month}.{day:%Y}", SlashOrder.DAY_FIRST) == day


@given(st.times())
def test_times_are_read_back_with_24_and_with_12_hours(clock):
    expected = datetime.combine(DAY, clock.replace(microsecond=0, fold=0))
    assert parse_time(f"{clock:%H:%M:%S}", DAY) == expected
    assert parse_time(f"{clock:%I:%M:%S %p}", DAY) == expected
    assert parse_time(f"{clock:%I:%M:%S}\u202f{clock:%p}".lower(), DAY) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "2026-02-30", "30/02/2026", "0001-01-01", "9999-12-31", "2026-1", "2026-01-01x"]
)
def test_text_that_is_no_date_is_refused(text):
    with pytest.raises(UnreadableRowError):
        parse_date(text, SlashOrder.DAY_FIRST)


@pytest.mark.parametrize("text", ["", "9", "25:00", "12:60", "13:00 PM", "00:30 AM", "12:00:61", "noon"])
def test_text_that_is_no_time_is_refused(text):
    with pytest.raises(UnreadableRowError):
        parse_time(text, DAY)


@given(st.text())
def test_any_text_is_a_length_or_none_and_never_an_error(text):
    assert parse_length(text) is None or parse_length(text) >= timedelta()


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60), max_size=30))
def test_any_rows_under_a_right_header_are_read_without_an_error(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("any") / "file.csv"
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    path.write_text(f"{TOGGL}\n{text.getvalue()}", encoding="utf-8", newline="")
    table = find_format(path)
    found = survey(path, table)
    with open_lines(path, table) as lines:
        assert sum(1 for _ in lines) == found.rows


def test_equal_contents_are_numbered():
    with count_occurrences() as occurrences:
        assert [occurrences.number(digest) for digest in "abaac"] == [1, 1, 2, 3, 1]


def test_memory_stays_the_same_for_a_longer_file(write):
    assert _peak_memory(write, rows=4000) < _peak_memory(write, rows=500) + 20_000


def _peak_memory(write, *, rows):
    path = write("\n".join([TOGGL, *[TOGGL_ROW] * rows]))
    table = find_format(path)
    tracemalloc.start()
    with open_lines(path, table) as lines, count_occurrences() as occurrences:
        for line in lines:
            occurrences.number(table.layout.read(line.cells, SlashOrder.DAY_FIRST).digest("toggl"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
