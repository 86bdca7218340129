"""Runs a program of the lab with its TCP connections inside TLS: python3 inside_tls.py FOLDER PROGRAM ARGUMENTS…"""
import runpy
import socket
import ssl
import sys
import types

folder, program, *arguments = sys.argv[1:]
if "server" in program:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    options = {"server_side": True}
else:
    context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    options = {"server_hostname": "127.0.0.1"}


def secure(*parameters):
    return context.wrap_socket(socket.socket(*parameters), **options)


# The program sees a module that makes sockets like these; the ssl module itself needs the real one.
seen = types.ModuleType("socket")
seen.__dict__.update(socket.__dict__)
seen.socket = secure
sys.modules["socket"] = seen
sys.argv = [program, *arguments]
runpy.run_path(program, run_name="__main__")
