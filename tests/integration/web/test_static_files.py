import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static

import workstate

OWN = sorted(Path(workstate.__file__).parent.glob("**/static/**/*.*"))
# What would name another file by an address without a version, which browsers keep for a year.
REFERENCE = re.compile(r"""@import|url\(|from\s+["']\.|import\s*\(?\s*["']\.""")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_static_file_refers_to_another(path):
    assert REFERENCE.findall(path.read_text()) == []


def test_an_address_changes_with_the_content(settings, monkeypatch, tmp_path):
    settings.DEBUG = True
    file = tmp_path / "a.css"
    monkeypatch.setattr(finders, "find", lambda _name: str(file))
    file.write_text("a {}")
    first = static("a.css")
    file.write_text("b {}")
    assert static("a.css") != first


def test_a_file_that_is_missing_has_no_version():
    assert static("web/missing.css") == "/static/web/missing.css"


def test_browsers_keep_a_file_for_a_year(client):
    response = client.get(static("web/tokens.css"))
    assert response.status_code == 200
    assert "max-age=31536000" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"].startswith("text/css")


def test_files_travel_compressed(client):
    response = client.get(static("django_htmx/htmx-2.min.js"), headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert b"htmx" in gzip.decompress(response.content)
    assert len(response.content) < 20_000


def test_a_browser_that_has_the_file_is_sent_nothing(client):
    first = client.get(static("web/base.css"))
    again = client.get(static("web/base.css"), headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")
