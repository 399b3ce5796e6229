/**
 * The connection to the server, opened again for as long as it is wanted.
 *
 * `places` says for each stream up to where it has been told. Each message is handed on with the place `after` which it
 * comes: on one transport a stream is subscribed to once, so that nothing lies between `after` and the message's own
 * `position`. Whoever needs more of the past than that gets a new transport.
 *
 * A WebSocket is tried first each time. One that does not open twice in a row may be held up on the way: then, if
 * `mayStream`, server-sent events are tried. Six of those in one browser would leave it no way to fetch a page.
 *
 * Status: "catching up" until every stream's past is told, then "live"; "offline" once a try has failed; "signed out"
 * for good.
 */

import { hasReached } from "./positions.js";
import { SocketTransport } from "./socket_transport.js";
import { StreamTransport } from "./stream_transport.js";

const GATHER_MS = 30; // what several tabs ask for at once becomes one subscription
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const PULSE_MS = 5_000;
const SLEEP_MS = 20_000; // a pulse that is this late means that the computer slept
const OPEN_WITHIN_MS = 10_000;
const SILENCE_MS = 60_000; // the server says something at least every 25 s
const UNOPENED_LIMIT = 2;
const SIGNED_OUT = 4401;

export class Connection {
  #places = new Map();
  #told = new Set();
  #transport = null;
  #isSocket = true;
  #hasOpened = false;
  #unopened = 0; // WebSockets in a row
  #status = "catching up";
  #retryDelay = FIRST_RETRY_MS;
  #openTimer = null;
  #pulse = null;
  #lastPulseAt = 0;
  #lastHeardAt = 0;
  #mayStream;
  #onMessage;
  #onStatus;
  #goOnline = () => this.#reopen(0);
  #goOffline = () => this.#lose();

  constructor({ mayStream = false, onMessage, onStatus }) {
    this.#mayStream = mayStream;
    this.#onMessage = onMessage;
    this.#onStatus = onStatus;
    window.addEventListener("online", this.#goOnline);
    window.addEventListener("offline", this.#goOffline);
    this.#reopen(GATHER_MS);
  }

  get status() {
    return this.#status;
  }

  get places() {
    return this.#places;
  }

  /** Have everything told that happened in these streams since these positions. */
  follow(positions) {
    const added = new Map();
    let isOlder = false;
    for (const [stream, position] of positions) {
      const place = this.#places.get(stream);
      if (place !== undefined && hasReached(position, place)) continue;
      if (place === undefined) added.set(stream, position);
      else isOlder = true;
      this.#places.set(stream, position);
    }
    if (isOlder) this.#reopen(GATHER_MS);
    else if (added.size > 0) this.#add(added);
  }

  /** Leave the server for good. */
  close() {
    window.removeEventListener("online", this.#goOnline);
    window.removeEventListener("offline", this.#goOffline);
    this.#drop();
  }

  #reopen(delay) {
    this.#drop();
    if (this.#status === "live") this.#setStatus("catching up");
    this.#openTimer = setTimeout(() => this.#open(), delay);
  }

  #open(Transport = SocketTransport) {
    this.#told.clear();
    this.#hasOpened = false;
    this.#isSocket = Transport === SocketTransport;
    const ifCurrent = (act) => (value) => transport === this.#transport && act(value);
    const transport = new Transport(this.#places, {
      onOpen: ifCurrent(() => this.#onOpen()),
      onText: ifCurrent((text) => this.#hear(JSON.parse(text))),
      onClose: ifCurrent((code) => this.#onClose(code)),
    });
    this.#transport = transport;
    this.#lastHeardAt = this.#lastPulseAt = Date.now();
    this.#pulse = setInterval(() => this.#feelPulse(), PULSE_MS);
  }

  #onOpen() {
    this.#hasOpened = true;
    if (this.#isSocket) this.#unopened = 0;
    this.#setStatus("catching up");
  }

  #add(positions) {
    if (!this.#transport) return; // the next one begins with all places
    if (!this.#transport.add(positions)) this.#reopen(GATHER_MS);
    else if (this.#status === "live") this.#setStatus("catching up");
  }

  #hear(message) {
    this.#lastHeardAt = Date.now();
    const after = this.#places.get(message.stream);
    if (after === undefined) return;
    if (message.refused) this.#places.delete(message.stream);
    else this.#places.set(message.stream, message.position);
    if ("recovered" in message) this.#told.add(message.stream);
    this.#onMessage({ ...message, after });
    if (this.#isAllTold()) this.#goLive();
  }

  #isAllTold() {
    return [...this.#places.keys()].every((stream) => this.#told.has(stream));
  }

  #goLive() {
    this.#retryDelay = FIRST_RETRY_MS;
    this.#setStatus("live");
  }

  #onClose(code) {
    if (code === SIGNED_OUT) {
      this.close();
      this.#setStatus("signed out");
    } else if (this.#status === "live") {
      this.#reopen(this.#takeRetryDelay());
    } else if (this.#isHeldUp()) {
      this.#drop();
      this.#open(StreamTransport);
    } else {
      this.#lose();
    }
  }

  #isHeldUp() {
    if (this.#hasOpened || !this.#isSocket) return false;
    this.#unopened += 1;
    return this.#mayStream && this.#unopened >= UNOPENED_LIMIT;
  }

  #lose() {
    this.#drop();
    this.#setStatus("offline");
    this.#openTimer = setTimeout(() => this.#open(), this.#takeRetryDelay());
  }

  /** Spread, so that the browsers of a server that starts again do not all come at once. */
  #takeRetryDelay() {
    const delay = this.#retryDelay * (0.5 + Math.random());
    this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY_MS);
    return delay;
  }

  /** A transport does not tell that the computer slept, or that nobody is at its other end. */
  #feelPulse() {
    const now = Date.now();
    const hasSlept = now - this.#lastPulseAt > SLEEP_MS;
    const silence = now - this.#lastHeardAt;
    this.#lastPulseAt = now;
    if (hasSlept || silence > SILENCE_MS) this.#reopen(0);
    else if (!this.#hasOpened && silence > OPEN_WITHIN_MS) this.#onClose();
  }

  #drop() {
    clearTimeout(this.#openTimer);
    clearInterval(this.#pulse);
    const transport = this.#transport;
    this.#transport = null;
    transport?.close();
  }

  #setStatus(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.#onStatus(status);
  }
}
