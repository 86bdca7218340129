/** All checks, in the order of their numbers. */

import type { Check } from "./check.ts";
import { CLIENT_CONVERSATIONS } from "./client_checks.ts";
import { CLIENT_ERRORS } from "./client_errors.ts";
import { CLIENT_LINES } from "./client_lines.ts";
import { CLIENT_STREAMS } from "./client_streams.ts";
import { CONVERSATIONS } from "./server_checks.ts";
import { SERVER_ERRORS } from "./server_errors.ts";
import { SERVER_LINES } from "./server_lines.ts";
import { SERVER_LOOP } from "./server_loop.ts";
import { SERVER_STREAMS } from "./server_streams.ts";

/** All checks. */
export const CHECKS: readonly Check[] = [
  ...CONVERSATIONS,
  ...SERVER_LINES,
  ...SERVER_ERRORS,
  ...SERVER_STREAMS,
  ...SERVER_LOOP,
  ...CLIENT_CONVERSATIONS,
  ...CLIENT_LINES,
  ...CLIENT_ERRORS,
  ...CLIENT_STREAMS,
].toSorted((a, b) => order(a.id) - order(b.id));

function order(id: string): number {
  const [section, number] = id.split(".").map(Number);
  return section! * 100 + number!;
}
