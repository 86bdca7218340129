/** All sentences, in the order of their numbers. */

import { CLIENT_LINE_RULES } from "./client_line_rules.ts";
import { ERROR_RULES } from "./error_rules.ts";
import { LOOP_RULES } from "./loop_rules.ts";
import { playOf } from "./plays.ts";
import type { Rule } from "./rule.ts";
import { SERVER_LINE_RULES } from "./server_line_rules.ts";
import { STREAM_RULES } from "./stream_rules.ts";
import { TALK_RULES } from "./talk_rules.ts";

export const RULES: readonly Rule[] = [
  TALK_RULES,
  CLIENT_LINE_RULES,
  SERVER_LINE_RULES,
  ERROR_RULES,
  STREAM_RULES,
  LOOP_RULES,
].flat().map(([id, title, plays, look, others]) => (
  { id, about: playOf({ play: plays[0]! }).about, title, plays, look, ...others }
)).toSorted((a, b) => a.id.localeCompare(b.id, "en", { numeric: true }));
/** The sections, by the first digit of a number. */
export const SECTIONS = [
  "",
  "GET",
  "PUT",
  "DEL",
  "The client's lines",
  "The server's lines",
  "Errors",
  "Streams and blocks",
  "Connections",
];
