// One key to start (n) and one to stop (s), anywhere but where text is typed.

let nameAfterStart = false;

function isTyping(target) {
  return target.isContentEditable || Boolean(target.closest("input, textarea, select, [popover]:popover-open"));
}

function press(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) {
    return;
  }
  const form = { n: "[data-timer-new]", s: "[data-timer-stop], .timer-note" }[event.key];
  const found = form && document.querySelector(form);
  if (found) {
    event.preventDefault();
    nameAfterStart = event.key === "n";
    found.requestSubmit();
  }
}

// What was started with one key is named next.
function nameIt() {
  const field = nameAfterStart && document.querySelector("[data-timer-running]");
  if (field) {
    nameAfterStart = false;
    field.focus();
    field.select();
  }
}

document.addEventListener("keydown", press);
document.addEventListener("htmx:afterSwap", nameIt);
