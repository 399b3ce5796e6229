"""The Django and Celery project whose processes are struck."""

from chaos.project.celery import app as celery_app

__all__ = ["celery_app"]
