/**
 * Kills servers and clients, changes files while they are sent, breaks connections, and looks each time whether
 * anything but whole files is left: `deno task faults [ROUNDS]`. Prints a Markdown table; exits with 1 if anything was
 * lost. Every run has the same moments and the same breaks, as far as the machine allows.
 */

import { readCommandLine, readInteger } from "../../lib/cli/arguments.ts";
import { VERBS } from "../../lib/protocol.ts";
import { letters } from "../../tests/support/raw.ts";
import { breakAtLastPlace, breakByChance, CHANGES, changeSource, slowNetwork } from "./breaks.ts";
import { seeded, type Transfer, TRANSFERS } from "./folders.ts";
import {
  killBesideClient,
  killBesideServer,
  killClientAt,
  killClientByChance,
  killServerAt,
  killServerByChance,
} from "./kills.ts";

/** One experiment; it throws if anything was lost. */
export interface Trial {
  name: string;
  run: () => Promise<void>;
}

/** A kind of accident. */
export interface Fault {
  name: string;
  /** The experiments of this kind; those that are left to chance are `rounds` many. */
  trials: (rounds: number) => Trial[];
}

/** `count` trials of GET and PUT in turn, each with chances of its own. */
function byChance(count: number, run: (verb: Transfer, random: () => number) => Promise<void>): Trial[] {
  return Array.from({ length: count }, (_, index) => {
    const verb = TRANSFERS[index % 2]!;
    return { name: `${verb}, chance ${index}`, run: () => run(verb, seeded(index)) };
  });
}

/** All kinds of accidents. */
export const FAULTS: readonly Fault[] = [
  {
    name: "the server is killed at a step",
    trials: () =>
      VERBS.flatMap((verb) =>
        letters(verb).map((step) => ({ name: `${verb} ${step}`, run: () => killServerAt(verb, step) }))
      ),
  },
  {
    name: "the client is killed at a step",
    trials: () =>
      VERBS.flatMap((verb) =>
        ["connected", ...letters(verb)].map((step) => ({
          name: `${verb} ${step}`,
          run: () => killClientAt(verb, step),
        }))
      ),
  },
  { name: "the server is killed at any moment", trials: (rounds) => byChance(rounds, killServerByChance) },
  { name: "the client is killed at any moment", trials: (rounds) => byChance(rounds, killClientByChance) },
  {
    name: "one is killed beside another at work",
    trials: () => [
      { name: "server", run: killBesideServer },
      { name: "client", run: killBesideClient },
    ],
  },
  {
    name: "the file changes while it is sent",
    trials: () =>
      TRANSFERS.flatMap((verb) =>
        (Object.keys(CHANGES) as (keyof typeof CHANGES)[]).map((change) => ({
          name: `${verb} ${change}`,
          run: () => changeSource(verb, change),
        }))
      ),
  },
  { name: "the network is slow", trials: (rounds) => byChance(rounds, slowNetwork) },
  ...(["cut", "reset"] as const).map((fault): Fault => ({
    name: `the connection is ${fault}`,
    trials: (rounds) => [
      ...TRANSFERS.map((verb) => ({ name: `${verb}, before its end`, run: () => breakAtLastPlace(fault, verb) })),
      ...byChance(rounds, (verb, random) => breakByChance(fault, verb, random)),
    ],
  })),
];

const USAGE = `Usage: deno task faults [ROUNDS]

Kills, cuts and changes things in the middle of transfers: at every step, and ROUNDS times (200) at any moment.
`;

async function main(): Promise<number> {
  const rounds = await readCommandLine(
    { name: "faults", usage: USAGE, options: { flags: [], values: [] } },
    ({ positional: [rounds = "200"] }) => ({ rounds: readInteger(rounds, 1, 1_000_000, "ROUNDS") }),
  );
  return typeof rounds === "number" ? rounds : await playAll(rounds.rounds);
}

async function playAll(rounds: number): Promise<number> {
  const rows = ["| fault | times | lost | seconds |", "| --- | ---: | ---: | ---: |"];
  let lost = 0;
  for (const { name, trials } of FAULTS) {
    console.error(`${name} …`);
    const start = performance.now();
    const all = trials(rounds);
    let lostHere = 0;
    for (const trial of all) {
      try {
        await trial.run();
      } catch (error) {
        lostHere++;
        console.error(`${name}: ${trial.name}:`, error);
      }
    }
    lost += lostHere;
    rows.push(`| ${name} | ${all.length} | ${lostHere} | ${((performance.now() - start) / 1000).toFixed(1)} |`);
  }
  console.log(rows.join("\n"));
  return lost === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
