/** A server with one buffer for all requests, which keeps the end of a longer one as the end of a later one's name. */

import { HINTS } from "./hints.ts";
import type { Finding } from "./deviations.ts";
import { eventsOf, type Recording } from "./recording.ts";

/** The names that stand in such a buffer where they are not those that were asked for; none without such a buffer. */
export function keptNames(recordings: readonly Recording[]): Map<Recording, string> {
  const buffers = new Map<number, string>();
  const names = new Map<Recording, string>();
  for (const one of recordings) {
    const request = eventsOf(one, "said").find(({ step }) => step === "b");
    if (one.about !== "server" || !request) continue;
    const buffer = request.bytes + (buffers.get(one.run) ?? "").slice(request.bytes.length);
    buffers.set(one.run, buffer);
    if (buffer !== request.bytes) names.set(one, buffer.slice("GET ".length));
  }
  // One may be chance.
  return [...names].filter((each) => mentions(...each)).length > 1 ? names : new Map();
}

export function mentions(one: Recording, name: string): boolean {
  return eventsOf(one, "came").some(({ bytes }) => bytes.includes(name)) ||
    eventsOf(one, "line").some(({ text }) => text.includes(name));
}

/** A finding; with the buffer as its root, if the name in it explains it. */
export function explained(finding: Finding, names: Map<Recording, string>): Finding {
  const { play, run, came } = finding;
  const name = [...names].find(([one]) => one.play === play && one.run === run)?.[1];
  // Reports show the beginning of a long text.
  const isExplained = name !== undefined &&
    (/^(no such|the old one|it is still there|it closed)/.test(came) || came.includes(name.slice(0, 24)));
  return isExplained ? { ...finding, root: "kept", hint: HINTS.get("kept") } : finding;
}
