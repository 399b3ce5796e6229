"""The page of an organisation's projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from workstate.apps.time_tracking import selectors
from workstate.apps.time_tracking.forms import ProjectForm
from workstate.apps.time_tracking.models import Project
from workstate.apps.time_tracking.services import projects
from workstate.apps.time_tracking.services.projects import ProjectExistsError

if TYPE_CHECKING:
    import uuid

    from django.http import HttpResponse

    from workstate.apps.accounts.access import MemberRequest


@require_http_methods(["GET", "HEAD", "POST"])
def show_projects(request: MemberRequest) -> HttpResponse:
    """Show all projects and add a new one."""
    form = ProjectForm(request.POST or None)
    if form.is_valid():
        try:
            projects.create_project(organisation=request.organisation, **form.cleaned_data)
        except ProjectExistsError as error:
            form.add_error("name", str(error))
        else:
            return redirect("time_tracking:projects")
    listed = selectors.list_all_projects(person=request.user, organisation=request.organisation)
    context = {"section": "projects", "form": form, "projects": listed}
    return render(request, "time_tracking/projects.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Archive a project, or take it back into use."""
    try:
        project = selectors.get_project(person=request.user, organisation=request.organisation, public_id=public_id)
    except Project.DoesNotExist as error:
        raise Http404 from error
    projects.set_archived(project, is_archived=not project.is_archived)
    return redirect("time_tracking:projects")
