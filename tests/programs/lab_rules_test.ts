/** The rules and causes of the lab check, by recordings that are made here: no program runs. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Role } from "../../lib/protocol.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { junit, report } from "../../scripts/lab/report.ts";
import type { Recording } from "../../scripts/lab/recording.ts";
import { Waits } from "../../scripts/lab/waits.ts";
import { CLIENTS } from "../support/client_mistakes.ts";
import { session } from "../support/lab.ts";
import { all, type Case, type Change, only, says, stops, word } from "../support/recordings.ts";
import { SERVERS } from "../support/server_mistakes.ts";

/** The server has ended when the next client comes, after a play of this name. */
const RETRIED = { retried: true as const, events: [{ at: 1, type: "unconnected" as const }] };

Deno.test("a program that does everything right holds to every sentence", () => {
  for (const about of ["client", "server"] as const) {
    const { sentences, causes } = judge(session(about), { isStrict: true });
    const others = sentences.filter(({ outcome, id }) =>
      outcome !== "holds" && !["7.15", "7.16", "8.1", "8.3", "8.4"].includes(id)
    );
    assertEquals([causes, others], [[], []]);
  }
});

for (const [about, cases] of [["server", SERVERS], ["client", CLIENTS]] as [Role, Case[]][]) {
  Deno.test(`${cases.length} mistakes of a ${about} are a cause each, with the sentences that they cost`, () => {
    const wrong = cases.flatMap(([name, change, fails, words = "", count = fails === "" ? 0 : 1]) => {
      const result = judge(session(about, change), { isStrict: true });
      const failed = result.sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id).join(", ");
      const text = report(result, false, (_, line) => line).join("\n");
      const isSaid = text.replace(/\s+/g, " ").includes(words.replace(/\s+/g, " "));
      return failed === fails && result.causes.length === count && isSaid ? [] : [{ name, fails, failed, words, text }];
    });
    assertEquals(wrong, []);
  });
}

Deno.test("a section leaves out what --strict judges, a sentence that is named itself does not", () => {
  const outcomes = (...only: string[]): unknown =>
    judge(session("server"), { only }).sentences.find(({ id }) => id === "6.4")?.outcome;
  assertEquals([outcomes("6"), outcomes("6.4")], ["left out", "holds"]);
});

Deno.test("a hint has no Python for a program in another language", () => {
  const hint = (program: string): string | undefined => {
    const made = session("server", only(/^GET/, word("READY", "READY\n")));
    return judge({ ...made, programs: { server: program } }).causes[0]?.finding.hint;
  };
  const common = "a newline follows: send the bytes alone";
  assertEquals([hint("server.java"), hint("server.py")], [common, `${common}, as in sock.sendall(b"OK")`]);
});

Deno.test("a line that is long and strange costs no more than its length", () => {
  const length = 100_000;
  const texts = ["receiving 11 ", "  at a:1 (", "Error"].map((text) => text.repeat(length / text.length));
  const made = session("client", (one) => {
    for (const text of [...texts, `receiving ${"1".repeat(length)}`]) {
      one.events.unshift({ at: 0, type: "line", stream: "stderr", text });
    }
  });
  const start = performance.now();
  judge(made);
  // A fifth of a second; with a pattern that looks at all pairs of places, minutes.
  assert(performance.now() - start < 30_000);
});

Deno.test("what a crash hides is not shown, and says why", () => {
  const { sentences } = judge(session("server", only(/GET/, stops("c"))));
  const hidden = sentences.filter(({ outcome }) => outcome === "not shown").map(({ id }) => id);
  for (const id of ["1.2", "1.3", "1.4"]) assertEquals(hidden.includes(id), true, id);
  assertEquals(
    sentences.find(({ id }) => id === "1.2")?.reason,
    'at step "c. server: OK": it closed the connection instead',
  );
});

Deno.test("a server that does not serve the next client fails by the client that waits", () => {
  for (const [play, id] of [["PUT", "8.1"], ["idle", "8.1"], ["after-errors", "8.3"], ["after-vanish", "8.4"]]) {
    const made = session("server");
    const index = made.recordings.findIndex((one) => one.play === play);
    made.recordings.splice(index, 0, { ...made.recordings[index]!, ...RETRIED } as Recording);
    const { causes } = judge(made, { isStrict: true });
    assertEquals([play, causes.map(({ sentences }) => sentences)], [play, [[id]]]);
  }
});

Deno.test("a server that serves one client needs no other hint for the client that comes late", () => {
  const made = session("server");
  for (const play of ["PUT", "idle"]) {
    const index = made.recordings.findIndex((one) => one.play === play);
    made.recordings.splice(index, 0, { ...made.recordings[index]!, ...RETRIED } as Recording);
  }
  const { causes } = judge(made);
  assertEquals(causes.map(({ sentences }) => sentences), [["8.1"]]);
  assertStringIncludes(causes[0]!.finding.hint ?? "", "in a loop that never ends");
});
Deno.test("where the first cause ends the run, no rule is judged whose plays are still to come", () => {
  const made = session("server", only(/^(huge|signed)-size$/, says((text) => `${text}DONE`, "e")));
  const failed = (): string[] =>
    judge(made, { isFirst: true }).sentences.filter(({ outcome }) => outcome === "fails").map(({ id }) => id);
  assertEquals(failed(), ["7.11"]);
  made.recordings = made.recordings.filter(({ play }) => play !== "pieces");
  assertEquals(failed(), []);
});
Deno.test("one mistake fits a screen of 24 lines of 80 letters, and twelve fit three screens", () => {
  const plain = (change: Change): string[] => report(judge(session("server", change)), false, (_, line) => line);
  const one = plain(word("READY", "READY\n"));
  assertEquals([one.length <= 22, one.filter((line) => line.length > 80)], [true, []], one.join("\n"));
  assertStringIncludes(one.join("\n"), "1. server.py: GET follows steps a to h (1.1)\n   also     2.1, 3.1\n");
  const twelve = plain(all(...Array.from({ length: 12 }, (_, index) => SERVERS[4 * index]![1])));
  assertEquals([twelve.length <= 72, twelve.filter((line) => line.length > 80)], [true, []], twelve.join("\n"));
});

Deno.test("output without a newline counts, though it shows at the program's end alone", () => {
  const made = session("server");
  const { run } = made.recordings.find(({ play }) => play === "GET")!;
  const last = made.recordings.findLast((one) => one.run === run)!;
  last.events.push({ type: "line", at: 9e9, stream: "stdout", text: "server waiting", isUnended: true });
  assertEquals(judge(made).causes.map(({ sentences }) => sentences), [["5.7"]]);
});

Deno.test("the JUnit file is valid XML whatever a program prints", () => {
  const xml = junit(judge(session("server", word("READY", "\xef\xbf\xbf]]>\x1b\ud800<&"))));
  assertEquals(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml), false);
  assertEquals(xml.includes("]]>\x1b"), false);
});

Deno.test("who was silent is not awaited as long again, but for who was slow before", () => {
  const waits = new Waits();
  assertEquals(waits.limit("a", 9000), 9000);
  waits.add("a");
  assert(waits.limit("a", 9000) < 9000);
  waits.clear("a");
  assertEquals(waits.limit("a", 9000), 9000);
  waits.add("a");
  waits.came("a", 5000);
  assertEquals([waits.limit("a", 9000), waits.limit("a", 9000, 30_000)], [9000, 20_000]);
  assert(waits.limit("b", 9000) === 9000);
});
