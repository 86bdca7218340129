/** Accidents in the middle of transfers, after each of which only whole files may be left. */

import { VERBS } from "../../../lib/protocol.ts";
import { letters } from "../raw.ts";
import { breakAtLastPlace, breakByChance, CHANGES, changeSource, slowNetwork } from "./breaks.ts";
import { seeded } from "../seeded.ts";
import { type Transfer, TRANSFERS } from "./folders.ts";
import {
  killBesideClient,
  killBesideServer,
  killClientAt,
  killClientByChance,
  killServerAt,
  killServerByChance,
} from "./kills.ts";

/** One trial; it throws if anything was lost. */
export interface Trial {
  name: string;
  run: () => Promise<void>;
}

/** A kind of accident. */
export interface Fault {
  name: string;
  /** The trials of this kind; `rounds` of them are random. */
  trials: (rounds: number) => Trial[];
}

/** `count` trials of GET and PUT in turn, each with a seed of its own. */
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
    name: "one is killed while another is at work",
    trials: () => [{ name: "server", run: killBesideServer }, { name: "client", run: killBesideClient }],
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
