// Counts the time that passes, from what the server's clock said when it rendered.
//
// The browser's own clock may be wrong, so only the distance since the element appeared
// is taken from here, and from a clock that nobody can set (performance.now).

const SECOND = 1000;
const begun = new WeakMap();
const pageTitle = document.title;

function elapsedOf(element) {
  if (!begun.has(element)) {
    begun.set(element, performance.now() - Number(element.dataset.elapsed));
  }
  return performance.now() - begun.get(element);
}

function format(milliseconds) {
  const seconds = Math.floor(milliseconds / SECOND);
  const parts = [Math.floor((seconds % 3600) / 60), seconds % 60];
  return [Math.floor(seconds / 3600), ...parts.map((part) => String(part).padStart(2, "0"))].join(":");
}

function show() {
  let title = pageTitle;
  let untilNextSecond = SECOND;
  for (const element of document.querySelectorAll("[data-elapsed]")) {
    const elapsed = elapsedOf(element);
    const text = format(elapsed);
    if (element.textContent !== text) {
      element.textContent = text;
    }
    if ("tabTitle" in element.dataset) {
      title = `${text} · ${element.dataset.tabTitle}`;
      untilNextSecond = SECOND - (elapsed % SECOND);
    }
  }
  if (document.title !== title) {
    document.title = title;
  }
  return untilNextSecond;
}

function tick() {
  setTimeout(tick, show() + 1);
}

// A computer that slept, or a page brought back by "Back", shows the past: ask the server again.
function refresh() {
  document.getElementById("timer")?.dispatchEvent(new CustomEvent("refresh"));
  document.body.dispatchEvent(new CustomEvent("time-changed"));
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") {
    refresh();
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    refresh();
  }
});
document.addEventListener("htmx:afterSwap", show);
tick();
