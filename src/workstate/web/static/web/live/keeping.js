/**
 * Keeps what a person has made of a fragment when it is swapped: what they typed, the focus, what they opened, and the
 * place that they read at.
 *
 * Elements are known again by their ids. What a form has sent is the server's to answer; what was typed since is kept.
 * Focus on something that is gone moves to the fragment, so that the next Tab goes on from there and not from the top
 * of the page.
 */

import { FIELDS, isChanged } from "./fields.js";

const kept = new WeakMap(); // fragment → what to give back
const sent = new WeakMap(); // field → what the server was sent

document.addEventListener("htmx:beforeRequest", (event) => fieldsOf(event).forEach((field) => sent.set(field, valueOf(field))));
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful) fieldsOf(event).forEach((field) => sent.delete(field));
});
document.addEventListener("htmx:beforeSwap", (event) => keep(event.detail.target));
document.addEventListener("htmx:afterSwap", (event) => giveBack(event.detail.target));

function fieldsOf(event) {
  return event.detail.requestConfig.elt.closest("form")?.querySelectorAll(FIELDS) ?? [];
}

function valueOf(field) {
  return field.type === "checkbox" || field.type === "radio" ? field.checked : field.value;
}

function isUnknownToServer(field) {
  return isChanged(field) && sent.get(field) !== valueOf(field);
}

function keep(fragment) {
  if (!fragment) return;
  const fields = [...fragment.querySelectorAll(FIELDS)];
  kept.set(fragment, {
    fields: fields.filter((field) => field.id && isUnknownToServer(field)).map(noteField),
    focus: fragment.contains(document.activeElement) ? noteFocus(document.activeElement) : null,
    opened: [...fragment.querySelectorAll("details[id][open]")].map((details) => details.id),
    shown: fragment.querySelector("[popover][id]:popover-open")?.id,
    mark: findMark(fragment),
  });
}

function giveBack(fragment) {
  const state = kept.get(fragment);
  if (!state) return;
  kept.delete(fragment);
  state.fields.forEach(giveBackField);
  for (const id of state.opened) document.getElementById(id)?.setAttribute("open", "");
  if (state.shown) document.getElementById(state.shown)?.showPopover?.();
  if (state.focus) giveBackFocus(fragment, state.focus);
  if (state.mark) scrollTo(state.mark);
}

function noteField(field) {
  return { id: field.id, value: valueOf(field) };
}

function giveBackField({ id, value }) {
  const field = document.getElementById(id);
  if (field) field[typeof value === "boolean" ? "checked" : "value"] = value;
}

function noteFocus(element) {
  return { id: element.id, selection: [element.selectionStart, element.selectionEnd] };
}

function giveBackFocus(fragment, { id, selection }) {
  const element = (id && document.getElementById(id)) || null;
  if (element) {
    element.focus({ preventScroll: true });
    if (selection[0] != null) element.setSelectionRange(...selection);
  } else if (!fragment.contains(document.activeElement)) {
    if (!fragment.hasAttribute("tabindex")) fragment.tabIndex = -1;
    fragment.focus({ preventScroll: true });
  }
}

/** The first thing of the fragment that is in sight, when something of it has been scrolled away. */
function findMark(fragment) {
  const top = document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
  if (fragment.getBoundingClientRect().top >= top) return null;
  for (const element of fragment.querySelectorAll("[id]")) {
    const box = element.getBoundingClientRect();
    if (box.height > 0 && box.top >= top) return { id: element.id, top: box.top };
  }
  return null;
}

function scrollTo({ id, top }) {
  const element = document.getElementById(id);
  if (element) window.scrollBy(0, element.getBoundingClientRect().top - top);
}
