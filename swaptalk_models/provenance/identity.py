"""Who signs: a certificate of the home's own, made at first use, without any network.

    FOLDER/identity/ca.pem      the home's root certificate: give it to whoever is to check your videos (`verify --trust`)
    FOLDER/identity/chain.pem   the signing certificate, then the root
    FOLDER/identity/key.pem     the signing key: 0600, never leaves the home

The root's own key signs one certificate and is forgotten: nobody can issue a second one in this home's name.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swaptalk_models.errors import UserError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ROOT_FILE, CHAIN_FILE, KEY_FILE = "ca.pem", "chain.pem", "key.pem"
_YEARS = 20
"""Of validity. Offline nobody can stamp the time, so that a signature is worth nothing once its certificate has run out."""


@dataclass(frozen=True)
class Identity:
    """A home's certificate and key, as PEM."""

    root: bytes
    chain: bytes
    key: bytes

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the root certificate: what job records name."""
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256

        return x509.load_pem_x509_certificate(self.root).fingerprint(SHA256()).hex()


def identity_folder(folder: Path) -> Path:
    """Where the identity of a home, or of a user's configuration folder, lies."""
    return folder / "identity"


def load_identity(folder: Path) -> Identity:
    """The identity in ``folder``/identity, made if there is none.

    Raises:
        UserError: the folder cannot be written, or a part of an identity is missing or unreadable.
    """
    place = identity_folder(folder)
    if not place.is_dir():
        try:
            _make(place)
        except OSError as error:
            raise UserError(
                f"{place}: the signing certificate cannot be written ({error.strerror}): "
                "name a home that can be written with --home"
            ) from None
    try:
        return Identity(*((place / name).read_bytes() for name in (ROOT_FILE, CHAIN_FILE, KEY_FILE)))
    except OSError as error:
        raise UserError(
            f"{error.filename}: {error.strerror}: give it back, or remove {place} so that a new certificate is made"
        ) from None


def read_root(path: Path) -> bytes:
    """A root certificate that somebody names, as PEM. UserError: it is none."""
    from cryptography import x509

    try:
        content = path.read_bytes()
        x509.load_pem_x509_certificate(content)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{path}: not a certificate in PEM; a home's lies in HOME/identity/{ROOT_FILE}") from None
    return content


def _make(place: Path) -> None:
    """Written beside and renamed as a whole: of two processes that come at once, the first wins."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".identity-", dir=place.parent))  # 0700
    try:
        for name, content in _new_identity().items():
            descriptor = os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        with contextlib.suppress(FileExistsError, OSError) if place.is_dir() else contextlib.nullcontext():
            os.rename(aside, place)
    except OSError:
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _new_identity() -> dict[str, bytes]:
    """{file: PEM} of a root, a certificate that it signed, and the certificate's key."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = secrets.token_hex(4)  # tells homes apart; nothing of the machine or its user goes into a video
    root = _certificate(f"SwapTalk home {name}", root_key, None, root_key)
    leaf = _certificate(f"SwapTalk signer {name}", key, root, root_key)
    pem = [certificate.public_bytes(Encoding.PEM) for certificate in (leaf, root)]
    return {
        ROOT_FILE: pem[1],
        CHAIN_FILE: b"".join(pem),
        KEY_FILE: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }


def _certificate(
    name: str, key: EllipticCurvePrivateKey, issuer: x509.Certificate | None, issuer_key: EllipticCurvePrivateKey
) -> x509.Certificate:
    """A root (no issuer), or a certificate that C2PA accepts for signing: version 3, digital signatures only, and an
    extended key usage, of which validators take e-mail protection by default.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SwapTalk"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)  # clocks differ
    is_root = issuer is None
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if not is_root:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, SHA256())
