"""Auth: when a login is wanted, and everything that counts as one."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.api.attempts import MAX_FAILURES
from gelf_listener.api.auth import Auth, Identity, TooManyAttempts, is_loopback, make_auth
from gelf_listener.api.passwords import ScryptHash, hash_password, hash_token, verify_password
from gelf_listener.config import Config
from gelf_listener.errors import ConfigError
from tests.unit.fakes import run

TOKEN = "0123456789abcdef-token"


def hashed(password: str) -> ScryptHash:
    """A cheap hash, for tests are many."""
    import hashlib

    key = hashlib.scrypt(password.encode(), salt=b"saltsalt", n=2, r=1, p=1, dklen=32)
    return ScryptHash(2, 1, 1, b"saltsalt", key)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def config(**values: Any) -> Config:
    return Config.from_values(values, "test")


def closed() -> Auth:
    return Auth(
        required=True, users={"alice": "secret", "bob": hashed("hunter2")}, tokens=[TOKEN, hash_token("x" * 20)]
    )


@pytest.mark.parametrize(
    ("api", "setting", "required"),
    [
        ("localhost:9000", "auto", False),
        ("127.0.0.2:9000", "auto", False),
        ("[::1]:9000", "auto", False),
        ("localhost:9000", "on", True),
        ("*:9000", "auto", True),
        ("0.0.0.0:9000", "auto", True),
        ("192.0.2.1:9000", "auto", True),
        ("[::]:9000", "auto", True),
        ("some.name:9000", "auto", True),
        ("*:9000", "off", False),
    ],
)
def test_when_a_login_is_wanted(api: str, setting: str, required: bool) -> None:
    """Wherever somebody else could ask, unless that is said to be fine; without users it is an error that says what to do."""
    assert make_auth(config(api=api, api_auth=setting, api_password="secret")).required is required
    if required:
        with pytest.raises(ConfigError, match=r"set api_password .*GELF_API_PASSWORD_FILE.*--api-auth off"):
            make_auth(config(api=api, api_auth=setting))
    else:
        make_auth(config(api=api, api_auth=setting))


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ({"api_password": "secret"}, True),
        ({"api_tokens": ["0123456789abcdef0123456789abcdef"]}, True),
        ({"api_password": "secret", "api_auth": "on"}, False),
        ({"api_password": "secret", "api_auth": "off"}, False),
        ({"api_password": "secret", "api": "0.0.0.0:9000"}, False),
        ({}, False),
    ],
)
def test_users_that_nobody_asks_for(values: dict[str, Any], warned: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Who sets a password on this machine may think that it is needed, behind a proxy for instance."""
    make_auth(config(**values))
    assert ("it asks for no login" in caplog.text) is warned


def test_loopback_is_an_address() -> None:
    """A name could be anything."""
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.org")
    assert not is_loopback("*")


def test_users_from_everywhere(tmp_path: Path) -> None:
    """Settings and files, plain and hashed."""
    (tmp_path / "password").write_text("from a file\n")
    (tmp_path / "users").write_text(f"# people\ncarol:with spaces: and colons\n\ndave:{hashed('x')}\n")
    (tmp_path / "tokens").write_text(TOKEN + "\n")
    made = make_auth(
        config(
            api="*:1",
            api_password_file=str(tmp_path / "password"),
            api_users=["erin:a,b"],
            api_users_file=str(tmp_path / "users"),
            api_tokens_file=str(tmp_path / "tokens"),
        )
    )
    assert made.users == ["admin", "carol", "dave", "erin"]

    async def main() -> None:
        for user, password in (
            ("admin", "from a file"),
            ("carol", "with spaces: and colons"),
            ("dave", "x"),
            ("erin", "a,b"),
        ):
            assert await made.check_password(user, password, "a"), user
        assert await made.authenticate(basic(TOKEN, "token"), "", "a") == Identity("admin", "token")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"api_users": ["alice"]}, "each is written name:password"),
        ({"api_users": [":x"]}, "each is written name:password"),
        ({"api_users": ["alice:a", "alice:b"]}, "user 'alice' of the API has two passwords"),
        ({"api_password": "a", "api_users": ["admin:b"]}, "user 'admin' of the API has two passwords"),
        ({"api_users": ["alice:scrypt:2:1"]}, "user 'alice': a hash has the form"),
        ({"api_password": "Token"}, "marks a token in Graylog's API"),
        ({"api_password": ""}, "is empty"),
        ({"api_tokens": ["short"]}, "at least 16 characters"),
        ({"api_tokens": ["sha256:0123456789"]}, "at least 16 characters"),
        ({"api_password_file": "/no/such"}, "setting 'api_password_file': '/no/such' cannot be read: No such file"),
    ],
)
def test_unusable_secrets(values: dict[str, Any], words: str) -> None:
    """Found before anything opens, also where no login is wanted."""
    with pytest.raises(ConfigError, match=words):
        make_auth(config(**values))


@pytest.mark.parametrize(
    ("authorization", "found"),
    [
        (basic("alice", "secret"), Identity("alice", "password")),
        (basic("bob", "hunter2"), Identity("bob", "password")),
        (f"Bearer {TOKEN}", Identity("admin", "token")),
        (f"bearer  {'x' * 20} ", Identity("admin", "token")),
        ("Bearer wrong", None),
        ("Bearer secret", None),
        ("Bearer " + "x" * 4097, None),
        ("Bearer", None),
        (basic("alice", "Secret"), None),
        (basic("bob", "hunter3"), None),
        (basic("nobody", "secret"), None),
        (basic("", ""), None),
        (basic(TOKEN, "token"), Identity("admin", "token")),
        (basic(TOKEN, "TOKEN"), Identity("admin", "token")),
        (basic("x" * 20, "token"), Identity("admin", "token")),
        (basic(hash_token("x" * 20), "token"), None),
        (basic("alice", "token"), None),
        (basic("alice", "session"), None),
        ("basic " + basic("alice", "secret")[6:], Identity("alice", "password")),
        ("Digest " + TOKEN, None),
        ("Basic !!!", None),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), None),
        ("Basic " + "A" * 100_000, None),
        ("", None),
    ],
)
def test_credentials(authorization: str, found: Identity | None) -> None:
    """As Graylog's clients send them; anything else is nobody."""

    async def main() -> None:
        assert await closed().authenticate(authorization, "", "192.0.2.1") == found

    asyncio.run(main())


def test_sessions() -> None:
    """By cookie or as user; the cookie wins over a password, a token over the cookie."""

    async def main() -> None:
        auth = closed()
        assert await auth.log_in("alice", "wrong", "a") is None
        session = await auth.log_in("alice", "secret", "a")
        assert session is not None
        alice = Identity("alice", "session", session.id)
        cookie = f"other=1; authentication={session.id}"
        assert await auth.authenticate("", cookie, "a") == alice
        assert await auth.authenticate(basic(session.id, "Session"), "", "a") == alice
        assert await auth.authenticate(basic("bob", "hunter2"), cookie, "a") == alice
        assert await auth.authenticate(basic(TOKEN, "token"), cookie, "a") == Identity("admin", "token")
        auth.sessions.end(session.id)
        assert await auth.authenticate("", cookie, "a") is None
        for broken in ("authentication=", "authentication", "authentication=\x00", "authentication=x" * 5000, ";;;"):
            assert await auth.authenticate("", broken, "a") is None

    run(main())


def test_everybody_may() -> None:
    """Graylog's clients log in with admin and admin, and so they may; a session works too, but no unknown one."""

    async def main() -> None:
        auth = make_auth(config())
        assert await auth.authenticate("", "", "a") == Identity("admin", "open")
        assert await auth.authenticate(basic("whoever", "x"), "", "a") == Identity("whoever", "open")
        assert await auth.authenticate(basic("some-token", "token"), "", "a") == Identity("admin", "open")
        session = await auth.log_in("admin", "admin", "a")
        assert session is not None
        assert await auth.authenticate(basic(session.id, "session"), "", "a") == Identity(
            "admin", "session", session.id
        )
        assert await auth.authenticate(basic("no such", "session"), "", "a") is None

    run(main())


def test_too_many_wrong_passwords(caplog: pytest.LogCaptureFixture) -> None:
    """Then the right one is not looked at either; tokens and sessions are, and so are other addresses. Logged once."""

    async def main() -> None:
        auth = closed()
        session = await auth.log_in("alice", "secret", "192.0.2.1")
        assert session is not None
        for _ in range(MAX_FAILURES):
            assert not await auth.check_password("alice", "wrong", "192.0.2.1")
        with pytest.raises(TooManyAttempts, match="try again in 60 s"):
            await auth.authenticate(basic("alice", "secret"), "", "192.0.2.1")
        with pytest.raises(TooManyAttempts):
            await auth.log_in("alice", "secret", "192.0.2.1")
        assert await auth.authenticate(basic("alice", "secret"), "", "192.0.2.2")
        assert await auth.authenticate(basic(TOKEN, "token"), "", "192.0.2.1")
        assert await auth.authenticate(basic(session.id, "session"), "", "192.0.2.1")

    run(main())
    assert [record.args for record in caplog.records] == [("192.0.2.1",)]


def test_a_right_password_is_dear_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """scrypt for every request would be slow; a wrong one is always looked at again."""
    asked: list[str] = []

    def count(password: str, known: ScryptHash) -> bool:
        asked.append(password)
        return verify_password(password, known)

    monkeypatch.setattr("gelf_listener.api.auth.verify_password", count)

    async def main() -> None:
        auth = closed()
        for _ in range(3):
            assert await auth.check_password("bob", "hunter2", "a")
            assert not await auth.check_password("bob", "wrong", "b")
        assert not await auth.check_password("nobody", "hunter2", "c")
        assert asked == ["hunter2", "wrong", "wrong", "wrong", "hunter2"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "hashes", [{}, {"bob": hash_password("x"), "carol": "scrypt:4096:8:1:c2FsdHNhbHQ:" + "A" * 43}]
)
def test_wrong_passwords_take_the_same_time(hashes: dict[str, str]) -> None:
    """For users with a plain password, with hashes that cost differently, and for nobody: none can be told from others."""
    users = {"alice": "secret"} | {name: ScryptHash.parse(text) for name, text in hashes.items()}
    auth = Auth(required=True, users=users, tokens=[])  # type: ignore[arg-type]

    async def main() -> None:
        cost: dict[str, list[float]] = {}
        for attempt in range(5):
            for user in (*users, "nobody", "Alice"):
                began = time.process_time()  # of all threads; the machine may be busy with others
                assert not await auth.check_password(user, "wrong", f"{user}{attempt}")
                cost.setdefault(user, []).append(time.process_time() - began)
        found = [min(times) for times in cost.values()]
        assert min(found) > 0.005, cost
        assert max(found) < 1.5 * min(found), cost

    asyncio.run(main())


def test_a_flood_of_logins_waits_in_a_bounded_line() -> None:
    """Beyond, the answer is to come again; nobody is locked out by it."""

    async def main() -> None:
        auth = closed()
        answers = await asyncio.gather(
            *(auth.check_password("bob", "hunter2", f"10.0.0.{number}") for number in range(100)),
            return_exceptions=True,
        )
        assert answers.count(True) == 32
        assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == 68
        assert await auth.check_password("bob", "hunter2", "10.0.0.99")

    asyncio.run(main())


def test_tokens_made_through_the_api() -> None:
    """Are asked for after whoever keeps them was loaded."""

    async def main() -> None:
        auth = closed()
        loaded: list[str] = []

        async def load() -> None:
            loaded.append("loaded")
            auth.token_owner = owner

        async def owner(token: str) -> str | None:
            return "carol" if token == "made" else None

        auth.before_tokens = load
        assert await auth.authenticate(basic(TOKEN, "token"), "", "a") == Identity("admin", "token")
        assert loaded == []
        assert await auth.authenticate(basic("made", "token"), "", "a") == Identity("carol", "token")
        assert await auth.authenticate(basic("unknown", "token"), "", "a") is None

    run(main())
