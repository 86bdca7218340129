/** Certificates for programs that speak TLS; they need openssl. */

import { run } from "./programs.ts";

/** Makes a private authority, `ca.pem`, and a certificate from it for this machine, `cert.pem` and `key.pem`. */
export async function certificates(folder: string): Promise<void> {
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
}
