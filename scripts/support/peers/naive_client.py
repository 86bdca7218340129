"""The lab's client as its document alone tells it: one recv() for each message, nothing clever."""

import os
import socket
import sys

BLOCK = 1024


def can_create(filename):
    if os.path.exists(filename):
        return os.path.isfile(filename) and os.access(filename, os.W_OK)
    return os.access(os.path.dirname(filename) or ".", os.W_OK)


def fail(message):
    print(message, flush=True)
    sys.exit(1)


def expect(sock, token):
    message = sock.recv(BLOCK).decode()
    if message.startswith("ERROR: "):
        sock.close()
        fail("server error: " + message[len("ERROR: "):])
    if message != token:
        sys.exit(f"expected {token}, received {message!r}")


def get(sock, filename):
    sock.sendall(f"GET {filename}".encode())
    expect(sock, "OK")
    sock.sendall(b"READY")
    size = int.from_bytes(sock.recv(BLOCK), "big")
    print(f"client receiving file {filename} ({size} bytes)", flush=True)
    sock.sendall(b"OK")
    with open(filename, "wb") as file:
        remaining = size
        while remaining > 0:
            block = sock.recv(min(BLOCK, remaining))
            if not block:
                break
            file.write(block)
            remaining -= len(block)
    expect(sock, "DONE")


def put(sock, filename):
    sock.sendall(f"PUT {filename}".encode())
    expect(sock, "OK")
    size = os.path.getsize(filename)
    sock.sendall(size.to_bytes(8, "big"))
    expect(sock, "OK")
    print(f"client sending file {filename} ({size} bytes)", flush=True)
    with open(filename, "rb") as file:
        block = file.read(BLOCK)
        while block:
            sock.sendall(block)
            block = file.read(BLOCK)
    expect(sock, "DONE")


def delete(sock, filename):
    print(f"client deleting file {filename}", flush=True)
    sock.sendall(f"DEL {filename}".encode())
    expect(sock, "DONE")


address, port, command, filename = sys.argv[1:5]
if command == "GET" and not can_create(filename):
    fail(f"client error: unable to create file {filename}")
if command == "PUT" and not os.access(filename, os.R_OK):
    fail(f"client error: {filename} does not exist")

sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
sock.connect((address, int(port)))
expect(sock, "READY")
if command == "GET":
    get(sock, filename)
elif command == "PUT":
    put(sock, filename)
elif command == "DEL":
    delete(sock, filename)
print("Complete", flush=True)
sock.close()
