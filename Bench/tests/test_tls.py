"""The load generator must see every handshake that is not what was asked for, and the origin must speak TLS."""

import socket
import ssl
import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager

from apusbench.certificates import ECDSA, RSA, Certificate, make_certificates
from apusbench.places import LOAD_CORES, BenchError
from apusbench.preflight import check_equal_work
from apusbench.programs import LoadResult, build_programs, start_origin

from . import test_load as plain
from .test_load import answer, body_of, load

_RESUMED = ("--one-per-connection", "--tls-resume", "--timeout", "2")


def server_context(certificate: Certificate, version: ssl.TLSVersion, tickets: int = 2) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    context.minimum_version = context.maximum_version = version
    context.num_tickets = tickets
    if tickets == 0:
        context.options |= ssl.OP_NO_TICKET
    return context


@contextmanager
def scripted(answer: bytes, context: ssl.SSLContext) -> Iterator[int]:
    """A server that gives every request the same bytes, and ends the connection behind it where the client asks for that."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        try:
            with context.wrap_socket(client, server_side=True) as secure:
                while request := secure.recv(65536):
                    secure.sendall(answer)
                    if b"Connection: close" in request:
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


class HandshakeTests(unittest.TestCase):
    right: bytes

    @classmethod
    def setUpClass(cls) -> None:
        build_programs(with_tls=True)
        make_certificates()
        origin, ports = start_origin(LOAD_CORES, [0])
        with origin:
            cls.right = body_of(ports[0], "/small")

    def against(self, context: ssl.SSLContext, *arguments: str) -> LoadResult:
        with scripted(answer(self.right), context) as port:
            return load(port, *arguments)

    def expect_all_right(self, result: LoadResult) -> None:
        self.assertEqual(result.failures, {})
        self.assertGreater(result.requests, 5)

    def expect_only(self, kind: str, result: LoadResult) -> None:
        self.assertEqual(set(result.failures), {kind})

    def test_both_kinds_of_key(self) -> None:
        for certificate, kind in ((ECDSA, "ecdsa"), (RSA, "rsa")):
            context = server_context(certificate, ssl.TLSVersion.TLSv1_3)
            self.expect_all_right(self.against(context, "--tls", "1.3", "--tls-key", kind))

    def test_a_handshake_for_each_request(self) -> None:
        context = server_context(ECDSA, ssl.TLSVersion.TLSv1_3)
        result = self.against(context, "--tls", "1.3", "--one-per-connection")
        self.expect_all_right(result)
        self.assertGreater(result.handshakes, 5)
        self.assertEqual(result.resumptions, 0)

    def test_sessions_are_resumed_in_both_versions(self) -> None:
        for version, name in ((ssl.TLSVersion.TLSv1_3, "1.3"), (ssl.TLSVersion.TLSv1_2, "1.2")):
            result = self.against(server_context(ECDSA, version), "--tls", name, *_RESUMED)
            self.expect_all_right(result)
            self.assertGreater(result.handshakes, 5)
            self.assertEqual(result.resumptions, result.handshakes)

    def test_a_server_that_gives_no_tickets(self) -> None:
        context = server_context(ECDSA, ssl.TLSVersion.TLSv1_3, tickets=0)
        self.expect_only("not resumed", self.against(context, "--tls", "1.3", *_RESUMED))

    def test_a_session_without_a_ticket_is_not_resumed(self) -> None:
        context = server_context(ECDSA, ssl.TLSVersion.TLSv1_2, tickets=0)
        self.expect_only("not resumed", self.against(context, "--tls", "1.2", *_RESUMED))

    def test_another_version(self) -> None:
        context = server_context(ECDSA, ssl.TLSVersion.TLSv1_2)
        self.expect_only("handshake", self.against(context, "--tls", "1.3"))

    def test_another_kind_of_key(self) -> None:
        context = server_context(RSA, ssl.TLSVersion.TLSv1_3)
        self.expect_only("handshake", self.against(context, "--tls", "1.3"))

    def test_another_group(self) -> None:
        # In TLS 1.2 the client must offer P-256 as well, for the certificate's sake.
        context = server_context(ECDSA, ssl.TLSVersion.TLSv1_2)
        context.set_ecdh_curve("prime256v1")
        self.expect_only("group", self.against(context, "--tls", "1.2"))

    def test_a_server_that_speaks_no_tls(self) -> None:
        with plain.scripted(answer(self.right)) as port:
            self.expect_only("handshake", load(port, "--tls", "1.3"))

    def test_one_wrong_byte(self) -> None:
        wrong = bytearray(self.right)
        wrong[100] ^= 1
        with scripted(answer(bytes(wrong)), server_context(ECDSA, ssl.TLSVersion.TLSv1_3)) as port:
            self.expect_only("content", load(port, "--tls", "1.3"))


class OriginTests(unittest.TestCase):
    def setUp(self) -> None:
        build_programs(with_tls=True)
        make_certificates()
        origin, ports = start_origin(LOAD_CORES, [0, 0], ECDSA)
        self.addCleanup(origin.stop)
        self.ports = ports

    def test_bodies_of_many_records(self) -> None:
        for path, length in (("/small", "128"), ("/100k", "100000")):
            result = load(self.ports[0], "--tls", "1.3", "--path", path, "--length", length)
            self.assertEqual(result.failures, {})
            self.assertGreater(result.requests, 5)

    def test_uploads(self) -> None:
        result = load(self.ports[0], "--tls", "1.3", "--path", "/upload", "--upload", "1000000")
        self.assertEqual(result.failures, {})
        self.assertGreater(result.completed, 0)

    def test_preflight_wants_the_certificate(self) -> None:
        with self.assertRaisesRegex(BenchError, "CERTIFICATE_VERIFY_FAILED"):
            check_equal_work(self.ports[0], tuple(self.ports), RSA)
        # An origin is no proxy, but its certificate is the right one.
        with self.assertRaisesRegex(BenchError, "did not use all"):
            check_equal_work(self.ports[0], tuple(self.ports), ECDSA)


if __name__ == "__main__":
    unittest.main()
