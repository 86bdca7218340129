/** What some tests need. Where it is missing they are ignored, with the reason in their name. */

import { DENO_JSON } from "../../scripts/support/programs.ts";

/** Something that a machine may lack. */
export interface Need {
  /** What it is, for the names of the tests that are ignored without it. */
  what: string;
  isMet: () => boolean;
}

/** Defines a test that is ignored, with the reason in its name, unless all that it needs is there. */
export function testWith(needs: Need[], name: string, fn: (t: Deno.TestContext) => void | Promise<void>): void {
  const missing = needs.find((need) => !need.isMet());
  Deno.test({ name: missing ? `${name} (needs ${missing.what})` : name, ignore: missing !== undefined, fn });
}

/** Asks a question once, since most answers take a process or two. */
function once<T>(ask: () => T): () => T {
  let answer: { value: T } | undefined;
  return () => (answer ??= { value: ask() }).value;
}

function need(what: string, probe: () => boolean): Need {
  return { what, isMet: once(probe) };
}

/** Whether a command runs and succeeds. */
function runs(...words: string[]): boolean {
  const [program, ...args] = words;
  try {
    return new Deno.Command(program!, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function isExecutable(program: "client" | "server" | "lab"): boolean {
  return Deno.env.has(`BLOCKFERRY_${program.toUpperCase()}`);
}

const IS_LINUX = Deno.build.os === "linux";
const IS_ROOT = Deno.build.os !== "windows" && Deno.uid() === 0;

export const LINUX = need("Linux", () => IS_LINUX);
export const UNIX = need("Unix", () => Deno.build.os !== "windows");
export const PYTHON = need("python3", () => runs("python3", "--version"));
export const JAVA = need("javac", () => runs("javac", "-version"));
export const OPENSSL = need("openssl", () => runs("openssl", "version"));
export const STRACE = need("strace", () => runs("strace", "-D", "-f", "-o", "/dev/null", "true"));
export const TERMINAL = need("script of util-linux", () => IS_LINUX && runs("script", "--version"));
export const TMUX = need("tmux", () => runs("tmux", "-V"));
export const ROOT = need("root on Linux", () => IS_LINUX && IS_ROOT);
export const MOUNTS = need("the right to mount", () => IS_LINUX && runs("unshare", "--mount", "true"));
export const NETWORK = need("a network of its own", () => IS_LINUX && runs("unshare", "--net", "true"));
export const CHATTR = need("a disk for append-only folders (chattr)", () => {
  const probe = 'd=$(mktemp -d) && chattr +a "$d" && chattr -a "$d"; status=$?; rmdir "$d"; exit $status';
  return IS_LINUX && runs("sh", "-c", probe);
});
export const ACL = need("ACLs (setfacl)", () => {
  const probe = 'f=$(mktemp) && setfacl -m u:12345:rw "$f"; status=$?; rm "$f"; exit $status';
  return IS_LINUX && runs("sh", "-c", probe);
});
const PROBE = `await (await import("${import.meta.resolve("../../scripts/lab/sandbox.ts")}")).findSandbox()`;
export const SANDBOX = need(
  "bubblewrap 0.8 and the right to use it",
  () => IS_LINUX && runs("bwrap", "--version") && runs(Deno.execPath(), "eval", PROBE),
);
/** The Python that has a module for FUSE: Debian's package is for Debian's own, which need not be the first one. */
export const fusePython = once(() =>
  ["python3", "/usr/bin/python3"].find((python) =>
    ["fusepy", "fuse"].some((module) => runs(python, "-c", `from ${module} import Operations`))
  )
);
export const FUSE = need(
  "root, FUSE and its Python module (python3-fusepy)",
  () => IS_ROOT && runs("fusermount", "-V") && runs("test", "-c", "/dev/fuse") && fusePython() !== undefined,
);
/** A browser for pages. */
export function chromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);
  return names.find((path) => runs("test", "-x", path));
}
export const CHROMIUM = need("chromium", () => chromium() !== undefined);
export const NETEM = need("netem, to delay and lose packets", () => {
  const netem = "ip link add name ferry type dummy && tc qdisc add dev ferry root netem loss 1%";
  return IS_LINUX && runs("unshare", "--net", "sh", "-c", netem);
});
export const IPV6 = need("IPv6", () => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
});

/** Before, a link to a package with several exports is resolved beside its folder. */
export const LINKS = need("Deno 2.9", () => {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  return major > 2 || minor >= 9;
});

/** Programs that run from source take the permissions that a test gives them; executables have them built in. */
export const SOURCES = need("programs run from source", () => !isExecutable("client") && !isExecutable("server"));
/** Before, Deno has no lock that readers share. */
export const SHARED_LOCKS = need(
  "programs run by Deno 2.7 or newer",
  () => !isExecutable("server") && "tryLockSync" in Deno.FsFile.prototype,
);
/** `deno task compile` builds them; BLOCKFERRY_CLIENT, BLOCKFERRY_SERVER and BLOCKFERRY_LAB name them. */
export const EXECUTABLES = need(
  "executables",
  () => isExecutable("client") && isExecutable("server") && isExecutable("lab"),
);

/** The words that run a command as another user, who may read what the programs are started from. */
export const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/** Whether another user can run the programs. */
export const OTHER_USER = need(
  "another user who can run the programs",
  () =>
    IS_LINUX && IS_ROOT && runs(...NOBODY, "test", "-r", DENO_JSON) &&
    runs(...NOBODY, Deno.execPath(), "--version"),
);
