/**
 * One connection for all tabs of a browser that belong to one person.
 *
 * The tab that has the seat holds the connection and tells the others on a BroadcastChannel what it hears:
 *
 *     {message}    what the server said, with the place that it comes after
 *     {state}      the connection's status, and up to where each stream has been told
 *
 * and hears from them
 *
 *     {positions}  what a tab needs that the state does not promise it
 *     "state?"     whether anybody is there
 *
 * Every tab keeps its own positions and compares them with each state, so nothing hangs on who joined or left when:
 * the next tab in the seat says its state, and whoever is behind it says so.
 */

import { Connection } from "./connection.js";
import { hasReached } from "./positions.js";
import { Seat } from "./seat.js";

const ASK_MS = 2_000;
const UNANSWERED_LIMIT = 2; // then the tab in the seat hangs, and the seat is seized
const STREAM_LIMIT = 80; // the server takes 100 on one socket

export class SharedConnection {
  #name;
  #listener;
  #seat;
  #channel = null;
  #connection = null;
  #askTimer = null;
  #unanswered = 0;

  /** Whether this browser can share a connection; Web Locks need HTTPS or localhost. */
  static get isPossible() {
    return Boolean(navigator.locks && window.BroadcastChannel);
  }

  /** `listener`: positions(), onMessage(message), onStatus(status). */
  constructor(name, listener) {
    this.#name = name;
    this.#listener = listener;
    this.#seat = new Seat(name, { onTaken: () => this.#connect(), onLost: () => this.#stepBack() });
  }

  join() {
    if (this.#channel) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener("message", (event) => this.#hear(event.data));
    this.#askTimer = setInterval(() => this.#ask(), ASK_MS);
    this.#seat.wait();
    this.#post("state?");
  }

  leave() {
    clearInterval(this.#askTimer);
    this.#disconnect();
    this.#seat.leave();
    this.#channel?.close();
    this.#channel = null;
  }

  /** Have everything told since the page's positions. */
  catchUp() {
    const positions = this.#listener.positions();
    if (this.#connection) this.#connection.follow(positions);
    else this.#post({ positions });
  }

  #connect() {
    if (!this.#channel) return this.#seat.leave(); // the seat came free just as this tab left
    this.#connection = new Connection({
      mayStream: true,
      onMessage: (message) => this.#pass(message),
      onStatus: () => this.#tell(),
    });
    this.#connection.follow(this.#listener.positions());
    this.#tell();
  }

  #disconnect() {
    this.#connection?.close();
    this.#connection = null;
  }

  /** Another tab took this one for dead. */
  #stepBack() {
    this.#disconnect();
    if (this.#channel) this.#seat.wait();
  }

  #pass(message) {
    this.#post({ message });
    this.#listener.onMessage(message);
  }

  #tell() {
    const state = { status: this.#connection.status, places: this.#connection.places };
    if (state.status === "signed out") return this.#end();
    this.#post({ state });
    this.#compare(state);
  }

  /** The session of this page is over. The next tab finds out for itself: the browser may have another by now. */
  #end() {
    this.leave();
    this.#listener.onStatus("signed out");
  }

  #hear(said) {
    if (!this.#connection) this.#follow(said);
    else if (said === "state?") this.#tell();
    else if (said.positions) this.#serve(said.positions);
  }

  #serve(positions) {
    this.#makeRoom(positions);
    this.#connection.follow(positions);
    this.#tell();
  }

  #follow({ message, state }) {
    if (message) this.#listener.onMessage(message);
    if (!state) return;
    this.#unanswered = 0;
    this.#compare(state);
  }

  #compare({ status, places }) {
    const isPromised = [...this.#listener.positions()].every(
      ([stream, position]) => places.has(stream) && hasReached(position, places.get(stream)),
    );
    if (!isPromised) this.catchUp();
    this.#listener.onStatus(isPromised || status !== "live" ? status : "catching up");
  }

  /** Streams of tabs that are gone: a new connection knows only what is asked for from now on. */
  #makeRoom(positions) {
    if (new Set([...this.#connection.places.keys(), ...positions.keys()]).size <= STREAM_LIMIT) return;
    this.#disconnect();
    this.#connect();
  }

  #ask() {
    if (this.#connection || document.hidden) return;
    if (this.#unanswered >= UNANSWERED_LIMIT) {
      this.#unanswered = 0;
      this.#seat.seize();
    } else {
      this.#unanswered += 1;
      this.#post("state?");
    }
  }

  #post(message) {
    this.#channel?.postMessage(message);
  }
}
