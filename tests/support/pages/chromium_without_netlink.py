#!/usr/bin/env python3
"""Becomes the program named by `CHROMIUM`, which is told of no change of the machine's network.

Chromium gives up every request under way (ERR_NETWORK_CHANGED) when an interface gets or loses an
address, and a module that is lost so leaves a page without its script. Other tests make networks of
their own meanwhile. A seccomp filter refuses sockets of AF_NETLINK, over which the kernel tells of
such changes; without one Chromium takes the network for unchanging. Where the machine is of
another kind than the filter knows, Chromium runs without it.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

AF_NETLINK: Final = 16
# machine -> (AUDIT_ARCH, number of the system call `socket`)
KNOWN: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 22, 2, 38


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def refuse_netlink() -> None:
    """From now on, and in every program that this process becomes or starts."""
    if platform.machine() not in KNOWN:
        return
    architecture, socket_call = KNOWN[platform.machine()]
    instructions = [
        (LOAD, 0, 0, 4),  # seccomp_data.arch
        (JUMP_IF_EQUAL, 0, 4, architecture),
        (LOAD, 0, 0, 0),  # seccomp_data.nr
        (JUMP_IF_EQUAL, 0, 2, socket_call),
        (LOAD, 0, 0, 16),  # its first argument, the family
        (JUMP_IF_EQUAL, 1, 0, AF_NETLINK),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, FAIL | errno.EAFNOSUPPORT),
    ]
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Program(len(instructions), packed))
    )


if __name__ == "__main__":
    refuse_netlink()
    os.execv(os.environ["CHROMIUM"], [os.environ["CHROMIUM"], *sys.argv[1:]])  # noqa: S606
