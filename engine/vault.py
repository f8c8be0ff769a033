"""Personal data: encrypted per subject, found by blind index, shown masked, destroyed with its key."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import unicodedata
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.core.errors import BadInput, Damaged, Problem
from engine.ids import Draw

NONCE = 12
_FORMAT = "bihuan-key-1"


def default_key_path() -> Path:
    """`$BIHUAN_KEYS`, else `~/.bihuan/keys/master.key`."""
    return Path(os.environ.get("BIHUAN_KEYS") or Path.home() / ".bihuan" / "keys" / "master.key").expanduser()


class MasterKey:
    """The one key kept outside the database folder: without it nobody reads personal data, the owner included."""

    __slots__ = ("_index", "_wrap", "chain", "key_id")

    def __init__(self, raw: bytes) -> None:
        self._wrap = AESGCM(_derived(raw, "wrap"))
        self._index = _derived(raw, "index")
        self.chain = hmac.new(_derived(raw, "chain"), digestmod=hashlib.sha256)
        self.key_id = _derived(raw, "id")[:8].hex()

    def __repr__(self) -> str:
        return f"MasterKey({self.key_id})"

    @classmethod
    def create(cls, path: Path) -> MasterKey:
        """A new key in a new file (0600); an existing file is never touched."""
        raw = os.urandom(32)
        key = cls(raw)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            if not isinstance(error, FileExistsError) or not path.exists():
                raise BadInput(Problem("KEY-007", f"这里建不了密钥文件：{path}", "换一个可以写的文件夹")) from None
            raise BadInput(Problem("KEY-001", f"密钥文件已存在：{path}", "不会覆盖；请用它，或换一个路径")) from None
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{_FORMAT} {key.key_id} {raw.hex()}\n")
            file.flush()
            os.fsync(file.fileno())
        return key

    @classmethod
    def load(cls, path: Path) -> MasterKey:
        """The key in a file; refused when it is missing, damaged, or open to others."""
        if path.is_dir():
            raise BadInput(
                Problem("KEY-003", f"这是文件夹，不是密钥文件：{path}", f"如 BIHUAN_KEYS={path / 'master.key'}")
            )
        try:
            mode = path.stat().st_mode
            text = path.read_text("ascii")
        except FileNotFoundError:
            expected = "没有它，全部个人信息都无法读取；请从备份取回，或用 BIHUAN_KEYS 指明位置"
            raise BadInput(Problem("KEY-002", f"找不到密钥文件：{path}", expected)) from None
        except (OSError, UnicodeDecodeError):
            raise BadInput(Problem("KEY-003", f"密钥文件读不出来：{path}", "请从备份取回")) from None
        if stat.S_IMODE(mode) & 0o077:
            raise BadInput(Problem("KEY-004", f"密钥文件别人也能读：{path}", f"chmod 600 {path}"))
        parts = text.split()
        try:
            key = cls(bytes.fromhex(parts[2]))
            intact = len(parts[2]) == 64 and parts[0] == _FORMAT and parts[1] == key.key_id  # noqa: PLR2004 - 32 bytes
        except (IndexError, ValueError):
            intact = False
        if not intact:
            raise BadInput(Problem("KEY-003", f"密钥文件已损坏：{path}", "请从备份取回"))
        return key

    def index(self, kind: str, text: str) -> bytes:
        """The blind index of a value: equal for equal values, and nothing else can be learnt from it."""
        return self.hashed(kind, unicodedata.normalize("NFKC", text).strip().casefold())

    def hashed(self, kind: str, plain: str) -> bytes:
        """The keyed hash of a value as it stands."""
        return hashlib.blake2b(f"{kind}\0{plain}".encode(), key=self._index, digest_size=16).digest()

    def new_subject(self, subject: str, draw: Draw = os.urandom) -> SubjectKey:
        """A fresh data key for a subject, wrapped by this one."""
        raw, nonce = draw(32), draw(NONCE)
        return SubjectKey(subject, raw, nonce + self._wrap.encrypt(nonce, raw, subject.encode()))

    def unwrap(self, subject: str, wrapped: bytes) -> SubjectKey:
        """The data key of a subject; raises `Damaged` when it is not the one that was stored for her."""
        try:
            raw = self._wrap.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.encode())
        except (InvalidTag, ValueError):
            raise Damaged(Problem("VAULT-001", f"对象 {subject} 的数据密钥打不开", "密钥不对或记录被改动")) from None
        return SubjectKey(subject, raw, wrapped)


class SubjectKey:
    """The data key of one subject; destroying its wrapped form makes her data unreadable for ever."""

    __slots__ = ("_cipher", "subject", "wrapped")

    def __init__(self, subject: str, raw: bytes, wrapped: bytes) -> None:
        self.subject = subject
        self.wrapped = wrapped
        self._cipher = AESGCM(raw)

    def __repr__(self) -> str:
        return f"SubjectKey({self.subject})"

    def seal(self, field: str, text: str, draw: Draw = os.urandom) -> bytes:
        """The ciphertext of one field, bound to this subject and this field."""
        nonce = draw(NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), f"{self.subject}\0{field}".encode())

    def open(self, field: str, sealed: bytes) -> str:
        """What was sealed; raises `Damaged` when it was changed, or sealed for another field or subject."""
        try:
            plain = self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], f"{self.subject}\0{field}".encode())
        except (InvalidTag, ValueError):
            raise Damaged(
                Problem("VAULT-002", f"对象 {self.subject} 的 {field} 打不开", "记录被改动或移动过")
            ) from None
        return plain.decode()


def check_outside(key_path: Path, database: Path) -> None:
    """Refuse a key kept beside the data it protects: whoever takes the folder has both."""
    if key_path.resolve().is_relative_to(database.resolve().parent):
        raise BadInput(Problem("KEY-005", f"密钥文件在数据库的文件夹里：{key_path}", "放到别处，用 BIHUAN_KEYS 指明"))


def mask(check: str, text: str) -> str:
    """What may be shown of a value: 张*, 340***********1234, 139****1234, else the first two characters."""
    head, tail, stars = {"cn_id": (3, 4, 0), "phone": (3, 4, 4), "name": (1, 0, 1)}.get(check, (2, 0, 3))
    if not text:
        return ""
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (stars or len(text) - head - tail) + (text[-tail:] if tail else "")


def _derived(raw: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=f"bihuan {purpose}".encode()).derive(raw)
