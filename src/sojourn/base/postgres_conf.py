"""The configuration of the embedded PostgreSQL, written at every start."""

import os
from collections.abc import Callable
from pathlib import Path

_MEGABYTE = 1024 * 1024


def write(data: Path, sockets: Path, cluster_name: str, *, durable: bool, own: Callable[[Path], None]) -> None:
    """Write postgresql.conf and pg_hba.conf. What an operator wants otherwise goes into custom.conf beside them, which is read last."""
    lines = [f"{name} = '{value}'" for name, value in settings(sockets, cluster_name, durable=durable).items()]
    _put(data / "postgresql.conf", "# Written at every start. Put what you want otherwise into custom.conf.\n" + "\n".join([*lines, "include_if_exists 'custom.conf'", ""]), own)
    # Whoever reaches the socket may be anyone: its folder is closed to all but the server's user and root, who could read the files anyway.
    _put(data / "pg_hba.conf", "local all all trust\nlocal replication all trust\n", own)


def settings(sockets: Path, cluster_name: str, *, durable: bool) -> dict[str, str]:
    """Name and value of every setting that differs from PostgreSQL's own default."""
    memory = _memory() // _MEGABYTE
    on = "on" if durable else "off"
    return {
        "cluster_name": cluster_name,
        "listen_addresses": "",  # no TCP unless custom.conf asks for it
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{min(2048, max(32, memory // 8))}MB",
        "effective_cache_size": f"{max(128, memory // 2)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(512, max(64, memory // 32))}MB",
        "random_page_cost": "1.1",  # the disks of today
        "jit": "off",  # our statements are short; compiling them costs more than it saves
        "fsync": on,
        "synchronous_commit": on,  # an acknowledged write is on disk
        "full_page_writes": on,
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "autovacuum_naptime": "15s",  # a store that has just begun to grow should not be planned for as an empty one for long
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "ISO, YMD",
        # The server's log must hold no patient data: no statement, no parameter, and no DETAIL line, which quotes keys.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_line_prefix": "%m [%p] %q%u@%d ",
    }


def _memory() -> int:
    """Bytes that this process may use: what the machine has, or less where a container sets a limit."""
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            text = limit.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            have = min(have, int(text))
    return have


def _put(path: Path, text: str, own: Callable[[Path], None]) -> None:
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    own(draft)
    draft.replace(path)
