"""
The lab's naive client for many files: python3 many_client.py PORT GET|PUT|DEL FILE...
One process, a connection for each file. Prints the median's milliseconds.
"""
import os
import socket
import statistics
import sys
import time

port, command, *names = sys.argv[1:]
BLOCK = 1024


def expect(sock, token):
    message = sock.recv(BLOCK).decode()
    if message != token:
        sys.exit(f"expected {token}, received {message!r}")


def get(sock, name):
    expect(sock, "OK")
    sock.sendall(b"READY")
    remaining = int.from_bytes(sock.recv(8), "big")
    sock.sendall(b"OK")
    with open(name, "wb") as file:
        while remaining > 0:
            block = sock.recv(min(BLOCK, remaining))
            if not block:
                sys.exit(f"{remaining} bytes of {name} are missing")
            file.write(block)
            remaining -= len(block)


def put(sock, name):
    expect(sock, "OK")
    sock.sendall(os.path.getsize(name).to_bytes(8, "big"))
    expect(sock, "OK")
    with open(name, "rb") as file:
        while block := file.read(BLOCK):
            sock.sendall(block)


latencies = []
for name in names:
    begin = time.perf_counter()
    with socket.create_connection(("127.0.0.1", int(port))) as sock:
        # Without this the last short block and what follows it wait for a delayed acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        expect(sock, "READY")
        sock.sendall(f"{command} {name}".encode())
        if command == "GET":
            get(sock, name)
        elif command == "PUT":
            put(sock, name)
        expect(sock, "DONE")
    latencies.append(time.perf_counter() - begin)
print(1000 * statistics.median(latencies))
