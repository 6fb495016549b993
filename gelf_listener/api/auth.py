"""
Auth: who may ask.

Laws:

* On loopback everybody may, unless ``api_auth=on``: whoever has an account on the machine. Anywhere else somebody must
  be named in the settings, or ``api_auth=off`` must say that no login is needed; otherwise the listener does not start.
* Credentials come as Graylog's do: user and password, a token as user with the password ``token``, a session id as
  user with the password ``session``, or that id in the cookie ``authentication``, which wins over user and password.
  A token may also come as a bearer, which an editor's configuration can hold without encoding it.
* Wrong passwords are counted by address. An address that had too many is told to wait, without a look at what it sends.
  Tokens and sessions cannot be guessed and are always looked at.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from gelf_listener.api.attempts import Attempts
from gelf_listener.api.passwords import (
    MIN_TOKEN_CHARACTERS,
    ScryptHash,
    equal,
    fingerprint,
    hash_token,
    is_token_hash,
    verify_password,
)
from gelf_listener.api.sessions import Session, Sessions
from gelf_listener.errors import ConfigError, GelfError, describe

if TYPE_CHECKING:
    from gelf_listener.address import Address
    from gelf_listener.config import Config

_log = logging.getLogger(__name__)

COOKIE = "authentication"
"""Graylog's name for the cookie that holds a session's id."""

_ADMIN = "admin"
_REMEMBERED = 256
"""Passwords that were right and need no scrypt the next time."""
_MOST_WAITING = 32
"""Passwords that wait for scrypt at a time; each takes a fifth of a second of one processor."""

_MARKERS = ("token", "session")
"""Passwords that mean something else."""


class Identity(NamedTuple):
    """Who asks, and how that is known; ``open`` where everybody may."""

    user: str
    kind: Literal["open", "password", "token", "session"]
    session_id: str = ""


class TooManyAttempts(GelfError):
    """
    An address got too many passwords wrong.

    Args:
        seconds: How long it has to wait.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many failed logins; try again in {seconds:.0f} s")
        self.seconds = seconds


class Auth:
    """
    Knows users, tokens and sessions.

    Args:
        required: Whether somebody has to be named.
        users: Passwords, or their scrypt hashes, by user.
        tokens: Tokens, or their hashes.
    """

    def __init__(self, *, required: bool, users: dict[str, str | ScryptHash], tokens: list[str]) -> None:
        self.required = required
        self.sessions = Sessions()
        self.attempts = Attempts()
        self.token_owner: Callable[[str], Awaitable[str | None]] | None = None
        """Returns the user of a token that was made through the API; None when nobody has it."""
        self.before_tokens: Callable[[], Awaitable[object]] | None = None
        """Awaited before `token_owner` is looked at: whoever sets that may still have to be loaded."""
        self._users = users
        self._tokens = frozenset(token if is_token_hash(token) else hash_token(token) for token in tokens)
        hashes = [secret for secret in users.values() if isinstance(secret, ScryptHash)] or [ScryptHash.decoy()]
        self._decoys = list({hashed.cost: hashed for hashed in hashes}.values())
        """A hash of each cost that the users' hashes have."""
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._hashing = asyncio.Lock()
        self._waiting = 0

    @property
    def users(self) -> list[str]:
        """Names of the users that can log in."""
        return sorted(self._users) or [_ADMIN]

    async def authenticate(self, authorization: str, cookie: str, address: str) -> Identity | None:
        """
        Find out who asks.

        Args:
            authorization: The header of that name; empty without.
            cookie: The header of that name; empty without.
            address: Where the request came from.

        Returns:
            None when nobody did, or who did is not known.

        Raises:
            TooManyAttempts: If a password was shown by an address that got too many wrong.
        """
        bearer = _bearer(authorization)
        if bearer:
            return await self._of_token(bearer)
        user, password = _basic(authorization)
        marker = password.lower()
        if user and marker == "session":
            return self._of_session(self.sessions.use(user))
        if user and marker == "token":
            return await self._of_token(user)
        identity = self._of_session(self.sessions.use(_session_id(cookie))) if cookie else None
        if identity is None and not self.required:
            return Identity(user or _ADMIN, "open")
        if identity is None and user and await self.check_password(user, password, address):
            identity = Identity(user, "password")
        return identity

    async def log_in(self, user: str, password: str, address: str) -> Session | None:
        """
        Begin a session; None when the password is wrong. Where everybody may ask, every password is right.

        Raises:
            TooManyAttempts: If the address got too many wrong.
        """
        if self.required and not await self.check_password(user, password, address):
            return None
        return self.sessions.create(user or _ADMIN)

    async def check_password(self, user: str, password: str, address: str) -> bool:
        """
        Tell whether a user has a password; hashes are computed in a thread, one at a time.

        Raises:
            TooManyAttempts: If the address got too many wrong.
        """
        wait = self.attempts.wait_seconds(address)
        if wait:
            raise TooManyAttempts(wait)
        if not await self._has(user, password):
            self.attempts.failed(address)
            if self.attempts.wait_seconds(address):
                _log.warning("too many failed logins from %s: it has to wait", address or "unknown")
            return False
        return True

    async def _has(self, user: str, password: str) -> bool:
        known = self._users.get(user)
        if isinstance(known, str) and equal(password, known):
            return True
        remembered = fingerprint(f"{len(user)}:{user}{password}")
        if remembered in self._right:
            self._right.move_to_end(remembered)
            return True
        if not self._users:
            return False
        if self._waiting >= _MOST_WAITING:
            raise TooManyAttempts(1.0)
        self._waiting += 1
        try:
            async with self._hashing:
                right = await asyncio.to_thread(self._verify, password, known)
        finally:
            self._waiting -= 1
        if right:
            self._right[remembered] = None
            if len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return right

    def _verify(self, password: str, known: str | ScryptHash | None) -> bool:
        """
        Tell whether a password is the one that a hash was made of.

        A wrong one takes as long for every user, also for one whose password is not hashed or who does not exist:
        nobody learns who is there.
        """
        right = False
        for decoy in self._decoys:
            ours = known if isinstance(known, ScryptHash) and known.cost == decoy.cost else None
            found = verify_password(password, ours or decoy)
            right = right or (found and ours is not None)
        return right

    def _of_session(self, session: Session | None) -> Identity | None:
        return None if session is None else Identity(session.user, "session", session.id)

    async def _of_token(self, token: str) -> Identity | None:
        if hash_token(token) in self._tokens:
            return Identity(_ADMIN, "token")
        if self.before_tokens is not None:
            await self.before_tokens()
        owner = None if self.token_owner is None else await self.token_owner(token)
        if owner is not None:
            return Identity(owner, "token")
        return None if self.required else Identity(_ADMIN, "open")


def _basic(header: str) -> tuple[str, str]:
    """Return user and password of an Authorization header; empty texts when it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 4096:
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded.strip()).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


def _bearer(header: str) -> str:
    """Return the token of an Authorization header; empty when it has none."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and len(token) <= 4096 else ""


def _session_id(header: str) -> str:
    if COOKIE not in header or len(header) > 16384:
        return ""
    try:
        cookie: SimpleCookie = SimpleCookie(header)
    except CookieError:
        return ""
    return cookie[COOKIE].value if COOKIE in cookie else ""


def has_session(cookie: str) -> bool:
    """Whether a Cookie header has the id of a session, perhaps of one that has ended."""
    return bool(_session_id(cookie))


def is_loopback(host: str) -> bool:
    """Whether an address to bind can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False  # a name may mean any address


def make_auth(config: Config) -> Auth:
    """
    Make what the settings ask for.

    Raises:
        ConfigError: If anybody could ask who should not, or a secret is unusable.
    """
    address: Address | None = config.api
    users = {name: _password(name, secret) for name, secret in _pairs(config)}
    tokens = _tokens(config)
    required = config.api_auth == "on" or (
        config.api_auth == "auto" and address is not None and not is_loopback(address.host)
    )
    if required and not users and not tokens:
        why = (
            "api_auth is on" if config.api_auth == "on" else f"the API would be open to everybody who reaches {address}"
        )
        raise ConfigError(
            f"{why}, but nobody may log in: set api_password (GELF_API_PASSWORD, or GELF_API_PASSWORD_FILE), api_users "
            "or api_tokens; or say that everybody may with api_auth=off (--api-auth off); or listen on localhost only"
        )
    if (users or tokens) and not required and config.api_auth == "auto":
        _log.warning(
            "users or tokens of the API are set, but it asks for no login, because it listens on this machine only; "
            "api_auth=on asks for one here too, and is needed behind a proxy"
        )
    return Auth(required=required, users=users, tokens=tokens)


def _pairs(config: Config) -> list[tuple[str, str]]:
    """Return users and their secrets from all settings that name some."""
    pairs = [] if config.api_password is None else [(_ADMIN, config.api_password)]
    if config.api_password_file is not None:
        pairs.append((_ADMIN, _read("api_password_file", config.api_password_file)))
    texts = list(config.api_users)
    if config.api_users_file is not None:
        texts += _lines("api_users_file", config.api_users_file)
    for text in texts:
        name, colon, secret = text.partition(":")
        if not name or not colon or not secret:
            raise ConfigError("setting 'api_users': each is written name:password, or name: and a hash")
        pairs.append((name, secret))
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"user {twice!r} of the API has two passwords; give one")
    return pairs


def _password(name: str, secret: str) -> str | ScryptHash:
    try:
        hashed = ScryptHash.parse(secret)
    except ValueError as error:
        raise ConfigError(f"password of the API's user {name!r}: {error}") from None
    if not secret:
        raise ConfigError(f"password of the API's user {name!r} is empty")
    if secret.lower() in _MARKERS:
        raise ConfigError(f"password of the API's user {name!r}: {secret!r} marks a {secret.lower()} in Graylog's API")
    return secret if hashed is None else hashed


def _tokens(config: Config) -> list[str]:
    tokens = list(config.api_tokens)
    if config.api_tokens_file is not None:
        tokens += _lines("api_tokens_file", config.api_tokens_file)
    for token in tokens:
        if len(token) < MIN_TOKEN_CHARACTERS or (token.startswith("sha256:") and not is_token_hash(token)):
            raise ConfigError(
                f"setting 'api_tokens': a token has at least {MIN_TOKEN_CHARACTERS} characters, or is sha256: and 64 "
                "hexadecimal digits; 'gelf-listener password --token' makes one"
            )
    return tokens


def _read(setting: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = describe(error) if isinstance(error, OSError) else "it is not valid UTF-8"
        raise ConfigError(f"setting {setting!r}: {str(path)!r} cannot be read: {why}") from None


def _lines(setting: str, path: Path) -> list[str]:
    lines = (line.strip() for line in _read(setting, path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]
