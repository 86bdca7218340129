/** All sentences, in the order of their numbers. */

import { ERROR_RULES } from "./error_rules.ts";
import { CLIENT_LINE_RULES, SERVER_LINE_RULES } from "./line_rules.ts";
import { LOOP_RULES } from "./loop_rules.ts";
import type { Rule } from "./rule.ts";
import { STREAM_RULES } from "./stream_rules.ts";
import { TALK_RULES } from "./talk_rules.ts";

/** All rules. */
export const RULES: readonly Rule[] = [
  ...TALK_RULES,
  ...CLIENT_LINE_RULES,
  ...SERVER_LINE_RULES,
  ...ERROR_RULES,
  ...STREAM_RULES,
  ...LOOP_RULES,
].toSorted((a, b) => order(a.id) - order(b.id));

/** The sections, by the first digit of a number. */
export const SECTIONS: Readonly<Record<string, string>> = {
  1: "GET",
  2: "PUT",
  3: "DEL",
  4: "The client's lines",
  5: "The server's lines",
  6: "Errors",
  7: "Streams and blocks",
  8: "One client after another",
};

function order(id: string): number {
  const [section, number] = id.split(".").map(Number);
  return section! * 100 + number!;
}
