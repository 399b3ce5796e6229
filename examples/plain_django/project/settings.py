from pathlib import Path

SECRET_KEY = "not a secret: this is an example"
DEBUG = True
USE_TZ = True

INSTALLED_APPS = ["workstate.core", "shop"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).parent.parent / "db.sqlite3",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = "workstate://"
CELERY_RESULT_BACKEND = "workstate://"
