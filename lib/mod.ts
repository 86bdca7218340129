/**
 * The lab's streaming file transfer protocol over TCP: a client's `get`, `put` and `del`, and a server, `serve`. They
 * print nothing and never exit.
 *
 * @module
 */

export { type ClientOptions, del, type Download, get, type GetOptions, put, type PutOptions } from "./client.ts";
export type { DialOptions } from "./dial.ts";
export {
  ConnectionError,
  type FailureOptions,
  FileError,
  ProtocolError,
  ServerError,
  TransferError,
} from "./errors.ts";
export { Written } from "./files/storage.ts";
export { printable } from "./printable.ts";
export { type FileProblem, REQUEST_STEP, type Role, type Step, STEPS, type Verb, VERBS } from "./protocol.ts";
export type { ServeOptions, Server, ServerEvent } from "./listener.ts";
export type { ReceptionOptions } from "./reception.ts";
export type { SessionEvent } from "./request.ts";
export { serve } from "./start.ts";
export type { ConnectOptions, TlsOptions } from "./net/connect.ts";
export type { TlsCredentials } from "./net/tls.ts";
export type { Message } from "./trace.ts";
export { RateLimit, type TransferOptions } from "./transfer.ts";
export { remoteSum, sha256, type Sum } from "./sha256.ts";
