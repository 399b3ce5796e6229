"""Pages of imports: upload a file, watch it being taken in, read what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from workstate.apps.time_tracking import selectors
from workstate.apps.time_tracking.forms import ImportForm
from workstate.apps.time_tracking.models import Import
from workstate.apps.time_tracking.services import imports

if TYPE_CHECKING:
    import uuid

    from django.http import HttpResponse

    from workstate.apps.accounts.access import MemberRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_imports(request: MemberRequest) -> HttpResponse:
    """Show the person's imports and take in a new file."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        run = imports.request_import(
            person=request.user,
            organisation=request.organisation,
            upload=form.cleaned_data["file"],
            date_order=form.cleaned_data["date_order"],
            all_rows_are_mine=form.cleaned_data["all_rows_are_mine"],
        )
        return redirect(run)
    listed = selectors.list_imports(person=request.user, organisation=request.organisation)
    template = "partials/import_list.html" if request.htmx.target == "imports" else "imports.html"
    context = {"section": "imports", "form": form, "imports": listed}
    return render(request, f"time_tracking/{template}", context, status=422 if form.errors else 200)


@never_cache
@require_safe
def show_import(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show how far an import has come; a fragment's request gets that alone."""
    run = _get_or_404(request, public_id)
    context = {
        "section": "imports",
        "run": run,
        "is_given_up": selectors.is_given_up(run),
        "newest_start": selectors.find_newest_start(run) if run.taken else None,
        "skipped": selectors.list_skipped_rows(run) if run.skipped else None,
    }
    template = "partials/import_run.html" if request.htmx.target == "import" else "import.html"
    return render(request, f"time_tracking/{template}", context)


@require_POST
def resume(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Have an import that stopped go on after the rows it has done."""
    run = _get_or_404(request, public_id)
    imports.resume_import(run)
    return redirect(run)


def _get_or_404(request: MemberRequest, public_id: uuid.UUID) -> Import:
    try:
        return selectors.get_import(person=request.user, organisation=request.organisation, public_id=public_id)
    except Import.DoesNotExist as error:
        raise Http404 from error
