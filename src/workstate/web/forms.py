"""How every form is rendered: label, help, field, and the error beside what caused it."""

from __future__ import annotations

from django.forms.renderers import DjangoTemplates


class FormRenderer(DjangoTemplates):
    """Renders `{{ form }}` and `{{ form.field.as_field_group }}` in the product's look."""

    form_template_name = "web/forms/form.html"
    field_template_name = "web/forms/field.html"
