// Keeps half-typed text, focus and the place of the cursor when a live update swaps the form around them.
//
// While someone types what they are about to start, the server is asked to keep that form even if a
// timer began elsewhere: `draft` in the request says so. What is typed for the running timer saves
// itself after a pause; when its form goes away before that, it is sent off on the way out.

const FIELDS = "input:not([type=hidden]), textarea, select";
const NEW = "[data-timer-new]";
const RUNNING = "[data-timer-running]";
const PAUSE_MS = 800;
const kept = new Map();
let saving = null;

function isDirty(field) {
  if (field instanceof HTMLSelectElement) {
    return [...field.options].some((option) => option.selected !== option.defaultSelected);
  }
  // An input shows its text on one line, and that alone is no change.
  const isLine = field instanceof HTMLInputElement;
  return field.value !== (isLine ? field.defaultValue.replace(/[\r\n]/g, "") : field.defaultValue);
}

function isDrafting() {
  const form = document.querySelector(NEW);
  const isSent = form?.classList.contains("htmx-request");
  return Boolean(form) && !isSent && [...form.querySelectorAll(FIELDS)].some(isDirty);
}

function keep(event) {
  for (const field of event.detail.target?.querySelectorAll(FIELDS) ?? []) {
    if (field.id && isDirty(field)) {
      kept.set(field.id, {
        value: field.value,
        hasFocus: field === document.activeElement,
        selection: [field.selectionStart, field.selectionEnd],
      });
    }
  }
  const running = document.querySelector(RUNNING);
  if (running && event.detail.target?.contains(running) && !event.detail.serverResponse.includes(running.id)) {
    sendOff();
  }
}

function giveBack() {
  for (const [id, state] of kept) {
    const field = document.getElementById(id);
    if (field) {
      field.value = state.value;
      if (state.hasFocus) {
        field.focus({ preventScroll: true });
        field.setSelectionRange?.(...state.selection);
      }
    }
  }
  kept.clear();
}

function runningForm() {
  const form = document.querySelector(RUNNING)?.form;
  return form && [...form.querySelectorAll(FIELDS)].some(isDirty) ? form : null;
}

// The pause is counted here and not by the form, which may be swapped away while it lasts.
function saveSoon(event) {
  if (event.target.form?.querySelector(RUNNING)) {
    clearTimeout(saving);
    saving = setTimeout(save, event.type === "change" ? 0 : PAUSE_MS);
  }
}

function save() {
  const form = runningForm();
  if (form) {
    htmx.ajax("POST", form.action, { source: form, target: "#timer" });
  }
}

function sendOff() {
  const form = runningForm();
  if (form) {
    navigator.sendBeacon(form.action, new FormData(form));
  }
}

function askForDraft(event) {
  const { elt, parameters, verb } = event.detail;
  if (elt.id === "timer" && verb === "get" && isDrafting()) {
    parameters.draft = "1";
  }
}

// A draft that was emptied gives way to the timer that runs.
function giveWay(event) {
  if (event.target.closest(NEW) && document.querySelector(".timer-note") && !isDrafting()) {
    document.getElementById("timer").dispatchEvent(new CustomEvent("refresh"));
  }
}

document.addEventListener("htmx:configRequest", askForDraft);
document.addEventListener("htmx:beforeSwap", keep);
document.addEventListener("htmx:afterSwap", giveBack);
document.addEventListener("input", saveSoon);
document.addEventListener("change", saveSoon);
document.addEventListener("focusout", giveWay);
addEventListener("pagehide", sendOff);
