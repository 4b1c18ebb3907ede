"""On what kind of file system a file lies: a journal needs one of this computer.

The write-ahead log of SQLite keeps its index in memory that the processes of one computer share. Over a network each
computer has an index of its own, locks may lock nothing, and two writers would not see one another's token.
"""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
"""What Linux tells of its mounts; other systems have no such file."""

NETWORKED = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "lustre", "gpfs", "beegfs", "glusterfs",
    "vboxsf", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse",
    "fuse.curlftpfs", "fuse.vmhgfs-fuse",
})  # fmt: skip


def network_kind(path: Path | str) -> str | None:
    """Return the kind of the network file system that a path lies on, None for a local one or where nothing tells."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, found, depth = Path(path).resolve(), "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        mounted_at = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), before.split()[4]))
        # of two at one place the later one covers the other
        if place.is_relative_to(mounted_at) and len(mounted_at.parts) >= depth:
            found, depth = after.split()[0], len(mounted_at.parts)
    return found if found in NETWORKED else None
