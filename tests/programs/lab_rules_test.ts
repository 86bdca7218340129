/** The rules and causes of the lab check, by recordings that are made here: no program runs. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Role } from "../../lib/protocol.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { junit, report } from "../../scripts/lab/report.ts";
import { eventsOf, type Recording } from "../../scripts/lab/recording.ts";
import { session } from "../support/lab.ts";

/** Changes what came, and what the player took for it. */
function resay(from: string, to: string): (recording: Recording) => void {
  return (recording) => {
    for (const [index, event] of recording.events.entries()) {
      const next = recording.events[index + 1];
      if (event.type !== "came" || event.bytes !== from || next?.type !== "heard") continue;
      event.bytes = to;
      next.count = to.length;
    }
  };
}

function reprint(from: string | RegExp, to: string): (recording: Recording) => void {
  return (recording) => {
    for (const line of eventsOf(recording, "line")) line.text = line.text.replace(from, to);
  };
}

/** From a step on nothing happens any more but what is given. */
function breakOff(verb: string, step: string, ...lines: string[]): (recording: Recording) => void {
  return (recording) => {
    const { events, play } = recording;
    const index = events.findIndex((event) => event.type === "heard" && event.step === step);
    if (!play.startsWith(verb) || index < 0) return;
    const at = events[index]!.at;
    const crash = lines.map((text) => ({ at, type: "line" as const, stream: "stderr" as const, text }));
    recording.events = [...events.slice(0, index - 1), ...crash, { at, type: "ended" }, {
      at,
      type: "heard",
      step,
      count: 0,
      ms: 5,
    }];
  };
}

const CASES: [
  name: string,
  about: Role,
  change: (recording: Recording) => void,
  fails: string[],
  causes: number,
  says: string,
][] = [
  ["a newline", "server", resay("READY", "READY\n"), ["1.1", "2.1", "3.1"], 1, "a newline follows"],
  ["another word", "server", resay("OK", "YES"), ["1.1", "2.1"], 1, 'came     "YES"'],
  ["small letters", "client", resay("READY", "ready"), ["1.5"], 1, "the case of the letters counts"],
  ["a size as text", "client", resay("\0\0\0\0\0\0\x07\xd0", "2000"), ["2.6"], 1, "the number as text"],
  ["a colon too many", "server", reprint("server sending", "server: sending"), ["5.5"], 1, "spaces, colons"],
  [
    "a line on no terminal",
    "server",
    (one) => eventsOf(one, "line").forEach((line) => line.stream = "stderr"),
    ["5.1", "5.2", "5.3", "5.4", "5.5", "5.6"],
    1,
    "standard error",
  ],
  ["no Complete", "client", reprint(/^Complete$/, "Done"), ["4.1", "4.2", "4.3"], 1, "Complete"],
  [
    "an open connection",
    "server",
    (one) => one.events = one.events.filter(({ type }) => type !== "ended"),
    ["8.6"],
    1,
    "close()",
  ],
  [
    "a prefix",
    "client",
    reprint("server error: ", "server error: ERROR: "),
    ["6.5", "6.6", "6.7", "6.10"],
    1,
    '"ERROR: " is removed',
  ],
  [
    "memory",
    "server",
    (one) => eventsOf(one, "memory").forEach((event) => event.kib += event.passed / 1024),
    ["7.3", "7.9"],
    2,
    "it grew by 192 MiB",
  ],
  [
    "a crash in every PUT",
    "server",
    breakOff(
      "PUT",
      "e",
      "Traceback (most recent call last):",
      '  File "/x/server.py", line 7, in put',
      "    size = int(data)",
      "ValueError: invalid literal for int() with base 10: b''",
    ),
    ["2.1"],
    1,
    "server.py line 7: size = int(data)",
  ],
];

Deno.test("a program that does everything right holds to every sentence", () => {
  for (const about of ["client", "server"] as const) {
    const { sentences, causes } = judge(session(about), { isStrict: true });
    const others = sentences.filter(({ outcome, id }) =>
      outcome !== "holds" && !["7.15", "7.16", "8.1", "8.3", "8.4"].includes(id)
    );
    assertEquals([causes, others], [[], []]);
  }
});

Deno.test("a mistake is one cause, with the sentences that it costs and no others", () => {
  for (const [name, about, change, fails, count, says] of CASES) {
    const result = judge(session(about, change), { isStrict: true });
    const failed = result.sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id);
    assertEquals([name, failed, result.causes.length], [name, fails, count]);
    assertStringIncludes(report(result, false, (_, text) => text).join("\n"), says);
  }
});

Deno.test("what a crash hides is not shown, and says why", () => {
  const change = breakOff(
    "GET",
    "c",
    "Traceback (most recent call last):",
    '  File "/x/server.py", line 9, in get',
    "KeyError: 1",
  );
  const { sentences } = judge(session("server", change));
  const hidden = sentences.filter(({ outcome }) => outcome === "not shown").map(({ id }) => id);
  for (const id of ["1.2", "1.3", "1.4"]) assertEquals(hidden.includes(id), true, id);
  assertEquals(
    sentences.find(({ id }) => id === "1.2")?.reason,
    'at step "c. server: OK" came it closed the connection instead',
  );
});

Deno.test("a server that does not serve the next client fails by the client that waits", () => {
  const made = session("server");
  const index = made.recordings.findIndex(({ play }) => play === "PUT");
  made.recordings.splice(index, 0, {
    ...made.recordings[index]!,
    retried: true,
    events: [{ at: 1, type: "unconnected" }],
  });
  const { causes } = judge(made);
  assertEquals(causes.map(({ sentences }) => sentences), [["8.1"]]);
});

Deno.test("the JUnit file is valid XML whatever a program prints", () => {
  const xml = junit(judge(session("server", resay("READY", "\xef\xbf\xbf]]>\x1b\ud800<&"))));
  assertEquals(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml), false);
  assertEquals(xml.includes("]]>\x1b"), false);
});
