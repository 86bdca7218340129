/** What the lab check says of the naive client when a few words in it are others. */

import { testMistakes } from "../support/mistakes.ts";

const ERROR = '        fail("server error: " + message[len("ERROR: "):])';

testMistakes("client", [
  {
    name: "its command before READY",
    changes: [['expect(sock, "READY")\nif', "if"]],
    fails: ["1.5", "2.6", "3.3"],
    says: 'it did not wait for "a. server: READY"',
  },
  {
    name: "a newline after the command",
    changes: [['{filename}".encode())', '{filename}\\n".encode())']],
    fails: ["1.5", "2.6", "3.3"],
    says: "a newline follows",
    only: ["1.8"],
  },
  {
    name: "more after DEL's name",
    changes: [['f"DEL {filename}"', 'f"DEL {filename} now please"']],
    fails: ["3.3"],
    says: "now please",
  },
  {
    name: "DEL twice",
    changes: [[
      '    sock.sendall(f"DEL {filename}".encode())',
      '    sock.sendall(f"DEL {filename}".encode())\n    sock.sendall(f"DEL {filename}".encode())',
    ]],
    fails: ["3.3"],
    says: "it was sent twice",
  },
  {
    name: "awaits OK before DEL's DONE",
    changes: [['DEL {filename}".encode())', 'DEL {filename}".encode())\n    expect(sock, "OK")']],
    fails: ["3.3", "4.3"],
    says: "DEL has no OK",
  },
  {
    name: "the size as text",
    changes: [['size.to_bytes(8, "big")', "str(size).encode()"]],
    fails: ["2.6"],
    says: "that is the number as text",
    only: ["4.2"],
  },
  {
    name: "reads the size as little-endian",
    changes: [['"big")\n    print', '"little")\n    print']],
    fails: ["1.5", "4.1"],
    says: "it read the size as little-endian",
  },
  {
    name: "READY is never sent in a GET",
    changes: [['    sock.sendall(b"READY")\n', ""]],
    fails: ["1.5"],
    says: "READY was never sent",
  },
  {
    name: "DONE in the file",
    changes: [["sock.recv(min(BLOCK, remaining))", "sock.recv(BLOCK)"]],
    fails: ["1.5"],
    says: "DONE became part of the file",
    only: ["1.6", "4.1"],
  },
  {
    name: "no Complete for an empty file",
    changes: [[
      'print("Complete", flush=True)',
      'if command == "DEL" or os.path.getsize(filename): print("Complete", flush=True)',
    ]],
    fails: ["4.1", "4.2"],
    says: 'the line "Complete"',
  },
  {
    name: "an empty file is never finished",
    changes: [["        remaining = size\n", "        remaining = size or 1\n"]],
    fails: ["1.6"],
    only: ["4.1"],
  },
  {
    name: "text files",
    changes: [['open(filename, "wb")', 'open(filename, "w", newline="\\r\\n")'], [
      "file.write(block)",
      'file.write(block.decode("utf-8", "replace"))',
    ]],
    fails: ["1.7"],
    says: '"rb" and "wb"',
  },
  {
    name: "the path in full",
    changes: [['{filename}".encode())', '{os.path.abspath(filename)}".encode())']],
    fails: ["1.5", "2.6", "3.3"],
    says: "not the whole path",
  },
  {
    name: "Complete after an error",
    changes: [[ERROR, '        return print("server error: " + message[7:])']],
    fails: ["6.5", "6.6", "6.7"],
    says: "leave at once",
  },
  {
    name: "goes on after its own error",
    changes: [[
      'if command == "GET" and not can_create(filename):\n    fail(f"client error: unable to create file {filename}")',
      'if command == "GET" and not can_create(filename):\n    print(f"client error: unable to create file {filename}", flush=True)',
    ]],
    fails: ["6.9"],
    says: "it went on, and crashed",
  },
  {
    name: "the prefix of an error",
    changes: [['message[len("ERROR: "):]', "message"]],
    fails: ["6.5", "6.6", "6.7"],
    says: 'the prefix "ERROR: " is removed',
  },
  {
    name: "its errors on standard error",
    changes: [["    print(message, flush=True)\n    sys.exit(1)", "    sys.exit(message)"]],
    fails: ["6.5", "6.6", "6.7"],
    says: "it went to standard error",
    only: ["6.8", "6.9"],
  },
  {
    name: "looks for its file when it is connected",
    changes: [
      [
        'if command == "PUT" and not os.access(filename, os.R_OK):\n    fail(f"client error: {filename} does not exist")\n',
        "",
      ],
      [
        'expect(sock, "READY")',
        'if command == "PUT" and not os.access(filename, os.R_OK):\n    fail(f"client error: {filename} does not exist")\nexpect(sock, "READY")',
      ],
    ],
    fails: ["6.8"],
    says: "look whether the file is there before connect()",
  },
  {
    name: "blocks of 1000 bytes",
    changes: [["file.read(BLOCK)", "file.read(1000)"]],
    fails: ["7.6"],
    says: "0 calls with 1024 bytes",
  },
  {
    name: "receives a file with one call",
    changes: [["sock.recv(min(BLOCK, remaining))", "sock.recv(remaining, socket.MSG_WAITALL)"]],
    fails: ["7.10"],
    says: "it grew by",
  },
  {
    name: "send() whose result nobody looks at",
    changes: [["sock.sendall(block)", "sock.send(block)"]],
    fails: ["7.16"],
    says: "send() may take a part only",
  },
  {
    name: "reads sizes as signed",
    changes: [['"big")\n    print', '"big", signed=True)\n    print']],
    fails: ["7.13"],
    says: "can't hold it",
  },
  {
    name: "its line before OK",
    changes: [[
      "def put(sock, filename):",
      "def put(sock, filename):\n    print('client sending file', filename, f'({os.path.getsize(filename)} bytes)')",
    ], ['    print(f"client sending file {filename} ({size} bytes)", flush=True)\n', ""]],
    fails: ["4.5"],
    says: "it came before",
  },
  {
    name: "one line more",
    changes: [["def get(sock, filename):", "def get(sock, filename):\n    print('connected')"]],
    fails: ["4.4"],
    says: 'also "connected"',
    only: ["4.1"],
  },
  {
    name: "creates the file before OK",
    changes: [["def get(sock, filename):", "def get(sock, filename):\n    open(filename, 'w')"]],
    fails: ["6.11"],
    says: "create the file when the server has said OK",
  },
  {
    name: "completes without DONE",
    changes: [['            remaining -= len(block)\n    expect(sock, "DONE")', "            remaining -= len(block)"]],
    fails: ["4.6", "4.7"],
    says: 'expected "Complete" after step h came it came before',
  },
  {
    name: "takes what is not there for DONE",
    changes: [["if message != token:", "if message and message != token:"]],
    fails: ["4.7"],
    says: "the server closed",
  },
  {
    name: "stops at DONE in the data",
    changes: [[
      "            file.write(block)\n            remaining -= len(block)",
      '            if block.endswith(b"DONE"):\n                file.write(block[:-4])\n                return\n            file.write(block)\n            remaining -= len(block)',
    ]],
    fails: ["1.7"],
  },
  {
    name: "connects to another port",
    changes: [["int(port)", "12345"]],
    fails: ["1.5", "2.6", "3.3"],
    says: "host and port are the first two arguments",
  },
  {
    name: "waits for the server to close, which is right",
    changes: [['print("Complete"', 'sock.recv(1)\nprint("Complete"']],
    fails: [],
    only: ["4.1", "4.2"],
  },
  {
    name: "ends its side after its data, which is right",
    changes: [[
      "            block = file.read(BLOCK)\n",
      "            block = file.read(BLOCK)\n    sock.shutdown(socket.SHUT_WR)\n",
    ]],
    fails: [],
    only: ["2.7"],
  },
]);
