// Takes care of what is typed for a timer, while live updates swap the forms around it.
//
// While someone types what they are about to start, the server is asked to keep that form even if a
// timer began elsewhere: `draft` in the request says so. What is typed for the running timer saves
// itself after a pause; when its form goes away before that, it is sent off on the way out.

import { FIELDS, isChanged } from "../web/live/fields.js";

const NEW = "[data-timer-new]";
const RUNNING = "[data-timer-running]";
const PAUSE_MS = 800;
let saving = null;

function isDrafting() {
  const form = document.querySelector(NEW);
  const isSent = form?.classList.contains("htmx-request");
  return Boolean(form) && !isSent && [...form.querySelectorAll(FIELDS)].some(isChanged);
}

function leave(event) {
  const running = document.querySelector(RUNNING);
  if (running && event.detail.target?.contains(running) && !event.detail.serverResponse.includes(running.id)) {
    sendOff();
  }
}

function runningForm() {
  const form = document.querySelector(RUNNING)?.form;
  return form && [...form.querySelectorAll(FIELDS)].some(isChanged) ? form : null;
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
document.addEventListener("htmx:beforeSwap", leave);
document.addEventListener("input", saveSoon);
document.addEventListener("change", saveSoon);
document.addEventListener("focusout", giveWay);
addEventListener("pagehide", sendOff);
