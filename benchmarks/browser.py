"""A signed-in person without a browser: cookies, and the form that starts a timer."""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils.crypto import get_random_string

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.product import Product

POST_TIMEOUT_SECONDS = 30
CSRF_TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One person's session in the running product."""

    product: Product
    session: str
    csrf_token: str
    start_path: str

    @property
    def cookies(self) -> str:
        """The Cookie header that the person's tabs send."""
        return f"{settings.SESSION_COOKIE_NAME}={self.session}; {settings.CSRF_COOKIE_NAME}={self.csrf_token}"

    def start_timer(self) -> None:
        """Submit the form that starts a timer, which stops the one that ran."""
        fields = {"id": uuid.uuid4(), "description": "Benchmark", "csrfmiddlewaretoken": self.csrf_token}
        headers = {"Cookie": self.cookies, "HX-Request": "true"}
        request = urllib.request.Request(
            self.product.address + self.start_path, data=urllib.parse.urlencode(fields).encode(), headers=headers
        )
        urllib.request.urlopen(request, timeout=POST_TIMEOUT_SECONDS).close()


def sign_in(product: Product, data: Path) -> Visitor:
    """Make a session for the first person of the demo data, straight in the product's database."""
    os.environ.update(WORKSTATE_DATA=str(data), DJANGO_SETTINGS_MODULE="workstate.project.settings")
    django.setup()
    client = Client()
    client.force_login(get_user_model().objects.order_by("pk").first())
    return Visitor(
        product=product,
        session=client.cookies[settings.SESSION_COOKIE_NAME].value,
        csrf_token=get_random_string(CSRF_TOKEN_LENGTH),
        start_path=reverse("time_tracking:start"),
    )
