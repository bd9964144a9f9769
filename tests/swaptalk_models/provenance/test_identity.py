"""provenance/identity.py"""

import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from swaptalk_models.errors import UserError
from swaptalk_models.provenance.identity import CHAIN_FILE, KEY_FILE, ROOT_FILE, load_identity, read_root


def test_made_at_first_use_and_kept(tmp_path):
    first = load_identity(tmp_path / "home")
    assert load_identity(tmp_path / "home") == first
    assert load_identity(tmp_path / "other").key != first.key
    assert [path.name for path in tmp_path.joinpath("home").iterdir()] == ["identity"], "nothing is left aside"


def test_nobody_else_reads_the_key(tmp_path):
    load_identity(tmp_path)
    folder = tmp_path / "identity"
    assert {path.name for path in folder.iterdir()} == {ROOT_FILE, CHAIN_FILE, KEY_FILE}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_the_certificate_is_of_the_kind_that_c2pa_takes(tmp_path):
    identity = load_identity(tmp_path)
    leaf, root = x509.load_pem_x509_certificates(identity.chain)
    assert root == x509.load_pem_x509_certificate(identity.root)
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = load_pem_private_key(identity.key, None)
    assert key.public_key() == leaf.public_key() != root.public_key(), "the root's key is kept nowhere"
    names = {attribute.value.rpartition(" ")[0] for name in (leaf.subject, root.subject) for attribute in name}
    assert names <= {"", "SwapTalk home", "SwapTalk signer"}, "nothing of the machine or its user"


def test_of_two_at_once_the_first_wins(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(load_identity(tmp_path))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and len({identity.key for identity in found}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["identity"]


def test_a_part_that_is_missing_is_named(tmp_path):
    load_identity(tmp_path)
    (tmp_path / "identity" / KEY_FILE).unlink()
    with pytest.raises(UserError, match=r"identity/key\.pem: .*so that a new certificate is made"):
        load_identity(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="the signing certificate cannot be written"):
        load_identity(tmp_path / "file" / "home")


def test_a_root_that_is_none(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(UserError, match=r"ca\.pem: not a certificate"):
        read_root(tmp_path / "ca.pem")
    with pytest.raises(UserError, match="No such file"):
        read_root(tmp_path / "none.pem")
