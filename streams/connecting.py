"""How every client of ours reaches Kafka: addresses, TLS and password, from the settings in one place.

Redis needs nothing of the kind: `rediss://user:password@host:6380/0?ssl_ca_certs=/path/ca.pem` says it all
(also `ssl_certfile`, `ssl_keyfile`).
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

from streams.errors import SettingsError
from streams.settings import Settings


def kafka(settings: Settings) -> dict[str, Any]:
    """Arguments for aiokafka's clients.

    Raises:
        SettingsError: a certificate file cannot be read; it names the setting.
    """
    found: dict[str, Any] = {"bootstrap_servers": settings.bootstrap}
    if settings.kafka_security == "plaintext":
        return found
    found["security_protocol"] = settings.kafka_security.upper()
    if "ssl" in settings.kafka_security:
        found["ssl_context"] = _context(settings)
    if "sasl" in settings.kafka_security:
        found |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": _password(settings),
        }
    return found


def faust_credentials(settings: Settings) -> Any:
    """The same for a Faust app: its credentials, or None. Raises SettingsError."""
    from faust.auth import SASLCredentials, SSLCredentials  # half a second that no other process needs

    if settings.kafka_security == "plaintext":
        return None
    context = _context(settings) if "ssl" in settings.kafka_security else None
    if "sasl" not in settings.kafka_security:
        return SSLCredentials(context=context)
    return SASLCredentials(
        username=settings.kafka_username, password=_password(settings), ssl_context=context,
        mechanism=settings.kafka_mechanism,
    )  # fmt: skip


def _password(settings: Settings) -> str | None:
    return None if settings.kafka_password is None else settings.kafka_password.get_secret_value()


def _context(settings: Settings) -> ssl.SSLContext:
    secret = settings.kafka_key_password
    return _made(
        settings.kafka_ca, settings.kafka_cert, settings.kafka_key,
        None if secret is None else secret.get_secret_value(),
    )  # fmt: skip


@lru_cache(maxsize=8)
def _made(ca: Path | None, cert: Path | None, key: Path | None, password: str | None) -> ssl.SSLContext:
    """Verifies the broker's certificate and name; there is no way to switch that off."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise _unreadable("KAFKA_CA", ca, error) from error
    if cert is not None:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert, key, password=password or "")
        except OSError as error:
            raise _unreadable("KAFKA_CERT (or KAFKA_KEY)", cert, error) from error
    return context


def _unreadable(setting: str, path: Path | None, error: OSError) -> SettingsError:
    why = (error.strerror if error.filename else None) or str(error)
    return SettingsError([f"RAPPORT_{setting}: {path} is no readable PEM file: {why}"])
