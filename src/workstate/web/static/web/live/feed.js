/**
 * What this page has heard of its streams, and the events that it raises for it.
 *
 * Each event becomes a CustomEvent `live:<first part of its type>` on the body. While the page catches up, events
 * wait, and one of each kind is raised in the end, with their `count`. When it can't be told what was missed, every
 * kind that the page listens for is raised, with `reload`.
 */

import { hasReached } from "./positions.js";

export class Feed {
  #positions;
  #onGap;
  #isLive = false;
  #missed = new Map();

  constructor(positions, { onGap }) {
    this.#positions = new Map(Object.entries(positions));
    this.#onGap = onGap;
  }

  get positions() {
    return this.#positions;
  }

  /** Take a message of the connection; `after` is the place that it comes after. */
  hear(message) {
    const own = this.#positions.get(message.stream);
    if (own === undefined) return;
    if (message.refused) this.#positions.delete(message.stream);
    else if (hasReached(own, message.position)) return;
    else if (message.recovered === false) this.#onLost(message);
    else if (hasReached(own, message.after)) this.#onNext(message);
    else this.#onGap();
  }

  /** Say whether the page knows everything up to now. */
  setLive(isLive) {
    this.#isLive = isLive;
    if (!isLive) return;
    const missed = [...this.#missed.values()];
    this.#missed.clear();
    for (const event of missed) raise(event);
  }

  #onNext(message) {
    this.#positions.set(message.stream, message.position);
    if (message.type) this.#onEvent({ ...message, kind: kindOf(message), count: 1 });
  }

  #onLost({ stream, position }) {
    this.#positions.set(stream, position);
    for (const kind of listenedKinds()) this.#onEvent({ kind, stream, count: 1, reload: true });
  }

  #onEvent(event) {
    if (this.#isLive) return raise(event);
    const earlier = this.#missed.get(event.kind);
    const count = event.count + (earlier?.count ?? 0);
    this.#missed.set(event.kind, { ...event, count, ...(earlier?.reload && { reload: true }) });
  }
}

/** Tell the page's elements of a kind of events. */
export function raise(event) {
  document.body.dispatchEvent(new CustomEvent(`live:${event.kind}`, { detail: event }));
}

/** `timer.started` is of the kind `timer`. */
function kindOf(message) {
  return message.type.split(".", 1)[0];
}

/** The kinds of events that elements of this page are fetched again for. */
function listenedKinds() {
  const kinds = new Set(["reload"]);
  for (const element of document.querySelectorAll('[hx-trigger*="live:"], [data-hx-trigger*="live:"]')) {
    const triggers = element.getAttribute("hx-trigger") ?? element.getAttribute("data-hx-trigger");
    for (const [, kind] of triggers.matchAll(/live:([\w-]+)/g)) kinds.add(kind);
  }
  return kinds;
}
