"""Sockets: bind a host and port on every address family it has, with errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import itertools
import logging
import os
import socket
from pathlib import Path
from typing import NamedTuple

from gelf_listener.errors import ConfigError, describe
from gelf_listener.inputs.activation import inherited
from gelf_listener.message import Peer

_log = logging.getLogger(__name__)

_EVERYWHERE = frozenset(("*", ""))
_TRIES_FOR_FREE_PORT = 20
_BACKLOG = 1024


class _Target(NamedTuple):
    family: socket.AddressFamily
    host: str


def _targets(host: str) -> list[_Target]:
    """Resolve a host to the addresses to bind, IPv4 first."""
    if host in _EVERYWHERE:
        return [_Target(socket.AF_INET, "0.0.0.0"), _Target(socket.AF_INET6, "::")]  # noqa: S104  (asked for)
    if host == "localhost":  # never depends on a resolver
        return [_Target(socket.AF_INET, "127.0.0.1"), _Target(socket.AF_INET6, "::1")]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:  # the second for what is not a name at all
        raise ConfigError(f"host {host!r} cannot be resolved: {describe(error)}") from None
    targets = [_Target(info[0], str(info[4][0])) for info in found]
    return sorted(dict.fromkeys(targets), key=lambda target: target.family != socket.AF_INET)


def bind_all(kind: socket.SocketKind, host: str, port: int) -> list[socket.socket]:
    """
    Open non-blocking sockets bound to a port on every address of a host.

    Args:
        kind: `socket.SOCK_DGRAM` or `socket.SOCK_STREAM`.
        host: A numeric address, a name (all its addresses), or ``*``.
        port: 0 picks a free port, the same for all addresses.

    Returns:
        Bound sockets, IPv4 first; streams listen already. An IPv6 address the machine does not have is left out when
        there is another.

    Raises:
        ConfigError: If nothing can be bound.
    """
    targets = _targets(host)
    for _ in range(_TRIES_FOR_FREE_PORT):
        sockets: list[socket.socket] = []
        wanted = port
        try:
            for target in targets:
                if _is_dual(sockets):
                    break  # one that was handed over takes both families
                bound = _bind(kind, target, wanted, optional=len(targets) > 1)
                if bound is not None:
                    sockets.append(bound)
                    wanted = bound.getsockname()[1]
        except OSError as error:
            for opened in sockets:
                opened.close()
            if port == 0 and error.errno == errno.EADDRINUSE:
                continue  # free on one family, taken on the other
            raise ConfigError(_explain(error, host, wanted)) from None
        if not sockets:
            raise ConfigError(f"no address of host {host!r} exists on this machine")
        return sockets
    raise ConfigError(f"no port is free on all addresses of host {host!r}")


def bind_shared(kind: socket.SocketKind, host: str, port: int, shares: int) -> list[list[socket.socket]]:
    """
    Open sockets bound to the same port, for several processes; the kernel gives each a share of what comes (Linux).

    A connection, and datagrams from one address and port, always go to the same one, as long as none is closed. Of
    sockets that were handed over, which are bound already, each share has a copy that accepts connections; datagrams
    of one cannot be divided, and are the first's.

    Args:
        kind: `socket.SOCK_DGRAM` or `socket.SOCK_STREAM`.
        host: As in `bind_all`.
        port: As in `bind_all`.
        shares: How many processes.

    Returns:
        The sockets of each share.

    Raises:
        ConfigError: If nothing can be bound, or somebody else has the port, sharing it or not.
    """
    found: list[list[socket.socket]] = [[] for _ in range(shares)]
    alone = bind_all(kind, host, port)  # first: two listeners must not share a port by accident
    for first in alone:
        family, address = first.family, first.getsockname()
        copy = inherited().take(kind, address[0], address[1])
        if copy is not None:
            copy.close()
            found[0].append(first)
            if kind == socket.SOCK_STREAM:
                for share in found[1:]:
                    share.append(first.dup())
            elif shares > 1:
                _log.warning("%s was handed over: one worker reads it alone", listening_url("udp", first))
            continue
        first.close()
        try:
            for share in found:
                share.append(_open(kind, _Target(family, address[0]), address[1], shared=True))
        except OSError as error:
            for opened in itertools.chain(alone, *found):
                opened.close()
            raise ConfigError(_explain(error, host, address[1])) from None
    return found


def _is_dual(sockets: list[socket.socket]) -> bool:
    """Whether an IPv6 socket for every interface takes IPv4 too."""
    return any(
        sock.family == socket.AF_INET6
        and sock.getsockname()[0] == "::"
        and not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        for sock in sockets
    )


def bind_unix(path: Path, mode: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> tuple[socket.socket, int]:
    """
    Open a non-blocking Unix socket; one of streams listens.

    A socket that a process left behind is replaced; one that somebody listens on is not.

    Args:
        path: Where it appears.
        mode: Its permissions.
        kind: Of streams or datagrams.

    Returns:
        The socket, and its inode if it was made here, for `remove_unix`; 0 when it was handed over.

    Raises:
        ConfigError: If it cannot be made.
    """
    handed = inherited().take(kind, str(path), 0)
    if handed is not None:
        return handed, 0
    try:
        if path.is_socket():
            if _is_listening(path, kind):
                raise ConfigError(f"socket {str(path)!r} is in use by another program; stop it or choose another")
            path.unlink()
        sock = socket.socket(socket.AF_UNIX, kind)
        before = os.umask(0o177)  # nobody else connects before the mode is set
        try:
            sock.setblocking(False)
            sock.bind(str(path))
            path.chmod(mode)
            if kind == socket.SOCK_STREAM:
                sock.listen(_BACKLOG)
            inode = path.stat().st_ino
        except BaseException:
            sock.close()
            raise
        finally:
            os.umask(before)
    except OSError as error:
        raise ConfigError(f"socket {str(path)!r} cannot be made: {describe(error)}") from None
    return sock, inode


def remove_unix(path: Path, inode: int) -> None:
    """Remove a Unix socket, unless another has taken its place."""
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            path.unlink()


def _is_listening(path: Path, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_UNIX, kind) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:  # somebody listens there for the other kind
                raise
    return True


def _bind(kind: socket.SocketKind, target: _Target, port: int, *, optional: bool) -> socket.socket | None:
    handed = inherited().take(kind, target.host, port) if port else None
    if handed is not None or inherited().only:
        return handed
    try:
        return _open(kind, target, port)
    except OSError as error:
        if optional and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            _log.debug("%s is not an address of this machine", target.host)
            return None
        raise


def _open(kind: socket.SocketKind, target: _Target, port: int, *, shared: bool = False) -> socket.socket:
    sock = socket.socket(target.family, kind)
    try:
        sock.setblocking(False)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if kind == socket.SOCK_STREAM and os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if target.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((target.host, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(_BACKLOG)  # here, for it fails like `bind` when somebody else listens
    except OSError:
        sock.close()
        raise
    return sock


def _explain(error: OSError, host: str, port: int) -> str:
    where = f"{host or '*'} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; stop it or choose another port"
    if error.errno == errno.EACCES:
        return f"{where} may not be bound: ports below 1024 need the capability CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is not an address of this machine"
    return f"{where} cannot be bound: {describe(error)}"


def peer_of(address: object) -> Peer | None:
    """
    Make a peer from what the socket module calls an address; None when it knows none.

    Who sends by a Unix socket, whose address is a text, is on this machine: a loopback address without a port.
    """
    if isinstance(address, (str, bytes)):
        return Peer("127.0.0.1", 0)
    if isinstance(address, tuple) and len(address) >= 2:
        return Peer(str(address[0]).partition("%")[0], int(address[1]))
    return None


def listening_url(scheme: str, sock: socket.socket, path: str = "") -> str:
    """Write where a socket listens as an address, with the real port."""
    if sock.family == socket.AF_UNIX:
        return f"{scheme}:{path}?socket={sock.getsockname()}"
    peer = peer_of(sock.getsockname())
    return f"{scheme}://{peer}{path}"
