/**
 * The one seat among the tabs of a browser: a Web Lock, which the browser passes on when its holder closes or crashes.
 *
 * Whoever takes the seat is told by `onTaken`; whoever has it taken away, because another tab seized it, by `onLost`.
 */
export class Seat {
  #name;
  #onTaken;
  #onLost;
  #line = null;
  #stand = null;

  constructor(name, { onTaken, onLost }) {
    this.#name = name;
    this.#onTaken = onTaken;
    this.#onLost = onLost;
  }

  /** Stand in line for the seat. */
  wait() {
    this.#line = new AbortController();
    this.#request({ signal: this.#line.signal });
  }

  /** Take the seat from a tab that answers no more. */
  seize() {
    this.#line?.abort();
    this.#line = null;
    this.#request({ steal: true });
  }

  /** Give the seat to the next in line, or leave the line. */
  leave() {
    this.#line?.abort();
    this.#line = null;
    this.#stand?.();
    this.#stand = null;
  }

  async #request(options) {
    let isMine = false;
    const sit = () => {
      isMine = true;
      return this.#sit();
    };
    try {
      await navigator.locks.request(this.#name, options, sit);
    } catch (error) {
      if (error.name !== "AbortError") throw error; // left the line, or lost the seat
      if (isMine) this.#lose();
    }
  }

  #sit() {
    this.#line = null;
    const left = new Promise((resolve) => (this.#stand = resolve));
    this.#onTaken();
    return left;
  }

  #lose() {
    this.#stand = null;
    this.#onLost();
  }
}
