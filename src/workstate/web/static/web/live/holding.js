/**
 * Holds live updates of a fragment back while it must not change, and has it fetched when it may.
 *
 * Held are what is read (all of `<main>`) while the person has paused the page; a fragment in which somebody is typing,
 * unless it has `data-live-while-typing` and sees to that itself; and one with a form that is being sent, because what
 * the answer says goes to the form. A fragment that is fetched for another reason, such as something the person does, is
 * fresh and held no longer. One that the server did not answer is asked for again.
 */

import { raise } from "./feed.js";
import { findTypedField } from "./fields.js";

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;

export class Holding {
  #isPaused;
  #onChange;
  #kinds = new Map(); // fragment → kinds of events that it waits for
  #fetching = new Map(); // fragment → kinds of events that are answered by the request under way
  #counted = new WeakSet();
  #count = 0;
  #retryDelay = FIRST_RETRY_MS;

  /** `isPaused()` is asked at each update; `onChange(count)` hears how many updates wait. */
  constructor({ isPaused, onChange }) {
    this.#isPaused = isPaused;
    this.#onChange = onChange;
    document.addEventListener("htmx:beforeRequest", (event) => this.#decide(event));
    document.addEventListener("htmx:afterRequest", (event) => this.#settle(event.detail));
    document.addEventListener("focusout", () => queueMicrotask(() => this.release()));
  }

  /** Fetch all fragments that may change now; all of them when the person asks for it. */
  release({ isAskedFor = false } = {}) {
    const kinds = new Set();
    for (const [fragment, held] of this.#kinds) {
      if (!isAskedFor && this.#mustHold(fragment)) continue;
      this.#kinds.delete(fragment);
      for (const kind of held) kinds.add(kind);
    }
    this.#tell();
    for (const kind of kinds) raise({ kind, count: 0, isAskedFor });
  }

  #decide(event) {
    const { elt, target, requestConfig } = event.detail;
    const update = requestConfig.triggeringEvent;
    const isLive = update?.type?.startsWith("live:");
    if (isLive && !update.detail.isAskedFor && this.#mustHold(target)) {
      event.preventDefault();
      this.#hold(elt, update.detail.kind);
      this.#countOnce(update);
    } else {
      this.#fetching.set(elt, [...(this.#kinds.get(elt) ?? []), ...(isLive ? [update.detail.kind] : [])]);
      this.#kinds.delete(elt);
    }
    this.#tell();
  }

  #settle({ requestConfig, successful, xhr }) {
    const fragment = requestConfig.elt;
    const kinds = this.#fetching.get(fragment) ?? [];
    this.#fetching.delete(fragment);
    const isUnanswered = !successful && (xhr.status === 0 || xhr.status >= 500);
    if (isUnanswered && kinds.length > 0) this.#retry(fragment, kinds);
    else this.release();
    if (successful) this.#retryDelay = FIRST_RETRY_MS;
  }

  #retry(fragment, kinds) {
    for (const kind of kinds) this.#hold(fragment, kind);
    setTimeout(() => this.release(), this.#retryDelay * (0.5 + Math.random()));
    this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY_MS);
  }

  #mustHold(fragment) {
    return (this.#isPaused() && fragment.closest("main")) || isTypedIn(fragment) || isSending(fragment);
  }

  #hold(fragment, kind) {
    this.#kinds.set(fragment, (this.#kinds.get(fragment) ?? new Set()).add(kind));
  }

  /** An update that several fragments wait for is one. */
  #countOnce(update) {
    if (!this.#counted.has(update)) this.#count += update.detail.count;
    this.#counted.add(update);
  }

  #tell() {
    for (const fragment of this.#kinds.keys()) if (!fragment.isConnected) this.#kinds.delete(fragment);
    if (this.#kinds.size === 0) this.#count = 0;
    this.#onChange(this.#count);
  }
}

function isTypedIn(fragment) {
  return !fragment.closest("[data-live-while-typing]") && findTypedField(fragment) !== null;
}

function isSending(fragment) {
  return fragment.querySelector("form.htmx-request") !== null;
}
