"""Django's settings: everything from the environment, with defaults that need no server."""

from __future__ import annotations

import dj_database_url
from csp.constants import NONE, SELF
from kombu import Queue

from workstate.core.patience import impatient
from workstate.project.settings.environment import Environment
from workstate.web.frame import NavigationItem, is_administrator

ENVIRONMENT = Environment.read()

DATA_DIR = ENVIRONMENT.data_dir
DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.trusted_origins

INSTALLED_APPS = [
    "workstate.core",
    "workstate.web",
    "workstate.apps.accounts",
    "workstate.apps.time_tracking",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_htmx",
    "lucide",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "workstate.web.middleware.StaticFilesMiddleware",
    "workstate.web.middleware.permissions_policy",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "workstate.apps.accounts.middleware.SignInRequiredMiddleware",
    "workstate.apps.accounts.middleware.MembershipMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "workstate.web.live.follow_own_stream",
    # Last, because it is synchronous: then Django runs the whole chain in one thread and doesn't hop between two.
    "workstate.apps.accounts.middleware.person_time_zone",
]

ROOT_URLCONF = "workstate.project.urls"
ASGI_APPLICATION = "workstate.project.asgi.application"
WSGI_APPLICATION = "workstate.project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": dj_database_url.parse(ENVIRONMENT.database_url, conn_max_age=60)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["OPTIONS"] = impatient(DATABASES["default"].get("OPTIONS", {}))

CACHES = {
    "default": {
        "BACKEND": "workstate.core.cache.WorkstateCache",
        "LOCATION": ENVIRONMENT.cache_url,
        "KEY_PREFIX": "workstate",
        # Sign-in throttles are in the database, always: no flush of a Redis and no epoch that moves forgets them.
        # When the table cannot be written, allauth refuses the attempt.
        "OPTIONS": {"DURABLE_PREFIXES": ["allauth:"]},
    },
    "reports": {
        "BACKEND": "workstate.core.cache.WorkstateCache",
        "LOCATION": ENVIRONMENT.reports_cache_url,
        "KEY_PREFIX": "workstate-reports",
        "TIMEOUT": 60 * 60,
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "workstate.apps.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "workstate.apps.accounts.sign_in_forms.SignInForm",
    "change_password": "workstate.apps.accounts.sign_in_forms.ChangePasswordForm",
    "set_password": "workstate.apps.accounts.sign_in_forms.SetPasswordForm",
    "reset_password": "workstate.apps.accounts.sign_in_forms.ResetPasswordForm",
    "reset_password_from_key": "workstate.apps.accounts.sign_in_forms.ResetPasswordKeyForm",
    "reauthenticate": "workstate.apps.accounts.sign_in_forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
# Uploads and exports: kept with the data, served by no address but through views that ask who may see them.
MEDIA_ROOT = DATA_DIR / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "workstate.web.static_files.VersionedStaticFilesStorage"},
}
# Served straight from the packages: there is nothing to collect. Addresses carry a version, so they never expire.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 0 if DEBUG else 365 * 24 * 60 * 60

FORM_RENDERER = "workstate.web.forms.FormRenderer"
WEB_NAVIGATION: list[NavigationItem] = [
    NavigationItem(label="Time", icon="timer", url_name="time_tracking:timer"),
    NavigationItem(label="Team", icon="users", url_name="accounts:team", is_visible=is_administrator),
]
# A function of the request that returns the running timer as HTML; it stands in the bar of every page.
WEB_TIMER_BAR: str | None = "workstate.apps.time_tracking.views.timers.render_bar"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [NONE],
        "connect-src": [SELF],  # covers the WebSockets of the same host
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "manifest-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Browsers send cookies to every port of a host: names of our own keep other applications' cookies apart.
SESSION_COOKIE_NAME = "workstate_session"
SESSION_ENGINE = "workstate.core.cache.sessions"
CSRF_COOKIE_NAME = "workstate_csrf"
CSRF_COOKIE_HTTPONLY = True
# Whoever serves over HTTPS has to name those origins; then no cookie ever travels in the clear.
SERVED_OVER_HTTPS = bool(CSRF_TRUSTED_ORIGINS) and all(origin.startswith("https://") for origin in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = SERVED_OVER_HTTPS
CSRF_COOKIE_SECURE = SERVED_OVER_HTTPS

MAIL_IS_SET_UP = bool(ENVIRONMENT.smtp_host)
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if MAIL_IS_SET_UP
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = ENVIRONMENT.smtp_host
EMAIL_PORT = ENVIRONMENT.smtp_port
EMAIL_HOST_USER = ENVIRONMENT.smtp_user
EMAIL_HOST_PASSWORD = ENVIRONMENT.smtp_password
EMAIL_USE_TLS = ENVIRONMENT.smtp_use_tls
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = ENVIRONMENT.smtp_from_email

WORKSTATE = {
    "LIVE_REDIS_URL": ENVIRONMENT.live_redis_url,
    "METRICS_TOKEN": ENVIRONMENT.metrics_token,
    "SQLITE_SYNCHRONOUS": ENVIRONMENT.sqlite_synchronous,
}

CELERY_BROKER_URL = ENVIRONMENT.broker_url
CELERY_RESULT_BACKEND = ENVIRONMENT.result_backend
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [
    Queue(name)
    for name in (
        CELERY_TASK_DEFAULT_QUEUE,
        "high_priority",
        "low_priority",
        "email_queue",
        "report_queue",
        "transcription",
        "ingestion_io",
        "charts_cpu",
        "ai",
    )
]
"""A worker takes from all of them; `--queues` names those of a worker that is to take from fewer."""
TASKS = {
    "default": {
        "BACKEND": "workstate.core.worker.tasks.WorkstateBackend",
        "QUEUES": [queue.name for queue in CELERY_TASK_QUEUES],
    },
}
CELERY_TASK_ROUTES = {
    "time_tracking.tasks.carry_out_export": {"queue": "report_queue"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TRACK_STARTED = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "workstate.core.schedules.scheduler:LedgerScheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {}
