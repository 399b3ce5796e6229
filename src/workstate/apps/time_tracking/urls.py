"""Addresses of time tracking, under /time/."""

from __future__ import annotations

from django.urls import path

from workstate.apps.time_tracking.views import entries, exports, imports, projects, timers

app_name = "time_tracking"

urlpatterns = [
    path("", timers.show_time, name="timer"),
    path("timer/", timers.show_bar, name="bar"),
    path("timer/start/", timers.start, name="start"),
    path("timer/stop/", timers.stop, name="stop"),
    path("timer/discard/", timers.discard, name="discard"),
    path("timer/<uuid:public_id>/", timers.change, name="change"),
    path("entries/<uuid:public_id>/", entries.edit, name="entry"),
    path("entries/<uuid:public_id>/delete/", entries.delete, name="delete_entry"),
    path("projects/", projects.show_projects, name="projects"),
    path("projects/<uuid:public_id>/archive/", projects.archive, name="archive_project"),
    path("imports/", imports.show_imports, name="imports"),
    path("imports/<uuid:public_id>/", imports.show_import, name="import"),
    path("imports/<uuid:public_id>/resume/", imports.resume, name="resume_import"),
    path("exports/", exports.show_exports, name="exports"),
    path("exports/<uuid:public_id>/", exports.show_export, name="export"),
    path("exports/<uuid:public_id>/resume/", exports.resume, name="resume_export"),
    path("exports/<uuid:public_id>/file/", exports.download, name="download_export"),
]
