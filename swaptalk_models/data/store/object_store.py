"""Objects on S3-compatible storage, through boto3. Whatever is wrong with it is one line that names the cure.

Keys and endpoint are the environment's, as boto3 and Lance read them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
AWS_ENDPOINT_URL, or a profile or role of the host.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from swaptalk_models.data.store.storage_address import VARIABLE, Storage
from swaptalk_models.errors import UserError

_PIECE = 1 << 20
_AT_ONCE = 1000  # keys in one request to delete
_CURES = {
    "NoSuchBucket": "there is no such bucket: make it, or name another",
    "InvalidAccessKeyId": "the key is not known there: see AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret does not fit the key: see AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the session's token has expired: see AWS_SESSION_TOKEN",
    "AccessDenied": "this key may not do that: it has to list, read, write and delete below the prefix",
    "403": "this key may not do that: it has to list, read, write and delete below the prefix",
    "RequestTimeTooSkewed": "this host's clock is wrong",
}
_ABSENT = ("NoSuchKey", "404", "NotFound")
_TAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


@dataclass(frozen=True)
class Found:
    """An object, as a listing tells of it."""

    key: str
    """Below the prefix."""
    size: int
    modified_at: float
    """Seconds since the epoch, by the storage's clock."""


@dataclass(frozen=True)
class ObjectStore:
    """The objects below one prefix; keys are given without it. Every method raises UserError where the storage cannot be used."""

    storage: Storage

    def read(self, key: str) -> bytes | None:
        """All of a small object; None: it is not there."""
        with _told(self.storage, may_lack=True):
            return self._client.get_object(Bucket=self.storage.bucket, Key=self._full(key))["Body"].read()
        return None

    def write(self, key: str, content: bytes, only_new: bool = False) -> bool:
        """Put a small object there.

        Args:
            only_new: not over another one; False is returned where there is one.
        """
        condition = {"IfNoneMatch": "*"} if only_new else {}
        with _told(self.storage):
            try:
                self._client.put_object(Bucket=self.storage.bucket, Key=self._full(key), Body=content, **condition)
            except _client_error() as error:
                if only_new and _code(error) in _TAKEN:
                    return False
                raise
        return True

    def has(self, key: str) -> bool:
        """Whether it is there."""
        with _told(self.storage, may_lack=True):
            self._client.head_object(Bucket=self.storage.bucket, Key=self._full(key))
            return True
        return False

    def upload(self, key: str, file: IO[bytes]) -> None:
        """Put a file there, from where it stands to its end; in several parts where it is large."""
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20, max_concurrency=4)
        with _told(self.storage):
            self._client.upload_fileobj(file, self.storage.bucket, self._full(key), Config=config)

    def pieces(self, key: str) -> Iterator[bytes] | None:
        """Content of an object, bit by bit; None: it is not there."""
        with _told(self.storage, may_lack=True):
            body = self._client.get_object(Bucket=self.storage.bucket, Key=self._full(key))["Body"]
            return self._read(body)
        return None

    def _read(self, body: Any) -> Iterator[bytes]:
        with _told(self.storage):
            yield from body.iter_chunks(_PIECE)

    def listed(self, prefix: str = "") -> Iterator[Found]:
        """All objects whose key begins so."""
        skip = len(self.storage.prefix)
        with _told(self.storage):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.storage.bucket, Prefix=self._full(prefix)):
                for found in page.get("Contents", ()):
                    yield Found(found["Key"][skip:], found["Size"], found["LastModified"].timestamp())

    def folders(self, prefix: str) -> list[str]:
        """What stands between this prefix and the next slash."""
        begins = self._full(prefix)
        with _told(self.storage):
            pages = self._client.get_paginator("list_objects_v2")
            asked = pages.paginate(Bucket=self.storage.bucket, Prefix=begins, Delimiter="/")
            found = [one["Prefix"] for page in asked for one in page.get("CommonPrefixes", ())]
        return sorted(name.removeprefix(begins).rstrip("/") for name in found)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove these; one that is not there is fine."""
        left = list(keys)
        for start in range(0, len(left), _AT_ONCE):
            names = [{"Key": self._full(key)} for key in left[start : start + _AT_ONCE]]
            with _told(self.storage):
                self._client.delete_objects(Bucket=self.storage.bucket, Delete={"Objects": names, "Quiet": True})

    def check(self) -> None:
        """Whether homes can lie here.

        Raises:
            UserError: it cannot be reached, read or written, or it takes a conditional write for any other: two writers would lose each
                other's rows without a word.
        """
        key = f"probe-{secrets.token_hex(8)}"
        self.write(key, b"first", only_new=True)
        overwritten = self.write(key, b"second", only_new=True) or self.read(key) != b"first"
        self.delete([key])
        if overwritten:
            raise UserError(
                f"{self.storage.address}: this store writes over an object although If-None-Match forbids it, so rows would be lost: "
                "take one with conditional writes, as AWS S3 or a current MinIO"
            )

    def _full(self, key: str) -> str:
        return self.storage.prefix + key

    @property
    def _client(self) -> Any:
        return _client(os.getpid(), endpoint(), region())


def endpoint() -> str:
    """Address of the store's server; empty: AWS's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""


def region() -> str:
    """The store's region; empty: as the host's profile says."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    return named or ("us-east-1" if endpoint() else "")


def lance_options() -> dict[str, str]:
    """Lance's storage options for the same store; keys it reads from the environment itself."""
    found = {"client_max_retries": "5", "client_retry_timeout": "60"}
    if endpoint():
        found |= {"aws_endpoint": endpoint(), "allow_http": str(endpoint().startswith("http://")).lower()}
    return found | ({"region": region()} if region() else {})


@functools.lru_cache
def _client(process: int, endpoint: str, region: str) -> Any:
    """One a process: a fork must not share its connections."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=10, read_timeout=60, retries={"max_attempts": 4, "mode": "standard"}, max_pool_connections=32
    )
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint or None, region_name=region or None, config=config
    )


def _client_error() -> type[Exception]:
    from botocore.exceptions import ClientError

    return ClientError


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _told(storage: Storage, may_lack: bool = False) -> Iterator[None]:
    """Turns whatever befalls a request in the block into a UserError; with ``may_lack``, that the object is not there ends the block."""
    try:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, NoCredentialsError, PartialCredentialsError
    except ImportError:
        raise UserError(
            f"{storage.address}: the package for object storage is not installed: pip install 'swaptalk[s3]'"
        ) from None
    try:
        yield
    except _client_error() as error:
        code = _code(error)
        if may_lack and code in _ABSENT:
            return
        raise UserError(f"{storage.address}: {_CURES.get(code, ' '.join(str(error).split()))}") from None
    except (NoCredentialsError, PartialCredentialsError):
        raise UserError(
            f"{storage.address}: no keys for it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        ) from None
    except (BotoCoreError, Boto3Error) as error:
        where = endpoint() or "AWS"
        raise UserError(
            f"{storage.address}: cannot be reached at {where} ({' '.join(str(error).split())[:200]}): is it there, and is "
            f"AWS_ENDPOINT_URL right? {VARIABLE} and the home's storage.json name the storage"
        ) from None
