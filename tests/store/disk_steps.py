"""Every step by which SQLite changes a file of this process, counted, and killed or refused at any one of them.

SQLite's own layer for Unix lets each system call be replaced. Here those that change a file are counted before they
are made: writes, truncations, removals, and opens that create. What Python itself does to files is seen by its audit
events. A new statement, table or file adds its steps by itself.

Flushes (fsync) are counted apart: to a process that is killed a file before a flush and after it are the same. To a
machine that loses its power they are not, nor where a flush fails: what the disk has then is kept by `medium.py`. The
shared memory beside a log is no step: SQLite makes it anew after a crash.
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

from store.medium import Medium

Handle = ctypes.c_void_p
_Syscall = ctypes.CFUNCTYPE(None)
_OPEN_FILE = ctypes.CFUNCTYPE(ctypes.c_int, Handle, Handle, Handle, ctypes.c_int, Handle)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.c_char_p, ctypes.c_int)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, Handle, ctypes.c_int)
IOERR_FSYNC, IOERR_DIR_FSYNC = 1034, 1290


class _Methods(ctypes.Structure):
    """The public `sqlite3_io_methods`, version 3: https://sqlite.org/c3ref/io_methods.html."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        *[(name, Handle) for name in ("xClose", "xRead", "xWrite", "xTruncate")],
        ("xSync", _SYNC),
        *[(name, Handle) for name in (
            "xFileSize", "xLock", "xUnlock", "xCheckReservedLock", "xFileControl", "xSectorSize",
            "xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap", "xFetch", "xUnfetch",
        )],
    ]  # fmt: skip


class _Vfs(ctypes.Structure):
    """The public head of `sqlite3_vfs`, version 3: https://sqlite.org/c3ref/vfs.html."""

    _fields_ = [
        ("iVersion", ctypes.c_int), ("szOsFile", ctypes.c_int), ("mxPathname", ctypes.c_int), ("pNext", Handle),
        ("zName", ctypes.c_char_p), ("pAppData", Handle),
        ("xOpen", _OPEN_FILE), ("xDelete", _DELETE),
        *[(name, Handle) for name in (
            "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness",
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

FLUSHES = ("flush once", "flush", "power", "flush and kill")
AUDITED = {"os.remove", "os.rename", "os.link", "os.mkdir", "os.truncate", "os.rmdir"}


class Steps:
    """The steps of this process from `begin` on.

    count : how many there were; names : what they were; was_refused : whether one was refused
    medium : what the disk under the files has for good
    """

    def __init__(self) -> None:
        self.medium = Medium()
        self.count = 0
        self.names: list[str] = []
        self.was_refused = False
        self._at: int | None = None
        self._how = ""
        self._is_on = self._is_torn = False
        self._kept: list[Any] = []
        self._opened: dict[int, str] = {}
        self._hook()
        self._hook_python()
        sys.addaudithook(self._audit)

    def begin(self, at: int | None = None, how: str = "kill", last: Callable[[], None] = lambda: None) -> None:
        """Count from 1 on, and at a step do as told.

        how : "kill" before it; "tear", a write is half done, then kill; "full once" or "full", there is no room for it,
            or from it on; of the flushes: "flush once" or "flush", it fails, or each from it on; "power", kill before
            it; "flush and kill", it fails and nobody is told
        last : called before a kill at a flush
        """
        self.count, self.names, self._at, self._how, self._is_on, self._last = 0, [], at, how, True, last

    def end(self) -> None:
        """Count no more, and let everything pass."""
        self._is_on = False

    def end_at_once(self) -> None:
        """Kill the process; what comes last is done."""
        self._last()
        os.kill(os.getpid(), signal.SIGKILL)

    def _flush(self, path: str) -> bool:
        """Count a flush; return whether it fails. What it was to keep is then marked as kept, and is not."""
        fails = False
        if self._is_on and self._how in FLUSHES:
            self.count += 1
            self.names.append(f"flush {path}")
            if self._at is not None and self.count >= self._at:
                if self._how == "flush and kill":
                    self.medium.flush(path, fails=True)
                if self._how in ("power", "flush and kill"):
                    self.end_at_once()
                fails = self.count == self._at or self._how == "flush"
                self.was_refused |= fails
        self.medium.flush(path, fails=fails)
        return fails

    def _step(self, name: str, *, takes_room: bool = False, tear: Callable[[], Any] | None = None) -> bool:
        """Count a step; return whether it is refused for want of room."""
        if not self._is_on or self._how in FLUSHES:
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
        self._hook_flushes(vfs)
        name: bytes | None = None
        while (name := vfs.contents.xNextSystemCall(vfs, name)) is not None:
            found = vfs.contents.xGetSystemCall(vfs, name)
            if found is None or name in HARMLESS:
                continue
            assert name in CHANGES or name in UNUSED, f"SQLite makes {name!r}, which nobody here knows"
            ours = self._unknown(name) if name in UNUSED else self._counted(name, CHANGES[name](found))
            self._kept.append(ours)
            assert vfs.contents.xSetSystemCall(vfs, name, ctypes.cast(ours, Handle)) == 0

    def _hook_flushes(self, vfs: Any) -> None:
        """Replace what flushes a file of SQLite: it makes that call itself, past its table of system calls."""
        address = Handle.from_buffer(vfs.contents, _Vfs.xOpen.offset).value
        really_open = _OPEN_FILE(address)
        really_delete = _DELETE(Handle.from_buffer(vfs.contents, _Vfs.xDelete.offset).value)
        really_sync, paths, tables = {}, {}, {}

        def open_file(vfs_: int, path: int | None, file: int, flags: int, out: int) -> int:
            # SQLite keeps to the place of the name, so it is handed on as an address
            code = int(really_open(vfs_, path, file, flags, out))
            place = Handle.from_address(file)
            if code == 0 and place.value is not None:
                if place.value not in tables:
                    table = _Methods()
                    ctypes.memmove(ctypes.byref(table), place.value, ctypes.sizeof(_Methods))
                    really_sync[ctypes.addressof(table)] = _SYNC(Handle.from_buffer(table, _Methods.xSync.offset).value)
                    table.xSync = ours
                    tables[place.value] = table
                paths[file] = "a temporary file" if path is None else os.fsdecode(ctypes.string_at(path))
                place.value = ctypes.addressof(tables[place.value])
            return code

        def sync(file: int, flags: int) -> int:
            if self._flush(paths[file]):
                return IOERR_FSYNC
            return int(really_sync[Handle.from_address(file).value](file, flags))

        def delete(vfs_: int, path: bytes, flushes_folder: int) -> int:
            code = int(really_delete(vfs_, path, flushes_folder))
            if code == 0 and flushes_folder and self._flush(str(Path(os.fsdecode(path)).parent)):
                return IOERR_DIR_FSYNC
            return code

        ours, opens, deletes = _SYNC(sync), _OPEN_FILE(open_file), _DELETE(delete)
        self._kept += [ours, opens, deletes, tables]
        vfs.contents.xOpen, vfs.contents.xDelete = opens, deletes

    def _hook_python(self) -> None:
        """Replace the calls by which Python's own code flushes a file, or writes into one that SQLite has."""
        really_sync, really_write = os.fsync, os.pwrite

        def sync(file: int) -> None:
            if self._flush(str(Path(f"/proc/self/fd/{file}").readlink())):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            really_sync(file)

        def write(file: int, content: bytes, offset: int) -> int:
            half = content[: len(content) // 2]
            if self._step(f"pwrite {len(content)}", takes_room=True, tear=lambda: really_write(file, half, offset)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.medium.write(str(Path(f"/proc/self/fd/{file}").readlink()), offset, content)
            return really_write(file, content, offset)

        os.fsync, os.pwrite = sync, write  # type: ignore[assignment]  # of the same use

    def _counted(self, name: bytes, real: Any) -> Any:
        word = name.decode()

        def write_at(file: int, bytes_: int, size: int, offset: int) -> int:
            if self._step(f"{word} {size}", takes_room=True, tear=lambda: real(file, bytes_, size // 2, offset)):
                return _no_room()
            self.medium.write(self._opened[file], offset, ctypes.string_at(bytes_, size))
            return int(real(file, bytes_, size, offset))

        def write(file: int, bytes_: int, size: int) -> int:
            if self._step(f"{word} {size}", takes_room=True, tear=lambda: real(file, bytes_, size // 2)):
                return _no_room()
            return int(real(file, bytes_, size))

        def truncate(file: int, size: int) -> int:
            self._step(word)
            self.medium.truncate(self._opened[file], size)
            return int(real(file, size))

        def unlink(path: bytes) -> int:
            self._step(f"{word} {path.decode()}")
            self.medium.remove(os.fsdecode(path))
            return int(real(path))

        def open_(path: bytes, flags: int, mode: int) -> int:
            is_new = bool(flags & os.O_CREAT) and not Path(os.fsdecode(path)).exists()
            if is_new and self._step(f"create {path.decode()}", takes_room=True):
                return _no_room()
            file = int(real(path, flags, mode))
            self._opened[file] = os.fsdecode(path)
            if is_new:
                self.medium.remove(os.fsdecode(path))
            return file

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
