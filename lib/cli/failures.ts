/** What the client prints when a transfer fails. */

import { FileError, ProtocolError, ServerError, TransferError } from "../errors.ts";
import { printable } from "../printable.ts";
import { ERROR_TEXTS } from "../protocol.ts";
import type { Task } from "./client_options.ts";
import { destination, type Line } from "./transfer.ts";

/** Why a transfer failed: in the lab's words on standard output, and in ours on standard error. */
export function explain(error: unknown, file: string, task: Task): Line[] {
  const isError = task.as === "-" && task.verb === "GET";
  if (error instanceof ServerError) return [{ text: `server error: ${printable(error.said)}`, isError }];
  if (error instanceof FileError) {
    const line = { text: `client error: ${printable(fileLine(error, file, task))}`, isError };
    const reason = error.reason ?? unreadName(error);
    if (!reason) return [line];
    return [line, { text: `client: ${printable(error.file)}: ${printable(reason)}`, isError: true }];
  }
  if (!(error instanceof TransferError)) throw error;
  const which = task.files.length > 1 ? `${file}: ` : "";
  return [{ text: `client: ${printable(which + describe(error, task))}`, isError: true }];
}

function unreadName({ problem, file }: FileError): string | undefined {
  // What is not UTF-8 in an argument has become U+FFFD before a program in Deno sees it.
  const isMangled = problem === "missing" && file.includes("\ufffd");
  return isMangled ? "if its name is not UTF-8, PUT - --as NAME can send it" : undefined;
}

/** The lab's text for a problem with a file, which it names as the command line does. */
function fileLine({ problem }: FileError, file: string, task: Task): string {
  const isNamed = problem === "create" && task.as !== undefined;
  return ERROR_TEXTS[problem](isNamed ? destination(file, task) : file);
}

function describe(error: TransferError, { options }: Task): string {
  const step = error.step ? ` (at step "${error.step}")` : "";
  // A TLS server answers a plain client with an alert (RFC 8446, 5.1 and 6), or closes.
  const isEarly = error.step === "a. server: READY" &&
    !(error instanceof ProtocolError && !["", "\x15", "\x16"].includes(error.received.slice(0, 1)));
  if (!isEarly) return error.message + step;
  const tls = options.tls ? "is it without TLS" : "does it use TLS (--tls)";
  return `${error.message}${step}; has the server stopped, is it busy, ${tls}, or does it refuse your address?`;
}
