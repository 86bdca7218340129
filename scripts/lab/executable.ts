/** The executable `blockferry-lab`: the lab check, or the script that its first argument names. */

const SCRIPTS: Record<string, () => Promise<unknown>> = {};

await (SCRIPTS[Deno.args[0] ?? ""] ?? (() => import("./main.ts")))();
