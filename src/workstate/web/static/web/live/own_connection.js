/** A connection of this tab alone, for browsers that can't share one. The same from outside as SharedConnection. */

import { Connection } from "./connection.js";

export class OwnConnection {
  #listener;
  #connection = null;

  /** `listener`: positions(), onMessage(message), onStatus(status). */
  constructor(listener) {
    this.#listener = listener;
  }

  join() {
    if (this.#connection) return;
    this.#connection = new Connection(this.#listener);
    this.catchUp();
  }

  leave() {
    this.#connection?.close();
    this.#connection = null;
  }

  /** Have everything told since the page's positions. */
  catchUp() {
    this.#connection?.follow(this.#listener.positions());
  }
}
