/**
 * Kills servers and clients, changes files while they are sent, breaks connections, and checks each time that only
 * whole files are left: `deno task faults [ROUNDS]`. Prints a Markdown table; exits with 1 if anything was lost. Every
 * run has the same seeds, and so the same moments and breaks as far as the machine allows.
 */

import { readCommandLine, readInteger } from "../lib/cli/arguments.ts";
import { FAULTS } from "./support/faults/faults.ts";

const USAGE = `Usage: deno task faults [ROUNDS]

Kills, cuts and changes things in the middle of transfers: at every step, and ROUNDS times (200) at any moment.
`;

async function main(): Promise<number> {
  const rounds = await readCommandLine(
    { name: "faults", usage: USAGE },
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

Deno.exit(await main());
