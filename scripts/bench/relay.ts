/** A line with a delay: relay.ts LISTEN PORT MS passes every byte on after so many milliseconds, each way. */

import { delay } from "@std/async";

const [listen, port, delayMs] = Deno.args.map(Number) as [number, number, number];

async function pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  let last = Promise.resolve();
  const later = (work: () => Promise<void>): void => {
    const due = delay(delayMs);
    last = last.then(() => due).then(work).catch(() => {});
  };
  try {
    for (let count; (count = await from.read(buffer)) !== null;) {
      const data = buffer.slice(0, count);
      later(async () => {
        for (let start = 0; start < data.length;) start += await to.write(data.subarray(start));
      });
    }
  } catch {
    // One side broke the connection; the other gets its end.
  }
  later(() => to.closeWrite());
  await last;
}

for await (const near of Deno.listen({ hostname: "127.0.0.1", port: listen })) {
  // A connection takes a round trip to be made.
  setTimeout(async () => {
    const far = await Deno.connect({ hostname: "127.0.0.1", port });
    near.setNoDelay(true);
    far.setNoDelay(true);
    await Promise.all([pass(near, far), pass(far, near)]);
    near.close();
    far.close();
  }, 2 * delayMs);
}
