/**
 * Shows whether the page is live, with an icon and a word, and says so to screen readers when it matters.
 *
 * Every `[data-live-status]` shows "live", "catching up", "offline", "signed out" or "paused". Catching up mostly
 * takes a moment, and is shown once it takes longer. Of the way there and back only two things are announced: that the
 * page has been cut off for a while, and that it is whole again.
 */

const SHOW_CATCHING_UP_AFTER_MS = 400;
const ANNOUNCE_AFTER_MS = 5_000;
const PAUSED_INSTEAD_OF = new Set(["live", "catching up"]);
const HINTS = {
  live: "Changes appear by themselves",
  "catching up": "Fetching what was missed",
  offline: "The server can't be reached; trying again",
  "signed out": "Load the page again to sign in",
  paused: "Changes wait until you go on",
};
const CUT_OFF = {
  offline: "The connection is lost. What you see may be out of date.",
  "signed out": "You have been signed out. Load the page again to sign in.",
};
const WHOLE_AGAIN = "Connected again. The page is up to date.";

export class StatusDisplay {
  #isPaused = false;
  #status = "";
  #showTimer = null;
  #announceTimer = null;
  #isCutOffAnnounced = false;

  setStatus(status) {
    if (status === this.#status) return;
    this.#status = status;
    clearTimeout(this.#showTimer);
    const delay = status === "catching up" ? SHOW_CATCHING_UP_AFTER_MS : 0;
    if (delay) this.#showTimer = setTimeout(() => this.#show(), delay);
    else this.#show();
    this.#announceLater(status);
  }

  setPaused(isPaused) {
    this.#isPaused = isPaused;
    this.#show();
  }

  #show() {
    const shown = this.#isPaused && PAUSED_INSTEAD_OF.has(this.#status) ? "paused" : this.#status;
    for (const element of document.querySelectorAll("[data-live-status]")) {
      element.dataset.liveStatus = shown;
      element.title = HINTS[shown] ?? "";
      element.querySelector("[data-live-word]").textContent = shown;
    }
  }

  #announceLater(status) {
    if (status === "catching up") return; // neither cut off nor whole
    clearTimeout(this.#announceTimer);
    if (status in CUT_OFF) this.#announceTimer = setTimeout(() => this.#announceCutOff(status), ANNOUNCE_AFTER_MS);
    else if (this.#isCutOffAnnounced) this.#announceWhole();
  }

  #announceCutOff(status) {
    this.#isCutOffAnnounced = true;
    announce(CUT_OFF[status]);
  }

  #announceWhole() {
    this.#isCutOffAnnounced = false;
    announce(WHOLE_AGAIN);
  }
}

/** Have a screen reader say this when it has a moment. */
export function announce(text) {
  for (const element of document.querySelectorAll("[data-live-announcement]")) element.textContent = text;
}
