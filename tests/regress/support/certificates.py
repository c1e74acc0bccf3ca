"""Certificates made at run time with the openssl command."""

import pathlib
import textwrap

from support.processes import run


class Authority:
    """A private CA in a folder; `issue` makes certificates for localhost and 127.0.0.1."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.crt"
        self.key = self.folder / "ca.key"
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", "/CN=test CA",
            "-keyout", self.key, "-out", self.certificate,
        )  # fmt: skip

    def issue(self, name, common_name="localhost"):
        """Returns (certificate, key) paths of a new certificate; an older one is replaced."""
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(
            textwrap.dedent(
                """\
                basicConstraints = CA:FALSE
                subjectAltName = DNS:localhost, DNS:*.localhost, IP:127.0.0.1, IP:::1
                """
            )
        )
        run(
            "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", f"/CN={common_name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        run(
            "openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key
