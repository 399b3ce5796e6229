"""What all pages share: base templates, partials, styles and the live module."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The app's name and label."""

    name = "workstate.web"
    label = "web"
