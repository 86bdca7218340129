"""
Loads a server with GETs whose data is dropped, each over a connection of its own:
python3 client.py PORT FILE CLIENTS GETS SECONDS
CLIENTS threads do GETS of them each, and begin no other once SECONDS have passed. Prints one line: the number of GETs,
the seconds that all took, and the median's and the slowest one's milliseconds.
"""
import os
import socket
import statistics
import struct
import sys
import threading
import time

port, name, clients, gets, seconds = sys.argv[1:]
start = time.perf_counter()
latencies = []


def read(sock, count, memory):
    while count > 0:
        got = sock.recv_into(memory, min(count, len(memory)))
        if got == 0:
            raise EOFError(f"{count} bytes are missing")
        count -= got
    return memory


def get(memory):
    with socket.create_connection(("127.0.0.1", int(port))) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read(sock, 5, memory)
        sock.sendall(b"GET " + name.encode())
        read(sock, 2, memory)
        sock.sendall(b"READY")
        (size,) = struct.unpack_from("!Q", read(sock, 8, memory))
        sock.sendall(b"OK")
        read(sock, size, memory)
        if read(sock, 4, memory)[:4] != b"DONE":
            raise EOFError("no DONE")


def client():
    memory = bytearray(256 * 1024)
    for _ in range(int(gets)):
        begin = time.perf_counter()
        if begin - start >= float(seconds):
            break
        get(memory)
        latencies.append(time.perf_counter() - begin)


def fail(failure):
    # A thread's failure alone would leave the exit status 0.
    print(repr(failure.exc_value), file=sys.stderr, flush=True)
    os._exit(1)


threading.excepthook = fail
threads = [threading.Thread(target=client) for _ in range(int(clients))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
taken = time.perf_counter() - start
print(len(latencies), taken, 1000 * statistics.median(latencies), 1000 * max(latencies))
