/** The executable `blockferry-lab`: the lab check, or the script that its first argument names. */

const SCRIPTS: Record<string, () => Promise<unknown>> = {
  grade: () => import("../grade/main.ts"),
  // The sandbox starts this executable once more.
  enclosed: () => import("./enclosed.ts"),
};

await (SCRIPTS[Deno.args[0] ?? ""] ?? (() => import("./main.ts")))();
