import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { get, serve } from "../../lib/mod.ts";
import { within } from "../../lib/within.ts";
import { certificates } from "../../scripts/support/certificates.ts";
import { Folder, randomBytes } from "../../scripts/support/folder.ts";
import { LINUX, NETWORK, OPENSSL, STRACE, testWith } from "../support/needs.ts";
import { freePort } from "../support/net.ts";
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

function startTls(folder: Folder, ...args: string[]): Promise<ServerProcess> {
  const files = ["--cert", folder.at("cert.pem"), "--key", folder.at("key.pem")];
  return ServerProcess.start([...files, ...args], { cwd: folder.at("served") });
}

testWith([OPENSSL], "inside TLS files move as they do without it", async () => {
  await using folder = await secured();
  await using server = await startTls(folder);
  const mine = { cwd: folder.at("mine") };
  const port = String(server.port);
  const data = randomBytes(700_001);
  await Deno.writeFile(folder.at("mine/f"), data);
  const put = await runClient(["localhost", port, "PUT", "f", "--ca", folder.at("ca.pem"), "--verify"], mine);
  assertEquals(put.stdout, "client sending file f (700001 bytes)\nComplete\n", put.stderr);
  assertMatch(put.stderr, /^verified SHA-256 [0-9a-f]{64}\n$/);
  assertEquals(await Deno.readFile(folder.at("served/f")), data);
  const get = await tlsClient(folder, server.port, "GET", "f", "--as", "g");
  assertEquals(get, ended(0, "client receiving file f (700001 bytes)\nComplete\n"));
  assertEquals(await Deno.readFile(folder.at("mine/g")), data);
  const error = await tlsClient(folder, server.port, "GET", "none");
  assertEquals(error, ended(1, "server error: none does not exist\n"));
  const untrusted = await runClient(["localhost", port, "GET", "f", "--as", "h", "--tls"], mine);
  assertEquals([untrusted.status, untrusted.stdout], [1, ""]);
  assertMatch(
    untrusted.stderr,
    /^client: cannot connect .* certificate is signed by no authority that is trusted here .*\n$/,
  );
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

testWith([OPENSSL], "a TLS server closes a client that says nothing, long before its timeout", async () => {
  await using folder = await secured();
  await using server = await startTls(folder, "--timeout", "1000");
  const { status, stderr } = await client(folder, server.port, "GET", "f");
  assertEquals(status, 1);
  assertMatch(stderr, /^client: expected READY, but the connection was closed .* does it use TLS \(--tls\)/);
  await server.errorLine(/^server: the client sent nothing for 2 seconds: it does not speak TLS/);
});

testWith([OPENSSL], "with -v a TLS server says why a handshake failed", async () => {
  await using folder = await secured();
  await using server = await startTls(folder);
  await client(folder, server.port, "GET", "f", "--tls");
  await server.errorLine(/^server: the client does not trust the certificate \(at step "a\. server: READY"\)$/);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  await server.errorLine(/^server: the client does not speak TLS \(at step "a\. server: READY"\)$/);
});

testWith([OPENSSL], "a plain client of a TLS server learns so within the timeout", async () => {
  await using folder = await secured();
  await using server = await startTls(folder);
  await Deno.writeFile(folder.at("served/f"), randomBytes(10));
  const port = String(server.port);
  const words = [...command("client"), "localhost", port, "GET", "f", "--timeout", "1"];
  await using plain = new Process(words, { cwd: folder.at("mine") });
  assertMatch(
    await plain.errorLine(/./),
    /^client: .* did not send READY within 1 second: is it busy, or does it use TLS \(--tls\)\? .*$/,
  );
  const next = await tlsClient(folder, server.port, "GET", "f");
  assertEquals(next.status, 0, next.stderr);
  // The server has closed the connection, though its handshake was never done.
  assertEquals(await within(plain.ended(), 60_000), 1);
  assertMatch(plain.errors.at(-1)!, /^client: expected READY, .* does it use TLS \(--tls\)/);
});

Deno.test("a TLS client of a plain server learns so", async () => {
  await using folder = new Folder();
  await using server = await ServerProcess.start([], { cwd: folder.path });
  const { status, stdout, stderr } = await runClient(["localhost", String(server.port), "GET", "f", "--tls"], {
    cwd: folder.path,
  });
  assertEquals([status, stdout], [1, ""]);
  assertMatch(stderr, /^client: cannot connect to localhost port \d+: the server does not speak TLS\n$/);
});

/** Starts openssl, which hands on what a test says and what the other side says. */
function startOpenssl(folder: Folder, ...args: string[]): Deno.ChildProcess {
  const options = { cwd: folder.path, stdin: "piped", stdout: "piped", stderr: "null" } as const;
  return new Deno.Command("openssl", { args: [...args, "-quiet"], ...options }).spawn();
}

/** Reads a program's output to a text, with which it ends there. */
async function readTo(text: string, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let received = "";
  while (!received.endsWith(text)) {
    const { value } = await reader.read();
    if (value === undefined) throw new Error(`expected ${text}, received ${received}`);
    received += new TextDecoder().decode(value);
  }
  return received;
}

testWith([OPENSSL], "openssl's own client can speak the protocol to our server", async () => {
  await using folder = await secured({ "served/f": "some text" });
  await using server = await startTls(folder);
  const trust = ["-verify_return_error", "-CAfile", "ca.pem"];
  const child = startOpenssl(folder, "s_client", ...trust, "-connect", `localhost:${server.port}`);
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  let received = "";
  for (const [token, answer] of [["READY", "GET f"], ["OK", "READY"], ["\x09", "OK"], ["DONE", ""]] as const) {
    received += await readTo(token, reader);
    await writer.write(new TextEncoder().encode(answer));
  }
  assertEquals(received, `READYOK${"\0".repeat(7)}\x09some textDONE`);
  await writer.close();
  await reader.cancel();
  await child.status;
});

testWith([OPENSSL], "our client can speak the protocol to openssl's own server", async () => {
  await using folder = await secured();
  const port = freePort();
  const child = startOpenssl(folder, "s_server", "-accept", `${port}`, "-cert", "cert.pem", "-key", "key.pem");
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  // What it is told goes to its first client; it has no line to say that it listens.
  await writer.write(new TextEncoder().encode("READY"));
  const client = (async (): Promise<Output> => {
    while (true) {
      const output = await tlsClient(folder, port, "DEL", "f");
      if (!output.stderr.includes("connection refused")) return output;
    }
  })();
  await readTo("DEL f", reader);
  await writer.write(new TextEncoder().encode("DONE"));
  assertEquals(await client, ended(0, "client deleting file f\nComplete\n"));
  child.kill("SIGKILL");
  await writer.abort().catch(() => {});
  await reader.cancel();
  await child.status;
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
    const files = ["--cert", folder.at("named.pem"), "--key", folder.at("key.pem")];
    await using server = await ServerProcess.start(files, { cwd: folder.at("served") });
    const { status, stderr } = await tlsClient(folder, server.port, "PUT", "f");
    assertEquals(status, 1);
    assertMatch(stderr, reason);
  }
  const [authority, leaf] = await Promise.all(["ca.pem", "cert.pem"].map((name) => Deno.readTextFile(folder.at(name))));
  await Deno.writeTextFile(folder.at("chain.pem"), `${authority}${leaf}`);
  await openssl("pkey", "-in", "key.pem", "-aes128", "-passout", "pass:x", "-out", "locked.pem");
  const start = async (cert: string, key: string): Promise<string> => {
    const words = [...command("server"), "0", "--cert", folder.at(cert), "--key", folder.at(key)];
    return (await run(words, { cwd: folder.at("served") })).stderr;
  };
  assertMatch(
    await start("chain.pem", "key.pem"),
    /: the private key does not belong to the first certificate, which must be the server's own\n$/,
  );
  for (const label of ["CERTIFICATE", "PRIVATE KEY"]) {
    await Deno.writeTextFile(folder.at(`bad ${label}`), `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`);
  }
  assertMatch(
    await start("cert.pem", "bad PRIVATE KEY"),
    /: the private key can't be read, or is none that TLS takes \(RSA from /,
  );
  assertMatch(await start("bad CERTIFICATE", "key.pem"), /^server: cannot listen on 0\.0\.0\.0 port 0: [^\n]+\n$/);
  assertMatch(await start("v1.pem", "key.pem"), /: the certificate is of X\.509 version 1, [^\n]*\n$/);
  assertMatch(
    await start("cert.pem", "locked.pem"),
    /^server: option --key: the key in .* is encrypted; openssl pkey /,
  );
});

testWith([OPENSSL], "a server's shutdown lets a transfer inside TLS finish", async () => {
  await using folder = await secured();
  // Less than the sockets hold: the session is over long before the client has read all of it.
  await Deno.writeFile(folder.at("served/f"), new Uint8Array(2_000_000));
  const read = (name: string): string => Deno.readTextFileSync(folder.at(name));
  const tls = { cert: read("cert.pem"), key: read("key.pem") };
  await using server = await serve({ port: 0, hostname: "127.0.0.1", root: folder.at("served"), tls });
  const started = Promise.withResolvers<void>();
  const transfer = get("f", {
    hostname: "localhost",
    port: server.address.port,
    tls: { caCerts: [read("ca.pem")] },
    bytesPerSecond: 2_000_000,
    to: folder.at("mine/f"),
    onStart: () => started.resolve(),
  });
  await started.promise;
  assertEquals(await server.shutdown({ graceMs: 60_000 }), 0);
  await transfer;
  assertEquals((await Deno.stat(folder.at("mine/f"))).size, 2_000_000);
});

testWith([OPENSSL], "what a TLS client has not read when the server ends was cut, and is told", async () => {
  await using folder = await secured();
  // Less than what stands within the server and in the sockets: all of it has been written.
  await Deno.writeFile(folder.at("served/f"), new Uint8Array(6_500_000));
  const read = (name: string): string => Deno.readTextFileSync(folder.at(name));
  const tls = { cert: read("cert.pem"), key: read("key.pem") };
  const failed: string[] = [];
  const { promise: written, resolve } = Promise.withResolvers<void>();
  await using server = await serve({
    port: 0,
    hostname: "127.0.0.1",
    root: folder.at("served"),
    tls,
    onEvent: (event) => event.type === "failed" && failed.push(event.error.message),
    onMessage: ({ step }) => step === "h. server: DONE" ? resolve() : undefined,
  });
  const options = { hostname: "localhost", port: server.address.port, tls: { caCerts: [read("ca.pem")] } };
  const { size, readable } = await get("f", options);
  await using _ = { [Symbol.asyncDispose]: () => readable.cancel() };
  await written;
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
  const tls = ["--cert", folder.at("cert.pem"), "--key", folder.at("key.pem")];
  await using server = new Process([...words, ...tls], { cwd: folder.at("served") });
  assertEquals(await within(server.ended(), 60_000), 1);
  assertEquals(server.lines, []);
  const reason = "TLS needs connections within this machine, to 127.0.0.1: network is unreachable";
  assertEquals(server.errors, [`server: cannot listen on 0.0.0.0 port 12345: ${reason}`]);
  // Without TLS it needs no loopback.
  await using plain = await ServerProcess.run(words, { cwd: folder.at("served") });
  assertEquals(plain.port, 12345);
});

testWith([OPENSSL, LINUX], "a TLS server leaves no port of its own open to other programs", async () => {
  await using folder = await secured({ "served/f": "hello" });
  await using server = await startTls(folder);
  assertEquals((await tlsClient(folder, server.port, "GET", "f")).status, 0);
  assertEquals(await innerPorts(server.child.pid), []);
});

testWith([OPENSSL, LINUX], "twenty TLS clients at once are all served, and leave nothing open", async () => {
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
  // A finished session closes its connection within a second.
  for (let tries = 0; await descriptors(server.child.pid) > before; tries++) {
    assert(tries < 100, `${await descriptors(server.child.pid)} descriptors, ${before} at the start`);
    await delay(100);
  }
  // No turn is left over, so it ends at once.
  assertEquals(await server.end(), 0);
  assertEquals(server.errors, []);
});
