"""A closed-loop load generator: N keep-alive connections, each sends the next request when its answer is complete.

Run as a process of its own: it must not share an event loop with what it measures. Latencies are true ones; every status is
counted. Usage: python -m bench.closed PORT CONNECTIONS SECONDS FILE [START]; FILE holds pickled request bytes. `@@N@@` in a request
(with its padding) becomes a number that was never used before.
"""

from __future__ import annotations

import json
import pickle
import select
import socket
import sys
import time
from collections import Counter
from pathlib import Path

MARK = b"@@N@@000000000000000"  # 20 bytes, replaced by 20 digits


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of one HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    if body:
        lines += ["Content-Type: application/fhir+json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Client:
    """One connection."""

    __slots__ = ("data", "need", "began", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(True)
        self.data = b""
        self.need = 0
        self.began = 0.0


def drive(port: int, connections: int, seconds: float, requests: list[bytes], start: int = 0) -> dict[str, object]:
    """Load for some seconds. Returns requests, rate, p50 and p99 in ms, and statuses."""
    clients = {}
    poll = select.epoll()
    for _ in range(connections):
        client = _Client(port)
        clients[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
    position, stamp = start % len(requests), time.time_ns() // 1000
    statuses: Counter[int] = Counter()
    took: list[float] = []
    size = 0
    clock = time.perf_counter

    def send(client: _Client) -> None:
        nonlocal position, stamp
        raw = requests[position]
        position = (position + 1) % len(requests)
        if MARK in raw:
            stamp += 1
            raw = raw.replace(MARK, b"%020d" % stamp)
        client.data, client.need = b"", 0
        client.began = clock()
        client.socket.sendall(raw)

    begun = clock()
    until = begun + seconds
    for client in clients.values():
        send(client)
    open_ = len(clients)
    last = begun
    while open_:
        for fd, _ in poll.poll(10):
            client = clients[fd]
            chunk = client.socket.recv(262144)
            if not chunk:
                raise SystemExit("the server closed a connection")
            client.data += chunk
            if not client.need:
                head = client.data.find(b"\r\n\r\n")
                if head < 0:
                    continue
                at = client.data.find(b"content-length: ", 0, head)
                client.need = head + 4 + (int(client.data[at + 16 : client.data.index(b"\r", at)]) if at > 0 else 0)
            if len(client.data) < client.need:
                continue
            last = clock()
            took.append(last - client.began)
            size += client.need
            statuses[int(client.data[9:12])] += 1
            if last < until:
                send(client)
            else:
                open_ -= 1
    took.sort()
    span = last - begun
    return {
        "requests": len(took), "rate": round(len(took) / span, 1), "p50": round(took[len(took) // 2] * 1000, 2),
        "p99": round(took[min(len(took) - 1, int(len(took) * 0.99))] * 1000, 2), "statuses": {str(k): v for k, v in sorted(statuses.items())},
        "bytes": size // max(1, len(took)),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(drive(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), pickle.loads(Path(sys.argv[4]).read_bytes()), int([*sys.argv, "0"][5]))))
