"""People, organisations and who may do what."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The app's name and label, and what it tells the live events."""

    name = "workstate.apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say who may follow an organisation, and when rights have changed."""
        from workstate.apps.accounts import selectors, signals
        from workstate.core import live

        live.authorise("organisation", selectors.may_follow_organisation)
        signals.connect()
