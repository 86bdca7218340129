import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ClientOptions, get, serve, type ServeOptions, type Server } from "../../lib/mod.ts";
import { within } from "../../lib/within.ts";
import { certificates } from "../../scripts/support/certificates.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, NETWORK, OPENSSL, STRACE, testWith } from "../support/needs.ts";
import { freePort, waitFor } from "../support/net.ts";
import { client, folders } from "../../scripts/support/pair.ts";
import {
  command,
  descriptors,
  ended,
  type Output,
  Process,
  run,
  runClient,
  ServerProcess,
} from "../../scripts/support/programs.ts";
import { conversation, Raw, wire } from "../../scripts/support/raw.ts";
import { readTrace, traced } from "../support/trace.ts";

/** Folders with certificates beside them. */
async function secured(files: Record<string, string> = {}): Promise<Folder> {
  const folder = await folders(files);
  await certificates(folder.path);
  return folder;
}

/** Runs a client that trusts them. */
function tlsClient(folder: Folder, port: number, ...args: string[]): Promise<Output> {
  return client(folder, port, ...args, "--ca", folder.at("ca.pem"));
}

/** A server's options for TLS. */
function withTls(folder: Folder, cert = "cert.pem", key = "key.pem"): string[] {
  return ["--cert", folder.at(cert), "--key", folder.at(key)];
}

function startTls(folder: Folder, ...args: string[]): Promise<ServerProcess> {
  return ServerProcess.start([...withTls(folder), ...args], { cwd: folder.at("served") });
}

testWith([OPENSSL], "inside TLS files move as they do without it, and -v says why a handshake failed", async () => {
  await using folder = await secured();
  await using server = await startTls(folder);
  const data = randomBytes(700_001);
  await Deno.writeFile(folder.at("mine/f"), data);
  const put = await tlsClient(folder, server.port, "PUT", "f", "--verify");
  assertEquals(put.stdout, "client sending file f (700001 bytes)\nComplete\n", put.stderr);
  assertMatch(put.stderr, /^verified SHA-256 [0-9a-f]{64}\n$/);
  assertEquals(await Deno.readFile(folder.at("served/f")), data);
  const get = await tlsClient(folder, server.port, "GET", "f", "--as", "g");
  assertEquals(get, ended(0, "client receiving file f (700001 bytes)\nComplete\n"));
  assertEquals(await Deno.readFile(folder.at("mine/g")), data);
  const error = await tlsClient(folder, server.port, "GET", "none");
  assertEquals(error, ended(1, "server error: none does not exist\n"));
  const untrusted = await client(folder, server.port, "GET", "f", "--as", "h", "--tls");
  assertEquals([untrusted.status, untrusted.stdout], [1, ""]);
  const reason = /^client: cannot connect .* certificate is signed by no authority that is trusted here .*\n$/;
  assertMatch(untrusted.stderr, reason);
  await server.errorLine(/^server: the client does not trust the certificate \(at step "a\. server: READY"\)$/);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(wire("GET / HTTP/1.0\r\n\r\n"));
  await server.errorLine(/^server: the client does not speak TLS \(at step "a\. server: READY"\)$/);
  assertEquals(await folder.names("mine"), ["f", "g"]);
});

testWith([OPENSSL, STRACE], "inside TLS a call carries 16 blocks, or as many as --gather says", async () => {
  await using folder = await secured();
  await using server = await startTls(folder);
  const trace = folder.at("calls");
  const words = [...command("client"), "127.0.0.1", String(server.port), "PUT", "f", "--ca", folder.at("ca.pem")];
  await Deno.writeFile(folder.at("mine/f"), new Uint8Array(1_000_000));
  for (const [options, blocks] of [[[], 16], [["--gather", "1"], 1]] as const) {
    const put = traced([...words, ...options], "sendto,write,writev,sendmsg", trace);
    assertEquals((await run(put, { cwd: folder.at("mine") })).status, 0);
    const sizes = (await readTrace(trace)).filter((call) => /^\w+\(\d+<socket/.test(call.replace(/^\d+ +/, "")))
      .map((call) => Number(call.match(/= (\d+)$/)?.[1] ?? 0));
    const record = sizes.filter((size) => size > blocks * 1024 && size < blocks * 1024 + 100);
    assert(record.length > 900 / blocks, `${blocks} blocks: ${sizes.join()}`);
  }
});

testWith(
  [OPENSSL],
  "a plain client of a TLS server learns so within its timeout, and the server closes long before its own",
  async () => {
    await using folder = await secured();
    await using server = await startTls(folder, "--timeout", "1000");
    await Deno.writeFile(folder.at("served/f"), randomBytes(10));
    const words = [...command("client"), "localhost", `${server.port}`, "GET", "f", "--timeout", "1"];
    await using plain = new Process(words, { cwd: folder.at("mine") });
    const perhaps = /^client: .* did not send READY within 1 second: is it busy, or does it use TLS \(--tls\)\? .*$/;
    assertMatch(await plain.errorLine(/./), perhaps);
    const next = await tlsClient(folder, server.port, "GET", "f");
    assertEquals(next.status, 0, next.stderr);
    // The server has closed the connection, though its handshake was never done.
    await server.errorLine(/^server: the client sent nothing for 2 seconds: it does not speak TLS/);
    assertEquals(await within(plain.ended(), 60_000), 1);
    assertMatch(plain.errors.at(-1)!, /^client: expected READY, .* does it use TLS \(--tls\)/);
  },
);

Deno.test("a TLS client of a plain server learns so", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const args = ["localhost", `${server.port}`, "GET", "f", "--tls"];
  const { status, stdout, stderr } = await runClient(args, { cwd: folder.path });
  assertEquals([status, stdout], [1, ""]);
  assertMatch(stderr, /^client: cannot connect to localhost port \d+: the server does not speak TLS\n$/);
});

/** openssl as a connection: it hands on what a test says, and what the other side says. */
class Openssl extends Raw implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(folder: Folder, ...args: string[]) {
    const options = { cwd: folder.path, stdin: "piped", stdout: "piped", stderr: "null" } as const;
    const child = new Deno.Command("openssl", { args: [...args, "-quiet"], ...options }).spawn();
    const [reader, writer] = [child.stdout.getReader({ mode: "byob" }), child.stdin.getWriter()];
    super({
      read: async (buffer): Promise<number | null> => {
        const { value } = await reader.read(new Uint8Array(buffer.length));
        buffer.set(value ?? []);
        return value?.length || null;
      },
      write: (bytes) => writer.write(bytes).then(() => bytes.length),
      closeWrite: () => writer.close(),
      setNoDelay: () => {},
      close: () => {
        child.kill("SIGKILL");
        for (const ended of [writer.abort(), reader.cancel()]) ended.catch(() => {});
      },
    });
    this.#child = child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    await this.#child.status;
  }
}

testWith([OPENSSL], "openssl's own client can speak the protocol to our server", async () => {
  await using folder = await secured({ "served/f": "some text" });
  await using server = await startTls(folder);
  const trust = ["-verify_return_error", "-CAfile", "ca.pem"];
  await using openssl = new Openssl(folder, "s_client", ...trust, "-connect", `localhost:${server.port}`);
  await openssl.play(conversation("GET", "f", wire("some text")), "client");
});

testWith([OPENSSL], "our client can speak the protocol to openssl's own server", async () => {
  await using folder = await secured();
  const port = freePort();
  const keys = ["-cert", "cert.pem", "-key", "key.pem"];
  await using openssl = new Openssl(folder, "s_server", "-accept", `${port}`, ...keys);
  // What it is told goes to its first client; it has no line to say that it listens.
  const client = (async (): Promise<Output> => {
    while (true) {
      const output = await tlsClient(folder, port, "DEL", "f");
      if (!output.stderr.includes("connection refused")) return output;
    }
  })();
  await openssl.play(conversation("DEL", "f"), "server");
  assertEquals(await client, ended(0, "client deleting file f\nComplete\n"));
});

testWith([OPENSSL], "a certificate or key that can't be used is one sentence that says why", async () => {
  await using folder = await secured({ "mine/f": "hello" });
  const openssl = (...args: string[]): Promise<Output> => run(["openssl", ...args], { cwd: folder.path });
  const sign = ["x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2"];
  await openssl(...sign, "-out", "v1.pem");
  const names: [extension: string, reason: RegExp][] = [
    ["", /certificate has no subjectAltName, so it is for no name: a common name \(CN\) does not count\n$/],
    ["subjectAltName=DNS:other.example\n", /certificate is for another name\n$/],
  ];
  for (const [extension, reason] of names) {
    await Deno.writeTextFile(folder.at("extensions"), `${extension}basicConstraints=CA:FALSE\n`);
    await openssl(...sign, "-out", "named.pem", "-extfile", "extensions");
    const options = { cwd: folder.at("served") };
    await using server = await ServerProcess.start(withTls(folder, "named.pem"), options);
    const { status, stderr } = await tlsClient(folder, server.port, "PUT", "f");
    assertEquals(status, 1);
    assertMatch(stderr, reason);
  }
  const [authority, leaf] = await Promise.all(["ca.pem", "cert.pem"].map((name) => Deno.readTextFile(folder.at(name))));
  await Deno.writeTextFile(folder.at("chain.pem"), `${authority}${leaf}`);
  await openssl("pkey", "-in", "key.pem", "-aes128", "-passout", "pass:x", "-out", "locked.pem");
  for (const label of ["CERTIFICATE", "PRIVATE KEY"]) {
    await Deno.writeTextFile(folder.at(`bad ${label}`), `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
  }
  const unusable: [cert: string, key: string, reason: RegExp][] = [
    [
      "chain.pem",
      "key.pem",
      /: the private key does not belong to the first certificate, which must be the server's own$/,
    ],
    ["cert.pem", "bad PRIVATE KEY", /: the private key can't be read, or is none that TLS takes \(RSA from /],
    ["bad CERTIFICATE", "key.pem", /^server: cannot listen on 0\.0\.0\.0 port 0: [^\n]+$/],
    ["v1.pem", "key.pem", /: the certificate is of X\.509 version 1, [^\n]*$/],
    ["cert.pem", "locked.pem", /^server: option --key: the key in .* is encrypted; openssl pkey /],
  ];
  for (const [cert, key, reason] of unusable) {
    const words = [...command("server"), "0", ...withTls(folder, cert, key)];
    assertMatch((await run(words, { cwd: folder.at("served") })).stderr.trimEnd(), reason);
  }
});

/** A TLS server in this process of a file with so many bytes, and a client's options. */
async function serveTls(
  folder: Folder,
  bytes: number,
  more: Partial<ServeOptions> = {},
): Promise<{ server: Server; options: ClientOptions }> {
  await Deno.writeFile(folder.at("served/f"), new Uint8Array(bytes));
  const [cert, key, ca] = ["cert", "key", "ca"].map((name) => Deno.readTextFileSync(folder.at(`${name}.pem`)));
  const tls = { cert: cert!, key: key! };
  const server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.at("served"), tls, ...more });
  return { server, options: { hostname: "localhost", port: server.address.port, tls: { caCerts: [ca!] } } };
}

testWith([OPENSSL], "a server's shutdown lets a transfer inside TLS finish", async () => {
  await using folder = await secured();
  // Less than the sockets hold: the session is over long before the client has read all of it.
  const { server, options } = await serveTls(folder, 2_000_000);
  await using _server = server;
  const started = Promise.withResolvers<void>();
  const watched = { ...options, bytesPerSecond: 2_000_000, onStart: (): void => started.resolve() };
  const transfer = get("f", { ...watched, to: folder.at("mine/f") });
  await started.promise;
  assertEquals(await server.shutdown({ graceMs: 60_000 }), 0);
  await transfer;
  assertEquals((await Deno.stat(folder.at("mine/f"))).size, 2_000_000);
});

testWith([OPENSSL], "what a TLS client has not read when the server ends was cut, and is told", async () => {
  await using folder = await secured();
  const failed: string[] = [];
  const written = Promise.withResolvers<void>();
  // Less than what stands within the server and in the sockets: all of it has been written.
  const { server, options } = await serveTls(folder, 6_500_000, {
    onEvent: (event) => event.type === "failed" && failed.push(event.error.message),
    onMessage: ({ step }) => step === "h. server: DONE" ? written.resolve() : undefined,
  });
  await using _server = server;
  const { size, readable } = await get("f", options);
  await using _ = { [Symbol.asyncDispose]: () => readable.cancel() };
  await written.promise;
  assertEquals([size, server.active], [6_500_000n, 1]);
  assertEquals([await server.shutdown({ graceMs: 100 }), failed], [1, ["the server was closed"]]);
});

/** The ports on which a process listens, on this machine's loopback address alone. */
async function innerPorts(pid: number): Promise<number[]> {
  const { stdout: links } = await run(["ls", "-l", `/proc/${pid}/fd`], { cwd: "/" });
  const { stdout: sockets } = await run(["cat", "/proc/net/tcp"], { cwd: "/" });
  const listening = sockets.matchAll(/ 0100007F:([0-9A-F]{4}) 00000000:0000 0A(?: +\S+){5} +(\d+)/g);
  return [...listening].filter(([, , inode]) => links.includes(`socket:[${inode}]`)).map(([, port]) =>
    parseInt(port!, 16)
  );
}

testWith([OPENSSL, NETWORK], "a TLS server does not start where the loopback interface is down", async () => {
  await using folder = await secured();
  const words = ["unshare", "--net", ...command("server"), "12345", "-v"];
  await using server = new Process([...words, ...withTls(folder)], { cwd: folder.at("served") });
  assertEquals(await within(server.ended(), 60_000), 1);
  assertEquals(server.lines, []);
  const reason = "TLS needs connections within this machine, to 127.0.0.1: network is unreachable";
  assertEquals(server.errors, [`server: cannot listen on 0.0.0.0 port 12345: ${reason}`]);
  // Without TLS it needs no loopback.
  await using plain = await ServerProcess.run(words, { cwd: folder.at("served") });
  assertEquals(plain.port, 12345);
});

testWith(
  [OPENSSL, LINUX],
  "twenty TLS clients at once are all served, and leave nothing open, nor a port of the server's own",
  async () => {
    await using folder = await secured({ "served/f": "hello" });
    await using server = await startTls(folder, "--clients", "20");
    const before = await descriptors(server.child.pid);
    const caCerts = [await Deno.readTextFile(folder.at("ca.pem"))];
    const options = { hostname: "localhost", port: server.port, tls: { caCerts }, signal: AbortSignal.timeout(60_000) };
    const fetchAll = async (): Promise<void> => {
      for (let count = 0; count < 3; count++) {
        const { readable } = await get("f", options);
        assertEquals(await new Response(readable).text(), "hello");
      }
    };
    await Promise.all(Array.from({ length: 20 }, fetchAll));
    assertEquals(await innerPorts(server.child.pid), []);
    // A finished session closes its connection within a second.
    await waitFor(async () => await descriptors(server.child.pid) <= before, () => descriptors(server.child.pid));
    // No turn is left over, so it ends at once.
    assertEquals(await server.end(), 0);
    assertEquals(server.errors, []);
  },
);
