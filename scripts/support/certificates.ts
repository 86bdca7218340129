/** Certificates for programs that speak TLS; they need openssl. */

import { Folder } from "./folder.ts";
import { run } from "./programs.ts";

// Made once, and the same for all folders.
let made: Promise<Record<string, string>> | undefined;

/** Puts a private authority, `ca.pem`, and a certificate from it for this machine, `cert.pem` and `key.pem`, there. */
export async function certificates(path: string): Promise<void> {
  for (const [name, text] of Object.entries(await (made ??= make()))) await Deno.writeTextFile(`${path}/${name}`, text);
}

async function make(): Promise<Record<string, string>> {
  await using made = new Folder();
  const folder = made.path;
  const openssl = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await run(["openssl", ...args], { cwd: folder });
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const authority = ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority"];
  await openssl("req", "-x509", ...key, ...authority);
  await openssl("req", ...key, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost");
  await Deno.writeTextFile(`${folder}/san`, "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
  const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2"];
  await openssl("x509", "-req", "-in", "cert.csr", "-out", "cert.pem", ...sign);
  const texts = (await made.names()).map(async (name) => [name, await Deno.readTextFile(made.at(name))] as const);
  return Object.fromEntries(await Promise.all(texts));
}
