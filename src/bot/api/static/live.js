// One stream of events per page. Reconnects by itself, notices a silent line, and rests while nobody looks.

import { get } from "./api.js";

const NAMES = ["overview", "equity", "order", "trade", "decision"];
const SILENT_MS = 35_000; // an overview comes every ten seconds
const REST_MS = 60_000;
const LONGEST_WAIT_MS = 15_000;

/** Dispatches the server's events by name with parsed `detail`, and `state` with {state, since}. */
export class Live extends EventTarget {
  #source = null;
  #failures = 0;
  #retry = 0;
  #rest = 0;
  #heard = Date.now();
  #state = "connecting";

  constructor(url) {
    super();
    this.url = url;
    setInterval(() => this.#listenForSilence(), 5_000);
    document.addEventListener("visibilitychange", () => this.#visible());
    // Without this, some browsers keep the stream of a page that was left.
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && this.connect());
  }

  /** Open the stream. */
  connect() {
    this.#close();
    this.#heard = Date.now();
    this.#source = new EventSource(this.url);
    this.#source.onopen = () => this.#become("live");
    this.#source.onerror = () => this.#lost();
    for (const name of NAMES) {
      this.#source.addEventListener(name, (message) => {
        this.#heard = Date.now();
        this.#become("live");
        this.dispatchEvent(new CustomEvent(name, { detail: JSON.parse(message.data) }));
      });
    }
  }

  #become(state) {
    if (state === "live") this.#failures = 0;
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, heard: this.#heard } }));
  }

  #lost() {
    this.#close();
    this.#become("lost");
    this.#failures += 1;
    const wait = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#retry = setTimeout(async () => {
      try {
        // A stream does not tell why it failed. A plain request does: it leads to the login page after a sign-out.
        await get("/api/v1/accounts", { background: true });
        this.connect();
      } catch {
        this.#lost();
      }
    }, wait);
  }

  #listenForSilence() {
    if (this.#source && Date.now() - this.#heard > SILENT_MS) this.#lost();
  }

  #visible() {
    clearTimeout(this.#rest);
    if (document.hidden) this.#rest = setTimeout(() => this.#close(), REST_MS);
    else if (!this.#source) this.connect();
  }

  #close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }
}
