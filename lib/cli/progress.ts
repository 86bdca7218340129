/** One line of a person's terminal that shows what takes long: the wait for READY, a transfer, or many of them. */

import { format } from "@std/fmt/bytes";
import { inSeconds } from "../errors.ts";
import type { ClientOptions } from "../client.ts";
import { printable } from "../printable.ts";
import type { Task } from "./client_options.ts";
import { printer } from "./output.ts";

// What takes less shows nothing.
const PATIENCE_MS = 500;
// Fast enough to look alive.
const FRAME_MS = 200;
// A server that is not busy says READY in far less.
const LATE_READY_MS = 2500;
// Some terminals wrap the line when its last column is written; an echoed ^C, or a letter typed by mistake, fits too.
const FREE_COLUMNS = 3;
// After these the terminal may be another one, or show something else on the line.
const REDRAW_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGWINCH", "SIGCONT"];

/** The terminal's width; 0 if there is no terminal, or it is one that can't move its cursor or does not say how wide it is. */
export function terminalColumns(): number {
  if (!Deno.stderr.isTerminal()) return 0;
  const isKnown = Deno.permissions.querySync({ name: "env", variable: "TERM" }).state === "granted";
  if (isKnown && Deno.env.get("TERM") === "dumb") return 0;
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 0;
  }
}

/** Leaves the terminal's line empty. */
export function clearLine(): void {
  printer.warn("\r\x1b[J");
}

/** What one transfer is doing, since when on the clock of `performance.now()`. */
interface Activity {
  since: number;
  /** What it waits for; empty while data moves. */
  wait: string;
  /** Whether it waits for READY, and whether a line has said that this lasts. */
  ready: "expected" | "late" | undefined;
  /** What stands before the bar. */
  label: () => string;
  size: bigint;
  moved: bigint;
}

/** What a run of transfers shows, until it is disposed of. */
export class Progress implements Disposable {
  readonly #task: Task;
  readonly #address: string;
  readonly #start = performance.now();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #draw = (): void => this.#show();
  readonly #activities = new Set<Activity>();
  #isShown = false;
  #filesDone = 0;
  #bytesDone = 0n;

  /** Shows the transfers of a task. */
  constructor(task: Task) {
    this.#task = task;
    const { hostname, port } = task.options;
    this.#address = `${printable(hostname)} port ${port}`;
    if (task.isQuiet) return;
    this.#timer = setInterval(this.#draw, FRAME_MS);
    for (const signal of REDRAW_SIGNALS) Deno.addSignalListener(signal, this.#draw);
  }

  /** The options of a transfer that is shown until the returned one is disposed of; a label stands before its bar. */
  watch(options: ClientOptions, label: () => string): ClientOptions & Disposable {
    const { tls } = options;
    const waiting = `waiting for our turn at ${this.#address}`;
    const activity: Activity = { ...this.#wait(`connecting to ${this.#address}`), label };
    // A TLS handshake waits in a busy server's queue, as READY does.
    if (tls) activity.ready = "expected";
    this.#activities.add(activity);
    return {
      ...options,
      onConnect: () => {
        Object.assign(activity, { wait: waiting, ready: activity.ready ?? "expected" });
        return options.onConnect?.();
      },
      onReady: () => {
        Object.assign(activity, this.#wait(""), { label });
        return options.onReady?.();
      },
      onStart: async (size) => {
        await options.onStart?.(size);
        Object.assign(activity, { since: performance.now(), size });
      },
      onProgress: (moved) => {
        this.#bytesDone += moved - activity.moved;
        activity.moved = moved;
        return options.onProgress?.(moved);
      },
      [Symbol.dispose]: () => {
        this.#activities.delete(activity);
        this.hide();
      },
    };
  }

  #wait(wait: string): Activity {
    return { since: performance.now(), wait, ready: undefined, label: () => "", size: 0n, moved: 0n };
  }

  /** Shows how much of a stream has been read before its transfer can begin. */
  reading(): Disposable & { onProgress: (bytes: bigint) => void } {
    const activity = this.#wait("reading");
    this.#activities.add(activity);
    return {
      onProgress: (count) => activity.wait = `reading: ${bytes(Number(count))}`,
      [Symbol.dispose]: () => {
        this.#activities.delete(activity);
        this.hide();
      },
    };
  }

  /** Takes note that one more file is done. */
  fileDone(): void {
    this.#filesDone++;
  }

  /** Clears the line, for what is printed now. */
  hide(): void {
    if (this.#isShown) clearLine();
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
      const { wait, moved, size, since, ready } = activity;
      const label = activity.label();
      if (wait) return label + wait + (ready && now - since >= LATE_READY_MS ? ` (${this.#causes})` : "");
      const rate = Number(moved) / (now - since) * 1000;
      return size === 0n ? "" : label + progressLine(Number(moved), Number(size), rate, columns - label.length);
    }
    const ms = now - this.#start;
    if (files.length === 1 || ms < PATIENCE_MS) return "";
    const moved = Number(this.#bytesDone);
    return `${this.#filesDone} of ${files.length} files  ${bytes(moved)}  ${bytes(moved / ms * 1000)}/s`;
  }

  get #causes(): string {
    return this.#task.options.tls ? "is it busy, or without TLS?" : "is it busy, or does it use TLS (--tls)?";
  }

  #sayLate(activity: Activity, now: number): void {
    const { timeoutMs = 0 } = this.#task.options;
    if (activity.ready !== "expected" || timeoutMs === 0 || now - activity.since < timeoutMs) return;
    activity.ready = "late";
    this.hide();
    const silence = `${this.#address} did not send READY within ${inSeconds(timeoutMs)}`;
    printer.warn(`client: ${silence}: ${this.#causes} (--wait S limits the wait)\n`);
  }

  /** Clears the line for good. */
  [Symbol.dispose](): void {
    this.hide();
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    for (const signal of REDRAW_SIGNALS) Deno.removeSignalListener(signal, this.#draw);
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
