"""The least that CPython must do to answer the lab's GET, with TCP_NODELAY: python3 minimal_server.py PORT."""
import os
import socket
import struct
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    sock, _ = listener.accept()
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"READY")
        name = sock.recv(4100)[4:]
        with open(name, "rb") as file:
            sock.sendall(b"OK")
            sock.recv(5)
            sock.sendall(struct.pack("!Q", os.fstat(file.fileno()).st_size))
            sock.recv(2)
            while block := file.read(1024):
                sock.sendall(block)
            sock.sendall(b"DONE")
