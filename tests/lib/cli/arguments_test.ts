import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Arguments, explain, type Program, readBytes, UsageError } from "../../../lib/cli/arguments.ts";
import { CLIENT, readTask } from "../../../lib/cli/client_options.ts";
import { readServeOptions, SERVER } from "../../../lib/cli/server_options.ts";
import { DENO_JSON } from "../../../scripts/support/programs.ts";

const EXPECTED = "expected an address, a port, a command and a file name";

/** The sentence that a program prints for a wrong command line: its words, or a text of them. */
async function mistake(program: Program, words: string | string[]): Promise<string> {
  const read = async (): Promise<unknown> => {
    const read = new Arguments(typeof words === "string" ? words.split(" ") : words, program);
    return program === CLIENT ? readTask(read) : await readServeOptions(read);
  };
  return await explain(await assertRejects(read, UsageError));
}

Deno.test("a wrong client command line is one sentence, with the nearest right word", async () => {
  const cases: [words: string | string[], string][] = [
    ["localhost 1 GTE f", "unknown command GTE; did you mean GET?"],
    ["localhost 1 FETCH f", "unknown command FETCH"],
    ["localhost 1 GET f --verfy", "unknown option --verfy; did you mean --verify?"],
    ["localhost 1 GET f --limitrate=5", "unknown option --limitrate=5; did you mean --limit-rate?"],
    ["localhost 1 GET f g --as h", "option --as takes one file name, not several; --as h/ names a folder for them"],
    ["localhost 1 PUT -dash.txt", "unknown option -dash.txt; a name that starts with - comes after --"],
    ["localhost 1 DEL f --as h", "option --as does not go with DEL"],
    ["localhost 1 PUT f --as -", "option --as - goes with GET alone"],
    ["localhost 1 GET f --as caf\ufffd", "option --as takes a name in UTF-8"],
    ["localhost 1 DEL f --verify", "option --verify does not go with DEL"],
    ["localhost 1 GET f --as", "option --as needs a value"],
    ["localhost http GET f", 'the port takes a whole number from 1 to 65535, not "http"'],
    ["localhost 1 GET f --timeout -1", 'option --timeout takes a whole number from 0 to 1000000, not "-1"'],
    ["localhost 1 GET f --gather 0", 'option --gather takes a whole number from 1 to 512, not "0"'],
    ["localhost 1 GET f --limit-rate 5X", 'option --limit-rate takes a number of bytes such as 64K or 5M, not "5X"'],
    ["localhost 1 GET f --limit-rate 0", "option --limit-rate takes at least one byte a second"],
    [
      `localhost 1 GET f --limit-rate ${"9".repeat(20)}`,
      `option --limit-rate: ${"9".repeat(20)} is more than the largest file's size, 2^64-1 bytes`,
    ],
    [
      `localhost 1 GET f --limit-rate ${"9".repeat(400)}`,
      `option --limit-rate takes a number of bytes such as 64K or 5M, not "${"9".repeat(400)}"`,
    ],
    ["localhost 1 GET f --verify=no", "option --verify takes no value"],
    ["localhost 1 GET f --_=x", "unknown option --_=x"],
    ["localhost 1 GET f --ca none.pem", "option --ca: cannot read none.pem"],
    [["localhost", "1", "GET", "f", "--ca", DENO_JSON], `option --ca: there is no certificate (PEM) in ${DENO_JSON}`],
    [["localhost", "1", "GET", ""], "a file name is empty"],
    ["localhost 1 GET a/f b/f", "two of the files would be called f"],
    ["localhost 1 GET f --constructor", "unknown option --constructor"],
    ["localhost 1 GET f --ca /dev/zero", "option --ca: cannot read /dev/zero"],
    ["localhost GET f", "the port is missing before GET"],
    [["PUT", "localhost", "1", "my file"], `${EXPECTED}; did you mean: client localhost 1 PUT 'my file'?`],
    ["PUT localhost:1 a b", `${EXPECTED}; did you mean: client localhost 1 PUT a b?`],
    ["localhost 0 GET f", 'the port takes a whole number from 1 to 65535, not "0"'],
    ["localhost 1 GET f --trade", "unknown option --trade; did you mean --trace?"],
    ["localhost 1 GET f --trader", "unknown option --trader; did you mean --trace?"],
    ["localhost 1 GET f --traders", "unknown option --traders"],
    ["localhost 1 GET f --parallel 257", 'option --parallel takes a whole number from 1 to 256, not "257"'],
    [[], EXPECTED],
    ["localhost 1 GET", EXPECTED],
    ["localhost:1 PUT LICENSE", `${EXPECTED}; did you mean: client localhost 1 PUT LICENSE?`],
    ["http://localhost:1/ get a b", `${EXPECTED}; did you mean: client localhost 1 GET a b?`],
    ["[::1]:1 GET f", `${EXPECTED}; did you mean: client ::1 1 GET f?`],
    [
      "localhost -5 GET f",
      '"-5" is not a port: a port is a whole number up to 65535; a name that starts with - comes after --',
    ],
    ["localhost --port 1 GET f", "there is no option --port: the port comes after the address"],
    ["localhost 1 GET f --limit 5K", "unknown option --limit; did you mean --limit-rate?"],
    ["localhost 1 GET f --VERIFY", "unknown option --VERIFY; did you mean --verify?"],
    ["localhost 1 DELETE f", "unknown command DELETE; did you mean DEL?"],
    ["help", "there is no command help; did you mean --help?"],
    ["localhost 1 PUT -", "PUT - needs --as NAME, the file's name on the server"],
    ["localhost 1 PUT - --as dir/", "PUT - needs --as NAME, the file's name on the server; dir/ is a folder's"],
    ["localhost 1 GET f --as --verify", "option --as needs a value, and --verify is an option"],
    ["localhost 1 GET f -o -q", "option --as needs a value, and -q is an option"],
    ["localhost 1 PUT /dev/fd/63", "PUT /dev/fd/63 needs --as NAME, the file's name on the server"],
    ["localhost 1 LIST", "unknown command LIST"],
    ["1 localhost GET f", `${EXPECTED}; did you mean: client localhost 1 GET f?`],
    ["localhost 1 PUT f --no-clobber", "option --no-clobber goes with a GET into a file"],
    ["localhost 1 GET f --fsync --as -", "option --fsync goes with a GET into a file"],
    [["localhost", "1", "\x1b[2J", "f"], "unknown command \\x1b[2J"],
  ];
  for (const [words, message] of cases) assertEquals(await mistake(CLIENT, words), message);
});

Deno.test("options stand anywhere before --, and a name is no option for how it ends", () => {
  const words = "-q localhost --timeout 5 1 PUT sh aq --as dir/ true -- --as -v".split(" ");
  const { files, as, isQuiet, isTraced, isVerified, options } = readTask(new Arguments(words, CLIENT));
  assertEquals([files, as, options.port, options.timeoutMs], [["sh", "aq", "true", "--as", "-v"], "dir/", 1, 5000]);
  assertEquals([isQuiet, isTraced, isVerified], [true, false, false]);
});

Deno.test("a wrong server command line is one sentence", async () => {
  const cases: [words: string | string[], string][] = [
    [[], "expected a port"],
    ["http", 'the port takes a whole number from 0 to 65535, not "http"'],
    ["0 folder", 'unexpected argument "folder"'],
    ["0 -x", "unknown option -x"],
    ["-1", '"-1" is not a port: a port is a whole number up to 65535; a name that starts with - comes after --'],
    ["--port 1", "there is no option --port: the port comes first"],
    ["help", "there is no command help; did you mean --help?"],
    ["0 --versoin", "unknown option --versoin; did you mean --version?"],
    ["0 --cert cert.pem", "options --cert and --key go together"],
    ["0 --cert none.pem --key none.pem", "option --cert: cannot read none.pem"],
    [["0", "--cert", DENO_JSON, "--key", DENO_JSON], `option --cert: there is no certificate (PEM) in ${DENO_JSON}`],
  ];
  for (const [words, message] of cases) assertEquals(await mistake(SERVER, words), message);
});

Deno.test("an --allow-from that is not a network is refused", async () => {
  const addresses = ["nonsense", "300.0.0.1", "127.1", "127.1/x", "10", "10/8", "010.0.0.1", "0x7f.0.0.1"];
  const ranges = ["10.0.0.0/33", "::/129", "10.0.0.0/8,", "10.0.0.0/8 ::1"];
  for (const network of [...addresses, ...ranges]) {
    assertMatch(
      await mistake(SERVER, ["0", "--allow-from", network]),
      /^option --allow-from: "[^\n]*" is not a network [^\n]+$/,
    );
  }
});

Deno.test("networks may be listed with spaces after their commas", async () => {
  const args = new Arguments(["0", "--allow-from", "10.0.0.0/8, ::1"], SERVER);
  assertEquals((await readServeOptions(args)).options.allowFrom, ["10.0.0.0/8", "::1"]);
});

Deno.test("a number of bytes is read as people type it", () => {
  const sizes = { "1500": 1500n, "64K": 65536n, "64KiB": 65536n, "10KB": 10240n, "1.5m": 1572864n };
  for (const [text, bytes] of Object.entries(sizes)) assertEquals(readBytes(text, "it"), bytes);
});
