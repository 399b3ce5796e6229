/**
 * The way to the server by server-sent events, where something between lets no WebSocket through. The same from outside
 * as SocketTransport.
 *
 * It reads the response itself: an EventSource would not tell that the person is signed out, and would come back by
 * rules of its own.
 */

const ADDRESS = "/live/events/";
const SIGNED_OUT = { status: 401, code: 4401 };

export class StreamTransport {
  #listener;
  #abort = new AbortController();

  constructor(places, listener) {
    this.#listener = listener;
    this.#run(new URLSearchParams([...places]));
  }

  /** The streams of a response are fixed when it is asked for. */
  add() {
    return false;
  }

  close() {
    this.#abort.abort();
  }

  async #run(query) {
    try {
      const response = await fetch(`${ADDRESS}?${query}`, { signal: this.#abort.signal, cache: "no-store" });
      const code = response.ok ? await this.#read(response.body) : codeOf(response.status);
      this.#listener.onClose(code);
    } catch (error) {
      if (error.name !== "AbortError") this.#listener.onClose(); // the network, at any moment of it
    }
  }

  /** Hand on each message; return the code that the server ends with, if it says one. */
  async #read(body) {
    this.#listener.onOpen();
    let text = "";
    let code;
    for await (const part of chunksOf(body.pipeThrough(new TextDecoderStream()))) {
      const events = (text + part).split("\n\n");
      text = events.pop();
      for (const data of events.flatMap(dataOf)) {
        code = JSON.parse(data).closed;
        if (code === undefined) this.#listener.onText(data);
      }
    }
    return code;
  }
}

function codeOf(status) {
  return status === SIGNED_OUT.status ? SIGNED_OUT.code : undefined;
}

async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

function dataOf(event) {
  return event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice("data: ".length));
}
