"""The load generator must see every way in which a response can be wrong, and the origin must be right."""

import socket
import tempfile
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apusbench.places import LOAD_CORES
from apusbench.programs import LoadResult, build_programs, run_load, start_origin


def body_of(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).partition(b"\r\n\r\n")[2]


@contextmanager
def scripted(answer: bytes, then_close: bool = False) -> Iterator[int]:
    """A server that gives every request the same bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client:
            try:
                while client.recv(65536):
                    client.sendall(answer)
                    if then_close:
                        return
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def load(port: int, *arguments: str) -> LoadResult:
    with tempfile.TemporaryDirectory() as folder:
        words = ["--port", str(port), "--connections", "2", "--warmup", "0", "--seconds", "0.2", *arguments]
        return run_load(words, LOAD_CORES, lambda: None, lambda: None, Path(folder) / "errors")


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


class LoadTests(unittest.TestCase):
    right: bytes

    @classmethod
    def setUpClass(cls) -> None:
        build_programs()
        origin, ports = start_origin(LOAD_CORES, [0])
        with origin:
            cls.right = body_of(ports[0], "/small")

    def expect(self, kind: str, bytes_sent: bytes, *arguments: str, then_close: bool = False) -> None:
        with scripted(bytes_sent, then_close) as port:
            result = load(port, *arguments)
        self.assertIn(kind, result.failures)
        self.assertEqual(set(result.failures), {kind})
        self.assertEqual(result.completed, 0)

    def test_right_response(self) -> None:
        with scripted(answer(self.right)) as port:
            result = load(port)
        self.assertEqual(result.failures, {})
        self.assertGreater(result.requests, 10)

    def test_response_in_chunks(self) -> None:
        pieces = (self.right[:5], self.right[5:100], self.right[100:])
        chunks = b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"
        with scripted(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks) as port:
            result = load(port, "--expect-chunked")
        self.assertEqual(result.failures, {})
        self.assertGreater(result.requests, 10)

    def test_one_wrong_byte(self) -> None:
        wrong = bytearray(self.right)
        wrong[100] ^= 1
        self.expect("content", answer(bytes(wrong)))

    def test_wrong_status(self) -> None:
        self.expect("status", answer(self.right, status="502 Bad Gateway"))

    def test_wrong_length(self) -> None:
        self.expect("length", answer(self.right[:-1]))

    def test_chunked_body_that_is_short(self) -> None:
        body = b"7f\r\n" + self.right[:127] + b"\r\n0\r\n\r\n"
        self.expect("length", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

    def test_no_framing(self) -> None:
        self.expect("framing", b"HTTP/1.1 200 OK\r\n\r\n" + self.right)

    def test_closed_in_the_middle(self) -> None:
        self.expect("closed", answer(self.right[:50], length=128), then_close=True)

    def test_no_answer(self) -> None:
        self.expect("timeout", b"", "--timeout", "0.05")

    def test_connection_left_open_that_should_close(self) -> None:
        with scripted(answer(self.right)) as port:
            result = load(port, "--one-per-connection", "--timeout", "0.05")
        self.assertEqual(set(result.failures), {"timeout"})

    def test_nobody_listens(self) -> None:
        with scripted(b"") as port:
            pass
        self.assertEqual(set(load(port).failures), {"connect"})

    def test_open_loop_keeps_its_rate(self) -> None:
        with scripted(answer(self.right)) as port:
            result = load(port, "--rate", "200", "--seconds", "1")
        self.assertEqual(result.failures, {})
        self.assertAlmostEqual(result.requests, 200, delta=20)


class OriginTests(unittest.TestCase):
    def setUp(self) -> None:
        build_programs()
        origin, ports = start_origin(LOAD_CORES, [0])
        self.addCleanup(origin.stop)
        self.port = ports[0]

    def exchange(self, *pieces: bytes) -> bytes:
        """Sends the pieces one by one and returns all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                client.sendall(piece)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def test_pipelined_requests_in_order(self) -> None:
        last = b"GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        text = self.exchange(b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + last)
        self.assertEqual(text.count(b"HTTP/1.1 200 OK"), 3)
        self.assertTrue(text.endswith(b"Content-Length: 0\r\n\r\n"))
        self.assertLess(text.rindex(b"200 OK"), text.index(b"404 Not Found"))

    def test_head_byte_by_byte(self) -> None:
        head = b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        self.assertIn(b"200 OK", self.exchange(*(head[i : i + 1] for i in range(len(head)))))

    def test_uploads(self) -> None:
        right = body_of(self.port, "/100k")
        for body, verdict in ((right, b"100000 ok\n"), (right[:-1] + b"\0", b"100000 wrong\n")):
            head = b"POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            plain = head + f"Content-Length: {len(body)}\r\n\r\n".encode()
            self.assertTrue(self.exchange(plain, body).endswith(verdict))
            chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode()
            self.assertTrue(self.exchange(chunked, body, b"\r\n0\r\n\r\n").endswith(verdict))

    def test_sizes(self) -> None:
        self.assertEqual(len(body_of(self.port, "/100k")), 100_000)
        self.assertEqual(len(body_of(self.port, "/10m")), 10_000_000)


if __name__ == "__main__":
    unittest.main()
