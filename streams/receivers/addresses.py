"""Which addresses a receiver may lie on: a file that names a target must be no way into our own network.

The check is made on the address that a socket is really made for (`guarded_sockets`), after all resolving: a
name that says something public when asked first and something private when asked again gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]

#: NAT64 (RFC 6052): the IPv4 address lies in the last 32 bits.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
#: Not of the open internet, though `ipaddress` takes them for it: site-local (RFC 3879; old networks still
#: route it), relays of 6to4, documentation.
_SPECIAL: Final = tuple(map(ipaddress.ip_network, ("fec0::/10", "192.88.99.0/24", "3fff::/20")))
#: In the message of a refusal, so that it is known again after asyncio has put several into one.
REFUSED: Final = "not allowed as a target"


class AddressRefusedError(OSError):
    """The target lies where it must not."""


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(text: str) -> bool:
    """Whether an address is one of the open internet: not private, loopback, link-local (where clouds keep
    their metadata), shared (CGNAT), multicast, reserved, or unspecified. Whatever is no address is not.
    """
    try:
        address = embedded(ipaddress.ip_address(text))
    except ValueError:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_link_local
        and not any(address in network for network in _SPECIAL)
    )


def check(text: str, *, allow_private: bool, plain: bool, allow_http: bool) -> None:
    """Raises AddressRefusedError when an address may not be connected to; `plain`: over http."""
    if not is_public(text):
        if not allow_private:
            raise AddressRefusedError(
                f"its address {text} is private or special, {REFUSED} (allow_private: true allows it)"
            )
    elif plain and not allow_http:
        raise AddressRefusedError(
            f"http to a public address is {REFUSED}: use https (allow_http: true allows it)"
        )


def guarded_sockets(
    *, allow_private: bool, plain: bool, allow_http: bool
) -> Callable[[AddrInfo], socket.socket]:
    """A socket factory for aiohttp's TCPConnector that checks the address first."""

    def make(info: AddrInfo) -> socket.socket:
        family, kind, proto, _, where = info
        check(str(where[0]), allow_private=allow_private, plain=plain, allow_http=allow_http)
        made = socket.socket(family, kind, proto)
        made.setblocking(False)
        return made

    return make
