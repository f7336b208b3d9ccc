"""io_uring by its system calls: as much of `linux/io_uring.h` as the scenarios need."""

import ctypes
import mmap
import os
import struct

SETUP, ENTER, REGISTER = 425, 426, 427
RECV = 27
REGISTER_FILES, UNREGISTER_FILES = 2, 3
GETEVENTS = 1
SINGLE_ISSUER, DEFER_TASKRUN = 1 << 12, 1 << 13
FIXED_FILE = 1
SQES_OFFSET = 0x10000000
SQE_BYTES, CQE_BYTES = 64, 16

_libc = ctypes.CDLL(None, use_errno=True)


def _call(*args):
    result = _libc.syscall(*(ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class Ring:
    """One request at a time. Between a write to the shared memory and the kernel's look at it lies a system call."""

    def __init__(self, flags=0):
        params = ctypes.create_string_buffer(120)
        struct.pack_into("I", params, 8, flags)
        self.fd = _call(SETUP, 4, params)
        words = struct.unpack_from("30I", params)
        sq_entries, cq_entries = words[0:2]
        self._sq_tail, self._sq_mask, self._sq_array = words[11], words[12], words[16]
        self._cq_head, self._cq_tail, self._cq_mask, self._cqes = words[20], words[21], words[22], words[25]
        length = max(self._sq_array + 4 * sq_entries, self._cqes + CQE_BYTES * cq_entries)
        self._ring = mmap.mmap(self.fd, length, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        self._requests = mmap.mmap(self.fd, SQE_BYTES * sq_entries, mmap.MAP_SHARED, offset=SQES_OFFSET)
        self._buffer = ctypes.create_string_buffer(4096)

    def _word(self, at):
        return struct.unpack_from("I", self._ring, at)[0]

    def submit(self, opcode, fd, flags=0, address=0, length=0, argument=0):
        """Hands a request to the kernel."""
        tail = self._word(self._sq_tail)
        slot = tail & self._word(self._sq_mask)
        request = struct.pack("BBHiQQIIQ", opcode, flags, 0, fd, 0, address, length, argument, tail)
        self._requests[slot * SQE_BYTES:(slot + 1) * SQE_BYTES] = request.ljust(SQE_BYTES, b"\0")
        struct.pack_into("I", self._ring, self._sq_array + 4 * slot, slot)
        struct.pack_into("I", self._ring, self._sq_tail, tail + 1)
        _call(ENTER, self.fd, 1, 0, 0, 0, 0)

    def wait(self):
        """The result of the next request that has ended."""
        head = self._word(self._cq_head)
        while self._word(self._cq_tail) == head:
            _call(ENTER, self.fd, 0, 1, GETEVENTS, 0, 0)
        at = self._cqes + (head & self._word(self._cq_mask)) * CQE_BYTES
        result = struct.unpack_from("i", self._ring, at + 8)[0]
        struct.pack_into("I", self._ring, self._cq_head, head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def ask_to_receive(self, fd, flags=0):
        """A receive that ends when something has come."""
        self.submit(RECV, fd, flags, ctypes.addressof(self._buffer), len(self._buffer))

    def read_to_end(self, fd, flags=0):
        """Receives until the end-of-stream."""
        while True:
            self.ask_to_receive(fd, flags)
            if self.wait() == 0:
                return

    def keep(self, fd):
        """Makes `fd` the direct descriptor 0, which no descriptor table shows."""
        _call(REGISTER, self.fd, REGISTER_FILES, struct.pack("i", fd), 1)

    def drop(self):
        """Gives the direct descriptors back."""
        _call(REGISTER, self.fd, UNREGISTER_FILES, 0, 0)

    def close(self):
        """Ends it with all that it has."""
        self._ring.close()
        self._requests.close()
        os.close(self.fd)
