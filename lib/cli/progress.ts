/** One line of a person's terminal that shows what takes long: the wait for READY, a transfer, or many of them. */

import { format } from "@std/fmt/bytes";
import { inSeconds } from "../errors.ts";
import type { ClientOptions } from "../client.ts";
import { TIMEOUT_MS } from "../net/connect.ts";
import { printable } from "../printable.ts";
import type { Task } from "./client_options.ts";
import { printer } from "./output.ts";

// What takes less shows nothing, and nobody wants to know how fast it was.
const PATIENCE_MS = 500;
// Fast enough to look alive.
const FRAME_MS = 200;
// A server that is not busy says READY in far less.
const LATE_READY_MS = 2500;
// Some terminals wrap the line when its last column is written; an echoed ^C, or a letter typed by mistake, fits too.
const FREE_COLUMNS = 3;

/** The terminal's width; 0 if there is no terminal, or it is one that can't move its cursor or does not say how wide it is. */
function terminalColumns(): number {
  if (!Deno.stderr.isTerminal()) return 0;
  const isKnown = Deno.permissions.querySync({ name: "env", variable: "TERM" }).state === "granted";
  if (isKnown && Deno.env.get("TERM") === "dumb") return 0;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 0;
  }
}

/** What one transfer is doing, since when on the clock of `performance.now()`. */
interface Activity extends Disposable {
  since: number;
  /** What it waits for; empty while data moves. */
  wait: string;
  /** What may be the cause if it waits for READY, and after how many milliseconds a line says so. */
  causes: string;
  limitMs: number;
  /** What stands before its bar, made only for a line that is shown. */
  label: () => string;
  size: bigint;
  moved: bigint;
}

/** What a run of transfers shows, until it is disposed of. */
export class Progress implements Disposable {
  readonly #task: Task;
  readonly #address: string;
  #start = performance.now();
  #isReady = false;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #activities = new Set<Activity>();
  #isShown = false;
  #filesDone = 0;
  #bytesDone = 0n;

  /** Shows the transfers of a task. */
  constructor(task: Task) {
    this.#task = task;
    const { hostname, port } = task.options;
    this.#address = `${printable(hostname)} port ${port}`;
    if (!task.isQuiet) this.#timer = setInterval(() => this.#show(), FRAME_MS);
  }

  /** Shows an activity until it is disposed of. */
  begin(activity: Partial<Activity>): Activity {
    const begun: Activity = {
      since: performance.now(),
      limitMs: (this.#task.options.timeoutMs ?? TIMEOUT_MS) || Infinity,
      wait: "",
      causes: "",
      label: () => "",
      size: 0n,
      moved: 0n,
      ...activity,
      [Symbol.dispose]: () => {
        this.#activities.delete(begun);
        this.hide();
      },
    };
    this.#activities.add(begun);
    return begun;
  }

  /** The options of a transfer that is shown until the returned one is disposed of; a label stands before its bar. */
  watch(options: ClientOptions, label: () => string): ClientOptions & Disposable {
    const causes = options.tls ? "is it busy, or without TLS?" : "is it busy, or does it use TLS (--tls)?";
    // A TLS handshake waits in a busy server's queue, as READY does.
    const activity = this.begin({ label, wait: `connecting to ${this.#address}`, causes: options.tls ? causes : "" });
    return {
      ...options,
      onConnect: (address) => {
        options.onConnect?.(address);
        Object.assign(activity, { wait: `waiting for our turn at ${this.#address}`, causes });
      },
      onReady: () => {
        // The server's queue is no part of a rate.
        if (!this.#isReady) this.#start = performance.now();
        this.#isReady = true;
        Object.assign(activity, { since: performance.now(), wait: "", causes: "" });
        return options.onReady?.();
      },
      onStart: async (size) => {
        await options.onStart?.(size);
        Object.assign(activity, { since: performance.now(), size });
      },
      onProgress: (moved) => void (activity.moved = moved),
      [Symbol.dispose]: activity[Symbol.dispose],
    };
  }

  /** Takes note that one more file is done, and how many bytes it had. */
  fileDone(size: bigint): void {
    this.#filesDone++;
    this.#bytesDone += size;
  }

  /** What stands before the bar of the file with this index: which it is, and how much the ones before it had. */
  label(index: number): string {
    const moved = this.#bytesDone > 0n ? `${bytes(Number(this.#bytesDone))} + ` : "";
    return this.#task.files.length > 1 ? `${index + 1}/${this.#task.files.length} ${moved}` : "";
  }

  /** How much has been moved, and how fast; nothing if that took no time. */
  summary(): string | undefined {
    const ms = performance.now() - this.#start;
    if (this.#bytesDone === 0n || ms < PATIENCE_MS || !Deno.stderr.isTerminal()) return undefined;
    const count = Number(this.#bytesDone);
    return `${bytes(count)} in ${(ms / 1000).toFixed(1)} s, ${bytes(count / ms * 1000)}/s`;
  }

  /** Clears the line, for what is printed now. */
  hide(): void {
    if (this.#isShown) printer.warn("\r\x1b[J");
    this.#isShown = false;
  }

  #show(): void {
    const now = performance.now();
    for (const activity of this.#activities) this.#sayLate(activity, now);
    const columns = terminalColumns();
    const text = columns === 0 ? "" : this.#line(now, columns);
    if (text === "") return this.hide();
    this.#isShown = true;
    overwriteLine(text, columns);
  }

  #line(now: number, columns: number): string {
    const { parallel, files } = this.#task;
    const [activity] = this.#activities;
    if (parallel === 1 && activity && now - activity.since >= PATIENCE_MS) {
      const { wait, moved, size, since, causes } = activity;
      const label = activity.label();
      if (wait) return label + wait + (causes && now - since >= LATE_READY_MS ? ` (${causes})` : "");
      const rate = Number(moved) / (now - since) * 1000;
      return size === 0n ? "" : label + progressLine(Number(moved), Number(size), rate, columns - label.length);
    }
    const ms = now - this.#start;
    if (files.length === 1 || ms < PATIENCE_MS) return "";
    const moved = Number(this.#activities.values().reduce((sum, { moved }) => sum + moved, this.#bytesDone));
    return `${this.#filesDone} of ${files.length} files  ${bytes(moved)}  ${bytes(moved / ms * 1000)}/s`;
  }

  #sayLate(activity: Activity, now: number): void {
    const { causes, since, limitMs } = activity;
    if (!causes || now - since < limitMs) return;
    activity.limitMs = Infinity;
    this.hide();
    const silence = `${this.#address} did not send READY within ${inSeconds(limitMs)}`;
    printer.warn(`client: still waiting: ${silence}: ${causes} (--wait S limits the wait)\n`);
  }

  /** Clears the line for good. */
  [Symbol.dispose](): void {
    this.hide();
    clearInterval(this.#timer);
  }
}

// Writes over the line that the cursor is in, unless the last one has not been taken yet. The cursor goes back to the
// line's start: a terminal that becomes narrower wraps the line, and all of it is then below the cursor. The line itself
// wraps nowhere (DECAWM is off), since the terminal may be narrower already than it says.
function overwriteLine(text: string, columns: number): void {
  if (!printer.isIdle) return;
  printer.warn(`\r\x1b[?7l${text.slice(0, Math.max(columns - FREE_COLUMNS, 0))}\x1b[J\x1b[?7h\r`);
}

/** The line of a bar: share, bytes, rate and time left, as much of it as fits into `columns`. */
export function progressLine(value: number, total: number, bytesPerSecond: number, columns: number): string {
  const width = Math.max(columns - FREE_COLUMNS, 0);
  const seconds = bytesPerSecond > 0 ? Math.ceil((total - value) / bytesPerSecond) : Infinity;
  const share = `${Math.floor(value / total * 100)}%`.padStart(4);
  const parts = [`${bytes(value)} of ${bytes(total)}`, `${bytes(bytesPerSecond)}/s`, `${clock(seconds)} left`];
  while (parts.length > 0 && [share, ...parts].join("  ").length > width) parts.pop();
  const text = [share, ...parts].join("  ");
  // The bar, its brackets and a space.
  const barWidth = Math.min(width - text.length - 3, 40);
  if (barWidth < 5) return text.slice(0, width);
  const filled = Math.round(value / total * barWidth);
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${text}`;
}

/** A number of bytes, as people read it. */
export function bytes(count: number): string {
  return format(count, { binary: true, maximumFractionDigits: 1 });
}

function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "--:--";
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => index === 0 ? String(part) : String(part).padStart(2, "0")).join(":");
}
