/**
 * The way to the server by WebSocket. A transport is opened when it is made, tells its `listener` what becomes of it
 * (onOpen(), onText(text), onClose(code)), and is closed for good by close().
 */

const TIMER_SOCKET = "/ws/timer/"; // follows the person's own stream from the handshake on
const LIVE_SOCKET = "/ws/live/";

export class SocketTransport {
  #socket;
  #places;
  #own;

  constructor(places, listener) {
    this.#places = places;
    this.#own = [...places.keys()].find((stream) => stream.startsWith("user:"));
    this.#socket = new WebSocket(this.#address());
    this.#socket.addEventListener("open", () => this.#onOpen(listener));
    this.#socket.addEventListener("message", (message) => listener.onText(message.data));
    this.#socket.addEventListener("close", (event) => listener.onClose(event.code));
  }

  /** Follow these streams too; false when that takes another transport. */
  add(positions) {
    // Until it is open there is nothing to do: then it asks for all places.
    if (this.#socket.readyState === WebSocket.OPEN) this.#subscribe(positions);
    return true;
  }

  close() {
    this.#socket.close();
  }

  #address() {
    const address = new URL(this.#own ? TIMER_SOCKET : LIVE_SOCKET, window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (this.#own) address.searchParams.set("position", this.#places.get(this.#own));
    return address;
  }

  #onOpen(listener) {
    listener.onOpen();
    const others = new Map(this.#places);
    others.delete(this.#own);
    if (others.size > 0) this.#subscribe(others);
  }

  #subscribe(positions) {
    this.#socket.send(JSON.stringify({ subscribe: Object.fromEntries(positions) }));
  }
}
