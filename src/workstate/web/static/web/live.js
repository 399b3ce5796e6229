/**
 * Tells the page what happens on the server, and tells the person whether it does.
 *
 * `<body data-live-streams='{"user:7": "epoch:offset"}'>` names the streams and the places that the page was
 * rendered at. Each event becomes a CustomEvent `live:<first part of its type>` on the body, so that
 * `hx-trigger="live:timer from:body"` fetches a fragment again. What was missed arrives as one event of each kind;
 * when it cannot be told what was missed, every kind that the page listens for is raised, with `detail.reload`.
 *
 * Every `[data-live-status]` shows "live", "catching up" or "offline", and its `[data-live-word]` says so.
 */

const TIMER_SOCKET = "/ws/timer/";
const LIVE_SOCKET = "/ws/live/";
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const SILENCE_MS = 60_000; // the server says something at least every 25 s
const PAUSE_AFTER_HIDDEN_MS = 60_000;
const SIGNED_OUT = 4401;

class LivePage {
  #positions;
  #socket = null;
  #behind = new Set();
  #missed = new Map();
  #retryDelay = FIRST_RETRY_MS;
  #retryTimer = null;
  #silenceTimer = null;
  #pauseTimer = null;
  #lastHeardAt = 0;
  #isSignedOut = false;

  constructor(positions) {
    this.#positions = new Map(Object.entries(positions));
  }

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#pauseSoon() : this.#resume()));
    window.addEventListener("online", () => document.hidden || this.#resume());
    window.addEventListener("offline", () => this.#reconnect());
    window.addEventListener("pagehide", () => this.#disconnect());
    window.addEventListener("pageshow", (event) => event.persisted && this.#resume());
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    if (this.#isSignedOut) return;
    this.#missed.clear();
    this.#behind = new Set(this.#positions.keys());
    showStatus("catching up");
    const socket = new WebSocket(this.#address());
    socket.addEventListener("open", () => this.#subscribe(socket));
    socket.addEventListener("message", (message) => this.#hear(socket, message.data));
    socket.addEventListener("close", (event) => this.#onClose(socket, event.code));
    this.#socket = socket;
    this.#expectSound();
  }

  #address() {
    const own = this.#ownStream();
    const address = new URL(own ? TIMER_SOCKET : LIVE_SOCKET, window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    if (own) address.searchParams.set("position", this.#positions.get(own));
    return address;
  }

  #ownStream() {
    return [...this.#positions.keys()].find((stream) => stream.startsWith("user:"));
  }

  #subscribe(socket) {
    const others = new Map(this.#positions);
    others.delete(this.#ownStream());
    if (others.size > 0) socket.send(JSON.stringify({ subscribe: Object.fromEntries(others) }));
  }

  #hear(socket, text) {
    if (socket !== this.#socket) return;
    this.#expectSound();
    const message = JSON.parse(text);
    if (message.position) this.#positions.set(message.stream, message.position);
    if (message.type) this.#onEvent(message);
    else if (message.refused) this.#onRefused(message.stream);
    else if (message.recovered === true) this.#onCaughtUp(message.stream);
    else if (message.recovered === false) this.#onLost(message.stream);
  }

  #onEvent(event) {
    if (this.#behind.has(event.stream)) this.#missed.set(kindOf(event), event);
    else raise(kindOf(event), event);
  }

  #onRefused(stream) {
    this.#positions.delete(stream);
    this.#onCaughtUp(stream);
  }

  #onLost(stream) {
    for (const kind of listenedKinds()) raise(kind, { stream, reload: true });
    this.#onCaughtUp(stream);
  }

  #onCaughtUp(stream) {
    this.#behind.delete(stream);
    if (this.#behind.size > 0) return;
    this.#retryDelay = FIRST_RETRY_MS;
    for (const [kind, event] of this.#missed) raise(kind, event);
    this.#missed.clear();
    showStatus("live");
  }

  #onClose(socket, code) {
    if (socket !== this.#socket) return;
    this.#isSignedOut = code === SIGNED_OUT;
    this.#disconnect();
    this.#retrySoon();
  }

  #retrySoon() {
    // Spread, so that the pages of a server that starts again do not all come at once.
    const delay = this.#retryDelay * (0.5 + Math.random());
    this.#retryDelay = Math.min(this.#retryDelay * 2, LONGEST_RETRY_MS);
    if (!document.hidden) this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  #reconnect() {
    this.#disconnect();
    this.#retrySoon();
  }

  #disconnect() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    showStatus("offline");
  }

  #expectSound() {
    this.#lastHeardAt = Date.now();
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#reconnect(), SILENCE_MS);
  }

  #pauseSoon() {
    this.#pauseTimer = setTimeout(() => this.#disconnect(), PAUSE_AFTER_HIDDEN_MS);
  }

  #resume() {
    clearTimeout(this.#pauseTimer);
    // Timers of a page in the background may not have run.
    if (this.#socket && Date.now() - this.#lastHeardAt > SILENCE_MS) this.#disconnect();
    if (!this.#socket) this.#connect();
  }
}

/** `timer.started` is of the kind `timer`. */
function kindOf(event) {
  return event.type.split(".", 1)[0];
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

function raise(kind, detail) {
  document.body.dispatchEvent(new CustomEvent(`live:${kind}`, { detail }));
}

function showStatus(status) {
  for (const element of document.querySelectorAll("[data-live-status]")) {
    if (element.dataset.liveStatus === status) continue;
    element.dataset.liveStatus = status;
    const word = element.querySelector("[data-live-word]");
    if (word) word.textContent = status;
  }
}

const streams = JSON.parse(document.body.dataset.liveStreams ?? "{}");
if (Object.keys(streams).length > 0) new LivePage(streams).start();
