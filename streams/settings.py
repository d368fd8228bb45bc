"""Settings: environment (`RAPPORT_…`) first, then `rapport.toml` (or the file named by RAPPORT_CONFIG)."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from processors.state.address import cluster_of

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class Settings(BaseSettings):
    """Everything that can be set. `rapport settings` prints them with their present values."""

    model_config = SettingsConfigDict(env_prefix="RAPPORT_", extra="forbid", validate_default=True)

    broker: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, host:port[,host:port…]")
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="How Kafka is reached (docs/security.md)"
    )
    kafka_ca: Path | None = Field(
        None, description="PEM file of who signed the brokers' certificates; without, the system's"
    )
    kafka_cert: Path | None = Field(None, description="PEM file of our own certificate, where brokers ask")
    kafka_key: Path | None = Field(None, description="PEM file of its key, where that is not in the same")
    kafka_key_password: SecretStr | None = Field(None, description="Password of that key")
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How we say who we are, with sasl_*"
    )
    kafka_username: str | None = Field(None, description="Our name at Kafka, with sasl_*")
    kafka_password: SecretStr | None = Field(None, description="Our password at Kafka, with sasl_*")
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="Redis or Valkey, redis:// or rediss://; of a cluster any node, with ?cluster=yes",
    )
    namespace: Name = Field("rapport", description="Prefix of all Redis keys; one per installation")
    group: Name = Field("rapport-worker", description="Kafka consumer group of the workers")
    topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,50}$", description="Put before every topic name, e.g. 'staging.'"
    )
    partitions: int = Field(
        8, ge=1, le=1000, description="Partitions of the event topics when we create them"
    )
    replication_factor: int = Field(1, ge=1, le=9, description="Copies of each topic when we create them")
    hash_key: SecretStr | None = Field(
        None,
        description="Secret for hashing actor ids in state; without one, a random key kept in Redis is used",
    )
    http_host: str = Field("127.0.0.1", description="Address of /health, /ready and /metrics")
    http_port: int = Field(6066, ge=1, le=65535, description="Port of /health, /ready and /metrics")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged")
    log_format: Literal["json", "text"] = Field("json", description="JSON lines, or text for people")
    data_dir: Path = Field(Path(".rapport"), description="Faust's scratch directory")

    # -- engine ---------------------------------------------------------------------------------------------
    slice_records: int = Field(
        2_000, ge=1, le=100_000, description="Records folded before the loop is yielded to"
    )
    slice_ms: float = Field(
        20.0, gt=0, le=1_000, description="Milliseconds folded before the loop is yielded to"
    )
    fence_ms: int = Field(
        100, ge=0, le=60_000, description="Longest wait before a partition's fence moves, ms"
    )
    fence_records: int = Field(
        20_000, ge=1, le=1_000_000, description="Records after which the fence moves at once"
    )
    fetch_max_bytes: int = Field(
        4 * 1024 * 1024, ge=65_536, le=64 * 1024 * 1024, description="Bytes fetched per partition at a time"
    )
    rebalance_timeout_s: float = Field(
        10.0, ge=2, le=600, description="Group rebalance timeout; Tansu wants 4"
    )
    session_timeout_s: float = Field(10.0, ge=1, le=600, description="Group session timeout")
    watchdog_s: float = Field(
        30.0,
        ge=5,
        le=3_600,
        description="Not ready when a partition with lag got no batch for so long; ×4: exit",
    )
    redis_timeout_s: float = Field(5.0, gt=0, le=60, description="Timeout of one Redis call")
    idle_speed: float = Field(
        1.0, ge=0, le=1_000_000, description="Event time that passes per second of silence; 0 switches it off"
    )
    duplicate_memory_h: int = Field(
        48, ge=1, le=168, description="Hours (of arrival) that event ids are remembered"
    )
    duplicate_memory_ids: int = Field(
        4_000_000, ge=1_000, le=200_000_000, description="At most so many event ids are remembered per worker"
    )
    undo_memory_acts: int = Field(
        1_000_000,
        ge=1_000,
        le=100_000_000,
        description="At most so many acts that may be undone are remembered per worker",
    )
    provisional_ms: int = Field(
        100,
        ge=0,
        le=3_600_000,
        description="A partnership's provisional reading is refreshed at most so often, ms",
    )
    memory_influencers: int = Field(
        20_000,
        ge=100,
        le=10_000_000,
        description="Influencers held in memory per partition, beyond those watched",
    )
    metrics_partnerships: int = Field(
        1_000, ge=0, le=100_000, description="Partnerships with gauges of their own in /metrics, per worker"
    )
    enriched: bool = Field(True, description="Write engagement.enriched.v1")
    quote_days: int = Field(
        28, ge=0, le=28, description="Days that quotes from comments are kept in state; 0 keeps none"
    )

    mappings: str = Field(
        "",
        description="Mapping files of your own sources, by commas: readings say what they do not tell",
    )

    mastodon_token: SecretStr | None = Field(
        None, description="Access token of an influencer for `rapport sources follow mastodon`"
    )

    # -- alerts ---------------------------------------------------------------------------------------------
    rules: Path | None = Field(
        None, description="File with rules for alerts (docs/rules.md); without one the defaults hold"
    )
    shadow_rules: Path | None = Field(
        None, description="Second rules file, scored beside the live rules; only compared, nobody is told"
    )
    notify_config: Path | None = Field(
        None, description="File that says who is told about which alerts (notify.yaml); see docs/alerts.md"
    )
    notify_retries: str = Field(
        "0s 5s 5m 30m 2h 5h 10h 14h 20h 24h",
        pattern=r"^0s?( +\d+(\.\d+)?(ms|s|m|h))*$",
        description="When a notification is tried, counted from its first try; then it is given up",
    )
    notifier_http_port: int = Field(
        6067, ge=1, le=65535, description="Port of the notifier's /health, /ready and /metrics"
    )

    # -- HTTP API (rapport serve) ---------------------------------------------------------------------------
    serve_host: str = Field("127.0.0.1", description="Address of the HTTP API")
    serve_port: int = Field(6068, ge=1, le=65535, description="Port of the HTTP API")
    serve_rate: int = Field(
        600, ge=1, le=1_000_000, description="Requests a minute that one token, or one address, may make"
    )
    serve_timeout_s: float = Field(10.0, gt=0, le=120, description="Longest time of one request to the API")
    serve_body_bytes: int = Field(
        65_536, ge=1_024, le=16 * 1024 * 1024, description="Largest body of a request to the API"
    )

    # -- gateway (rapport gateway) --------------------------------------------------------------------------
    gateway_host: str = Field("127.0.0.1", description="Address of the gateway")
    gateway_port: int = Field(6069, ge=1, le=65535, description="Port of the gateway")
    gateway_config: Path | None = Field(
        None, description="File with the gateway's webhooks (gateway.yaml); see docs/gateway.md"
    )
    gateway_rate: int = Field(
        60_000, ge=1, le=10_000_000, description="Requests a minute that one token of the gateway may make"
    )
    gateway_rate_events: int = Field(
        50_000, ge=0, le=10_000_000, description="Events a second that one token may send; 0: no limit"
    )
    gateway_body_bytes: int = Field(
        8 * 1024 * 1024, ge=1_024, le=256 * 1024 * 1024, description="Largest body of a request, as sent"
    )
    gateway_inflated_bytes: int = Field(
        32 * 1024 * 1024, ge=1_024, le=1024 * 1024 * 1024, description="Largest body once it is inflated"
    )
    gateway_batch_events: int = Field(
        10_000, ge=1, le=100_000, description="Events that one request to the gateway may hold"
    )
    gateway_memory_bytes: int = Field(
        128 * 1024 * 1024,
        ge=1024 * 1024,
        le=64 * 1024**3,
        description="Bytes of all bodies together, and of what waits for Kafka; beyond it 429 is answered",
    )
    gateway_connections: int = Field(
        500, ge=1, le=100_000, description="Connections that the gateway holds at once"
    )
    gateway_head_s: float = Field(
        10.0, gt=0, le=600, description="Seconds in which the head of a request must arrive"
    )
    gateway_body_s: float = Field(
        30.0, gt=0, le=600, description="Seconds in which the body of a request must arrive"
    )
    gateway_ack_s: float = Field(
        10.0, gt=0, le=120, description="Seconds that the gateway waits for Kafka before it answers 503"
    )
    gateway_lag_s: float = Field(
        900.0,
        ge=0,
        le=86_400,
        description="Seconds that workers may be behind before senders of events are told 429; 0: any",
    )
    gateway_ids: int = Field(
        2_000_000,
        ge=0,
        le=1_000_000_000,
        description="Event ids that the gateway remembers in Redis for 48 h, some 70 bytes each; 0: none",
    )

    # -- dashboards -----------------------------------------------------------------------------------------
    grafana_url: str | None = Field(None, description="Grafana address for `rapport dashboards push`")
    grafana_token: SecretStr | None = Field(None, description="Grafana service account token")
    grafana_user: str | None = Field(None, description="Grafana user, where there is no token")
    grafana_password: SecretStr | None = Field(None, description="That user's password")
    grafana_api_token: SecretStr | None = Field(
        None, description="Token of our HTTP API that Grafana's data source shows (`rapport tokens create`)"
    )
    grafana_contact: SecretStr | None = Field(
        None, description="Whom Grafana tells of Rapport's own health: a webhook's address, or mail addresses"
    )

    @field_validator("broker")
    @classmethod
    def _broker(cls, value: str) -> str:
        for part in value.split(","):
            host, _, port = part.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65_536:
                raise ValueError(f"{part!r} is not host:port, e.g. 127.0.0.1:9092")
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        cluster_of(value)
        return value

    @cached_property
    def bootstrap(self) -> list[str]:
        """The bootstrap servers as a list."""
        return [part.strip() for part in self.broker.split(",")]

    def topic(self, name: str) -> str:
        """The topic's name in this installation."""
        return self.topic_prefix + name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("RAPPORT_CONFIG", "rapport.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)
