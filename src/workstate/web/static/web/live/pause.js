/** The person's pause of this tab: what they read stays as it is until they go on, or ask for what is new. */

import { Holding } from "./holding.js";
import { announce } from "./status.js";

const KEPT_AS = "workstate-live-paused"; // in the tab, from page to page
const ANNOUNCE_EVERY_MS = 30_000;
const MOST_SHOWN = 99;

export class Pause {
  #isPaused = sessionStorage.getItem(KEPT_AS) === "yes";
  #count = 0;
  #announceTimer = null;
  #holding;
  #onChange;

  /** `onChange(isPaused)` hears it at once and at each change. */
  constructor({ onChange }) {
    this.#onChange = onChange;
    this.#holding = new Holding({ isPaused: () => this.#isPaused, onChange: (count) => this.#onNew(count) });
    for (const button of find("pause")) button.addEventListener("click", () => this.#toggle());
    for (const button of find("show")) button.addEventListener("click", () => this.#showNew());
    this.#show();
  }

  #toggle() {
    this.#isPaused = !this.#isPaused;
    sessionStorage.setItem(KEPT_AS, this.#isPaused ? "yes" : "no");
    this.#show();
    if (!this.#isPaused) this.#holding.release();
  }

  #showNew() {
    find("pause")[0]?.focus(); // the button that was pressed goes away
    this.#holding.release({ isAskedFor: true });
  }

  #onNew(count) {
    if (count === this.#count) return;
    this.#count = count;
    this.#show();
    if (this.#isPaused && count > 0 && !this.#announceTimer) this.#announceNew();
  }

  /** Once, and then again after a while if there is more. */
  #announceNew() {
    const announced = this.#count;
    announce(`${announced} new, not shown yet`);
    this.#announceTimer = setTimeout(() => {
      this.#announceTimer = null;
      if (this.#isPaused && this.#count > announced) this.#announceNew();
    }, ANNOUNCE_EVERY_MS);
  }

  #show() {
    for (const button of find("pause")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", this.#isPaused);
      button.title = this.#isPaused ? "Go on with live updates" : "Pause live updates";
    }
    for (const button of find("show")) {
      button.hidden = !this.#isPaused || this.#count === 0;
      button.querySelector("[data-live-count]").textContent =
        this.#count > MOST_SHOWN ? `${MOST_SHOWN}+` : this.#count;
    }
    this.#onChange(this.#isPaused);
  }
}

function find(name) {
  return [...document.querySelectorAll(`[data-live-${name}]`)];
}
