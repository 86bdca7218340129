// @ts-types="../support/types/assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { failed, lab, program } from "../support/lab.ts";
import { PYTHON, testWith, UNIX } from "../support/needs.ts";

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

for (const [name, only, ids, words] of MISTAKES) {
  testWith([UNIX, PYTHON], `the lab check finds the mistake of ${name}`, async () => {
    const output = await lab(...program(`mistakes/${name}`), "--only", only, "--timeout", "5");
    assertEquals([output.status, failed(output)], [1, ids], output.stdout);
    assertStringIncludes(output.stdout, words);
  });
}
