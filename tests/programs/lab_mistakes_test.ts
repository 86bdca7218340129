// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab, PEERS, program } from "../support/lab.ts";
import { PYTHON, STRACE, testWith, UNIX } from "../support/needs.ts";

// Each program, the checks that must fail, and words that a student gets.
const MISTAKES: [program: string, only: string, failed: string[], words: string][] = [
  ["server_newline", "1,5.1,6.1", ["1.1"], "a newline follows: send the bytes alone"],
  ["server_little_endian", "1,3", ["1.1"], "the byte order is little-endian"],
  ["server_one_recv", "1.1,2", ["2.2"], "call it in a loop until all bytes are there"],
  ["server_no_done", "1,2.1", ["1.1"], "it was forgotten, or the program crashed"],
  ["server_talks", "1.1,5", ["5.7"], 'print only if "-v" is in sys.argv'],
  [
    "server_error_text",
    "6,8.3",
    ["6.1"],
    'should send "ERROR: none does not exist"; it sent "ERROR: file none not found"',
  ],
  ["server_one_client", "1,8.1", ["8.1"], "accept() the next client in a loop"],
  ["server_whole_file", "1.1,7.3", ["7.3"], "read() without a size"],
  ["client_prefix", "1.5,6.5,6.8", ["6.5"], 'the prefix "ERROR: " is removed'],
  ["client_connects_first", "6", ["6.8"], "check the file with os.access() before connect()"],
  ["client_text_size", "2,4", ["2.6"], "that is the number as text"],
  ["client_text_mode", "1.5,1.7,1.8", ["1.7"], 'open them with "rb" and "wb"'],
];

/** Mistakes of a few words: what the naive program has, what stands there instead, and options. */
const SLIPS: [
  program: "client" | "server",
  right: string,
  wrong: string,
  only: string,
  failed: string[],
  words: string,
][] = [
  [
    "client",
    'expect(sock, "READY")\nif',
    "if",
    "1.5,2,3",
    ["1.5", "2.6", "3.3"],
    'should wait for READY; it sent "GET f.txt"',
  ],
  [
    "client",
    'fail("server error: " + message[len("ERROR: "):])',
    'return print("server error: " + message[7:])',
    "6.7",
    ["6.7"],
    'it printed "Complete"',
  ],
  ["client", "file.read(BLOCK)", "file.read(1000)", "2.6,7.6", ["7.6"], "0 calls sent 1024 bytes, the others less"],
  [
    "client",
    "sock.recv(min(BLOCK, remaining))",
    "sock.recv(remaining, socket.MSG_WAITALL)",
    "1.5,7.10",
    ["7.10"],
    "the client's memory grew to",
  ],
  [
    "client",
    "def put(sock, filename):",
    "def put(sock, filename):\n    print('client sending file', filename, f'({os.path.getsize(filename)} bytes)')",
    "2.6,4.2,4.5",
    ["4.5"],
    'should come after step "e. server: OK"',
  ],
  [
    "client",
    "def get(sock, filename):",
    "def get(sock, filename):\n    print('hello')\n    open(filename, 'w')",
    "1.5,4.1,4.4,6.5,6.11",
    ["4.4", "6.11"],
    "should print two lines; it printed 3",
  ],
  ["server", "file.read(BLOCK)", "file.read(1000)", "1.1,7.2", ["7.2"], "0 calls sent 1024 bytes, the others less"],
  [
    "server",
    "conn.recv(min(BLOCK, remaining))",
    "conn.recv(remaining, socket.MSG_WAITALL)",
    "2.1,7.9",
    ["7.9"],
    "the server's memory grew to",
  ],
  [
    "server",
    'say(f"server receiving {',
    'print(f"server receiving {',
    "1.1,5.7",
    ["5.7"],
    'it printed "server receiving 5 bytes"',
  ],
  [
    "server",
    "def delete(conn, filename):",
    'def delete(conn, filename):\n    say(f"server deleting file {filename}")',
    "5,6",
    ["5.8"],
    'printed "server deleting file none"',
  ],
  [
    "server",
    'unable to create file {filename}".encode())',
    'unable to create file {filename}".encode())\n        sys.exit()',
    "6,8.1,8.3",
    ["8.3"],
    "accept() the next client in a loop",
  ],
  ["server", 'request.split(" ", 1)', "request.split()", "1,2,3,5,6,8.1,8.3", ["1.4"], "ValueError"],
];

for (const [kind, right, wrong, only, ids, words] of SLIPS) {
  testWith(
    [UNIX, PYTHON, STRACE],
    `the lab check finds "${wrong.split("\n").at(-1)!.trim().slice(0, 40)}" in a ${kind}`,
    async () => {
      await using folder = new Folder();
      const source = await Deno.readTextFile(`${PEERS}/naive_${kind}.py`);
      assert(source.includes(right));
      await Deno.writeTextFile(folder.at(`naive_${kind}.py`), source.replaceAll(right, wrong));
      const output = await lab(...program(`naive_${kind}`, folder.path), "--strict", "--only", only, "--timeout", "5");
      assertEquals([output.status, failed(output)], [1, ids], output.stdout);
      assertStringIncludes(output.stdout, words);
    },
  );
}

testWith([UNIX, PYTHON], "a client that ends its side after its data is no wrong one", async () => {
  await using folder = new Folder();
  const source = await Deno.readTextFile(`${PEERS}/naive_client.py`);
  const right = "            block = file.read(BLOCK)\n";
  await Deno.writeTextFile(
    folder.at("naive_client.py"),
    source.replace(right, `${right}    sock.shutdown(socket.SHUT_WR)\n`),
  );
  const output = await lab(...program("naive_client", folder.path), "--only", "2.6", "--timeout", "5");
  assertEquals([output.status, failed(output)], [0, []], output.stdout);
});

for (const [name, only, ids, words] of MISTAKES) {
  testWith([UNIX, PYTHON], `the lab check finds the mistake of ${name}`, async () => {
    const output = await lab(...program(`mistakes/${name}`), "--only", only, "--timeout", "2");
    assertEquals([output.status, failed(output)], [1, ids], output.stdout);
    assertStringIncludes(output.stdout, words);
  });
}
