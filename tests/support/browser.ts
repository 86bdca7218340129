/** A page in Chromium, driven over the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/ */

// deno-lint-ignore-file no-explicit-any
import { Process } from "../../scripts/support/programs.ts";
import { chromium } from "./needs.ts";

// Far longer than an answer takes on the slowest machine.
const LIMIT_MS = 60_000;
const SEEN = /^(Network.requestWillBeSent|Log.entryAdded|Runtime.consoleAPICalled|Runtime.exceptionThrown)$/;

/** A browser with one page. */
export class Browser extends Process {
  /** What the page has requested, logged and thrown since it was opened. */
  seen: string[] = [];
  #socket!: WebSocket;
  #session: string | undefined;
  #calls = 0;
  /** Who waits for the answer to a call, by its number, or for an event, by its name. */
  readonly #waiting = new Map<number | string, (message: any) => void>();

  /** Starts it with an empty page; it makes the folder `profile`. */
  static async start(profile: string): Promise<Browser> {
    // As root, Chromium has no sandbox.
    const rights = Deno.uid() === 0 ? ["--no-sandbox"] : [];
    const flags = ["--headless", "--hide-scrollbars", "--disable-background-networking", "--remote-debugging-port=0"];
    const browser = new Browser([chromium()!, ...flags, ...rights, `--user-data-dir=${profile}`], { cwd: "/" });
    const socket = new WebSocket((await browser.errorLine(/listening on ws:/)).match(/ws:\S+/)![0]);
    await new Promise((onopen, onerror) => Object.assign(socket, { onopen, onerror }));
    socket.onmessage = ({ data }): void => browser.#receive(JSON.parse(data));
    browser.#socket = socket;
    const { targetId } = await browser.call("Target.createTarget", { url: "about:blank" });
    browser.#session = (await browser.call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.call(`${domain}.enable`);
    return browser;
  }

  /** Opens a page, and waits until it is loaded. */
  async open(url: string, theme: string, width: number): Promise<void> {
    const features = [{ name: "prefers-color-scheme", value: theme }];
    await this.call("Emulation.setEmulatedMedia", { media: "", features });
    const size = { width, height: 800, deviceScaleFactor: 1, mobile: false };
    await this.call("Emulation.setDeviceMetricsOverride", size);
    this.seen = [];
    const loaded = this.#message("Page.loadEventFired");
    await this.call("Page.navigate", { url });
    await loaded;
  }

  /** The value of an expression in the page; of a promise, what it resolves to. */
  async evaluate(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(result.description);
    return result.value;
  }

  /** Calls a method of the protocol. */
  async call(method: string, params = {}): Promise<any> {
    const id = ++this.#calls;
    const answer = this.#message(id);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    const { result, error } = await answer;
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  #message(key: number | string): Promise<any> {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#waiting.set(key, resolve);
    const limit = setTimeout(reject, LIMIT_MS, new Error(`the browser did not answer in ${LIMIT_MS / 1000} seconds`));
    return promise.finally(() => clearTimeout(limit));
  }

  #receive(message: any): void {
    const { id, method, params } = message;
    this.#waiting.get(id ?? method)?.(message);
    if (SEEN.test(method)) this.seen.push(params.request?.url ?? JSON.stringify(params));
  }
}
