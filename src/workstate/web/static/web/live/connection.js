/**
 * One WebSocket to the server, opened again for as long as it is wanted.
 *
 * `places` says for each stream up to where it has been told. Each message is handed on with the place `after` which it
 * comes: on one socket a stream is subscribed to once, so that nothing lies between `after` and the message's own
 * `position`. Whoever needs more of the past than that gets a new socket.
 *
 * Status: "catching up" until every stream's past is told, then "live"; "offline" once a try has failed; "signed out"
 * for good.
 */

import { hasReached } from "./positions.js";

const TIMER_SOCKET = "/ws/timer/"; // follows the person's own stream from the handshake on
const LIVE_SOCKET = "/ws/live/";
const GATHER_MS = 30; // what several tabs ask for at once becomes one subscription
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const PULSE_MS = 5_000;
const SLEEP_MS = 20_000; // a pulse that is this late means that the computer slept
const SILENCE_MS = 60_000; // the server says something at least every 25 s
const SIGNED_OUT = 4401;

export class Connection {
  #places = new Map();
  #told = new Set();
  #socket = null;
  #status = "catching up";
  #retryDelay = FIRST_RETRY_MS;
  #openTimer = null;
  #pulse = null;
  #lastPulseAt = 0;
  #lastHeardAt = 0;
  #onMessage;
  #onStatus;
  #goOnline = () => this.#reopen(0);
  #goOffline = () => this.#lose();

  constructor({ onMessage, onStatus }) {
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
    else if (added.size > 0) this.#subscribe(added);
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

  #open() {
    this.#told.clear();
    const socket = new WebSocket(this.#address());
    socket.addEventListener("open", () => this.#onOpen(socket));
    socket.addEventListener("message", (message) => this.#hear(socket, message.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#onClose(event.code));
    this.#socket = socket;
    this.#lastHeardAt = this.#lastPulseAt = Date.now();
    this.#pulse = setInterval(() => this.#feelPulse(), PULSE_MS);
  }

  #address() {
    const own = this.#ownStream();
    const address = new URL(own ? TIMER_SOCKET : LIVE_SOCKET, window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (own) address.searchParams.set("position", this.#places.get(own));
    return address;
  }

  #ownStream() {
    return [...this.#places.keys()].find((stream) => stream.startsWith("user:"));
  }

  #onOpen(socket) {
    if (socket !== this.#socket) return;
    this.#setStatus("catching up");
    const others = new Map(this.#places);
    others.delete(this.#ownStream());
    if (others.size > 0) this.#subscribe(others);
  }

  #subscribe(positions) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return; // it asks for all places once it is open
    this.#socket.send(JSON.stringify({ subscribe: Object.fromEntries(positions) }));
    this.#setStatus("catching up");
  }

  #hear(socket, text) {
    if (socket !== this.#socket) return;
    this.#lastHeardAt = Date.now();
    const message = JSON.parse(text);
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
    } else {
      this.#lose();
    }
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

  /** A socket does not tell that the computer slept, or that nobody is at its other end. */
  #feelPulse() {
    const now = Date.now();
    const hasSlept = now - this.#lastPulseAt > SLEEP_MS;
    this.#lastPulseAt = now;
    if (hasSlept || now - this.#lastHeardAt > SILENCE_MS) this.#reopen(0);
  }

  #drop() {
    clearTimeout(this.#openTimer);
    clearInterval(this.#pulse);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #setStatus(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.#onStatus(status);
  }
}
