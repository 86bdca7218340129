"""A disk with a fault of one kind, as FUSE: a folder's files seen through it. strange_disk.py FOLDER MOUNT FAULT

quota   a file keeps its first million bytes; that the others are lost is known when it is closed, or synced
hole    a file loses its first block, which is known when it is closed, or synced
zeros   a file keeps its size, but only zeros, and nobody hears of it
caseless  names that differ in their case alone are one file
"""

import errno
import os
import sys

try:
    import fusepy as fuse
except ImportError:
    import fuse

FOLDER, MOUNT, FAULT = sys.argv[1:]
QUOTA = 1_000_000


class Disk(fuse.Operations):
    def __init__(self):
        self.lost = set()

    def path(self, name):
        folder, base = os.path.split(FOLDER + name)
        if FAULT == "caseless" and os.path.isdir(folder):
            base = next((there for there in os.listdir(folder) if there.lower() == base.lower()), base)
        return os.path.join(folder, base)

    def getattr(self, name, handle=None):
        stat = os.lstat(self.path(name))
        return {key: getattr(stat, key) for key in dir(stat) if key.startswith("st_") and not key.startswith("st_birth")}

    def readdir(self, name, handle):
        return [".", "..", *os.listdir(self.path(name))]

    def create(self, name, mode, info=None):
        return os.open(self.path(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, name, flags):
        return os.open(self.path(name), flags & ~os.O_APPEND)

    def read(self, name, size, offset, handle):
        return os.pread(handle, size, offset)

    def write(self, name, data, offset, handle):
        kept = data
        if FAULT == "quota":
            kept = data[:max(0, QUOTA - offset)]
            if len(kept) < len(data):
                self.lost.add(handle)
        elif FAULT == "hole" and offset == 0:
            kept = bytes(4096) + data[4096:]
            self.lost.add(handle)
        elif FAULT == "zeros":
            kept = bytes(len(data))
        os.pwrite(handle, kept, offset)
        return len(data)

    def flush(self, name, handle):
        if handle in self.lost:
            raise fuse.FuseOSError(errno.EDQUOT)
        return 0

    def fsync(self, name, is_data, handle):
        return self.flush(name, handle)

    def release(self, name, handle):
        self.lost.discard(handle)
        os.close(handle)
        return 0

    def truncate(self, name, length, handle=None):
        os.truncate(self.path(name), length)

    def unlink(self, name):
        os.unlink(self.path(name))

    def rename(self, old, new):
        os.rename(self.path(old), self.path(new))

    def link(self, target, source):
        if os.path.lexists(self.path(target)):
            raise fuse.FuseOSError(errno.EEXIST)
        os.link(self.path(source), self.path(target))

    def chmod(self, name, mode):
        os.chmod(self.path(name), mode)

    def chown(self, name, uid, gid):
        os.chown(self.path(name), uid, gid)

    def utimens(self, name, times=None):
        os.utime(self.path(name), times)


fuse.FUSE(Disk(), MOUNT, foreground=True, nothreads=True, nonempty=True, use_ino=True, entry_timeout=0, attr_timeout=0)
