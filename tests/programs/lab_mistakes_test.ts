/** What the lab check says of the naive programs when a few words in them are others: what the player must see. */

import { testMistakes } from "../support/mistakes.ts";

testMistakes("server", [
  {
    name: "no loop around the recv() of file data",
    changes: [[
      "        while remaining > 0:\n            block = conn.recv(min(BLOCK, remaining))\n            if not block:\n                return\n            file.write(block)\n            remaining -= len(block)",
      "        file.write(conn.recv(remaining))",
    ]],
    fails: ["2.2", "7.1"],
    says: "call it in a loop until all bytes are there",
    plays: ["PUT-200001", "pieces"],
  },
  {
    name: "no loop around the last recv() of file data",
    changes: [["while remaining > 0:", "while remaining > BLOCK:"], [
      "            remaining -= len(block)",
      "            remaining -= len(block)\n        file.write(conn.recv(remaining))",
    ]],
    fails: ["7.1"],
    says: "call it in a loop until all bytes are there",
    plays: ["PUT-10", "pieces"],
  },
  {
    name: "two spaces in a name become one",
    changes: [[
      'command, filename = request.split(" ", 1)',
      'command, filename = request.split()[0], " ".join(request.split()[1:])',
    ]],
    fails: ["1.4", "2.4", "3.2"],
    says: "a name may hold spaces",
    plays: ["GET", "PUT", "DEL", "GET-name0", "PUT-name0", "DEL-name0"],
  },
  {
    name: "a size is kept for the next client",
    changes: [
      ["verbose = ", "sizes = {}\nverbose = "],
      ["size = os.path.getsize(filename)", "size = sizes.setdefault(filename, os.path.getsize(filename))"],
    ],
    fails: ["1.2"],
    says: "something is left of the client before",
    plays: ["GET", "GET-changed"],
  },
  {
    name: "the end of a longer name stays where names of a DEL are kept",
    changes: [
      ["verbose = ", 'kept = ""\nverbose = '],
      [
        "def delete(conn, filename):\n",
        "def delete(conn, filename):\n    global kept\n    filename = kept = filename + kept[len(filename):]\n",
      ],
    ],
    fails: ["3.1"],
    says: "something is left of the client before",
    plays: ["DEL", "DEL-name2", "DEL-again"],
  },
  {
    name: "the end of a longer request stays in the buffer",
    changes: [
      ['while True:\n    say(f"server waiting', 'buffer = ""\nwhile True:\n    say(f"server waiting'],
      [
        "    request = conn.recv(BLOCK).decode()\n",
        "    request = conn.recv(BLOCK).decode()\n    buffer = request + buffer[len(request):]\n",
      ],
      ["receiving request: {request}", "receiving request: {buffer}"],
    ],
    fails: ["5.3"],
    plays: ["lines-GET", "lines-PUT"],
  },
  {
    name: "READY is never sent",
    changes: [['    conn.sendall(b"READY")\n', ""]],
    fails: ["1.1", "2.1", "3.1"],
    says: "READY was never sent: the program went on with the next step",
    plays: ["GET", "PUT", "DEL"],
  },
  {
    name: "serves one client",
    changes: [["    conn.close()", "    conn.close()\n    break"]],
    fails: ["8.1"],
    says: "accept() the next client in a loop",
    plays: ["GET", "PUT"],
  },
  {
    name: "accepts one client alone, and goes on with its closed socket",
    changes: [[
      'while True:\n    say(f"server waiting on port {port}")\n    conn, addr = sock.accept()',
      'say(f"server waiting on port {port}")\nconn, addr = sock.accept()\nwhile True:',
    ]],
    fails: ["8.1"],
    says: "likely accept() the next client in a loop that never ends",
    plays: ["GET", "PUT", "before-idle", "idle"],
  },
  {
    name: "goes on after an error",
    changes: [[
      '        conn.sendall(f"ERROR: unable to create file {filename}".encode())\n        return',
      '        conn.sendall(f"ERROR: unable to create file {filename}".encode())\n        file = open(os.devnull, "wb")\n        __import__("time").sleep(0.04)',
    ]],
    fails: ["6.3"],
    says: "return after the error",
  },
  {
    name: "ends when nobody comes for five seconds",
    changes: [["    conn, addr = sock.accept()", "    sock.settimeout(5)\n    conn, addr = sock.accept()"]],
    fails: ["8.1"],
    says: "nobody had come for 6.5 seconds",
    plays: ["before-idle", "idle"],
  },
  {
    name: "a thread for each client",
    changes: [
      [
        "    conn, addr = sock.accept()",
        "    conn, addr = sock.accept()\n    if os.fork():\n        conn.close()\n        continue",
      ],
      [
        "        delete(conn, filename)\n    conn.close()",
        "        delete(conn, filename)\n    conn.close()\n    os._exit(0)",
      ],
    ],
    fails: ["8.2"],
    says: "no thread, process or callback",
  },
  {
    name: "bound to 127.0.1.1",
    changes: [['bind(("",', 'bind(("127.0.1.1",']],
    fails: ["8.5"],
    says: "it listens on 127.0.1.1 alone",
  },
  {
    name: "opens its file when the size has come",
    changes: [[
      '    try:\n        file = open(filename, "wb")\n    except OSError:\n        conn.sendall(f"ERROR: unable to create file {filename}".encode())\n        return\n    with file:\n        conn.sendall(b"OK")\n        remaining = int.from_bytes(conn.recv(BLOCK), "big")\n',
      '    conn.sendall(b"OK")\n    remaining = int.from_bytes(conn.recv(BLOCK), "big")\n    with open(filename, "wb") as file:\n',
    ]],
    fails: ["6.3", "8.3"],
    says: "IsADirectoryError",
  },
  {
    name: "ends each PUT where the second OK should be, and has other words for its error",
    changes: [['conn.sendall(b"OK")\n        while remaining', "return\n        while remaining"], [
      "ERROR: unable to create file",
      "ERROR: cannot create",
    ]],
    fails: ["2.1", "6.3"],
    only: ["2.2"],
  },
  {
    name: "waits for the client to close, which is right",
    changes: [["    conn.close()", "    while conn.recv(BLOCK):\n        pass\n    conn.close()"]],
    fails: [],
    only: ["8.1", "8.6"],
    plays: ["GET", "PUT", "DEL"],
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
]);

testMistakes("client", [
  {
    name: "has PUT alone",
    changes: [[
      "BLOCK = 1024",
      // Long enough that the others have ended before.
      'import time\nBLOCK = 1024\nif sys.argv[3] != "PUT":\n    sys.exit("not implemented yet")\ntime.sleep(1)',
    ]],
    fails: ["1.5", "3.3"],
    says: "it ended with exit status 1",
    only: ["2.6"],
    plays: ["client-GET", "client-PUT", "client-DEL"],
  },
  {
    name: "its command before READY",
    changes: [['expect(sock, "READY")\nif', "if"]],
    fails: ["1.5", "2.6", "3.3"],
    says: 'it did not wait for "a. server: READY"',
    plays: ["client-GET", "client-PUT", "client-DEL"],
  },
  {
    name: "takes numbers for a server's address",
    changes: [["connect((address,", "connect((socket.inet_ntoa(socket.inet_aton(address)),"]],
    fails: ["8.7"],
    says: "look the name up, as getaddrinfo()",
  },
  {
    name: "connects to this machine, whatever it is given",
    changes: [["connect((address,", 'connect(("127.0.0.1",']],
    fails: ["8.7"],
    says: "it connects to 127.0.0.2 port",
    plays: ["client-host", "client-address"],
  },
  {
    name: "DEL twice",
    changes: [[
      '    sock.sendall(f"DEL {filename}".encode())',
      '    sock.sendall(f"DEL {filename}".encode())\n    sock.sendall(f"DEL {filename}".encode())',
    ]],
    fails: ["3.3"],
    says: "it was sent twice",
    plays: ["client-DEL"],
  },
  {
    name: "DONE in the file",
    changes: [["sock.recv(min(BLOCK, remaining))", "sock.recv(BLOCK)"]],
    fails: ["1.5", "1.6"],
    says: "DONE became part of the file",
    only: ["4.1"],
    plays: ["client-GET", "client-GET-0"],
  },
  {
    name: "takes what ends with DONE for the end",
    changes: [[
      "            block = sock.recv(min(BLOCK, remaining))",
      '            block = sock.recv(BLOCK)\n            if block.endswith(b"DONE"):\n                file.write(block[:-4])\n                break',
    ], ['            remaining -= len(block)\n    expect(sock, "DONE")', ""]],
    fails: ["1.7"],
    plays: ["client-GET-10", "client-GET-odd1"],
  },
  {
    name: "a line that is wrong by a letter has its moment",
    changes: [["client receiving file", "client recieving file"]],
    fails: ["4.1"],
    only: ["4.8"],
    plays: ["client-GET", "client-GET-again"],
  },
  {
    name: "creates no file that exists",
    changes: [[
      'sock.sendall(b"READY")',
      'if os.path.exists(filename):\n        fail("client error: unable to create file " + filename)\n    sock.sendall(b"READY")',
    ]],
    fails: ["1.9"],
    says: "a file that exists is no error",
  },
  {
    name: "takes any end of a connection for that of the file",
    changes: [['            remaining -= len(block)\n    expect(sock, "DONE")', "            remaining -= len(block)"]],
    fails: ["4.6"],
    only: ["7.13"],
    plays: ["client-GET", "client-huge-size", "client-signed-size"],
  },
  {
    name: "gives up after a second of silence",
    changes: [["        remaining = size", "        remaining = size\n        sock.settimeout(1)"]],
    fails: ["7.5"],
    says: "TimeoutError: timed out",
    plays: ["client-pieces"],
  },
  {
    name: "sends line by line",
    changes: [["file.read(BLOCK)", "file.readline(BLOCK)"]],
    fails: ["7.6"],
    says: "0 calls with 1024 bytes",
  },
  {
    name: "send() whose result nobody looks at",
    changes: [["sock.sendall(block)", "sock.send(block)"]],
    fails: ["7.16"],
    says: "send() may take a part only",
  },
  {
    name: "reads on in its file while nobody takes what it sends",
    changes: [
      ["            sock.sendall(block)\n", "            send(block)\n"],
      [
        '    expect(sock, "DONE")\n\n\ndef delete',
        '    sock.setblocking(True)\n    send(b"")\n    expect(sock, "DONE")\n\n\ndef delete',
      ],
      [
        'file {filename} ({size} bytes)", flush=True)\n    with open(filename, "rb")',
        'file {filename} ({size} bytes)", flush=True)\n    sock.setblocking(False)\n    with open(filename, "rb")',
      ],
      [
        "def put(",
        "unsent = bytearray()\n\n\ndef send(block):\n    unsent.extend(block)\n    try:\n        while unsent:\n            del unsent[:sock.send(unsent[:BLOCK])]\n    except BlockingIOError:\n        pass\n\n\ndef put(",
      ],
    ],
    fails: ["7.7"],
    says: "writes not awaited",
  },
  {
    name: "waits for the server to close, which is right",
    changes: [['print("Complete"', 'sock.recv(1)\nprint("Complete"']],
    fails: [],
    only: ["4.1", "4.2"],
    plays: ["client-GET", "client-PUT"],
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
