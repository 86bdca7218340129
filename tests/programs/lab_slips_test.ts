/** What the lab check says of the naive programs when a few words in them are others. */

// @ts-types="../support/types/assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Folder } from "../support/folder.ts";
import { failed, lab, PEERS, program } from "../support/lab.ts";
import { IPV6, PYTHON, STRACE, testWith, UNIX } from "../support/needs.ts";
import type { Output } from "../support/programs.ts";

/** One change of a naive program. */
interface Slip {
  /** The program, and what it then does. */
  name: string;
  /** What stands in the naive program, */
  right: string;
  /** and what stands there instead. */
  wrong: string;
  /** The checks that are run, */
  only: string;
  /** those of them that must fail, */
  fails: string[];
  /** and words that a student gets. */
  says?: string;
}

const SLIPS: Slip[] = [
  {
    name: "client sends its command before READY",
    right: 'expect(sock, "READY")\nif',
    wrong: "if",
    only: "1.5,2,3",
    fails: ["1.5", "2.6", "3.3"],
    says: 'should wait for READY; it sent "GET f.txt"',
  },
  {
    name: "client reads the size as little-endian",
    right: '"big")\n    print',
    wrong: '"little")\n    print',
    only: "1.5",
    fails: ["1.5"],
    says: "it read the size as little-endian",
  },
  {
    name: "client prints Complete after an error",
    right: 'fail("server error: " + message[len("ERROR: "):])',
    wrong: 'return print("server error: " + message[7:])',
    only: "6.7",
    fails: ["6.7"],
    says: 'it printed "Complete"',
  },
  {
    name: "client prints its errors on standard error",
    right: "    print(message, flush=True)\n    sys.exit(1)",
    wrong: "    sys.exit(message)",
    only: "6.5",
    fails: ["6.5"],
    says: "it went to standard error",
  },
  {
    name: "client sends blocks of 1000 bytes",
    right: "file.read(BLOCK)",
    wrong: "file.read(1000)",
    only: "2.6,7.6",
    fails: ["7.6"],
    says: "0 calls sent 1024 bytes, the others less",
  },
  {
    name: "client receives a file with one call",
    right: "sock.recv(min(BLOCK, remaining))",
    wrong: "sock.recv(remaining, socket.MSG_WAITALL)",
    only: "1.5,7.10",
    fails: ["7.10"],
    says: "the client's memory grew to",
  },
  {
    name: "client prints its line before OK",
    right: "def put(sock, filename):",
    wrong:
      "def put(sock, filename):\n    print('client sending file', filename, f'({os.path.getsize(filename)} bytes)')",
    only: "2.6,4.2,4.5",
    fails: ["4.5"],
    says: 'should come after step "e. server: OK"',
  },
  {
    name: "client prints one line more",
    right: "def get(sock, filename):",
    wrong: "def get(sock, filename):\n    print('connected')",
    only: "1.5,4.1,4.4",
    fails: ["4.4"],
    says: "should print two lines; it printed 3",
  },
  {
    name: "client creates the file before OK",
    right: "def get(sock, filename):",
    wrong: "def get(sock, filename):\n    open(filename, 'w')",
    only: "1.5,6.5,6.11",
    fails: ["6.11"],
    says: 'a file "f.txt" is left',
  },
  {
    name: "client that awaits whole words, but no whole size",
    right: "message = sock.recv(BLOCK)",
    wrong: "message = sock.recv(len(token), socket.MSG_WAITALL)",
    only: "1.5,7.8",
    fails: ["7.8"],
    says: "a recv() returns what has arrived",
  },
  {
    name: "server that awaits whole words, but no whole size",
    right: "conn.recv(BLOCK)  # READY",
    wrong: "conn.recv(5, socket.MSG_WAITALL)",
    only: "1.1,2.1,7.4",
    fails: ["7.4"],
    says: "a recv() returns what has arrived",
  },
  {
    name: "server sends blocks of 1000 bytes",
    right: "file.read(BLOCK)",
    wrong: "file.read(1000)",
    only: "1.1,7.2",
    fails: ["7.2"],
    says: "0 calls sent 1024 bytes, the others less",
  },
  {
    name: "server receives a file with one call",
    right: "conn.recv(min(BLOCK, remaining))",
    wrong: "conn.recv(remaining, socket.MSG_WAITALL)",
    only: "2.1,7.9",
    fails: ["7.9"],
    says: "the server's memory grew to",
  },
  {
    name: "server reads the size as little-endian",
    right: 'conn.recv(BLOCK), "big")',
    wrong: 'conn.recv(BLOCK), "little")',
    only: "2.1",
    fails: ["2.1"],
    says: "it may wait for more data",
  },
  {
    name: "server prints a line without -v",
    right: 'say(f"server receiving {',
    wrong: 'print(f"server receiving {',
    only: "1.1,5.7",
    fails: ["5.7"],
    says: 'it printed "server receiving 5 bytes"',
  },
  {
    name: "server prints on standard error",
    right: "flush=True",
    wrong: "flush=True, file=sys.stderr",
    only: "1.1,5.1",
    fails: ["5.1"],
    says: "it went to standard error",
  },
  {
    name: "server says that it deletes a file that is not there",
    right: "def delete(conn, filename):",
    wrong: 'def delete(conn, filename):\n    say(f"server deleting file {filename}")',
    only: "5,6",
    fails: ["5.8"],
    says: 'printed "server deleting file none"',
  },
  {
    name: "server says DONE before it deletes",
    right: "    try:\n        os.remove(filename)",
    wrong: '    conn.sendall(b"DONE")\n    __import__("time").sleep(0.1)\n    try:\n        os.remove(filename)',
    only: "3.1",
    fails: ["3.1"],
    says: 'at DONE the file "f.txt" is still there',
  },
  {
    name: "server goes on after an error",
    right: 'does not exist".encode())\n        return\n    conn.sendall(b"OK")',
    wrong: 'does not exist".encode())\n    conn.sendall(b"OK")',
    only: "1.1,6.1",
    fails: ["6.1"],
    says: "return after the error",
  },
  {
    name: "server ends with a PUT's error",
    right: 'unable to create file {filename}".encode())',
    wrong: 'unable to create file {filename}".encode())\n        sys.exit()',
    only: "6,8.1,8.3",
    fails: ["8.3"],
    says: "accept() the next client in a loop",
  },
  {
    name: "server fails at names with spaces",
    right: 'request.split(" ", 1)',
    wrong: "request.split()",
    only: "1,2,3,5,6,8.1,8.3",
    fails: ["1.4"],
    says: "ValueError: too many values",
  },
  {
    name: "server says DONE before the data",
    right: '        conn.sendall(b"OK")\n        while remaining',
    wrong: '        conn.sendall(b"OKDONE")\n        while remaining',
    only: "2.1",
    fails: ["2.1"],
    says: "the next message came too early",
  },
  {
    name: "server says that it receives when it has received",
    right: '        say(f"server receiving {remaining} bytes")\n        conn.sendall(b"OK")',
    wrong:
      '        conn.sendall(b"OK")\n        size = remaining\n        block = conn.recv(1, socket.MSG_PEEK)\n        say(f"server receiving {size} bytes")',
    only: "2.1,5.4",
    fails: ["5.4"],
    says: "should come before the bytes",
  },
  {
    name: "server cuts sizes to 4 bytes",
    right: 'remaining = int.from_bytes(conn.recv(BLOCK), "big")',
    wrong: 'remaining = int.from_bytes(conn.recv(BLOCK), "big") & 0xffffffff',
    only: "2.1,7.11,7.12",
    fails: ["7.11"],
    says: "it said DONE after 5 of 4294967301 bytes",
  },
  {
    name: "server prints errors without -v",
    right: 'conn.sendall(f"ERROR: {filename} does not exist".encode())',
    wrong: 'print("not here")\n        conn.sendall(f"ERROR: {filename} does not exist".encode())',
    only: "1.1,5.7",
    fails: ["5.7"],
    says: 'it printed "not here"',
  },
  {
    name: "server makes names small",
    right: 'request.split(" ", 1)',
    wrong: "request[:4].strip(), request[4:].lower()",
    only: "1.1,1.4",
    fails: ["1.4"],
    says: "get the put.txt does not exist",
  },
  {
    name: "server waits for the client to close, which is right",
    right: "    conn.close()",
    wrong: "    while conn.recv(BLOCK):\n        pass\n    conn.close()",
    only: "1.1,2.1,3.1,5,6,8.1,8.3",
    fails: [],
  },
  {
    name: "server says that it sends before it is asked to",
    right: "    conn.recv(BLOCK)  # READY\n    size = os.path.getsize(filename)",
    wrong: '    size = os.path.getsize(filename)\n    say(f"server sending {size} bytes")\n    conn.recv(BLOCK)',
    only: "1.1,5.5,5.9",
    fails: ["5.9"],
    says: "should come after step",
  },
  {
    name: "server that ends when nobody comes for two seconds",
    right: "    conn, addr = sock.accept()",
    wrong: "    sock.settimeout(2)\n    conn, addr = sock.accept()",
    only: "1.1,2.1,3.1,8.1",
    fails: ["8.1"],
    says: "the server has ended",
  },
  {
    name: "client says that it receives when it has received",
    right: '    print(f"client receiving file {filename} ({size} bytes)", flush=True)\n    sock.sendall(b"OK")',
    wrong:
      '    sock.sendall(b"OK")\n    sock.recv(1, socket.MSG_PEEK)\n    print(f"client receiving file {filename} ({size} bytes)", flush=True)',
    only: "1.5,4.1,4.8",
    fails: ["4.8"],
    says: "should have come by now",
  },
  {
    name: "client completes without DONE",
    right: '            remaining -= len(block)\n    expect(sock, "DONE")',
    wrong: "            remaining -= len(block)",
    only: "1.5,4",
    fails: ["4.6"],
    says: 'GET: it printed "Complete" before DONE was sent',
  },
  {
    name: "client takes what is not there for DONE",
    right: "if message != token:",
    wrong: "if message and message != token:",
    only: "4",
    fails: ["4.7"],
    says: "the server closed without DONE",
  },
  {
    name: "client stops at DONE in the data",
    right: "            file.write(block)\n            remaining -= len(block)",
    wrong:
      '            if block.endswith(b"DONE"):\n                file.write(block[:-4])\n                return\n            file.write(block)\n            remaining -= len(block)',
    only: "1.5,1.7",
    fails: ["1.7"],
    says: "it stopped at DONE in the file's own data",
  },
  {
    name: "client reports its own errors on standard error, which is right",
    right: "    print(message, flush=True)\n    sys.exit(1)",
    wrong:
      '    print(message, flush=True, file=sys.stderr if message.startswith("client") else sys.stdout)\n    sys.exit(1)',
    only: "6.5,6.6,6.7,6.8,6.9",
    fails: [],
  },
  {
    name: "client waits for the server to close, which is right",
    right: 'print("Complete"',
    wrong: 'sock.recv(1)\nprint("Complete"',
    only: "1.5,2.6,3.3",
    fails: [],
  },
  {
    name: "client ends its side after its data, which is right",
    right: "            block = file.read(BLOCK)\n",
    wrong: "            block = file.read(BLOCK)\n    sock.shutdown(socket.SHUT_WR)\n",
    only: "2.6",
    fails: [],
  },
  {
    name: "server listens on IPv6 and IPv4, which is right",
    right: "socket.AF_INET,",
    wrong: "socket.AF_INET6,",
    only: "1.1,5.2",
    fails: [],
  },
];

for (const slip of SLIPS) {
  testWith([UNIX, PYTHON, STRACE, IPV6], `the lab check of a ${slip.name}`, async () => {
    const output = await check(slip);
    assertEquals([output.status, failed(output)], [slip.fails.length > 0 ? 1 : 0, slip.fails], output.stdout);
    assertStringIncludes(output.stdout, slip.says ?? "");
  });
}

async function check({ name, right, wrong, only }: Slip): Promise<Output> {
  await using folder = new Folder();
  const naive = `naive_${name.split(" ")[0]}`;
  const source = await Deno.readTextFile(`${PEERS}/${naive}.py`);
  assert(source.includes(right));
  await Deno.writeTextFile(folder.at(`${naive}.py`), source.replaceAll(right, wrong));
  return await lab(...program(naive, folder.path), "--strict", "--only", only, "--timeout", "10");
}
