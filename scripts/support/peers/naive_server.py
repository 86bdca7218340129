"""The lab's server as its document alone tells it: one recv() for each message, nothing clever."""

import os
import socket
import sys

BLOCK = 1024

verbose = "-v" in sys.argv[2:]


def say(line):
    if verbose:
        print(line, flush=True)


def get(conn, filename):
    if not os.path.isfile(filename) or not os.access(filename, os.R_OK):
        conn.sendall(f"ERROR: {filename} does not exist".encode())
        return
    conn.sendall(b"OK")
    conn.recv(BLOCK)  # READY
    size = os.path.getsize(filename)
    conn.sendall(size.to_bytes(8, "big"))
    conn.recv(BLOCK)  # OK
    say(f"server sending {size} bytes")
    with open(filename, "rb") as file:
        block = file.read(BLOCK)
        while block:
            conn.sendall(block)
            block = file.read(BLOCK)
    conn.sendall(b"DONE")


def put(conn, filename):
    try:
        file = open(filename, "wb")
    except OSError:
        conn.sendall(f"ERROR: unable to create file {filename}".encode())
        return
    with file:
        conn.sendall(b"OK")
        remaining = int.from_bytes(conn.recv(BLOCK), "big")
        say(f"server receiving {remaining} bytes")
        conn.sendall(b"OK")
        while remaining > 0:
            block = conn.recv(min(BLOCK, remaining))
            if not block:
                return
            file.write(block)
            remaining -= len(block)
    conn.sendall(b"DONE")


def delete(conn, filename):
    if not os.path.exists(filename):
        conn.sendall(f"ERROR: {filename} does not exist".encode())
        return
    say(f"server deleting file {filename}")
    try:
        os.remove(filename)
    except OSError:
        conn.sendall(f"ERROR: unable to delete {filename}".encode())
        return
    conn.sendall(b"DONE")


sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.bind(("", int(sys.argv[1])))
sock.listen(0)
port = sock.getsockname()[1]
while True:
    say(f"server waiting on port {port}")
    conn, addr = sock.accept()
    say(f"server connected to client at {addr[0]}:{addr[1]}")
    conn.sendall(b"READY")
    request = conn.recv(BLOCK).decode()
    say(f"server receiving request: {request}")
    command, filename = request.split(" ", 1)
    if command == "GET":
        get(conn, filename)
    elif command == "PUT":
        put(conn, filename)
    elif command == "DEL":
        delete(conn, filename)
    conn.close()
