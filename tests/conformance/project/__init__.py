"""An ordinary Django and Celery project whose tasks tell what they do."""

from project.celery import app as celery_app

__all__ = ["celery_app"]
