/** The lab check's pages, in a browser. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import axe from "axe-core";
import { classPage } from "../../scripts/grade/class_page.tsx";
import { DEFAULT_POINTS } from "../../scripts/grade/marks.ts";
import { type Row, rowOf } from "../../scripts/grade/rows.ts";
import { judge } from "../../scripts/lab/causes.ts";
import { ladderOf, picturesOf, rightLadder } from "../../scripts/lab/page/ladder.ts";
import { reportPage } from "../../scripts/lab/page/report_page.tsx";
import { eventsOf, type Recording, type Session, VERSION } from "../../scripts/lab/recording.ts";
import { playOf } from "../../scripts/lab/plays.ts";
import { Folder } from "../../scripts/support/folder.ts";
import { Browser } from "../support/browser.ts";
import { lab, session } from "../support/lab.ts";
import { CHROMIUM, SOURCES, testWith, UNIX } from "../support/needs.ts";

const HOSTILE = `</code></style><script>document.title="ran"</script><img src=x onerror=alert(1)>&lt;\u202e\x1b[2J\0`;

/** A server that sends and prints what could be mistaken for HTML. */
function hostile(recording: Recording): void {
  for (const line of eventsOf(recording, "line")) line.text += HOSTILE;
  const [came] = eventsOf(recording, "came");
  const [heard] = eventsOf(recording, "heard");
  if (!came || heard?.step !== "a") return;
  came.bytes = HOSTILE.replace("\u202e", "\xe2\x80\xae");
  heard.count = came.bytes.length;
}

/** A client that goes on without the READY of its GET, and never prints "Complete". */
function forgetful(recording: Recording): void {
  recording.events = recording.events.filter((event) => event.type !== "line" || event.text !== "Complete");
  const index = recording.events.findIndex((event) => event.type === "heard" && event.step === "d");
  if (!recording.play.startsWith("client-GET") || index < 0) return;
  const heard = recording.events[index]!;
  recording.events.splice(index - 1, 2, { ...heard, type: "heard", step: "d", count: 0, ms: 3000 });
}

function both(): Session {
  const [client, server] = [session("client", forgetful), session("server", hostile)];
  return {
    version: VERSION,
    programs: { client: `client${HOSTILE}.py`, server: "server.py" },
    recordings: [...client.recordings, ...server.recordings],
  };
}

/** The page of a session. */
function pageOf(made: Session, only?: string[]): string {
  const result = judge(made, { only });
  return reportPage(result, picturesOf(result, made));
}

const ledger = { out: "", points: DEFAULT_POINTS, due: undefined, isAnonymous: false, isGradescope: false };

/** A class of two, of whom one has handed in what is in a recording. */
function rows(session: Session): Row[] {
  const [none, result] = [{ digest: "", notes: [] }, judge(session)];
  const handin = { id: "c1", at: undefined, isLate: true, sources: new Map(), earlier: [HOSTILE], root: "" };
  return [
    rowOf({ ...handin, name: `Ünn ${HOSTILE}` }, { ...none, status: "graded", result, pictures: [] }, ledger),
    rowOf({ ...handin, name: "Bob" }, { ...none, status: "check failed" }, ledger),
  ];
}

testWith([CHROMIUM], "the lab check's pages in a browser", async (t) => {
  await using folder = new Folder();
  const made = both();
  const pages = {
    report: pageOf(made, ["1", "4"]),
    right: pageOf(session("server")),
    class: classPage(rows(made), rows(made).length + 2, ledger),
  };
  for (const [name, html] of Object.entries(pages)) await Deno.writeTextFile(folder.at(`${name}.html`), html);
  await using browser = await Browser.start(folder.at("profile"));
  const open = async (name: keyof typeof pages, theme = "light", width = 1200): Promise<string> => {
    const url = `file://${folder.at(`${name}.html`)}`;
    await browser.open(url, theme, width);
    return url;
  };
  await t.step("open from a disk without another request or a message, and fit narrow screens", async () => {
    for (const name of ["report", "right", "class"] as const) {
      const url = await open(name, "light", 400);
      const width = await browser.evaluate("document.documentElement.scrollWidth");
      assertEquals([name, browser.seen, width], [name, [url], 400]);
      const border = "getComputedStyle(document.querySelector('section')).borderTopStyle";
      assertEquals(await browser.evaluate(border), "solid");
    }
  });
  await t.step("are accessible in both themes", async () => {
    for (const name of ["report", "class"] as const) {
      for (const [theme, width] of [["light", 1200], ["dark", 400]] as const) {
        await open(name, theme, width);
        await browser.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)");
        await browser.evaluate(axe.source);
        const found = await browser.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))",
        );
        assertEquals([name, theme, found], [name, theme, []]);
      }
    }
  });
  await t.step("show what a program sent and printed as text", async () => {
    for (const name of ["report", "class"] as const) {
      await open(name);
      const counts = "['script', 'img', 'style'].map((name) => document.querySelectorAll(name).length)";
      assertEquals(await browser.evaluate(counts), [0, 0, 1]);
      const text = await browser.evaluate("document.body.textContent.trim()") as string;
      assertStringIncludes(text, HOSTILE.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b").replace("\0", ""));
      assertEquals(text.match(/[\p{Cc}\u202e]/gu), null);
    }
  });
  await t.step("run no script, even if there were one", async () => {
    await open("report");
    const add =
      "const one = document.createElement('script'); one.textContent = 'globalThis.ran = true'; document.body.append(one);";
    assertEquals(await browser.evaluate(`(() => { ${add} return globalThis.ran ?? 'blocked'; })()`), "blocked");
  });
  await t.step("show everything on paper", async () => {
    await open("report");
    const isShown = "document.querySelector('#s4\\\\.1').checkVisibility({ contentVisibilityAuto: true })";
    assertEquals(await browser.evaluate(isShown), false);
    await browser.call("Emulation.setEmulatedMedia", { media: "print" });
    await browser.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))");
    assertEquals(await browser.evaluate(isShown), true);
  });
  await t.step("draw a conversation as a list, with what never came as a dashed arrow", async () => {
    await open("report");
    const missing = "document.querySelector('.came ol[role=list] > li.marked.missing.client')";
    assertMatch(await browser.evaluate(`${missing}.textContent`) as string, /^d client.* sends "READY"✗ never came$/);
    const arrow = `getComputedStyle(${missing}.querySelector('.arrow')).borderBottomStyle`;
    assertEquals(await browser.evaluate(arrow), "dashed");
    const count = (selector: string): Promise<unknown> =>
      browser.evaluate(`document.querySelectorAll('${selector}').length`);
    assertEquals(await count(".came .marked"), await count(".cause"));
  });
  await t.step("link to reports by their paths alone", async () => {
    await open("class");
    const href = await browser.evaluate("document.querySelector('tbody a').getAttribute('href')") as string;
    const [{ folder = "" } = {}] = rows(made);
    assertEquals(decodeURIComponent(href), `${folder}/report.html`);
    assertMatch(href, /^%C3%9Cnn_code_style_script_[\w.]+\/report\.html$/);
  });
});

Deno.test("a line that was never printed stands where the document has it", () => {
  const made = session("client", forgetful);
  const { finding } = judge(made).causes.find(({ sentences }) => sentences.includes("4.2"))!;
  const recording = made.recordings.find(({ play }) => play === "client-PUT")!;
  const rungs = ladderOf(recording, playOf(recording), finding);
  const index = rungs.findIndex(({ isMarked }) => isMarked);
  assertEquals([rungs[index - 1]?.step, rungs[index]?.text, rungs[index]?.isMissing], ["g", "Complete", true]);
});

Deno.test("of several lines at one moment, the wrong one is marked", () => {
  const made = session("server", (recording) => {
    for (const line of eventsOf(recording, "line")) {
      Object.assign(line, { at: 3, text: line.text.replace("server deleting", "deleting") });
    }
  });
  const { finding } = judge(made).causes.find(({ sentences }) => sentences.includes("5.6"))!;
  const recording = made.recordings.find(({ play }) => play === finding.play)!;
  const marked = ladderOf(recording, playOf(recording), finding).filter(({ isMarked }) => isMarked);
  assertEquals(marked.map(({ text, expected }) => [text, expected]), [
    ["deleting file lines-DEL-100%.txt", 'the line "server deleting file lines-DEL-100%.txt"'],
  ]);
});

Deno.test("a program that floods costs no more than a page shows of it", () => {
  const made = session("server", (recording) => {
    if (recording.play === "GET") eventsOf(recording, "came").at(-1)!.bytes += "\0x".repeat(200_000);
    // It never says that it waits, and what the page shows of that is the first play with lines.
    const length = recording.play === "lines-GET" ? 5_000 : 1;
    const [line] = eventsOf(recording, "line");
    const flood = Array.from({ length }, (_, n) => ({ ...line!, text: `${n} ${HOSTILE.repeat(9)}` }));
    if (line) recording.events.splice(recording.events.indexOf(line), 1, ...flood);
  });
  const result = judge(made);
  const pictures = picturesOf(result, made);
  assert(JSON.stringify([result, pictures]).length < 300_000);
  assertStringIncludes(reportPage(result, pictures), "4988 lines before, not shown");
});

Deno.test("what a right program does is the conversation that the document has", () => {
  const said = (rungs: { kind: string; text: string }[]): string[] =>
    rungs.flatMap(({ kind, text }) => kind === "note" ? [] : text.split("\n").map((line) => `${kind} ${line}`));
  const none = { root: "", expected: "", came: "", play: "", run: 1, at: 0 };
  for (const about of ["client", "server"] as const) {
    for (const recording of session(about).recordings) {
      const play = playOf(recording);
      if (play.id === "both" || /huge|signed|vanish|halves|unfinished|folder/.test(play.id)) continue;
      const [came, right] = [
        ladderOf(recording, play, none).filter(({ isMarked }) => !isMarked),
        rightLadder(recording, play, none),
      ];
      assertEquals([play.id, ...said(came).toSorted()], [play.id, ...said(right).toSorted()]);
    }
  }
  // Of a file that our side only begins, the document has all.
  const huge = session("client").recordings.find(({ play }) => play === "client-huge-size")!;
  assertEquals(said(rightLadder(huge, playOf(huge), none)).includes("message 4294967301 bytes"), true);
});

testWith([UNIX, SOURCES], "--html writes the page of a recording", async () => {
  await using folder = new Folder();
  const [json, html] = [folder.at("all.json"), folder.at("all.html")];
  await Deno.writeTextFile(json, JSON.stringify(both()));
  const { status } = await lab("--replay", json, "--html", html);
  const made = both();
  assertEquals([status, await Deno.readTextFile(html)], [1, pageOf(made)]);
});
