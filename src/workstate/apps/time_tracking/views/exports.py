"""Pages of exports: ask for a file, watch it being made, download it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from workstate.apps.time_tracking import files, selectors
from workstate.apps.time_tracking.forms import ExportForm
from workstate.apps.time_tracking.models import Export
from workstate.apps.time_tracking.services import exports

if TYPE_CHECKING:
    import uuid

    from django.http import HttpResponse

    from workstate.apps.accounts.access import MemberRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_exports(request: MemberRequest) -> HttpResponse:
    """Show the person's exports and ask for a new one."""
    form = ExportForm(
        request.POST or None,
        projects=selectors.list_all_projects(person=request.user, organisation=request.organisation),
        time_zone=request.user.time_zone,
        now=timezone.now(),
    )
    if form.is_valid():
        export = exports.request_export(person=request.user, organisation=request.organisation, **form.cleaned_data)
        return redirect(export)
    listed = selectors.list_exports(person=request.user, organisation=request.organisation)
    template = "partials/export_list.html" if request.htmx.target == "exports" else "exports.html"
    context = {"section": "exports", "form": form, "exports": listed}
    return render(request, f"time_tracking/{template}", context, status=422 if form.errors else 200)


@never_cache
@require_safe
def show_export(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show how far an export has come, and then its file; a fragment's request gets that alone."""
    export = _get_or_404(request, public_id)
    context = {"section": "exports", "export": export, "is_given_up": selectors.is_given_up(export)}
    template = "partials/export_run.html" if request.htmx.target == "export" else "export.html"
    return render(request, f"time_tracking/{template}", context)


@require_POST
def resume(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Have an export that stopped made anew."""
    export = _get_or_404(request, public_id)
    exports.resume_export(export)
    return redirect(export)


@never_cache
@require_safe
def download(request: MemberRequest, public_id: uuid.UUID) -> FileResponse:
    """Send the file of a completed export; until it is whole there is none."""
    export = _get_or_404(request, public_id)
    if export.state != Export.State.COMPLETED:
        raise Http404
    try:
        file = files.export_path(export.public_id).open("rb")
    except FileNotFoundError as error:
        raise Http404 from error
    return FileResponse(file, as_attachment=True, filename=export.download_name, content_type="text/csv; charset=utf-8")


def _get_or_404(request: MemberRequest, public_id: uuid.UUID) -> Export:
    try:
        return selectors.get_export(person=request.user, organisation=request.organisation, public_id=public_id)
    except Export.DoesNotExist as error:
        raise Http404 from error
