/** What the lab check says of the naive server when a few words in it are others. */

import { testMistakes } from "../support/mistakes.ts";

testMistakes("server", [
  {
    name: "a newline after each token",
    changes: [['sendall(b"OK")', 'sendall(b"OK\\n")']],
    fails: ["1.1", "2.1"],
    says: "a newline follows: send the bytes alone",
  },
  {
    name: "a newline after READY",
    changes: [['sendall(b"READY")', 'sendall(b"READY\\n")']],
    fails: ["1.1", "2.1", "3.1"],
    says: 'came "READY\\n"',
    only: ["1.2"],
  },
  {
    name: "small letters",
    changes: [['b"READY"', 'b"ready"'], ['b"DONE"', 'b"done"']],
    fails: ["1.1", "2.1", "3.1"],
    says: "the case of the letters counts",
  },
  {
    name: "a NUL after DONE",
    changes: [['b"DONE"', 'b"DONE\\0"']],
    fails: ["1.1", "2.1", "3.1"],
    says: "NULs follow",
  },
  {
    name: "a length before each text, as writeUTF sends it",
    changes: [['b"READY"', 'b"\\0\\x05READY"']],
    fails: ["1.1", "2.1", "3.1"],
    says: "as writeUTF() sends it",
  },
  {
    name: "the size as little-endian",
    changes: [['size.to_bytes(8, "big")', 'size.to_bytes(8, "little")']],
    fails: ["1.1"],
    says: "the bytes are little-endian",
    only: ["1.2", "7.12"],
  },
  {
    name: "htonl() for a size of 64 bits",
    changes: [['size.to_bytes(8, "big")', '(socket.htonl(size & 0xffffffff)).to_bytes(8, "little")']],
    fails: ["1.1"],
    says: "htonl() is for 32 bits",
  },
  {
    name: "a size of 4 bytes",
    changes: [["size.to_bytes(8,", "(size & 0xffffffff).to_bytes(4,"]],
    fails: ["1.1"],
    says: "that is the size in fewer than 8 bytes",
  },
  {
    name: "no loop around the recv() of file data",
    changes: [[
      "        while remaining > 0:\n            block = conn.recv(min(BLOCK, remaining))\n            if not block:\n                return\n            file.write(block)\n            remaining -= len(block)",
      "        file.write(conn.recv(remaining))",
    ]],
    fails: ["2.2", "7.1"],
    says: "call it in a loop until all bytes are there",
  },
  {
    name: "no DONE after the data of a GET",
    changes: [[
      '            block = file.read(BLOCK)\n    conn.sendall(b"DONE")',
      "            block = file.read(BLOCK)",
    ]],
    fails: ["1.1"],
    says: "the connection was closed before DONE was sent",
  },
  {
    name: "READY is never sent",
    changes: [['    conn.sendall(b"READY")\n', ""]],
    fails: ["1.1", "2.1", "3.1"],
    says: "READY was never sent: the program went on with the next step",
  },
  {
    name: "no DONE after an empty file",
    changes: [[
      '            block = file.read(BLOCK)\n    conn.sendall(b"DONE")',
      '            block = file.read(BLOCK)\n    if size: conn.sendall(b"DONE")',
    ]],
    fails: ["1.2"],
    only: ["1.2"],
  },
  {
    name: "prints without -v",
    changes: [['"-v" in sys.argv[2:]', "True"]],
    fails: ["5.7"],
    says: 'print only if "-v" is in sys.argv',
  },
  {
    name: "does not know -v",
    changes: [['"-v" in sys.argv[2:]', "False"]],
    fails: ["5.1", "5.2", "5.3", "5.4", "5.5", "5.6"],
    says: "it printed no line at all",
  },
  {
    name: "another text for a missing file",
    changes: [["{filename} does not exist", "file {filename} not found"]],
    fails: ["6.1", "6.2"],
    says: 'came "ERROR: file none.txt not found"',
    only: ["5.8", "8.3"],
  },
  {
    name: "the document's other text for a missing file, which is right",
    changes: [["ERROR: {filename} does not exist", "ERROR: file {filename} does not exist"]],
    fails: [],
    only: ["6.1", "6.2"],
  },
  {
    name: "serves one client",
    changes: [["    conn.close()", "    conn.close()\n    break"]],
    fails: ["8.1"],
    says: "accept() the next client in a loop",
  },
  {
    name: "holds the entire file in memory, and sends it with one call",
    changes: [[
      "        block = file.read(BLOCK)\n        while block:\n            conn.sendall(block)\n            block = file.read(BLOCK)",
      "        conn.sendall(file.read())",
    ]],
    fails: ["7.2", "7.3"],
    says: "MiB of data",
  },
  {
    name: "blocks of 1000 bytes",
    changes: [["file.read(BLOCK)", "file.read(1000)"]],
    fails: ["7.2"],
    says: "0 calls with 1024 bytes",
  },
  {
    name: "receives a file with one call",
    changes: [["conn.recv(min(BLOCK, remaining))", "conn.recv(remaining, socket.MSG_WAITALL)"]],
    fails: ["7.9"],
    says: "it grew by",
  },
  {
    name: "send() whose result nobody looks at",
    changes: [["conn.sendall(block)", "conn.send(block)"]],
    fails: ["7.15"],
    says: "send() may take a part only",
  },
  {
    name: "reads the size as little-endian",
    changes: [['conn.recv(BLOCK), "big")', 'conn.recv(BLOCK), "little")']],
    fails: ["2.1", "5.4"],
    says: "it read the size as little-endian",
    only: ["5.4"],
  },
  {
    name: "reads sizes as signed",
    changes: [['conn.recv(BLOCK), "big")', 'conn.recv(BLOCK), "big", signed=True)']],
    fails: ["7.11"],
    says: "it took 5 bytes for all",
  },
  {
    name: "cuts sizes to 4 bytes",
    changes: [['conn.recv(BLOCK), "big")', 'conn.recv(BLOCK), "big") & 0xffffffff']],
    fails: ["7.11"],
    only: ["7.12"],
  },
  {
    name: "prints on standard error",
    changes: [["flush=True", "flush=True, file=sys.stderr"]],
    fails: ["5.1", "5.2", "5.3", "5.4", "5.5", "5.6"],
    says: "it went to standard error",
  },
  {
    name: "says that it deletes a file that is not there",
    changes: [[
      "def delete(conn, filename):",
      'def delete(conn, filename):\n    say(f"server deleting file {filename}")',
    ]],
    fails: ["5.8"],
    says: 'came "server deleting file none-del.txt"',
    only: ["5.6", "6.2"],
  },
  {
    name: "says that it deletes when it has deleted",
    changes: [
      ['    say(f"server deleting file {filename}")\n', ""],
      ["        os.remove(filename)", '        os.remove(filename)\n        say(f"server deleting file {filename}")'],
    ],
    fails: ["5.6"],
    says: "print it before the file is deleted",
  },
  {
    name: "says DONE before it deletes",
    changes: [[
      "    try:\n        os.remove(filename)",
      '    conn.sendall(b"DONE")\n    try:\n        os.remove(filename)',
    ], [
      '        return\n    conn.sendall(b"DONE")\n\n\nsock',
      "        return\n\n\nsock",
    ]],
    fails: ["3.1"],
    says: "delete first, then send DONE",
  },
  {
    name: "says that it sends when it has sent",
    changes: [
      ['    say(f"server sending {size} bytes")\n', ""],
      [
        '            block = file.read(BLOCK)\n    conn.sendall(b"DONE")',
        '            block = file.read(BLOCK)\n    say(f"server sending {size} bytes")\n    conn.sendall(b"DONE")',
      ],
    ],
    fails: ["5.5"],
    says: "print it before the first block",
  },
  {
    name: "says that it receives when it has received",
    changes: [
      ['        say(f"server receiving {remaining} bytes")\n', "        size = remaining\n"],
      [
        "            remaining -= len(block)",
        '            remaining -= len(block)\n        say(f"server receiving {size} bytes")',
      ],
    ],
    fails: ["5.4"],
    says: "print it before they move",
  },
  {
    name: "says that it sends before it is asked to",
    changes: [[
      "    conn.recv(BLOCK)  # READY\n    size = os.path.getsize(filename)",
      '    size = os.path.getsize(filename)\n    say(f"server sending {size} bytes")\n    conn.recv(BLOCK)',
    ], ['# OK\n    say(f"server sending {size} bytes")', "# OK"]],
    fails: ["5.9"],
    says: "it came before",
    only: ["5.5"],
  },
  {
    name: "goes on after an error",
    changes: [[
      'does not exist".encode())\n        return\n    conn.sendall(b"OK")',
      'does not exist".encode())\n    conn.sendall(b"OK")',
    ]],
    fails: ["6.1"],
    says: "OK",
  },
  {
    name: "ends with a PUT's error",
    changes: [[
      'unable to create file {filename}".encode())',
      'unable to create file {filename}".encode())\n        sys.exit()',
    ]],
    fails: ["8.3"],
    says: "accept() the next client in a loop",
    only: ["6.3", "8.1"],
  },
  {
    name: "takes os.access() for permission to write to a folder",
    changes: [[
      '    try:\n        file = open(filename, "wb")\n    except OSError:\n        conn',
      '    if not os.access(filename, os.F_OK) or os.access(filename, os.W_OK):\n        file = open(filename, "wb")\n    else:\n        conn',
    ]],
    fails: ["6.3"],
    says: "os.access() and exists() are true for a folder too",
  },
  {
    name: "refuses what os.access() does not find",
    changes: [[
      '    try:\n        file = open(filename, "wb")\n    except OSError:\n        conn',
      '    if os.access(filename, os.W_OK):\n        file = open(filename, "wb")\n    else:\n        conn',
    ]],
    fails: ["2.1", "6.3"],
    says: "os.access(filename, os.W_OK) is false for a file that is not there yet",
    only: ["2.5"],
  },
  {
    name: "fails at names with spaces",
    changes: [['request.split(" ", 1)', "request.split()"]],
    fails: ["1.4", "2.4", "3.2"],
    says: "ValueError: too many values",
    only: ["1.2"],
  },
  {
    name: "cuts names at a space",
    changes: [['request.split(" ", 1)', "request.split()[:2]"]],
    fails: ["1.4", "2.4", "3.2"],
    only: ["1.4"],
  },
  {
    name: "makes names small",
    changes: [['request.split(" ", 1)', "request[:4].strip(), request[4:].lower()"]],
    fails: ["1.4", "2.4", "3.2"],
    says: "get the put",
  },
  {
    name: "crashes on DEL",
    changes: [["        os.remove(filename)", "        os.delete(filename)"]],
    fails: ["3.1"],
    says: "AttributeError: module 'os' has no attribute 'delete'",
    only: ["5.6"],
  },
  {
    name: "awaits the end of the connection in a PUT",
    changes: [["while remaining > 0:", "while True:"], ["                return\n", "                break\n"], [
      "min(BLOCK, remaining)",
      "BLOCK",
    ]],
    fails: ["2.1"],
    says: "it waits for more",
  },
  {
    name: "OK and DONE before the data",
    changes: [[
      '        conn.sendall(b"OK")\n        while remaining',
      '        conn.sendall(b"OKDONE")\n        while remaining',
    ]],
    fails: ["2.1"],
    says: "DONE",
  },
  {
    name: "a thread for each client",
    changes: [
      [
        "    conn, addr = sock.accept()",
        "    conn, addr = sock.accept()\n    if os.fork():\n        conn.close()\n        continue",
      ],
      ["    conn.close()\n", "    conn.close()\n"],
      [
        "        delete(conn, filename)\n    conn.close()",
        "        delete(conn, filename)\n    conn.close()\n    os._exit(0)",
      ],
    ],
    fails: ["8.2"],
    says: "no thread or process for each",
  },
  {
    name: "bound to localhost alone",
    changes: [['bind(("",', 'bind(("127.0.0.1",']],
    fails: ["8.5"],
    says: 'bind(("", port)) takes clients from everywhere',
  },
  {
    name: "bound to 127.0.1.1",
    changes: [['bind(("",', 'bind(("127.0.1.1",']],
    fails: ["8.5"],
    says: "it listens on 127.0.1.1 alone",
  },
  {
    name: "never closes a connection",
    changes: [["    conn.close()", "    kept.append(conn)"], ["sock.listen(0)", "sock.listen(0)\nkept = []"]],
    fails: ["8.6"],
    says: "close() the connection",
  },
  {
    name: "listens with a backlog of 5, which is noted",
    changes: [["listen(0)", "listen(5)"]],
    fails: [],
    says: "it calls listen(5)",
    only: ["8.2"],
  },
  {
    name: "ends when nobody comes for two seconds",
    changes: [["    conn, addr = sock.accept()", "    sock.settimeout(2)\n    conn, addr = sock.accept()"]],
    fails: ["8.1"],
    says: "nobody had come for 2.5 seconds",
  },
  {
    name: "waits for the client to close, which is right",
    changes: [["    conn.close()", "    while conn.recv(BLOCK):\n        pass\n    conn.close()"]],
    fails: [],
    only: ["8.1", "8.6"],
  },
  {
    name: "listens on IPv6 and IPv4, which is right",
    changes: [["socket.AF_INET,", "socket.AF_INET6,"]],
    fails: [],
    only: ["5.2", "8.5"],
  },
]);
