"""Every step by which SQLite changes a file of this process, counted, and killed or refused at any one of them.

SQLite's own layer for Unix lets each system call be replaced. Here those that change a file are counted before they
are made: writes, truncations, removals, and opens that create. What Python itself does to files is seen by its audit
events. A new statement, table or file adds its steps by itself.

A flush (fsync) is not among them: to a process that is killed, though not to a machine that loses power, a file before
a flush and after it are the same. Nor is the shared memory beside a log: SQLite makes it anew after a crash.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Handle = ctypes.c_void_p
_Syscall = ctypes.CFUNCTYPE(None)


class _Vfs(ctypes.Structure):
    """The public head of `sqlite3_vfs`, version 3: https://sqlite.org/c3ref/vfs.html."""

    _fields_ = [
        ("iVersion", ctypes.c_int), ("szOsFile", ctypes.c_int), ("mxPathname", ctypes.c_int), ("pNext", Handle),
        ("zName", ctypes.c_char_p), ("pAppData", Handle),
        *[(name, Handle) for name in (
            "xOpen", "xDelete", "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness",
            "xSleep", "xCurrentTime", "xGetLastError", "xCurrentTimeInt64",
        )],
        ("xSetSystemCall", ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.c_char_p, Handle)),
        ("xGetSystemCall", ctypes.CFUNCTYPE(Handle, Handle, ctypes.c_char_p)),
        ("xNextSystemCall", ctypes.CFUNCTYPE(ctypes.c_char_p, Handle, ctypes.c_char_p)),
    ]  # fmt: skip


_WRITE_AT = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, Handle, ctypes.c_size_t, ctypes.c_longlong, use_errno=True)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, Handle, ctypes.c_size_t, use_errno=True)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_longlong, use_errno=True)
_UNLINK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, use_errno=True)
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, use_errno=True)

CHANGES = {
    b"pwrite": _WRITE_AT, b"pwrite64": _WRITE_AT, b"write": _WRITE, b"ftruncate": _TRUNCATE, b"unlink": _UNLINK,
    b"open": _OPEN,
}  # fmt: skip
HARMLESS = {
    b"close", b"access", b"getcwd", b"stat", b"fstat", b"fcntl", b"read", b"pread", b"pread64", b"fchmod", b"fchown",
    b"geteuid", b"mmap", b"munmap", b"mremap", b"getpagesize", b"readlink", b"lstat", b"ioctl", b"openDirectory",
}  # fmt: skip
"""Calls that change no content of a file that outlives the process; the mapped memory is the log's index."""
UNUSED = {b"fallocate", b"mkdir", b"rmdir"}
"""Calls for chunked growth and for locks by folders, which are not in use: met, they end the process."""

AUDITED = {"os.remove", "os.rename", "os.link", "os.mkdir", "os.truncate", "os.rmdir"}


class Steps:
    """The steps of this process from `begin` on.

    count : how many there were; names : what they were; was_refused : whether one was for want of room
    """

    def __init__(self) -> None:
        self.count = 0
        self.names: list[str] = []
        self.was_refused = False
        self._at: int | None = None
        self._how = ""
        self._is_on = self._is_torn = False
        self._kept: list[Any] = []
        self._hook()
        sys.addaudithook(self._audit)

    def begin(self, at: int | None = None, how: str = "kill") -> None:
        """Count from 1 on, and at a step do as told.

        how : "kill" before it; "tear", a write is half done, then kill; "full once" or "full", there is no room for it,
            or from it on
        """
        self.count, self.names, self._at, self._how, self._is_on = 0, [], at, how, True

    def end(self) -> None:
        """Count no more, and let everything pass."""
        self._is_on = False

    def _step(self, name: str, *, takes_room: bool = False, tear: Callable[[], Any] | None = None) -> bool:
        """Count a step; return whether it is refused for want of room."""
        if not self._is_on:
            return False
        self.count += 1
        self.names.append(name)
        if self._at is None or self.count < self._at:
            return False
        if self._how.startswith("full"):
            refused = takes_room and (self.count == self._at or self._how == "full")
            self.was_refused |= refused
            return refused
        if self._how == "tear" and tear is not None:
            tear()
        os.kill(os.getpid(), signal.SIGKILL)
        return False

    def _audit(self, event: str, given: tuple[Any, ...]) -> None:
        if self._is_on and (event in AUDITED or (event == "open" and _creates(given))):
            self._step(f"{event} {given[0]}")

    def _hook(self) -> None:
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(None)
        assert vfs.contents.iVersion >= 3
        name: bytes | None = None
        while (name := vfs.contents.xNextSystemCall(vfs, name)) is not None:
            found = vfs.contents.xGetSystemCall(vfs, name)
            if found is None or name in HARMLESS:
                continue
            assert name in CHANGES or name in UNUSED, f"SQLite makes {name!r}, which nobody here knows"
            ours = self._unknown(name) if name in UNUSED else self._counted(name, CHANGES[name](found))
            self._kept.append(ours)
            assert vfs.contents.xSetSystemCall(vfs, name, ctypes.cast(ours, Handle)) == 0

    def _counted(self, name: bytes, real: Any) -> Any:
        word = name.decode()

        def write_at(file: int, bytes_: int, size: int, offset: int) -> int:
            if self._step(f"{word} {size}", takes_room=True, tear=lambda: real(file, bytes_, size // 2, offset)):
                return _no_room()
            return int(real(file, bytes_, size, offset))

        def write(file: int, bytes_: int, size: int) -> int:
            if self._step(f"{word} {size}", takes_room=True, tear=lambda: real(file, bytes_, size // 2)):
                return _no_room()
            return int(real(file, bytes_, size))

        def truncate(file: int, size: int) -> int:
            self._step(word)
            return int(real(file, size))

        def unlink(path: bytes) -> int:
            self._step(f"{word} {path.decode()}")
            return int(real(path))

        def open_(path: bytes, flags: int, mode: int) -> int:
            is_new = bool(flags & os.O_CREAT) and not Path(os.fsdecode(path)).exists()
            if is_new and self._step(f"create {path.decode()}", takes_room=True):
                return _no_room()
            return int(real(path, flags, mode))

        function: Any = {b"ftruncate": truncate, b"unlink": unlink, b"open": open_, b"write": write}.get(name, write_at)
        return CHANGES[name](function)

    def _unknown(self, name: bytes) -> Any:
        def end() -> None:
            os.write(2, name + b" was called, which nobody counts\n")
            os.abort()

        return _Syscall(end)


def _no_room() -> int:
    ctypes.set_errno(errno.ENOSPC)
    return -1


def _creates(given: tuple[Any, ...]) -> bool:
    _, mode, flags = given
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and isinstance(mode, str | None)
