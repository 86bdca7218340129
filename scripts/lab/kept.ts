/** A server with one buffer for all requests, which keeps the end of a longer one as the end of a later one's name. */

import { HINTS } from "./hints.ts";
import type { Finding } from "./deviations.ts";
import { eventsOf, type Recording } from "./recording.ts";

/** What a server's buffer kept, if it has one. */
export class Kept {
  // The names that stand in the buffer, where they are not those that were asked for.
  readonly #names: Map<Recording, string>;

  /** Looks for such a buffer in all recordings of a server, in the order in which it served them. */
  constructor(recordings: readonly Recording[]) {
    const names = keptNames(recordings);
    // One may be chance.
    this.#names = [...names].filter((each) => mentions(...each)).length > 1 ? names : new Map();
  }

  /** Whether the server took what it had kept for a part of the name. */
  isIn(one: Recording): boolean {
    const name = this.#names.get(one);
    return name !== undefined && mentions(one, name);
  }

  /** A finding; with the buffer as its root, if that explains it. */
  explain(finding: Finding): Finding {
    const { play, run, came } = finding;
    const name = [...this.#names].find(([one]) => one.play === play && one.run === run)?.[1];
    const isExplained = name !== undefined &&
      // Reports show the beginning of a long text.
      (/^(no such|the old one|it is still there|it closed)/.test(came) || came.includes(name.slice(0, 24)));
    return isExplained ? { ...finding, root: "kept", hint: HINTS.get("kept") } : finding;
  }
}

/** The name that each request would have, if it began a buffer that keeps the ends of longer ones before. */
function keptNames(recordings: readonly Recording[]): Map<Recording, string> {
  const buffers = new Map<number, string>();
  const names = new Map<Recording, string>();
  for (const one of recordings.filter(({ about }) => about === "server")) {
    const [request] = eventsOf(one, "said").filter(({ step }) => step === "b");
    if (!request) continue;
    const buffer = request.bytes + (buffers.get(one.run) ?? "").slice(request.bytes.length);
    buffers.set(one.run, buffer);
    if (buffer !== request.bytes) names.set(one, buffer.slice("GET ".length));
  }
  return names;
}

/** Whether a program said or printed a name. */
function mentions(one: Recording, name: string): boolean {
  return [...eventsOf(one, "came").map(({ bytes }) => bytes), ...eventsOf(one, "line").map(({ text }) => text)]
    .some((text) => text.includes(name));
}
