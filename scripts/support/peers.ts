/** Programs that a student could have written. */

/** A client that is right and a server with one mistake, a newline after OK: their texts by their files' names. */
export async function pairWithMistake(): Promise<Record<"client.py" | "server.py", string>> {
  const read = (role: string): Promise<string> => Deno.readTextFile(new URL(`peers/naive_${role}.py`, import.meta.url));
  const [client, server] = await Promise.all([read("client"), read("server")]);
  return { "client.py": client, "server.py": server.replaceAll('b"OK"', 'b"OK\\n"') };
}
