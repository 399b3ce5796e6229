import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static

import workstate

OWN = sorted(Path(workstate.__file__).parent.glob("**/static/**/*.*"))
# What names another file by an address; without a version, browsers would keep what it names for a year.
REFERENCE = re.compile(r"""(?:@import|url\(|\bfrom|\bimport)\s*\(?\s*["']?(\.[^"')]*)""")


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_every_file_that_another_refers_to_is_named_with_its_version(path, client):
    address = "/static/" + path.as_posix().split("/static/", 1)[1]
    served = client.get(address)
    assert int(served.headers["Content-Length"]) == len(served.content)
    for reference in REFERENCE.findall(served.content.decode()):
        name = urljoin(address, reference).removeprefix("/static/").split("?")[0]
        assert urljoin(address, reference) == static(name)
        assert "?v=" in reference


def test_the_version_of_a_module_changes_with_what_it_imports(settings, monkeypatch, tmp_path):
    settings.DEBUG = True
    monkeypatch.setattr(finders, "find", lambda name: str(tmp_path / name))
    (tmp_path / "parts").mkdir()
    (tmp_path / "page.js").write_text('import { a } from "./parts/a.js";')
    (tmp_path / "parts/a.js").write_text('import "../b.js";')
    (tmp_path / "b.js").write_text("1;")
    first = static("page.js")
    (tmp_path / "b.js").write_text("2;")
    assert static("page.js") != first


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
