"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

from workstate.apps.accounts.views import home
from workstate.core.health.views import healthz, readyz
from workstate.core.telemetry.views import metrics

handler500 = "workstate.web.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("", include("workstate.apps.accounts.urls")),
    path("account/", include("workstate.apps.accounts.sign_in_urls")),
    path("time/", include("workstate.apps.time_tracking.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
