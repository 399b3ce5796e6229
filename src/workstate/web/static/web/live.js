/**
 * Tells the page what happens on the server, and tells the person whether it does.
 *
 * `<body data-live-streams='{"user:7": "epoch:offset"}'>` names the streams and the places that the page was
 * rendered at. `hx-trigger="live:timer from:body"` fetches a fragment again when something happens to a timer.
 */

import { Feed } from "./live/feed.js";
import "./live/keeping.js";
import { OwnConnection } from "./live/own_connection.js";
import { Pause } from "./live/pause.js";
import { watchPresence } from "./live/presence.js";
import { SharedConnection } from "./live/shared_connection.js";
import { StatusDisplay } from "./live/status.js";

// Tabs that understand each other: the number rises when what they say to each other changes.
const CHANNEL = "workstate-live-1";

class LivePage {
  #feed;
  #connection;
  #display = new StatusDisplay();
  #isSignedOut = false;

  constructor(positions) {
    this.#feed = new Feed(positions, { onGap: () => this.#connection.catchUp() });
    this.#connection = connect(Object.keys(positions), {
      positions: () => this.#feed.positions,
      onMessage: (message) => this.#feed.hear(message),
      onStatus: (status) => this.#onStatus(status),
    });
  }

  start() {
    new Pause({ onChange: (isPaused) => this.#display.setPaused(isPaused) });
    watchPresence({ onPresent: () => this.#join(), onAway: () => this.#leave() });
  }

  #join() {
    if (!this.#isSignedOut) this.#connection.join();
  }

  #leave() {
    this.#connection.leave();
    if (!this.#isSignedOut) this.#onStatus("catching up"); // as soon as somebody looks
  }

  #onStatus(status) {
    this.#isSignedOut = status === "signed out";
    this.#display.setStatus(status);
    this.#feed.setLive(status === "live");
  }
}

/** People who take turns at one browser share nothing: their own stream is in the name. */
function connect(streams, listener) {
  if (!SharedConnection.isPossible) return new OwnConnection(listener);
  return new SharedConnection([CHANNEL, ...streams.filter((stream) => stream.startsWith("user:"))].join(" "), listener);
}

const positions = JSON.parse(document.body.dataset.liveStreams ?? "{}");
if (Object.keys(positions).length > 0) new LivePage(positions).start();
