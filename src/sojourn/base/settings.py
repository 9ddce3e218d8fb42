"""Every setting once: name, type, default, meaning."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self


class BadSetting(Exception):
    """A setting cannot be used. The message names the variable and what it takes; it never repeats the value."""


def _setting(variable: str, default: object, meaning: str, *, secret: bool = False) -> Any:  # noqa: ANN401 - a dataclass field has the field's type
    return field(default=default, metadata={"variable": variable, "meaning": meaning}, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, read once at the start and handed down. Nothing else reads the environment."""

    data: Path = _setting("SOJOURN_DATA", Path(".sojourn"), "Folder of the embedded PostgreSQL, the server key and local journals.")
    host: str = _setting("SOJOURN_HOST", "127.0.0.1", "Address that the web server listens on.")
    port: int = _setting("SOJOURN_PORT", 8000, "Port that the web server listens on.")
    trusted_proxies: str = _setting(
        "SOJOURN_TRUSTED_PROXIES", "", "Addresses of proxies before this server, with commas between: they are believed about who asks (X-Forwarded-For) and over HTTPS (X-Forwarded-Proto)."
    )
    database_url: str = _setting(
        "SOJOURN_DATABASE_URL", "", "A PostgreSQL 15 or newer to use in place of the embedded one, as postgresql://user:password@host/name.", secret=True
    )
    database_direct_url: str = _setting(
        "SOJOURN_DATABASE_DIRECT_URL",
        "",
        "The same database as its owner and without a pooler between, for migrations and notifications. Default: SOJOURN_DATABASE_URL.",
        secret=True,
    )
    database_connections: int = _setting("SOJOURN_DATABASE_CONNECTIONS", 8, "Connections that one server process keeps open: about four for each core of the database; more only take turns. For staff pages two for each core; one holds up to 0.7 GB (docs/performance.md).")
    server_key_file: Path | None = _setting(
        "SOJOURN_SERVER_KEY_FILE", None, "File with the server key. Default: server.key in SOJOURN_DATA, made at the first start. Processes that share a database share this file."
    )
    oidc_issuer: str = _setting("SOJOURN_OIDC_ISSUER", "", "An OpenID Connect provider that staff may sign in with: its issuer, as https://….")
    oidc_client_id: str = _setting("SOJOURN_OIDC_CLIENT_ID", "", "What that provider calls this server.")
    oidc_client_secret_file: Path | None = _setting("SOJOURN_OIDC_CLIENT_SECRET_FILE", None, "File with the secret that it gave this server.")
    oidc_claim: str = _setting("SOJOURN_OIDC_CLAIM", "preferred_username", "The claim of its ID token that is the login here.")
    oidc_label: str = _setting("SOJOURN_OIDC_LABEL", "Sign in with your organization", "What the button on the sign-in page says.")
    oidc_organization: str = _setting("SOJOURN_OIDC_ORGANIZATION", "", "Whose provider it is, by key, where this server has several organizations.")
    oidc_hosts: str = _setting("SOJOURN_OIDC_HOSTS", "", "Further hosts that belong to the provider, with commas between; by default only the issuer's is asked.")
    mllp_host: str = _setting("SOJOURN_MLLP_HOST", "127.0.0.1", "Address that HL7 v2 messages are taken at.")
    mllp_port: int = _setting("SOJOURN_MLLP_PORT", 0, "Port that HL7 v2 messages are taken at by MLLP; 0: none are. Off this machine it needs a certificate, or a partner whose profile says why not.")
    mllp_certificate: Path | None = _setting("SOJOURN_MLLP_CERTIFICATE", None, "File with the certificate of this server for HL7 v2 over TLS.")
    mllp_key: Path | None = _setting("SOJOURN_MLLP_KEY", None, "File with the key of that certificate, where it is not in the same file.")
    mllp_clients: Path | None = _setting("SOJOURN_MLLP_CLIENTS", None, "File with the authorities whose client certificates are taken, or with these certificates themselves. With it, nobody connects without one.")
    mllp_most: int = _setting("SOJOURN_MLLP_MOST", 20_000_000, "Bytes of the largest HL7 v2 message that is taken.")
    sftp_host: str = _setting("SOJOURN_SFTP_HOST", "127.0.0.1", "Address that partners reach their SFTP boxes at.")
    sftp_port: int = _setting("SOJOURN_SFTP_PORT", 0, "Port that partners reach their SFTP boxes at; 0: none.")
    fax_gateway: str = _setting("SOJOURN_FAX_GATEWAY", "", "What dials faxes: an address as https://fax.example/api, or a folder that a fax server watches as spool:/var/spool/sojourn-fax (docs/reaching.md). Empty: faxes are printed.")
    fax_token_file: Path | None = _setting("SOJOURN_FAX_TOKEN_FILE", None, "File with the bearer token for that address.")
    fax_number: str = _setting("SOJOURN_FAX_NUMBER", "", "The number that it faxes from, as it stands on cover sheets.")
    fax_lines: str = _setting("SOJOURN_FAX_LINES", "", "Whose line each number is, where the gateway receives for several: +15125550100=organization/program by their keys, with commas between.")
    text_gateway: str = _setting("SOJOURN_TEXT_GATEWAY", "", "What sends text messages: an address as https://text.example/api (docs/calling.md). Empty: none are sent.")
    text_token_file: Path | None = _setting("SOJOURN_TEXT_TOKEN_FILE", None, "File with the bearer token for that address.")
    mail_server: str = _setting("SOJOURN_MAIL_SERVER", "", "The mail server that takes e-mail to people, as mail.example:587 (STARTTLS) or mail.example:465 (TLS). Empty: none is sent.")
    mail_from: str = _setting("SOJOURN_MAIL_FROM", "", "The address that it comes from. It must not tell what kind of clinic this is.")
    mail_login: str = _setting("SOJOURN_MAIL_LOGIN", "", "The login there, where one is asked for.")
    mail_password_file: Path | None = _setting("SOJOURN_MAIL_PASSWORD_FILE", None, "File with its password.")
    address: str = _setting("SOJOURN_ADDRESS", "", "How people reach this server, as https://ehr.example: stands in what calls them to sign in. It must not tell what kind of clinic this is.")
    outbound_hosts: str = _setting(
        "SOJOURN_OUTBOUND_HOSTS", "", "Hosts of your own network, with commas between, that addresses registered by others may name (such as an app's keys). By default only public addresses over HTTPS are asked."
    )
    metrics_token_file: Path | None = _setting("SOJOURN_METRICS_TOKEN_FILE", None, "File with the bearer token that opens /metrics. Without it, /metrics answers programs of this machine that ask it directly.")
    log_level: str = _setting("SOJOURN_LOG_LEVEL", "info", "Least severity that is logged: debug, info, warning or error.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the variables. An empty one counts as absent. Raises BadSetting for one that does not fit its type."""
        environment = os.environ if environment is None else environment
        given = {f.name: environment[f.metadata["variable"]] for f in fields(cls) if environment.get(f.metadata["variable"], "").strip()}
        read: dict[str, Any] = {"data": cls.data_default().resolve()}
        read |= {name: _converted(name, text.strip()) for name, text in given.items()}
        return cls(**read)

    @staticmethod
    def data_default() -> Path:
        """The data folder when none is named: beside where the server is started."""
        return Path(".sojourn")

    @property
    def embedded(self) -> bool:
        """Whether our own PostgreSQL is used."""
        return not (self.database_url or self.database_direct_url)

    @property
    def key_file(self) -> Path:
        """Where the server key lies."""
        return self.server_key_file or self.data / "server.key"


def table() -> list[tuple[str, str, str]]:
    """(variable, default, meaning) of every setting, for docs/operate.md and `sojourn settings`."""
    return [(f.metadata["variable"], "" if f.default in ("", None) else str(f.default), f.metadata["meaning"]) for f in fields(Settings)]


_LEVELS = ("debug", "info", "warning", "error")


def _converted(name: str, text: str) -> object:
    kind = next(f for f in fields(Settings) if f.name == name)
    variable = kind.metadata["variable"]
    if name in ("port", "database_connections", "mllp_port", "mllp_most", "sftp_port"):
        most = 1_000_000_000 if name == "mllp_most" else 65535
        if not text.isdecimal() or not 0 <= int(text) <= most:
            raise BadSetting(f"{variable} must be a whole number from 0 to {most}.")
        return int(text)
    if name in ("data", "server_key_file", "oidc_client_secret_file", "metrics_token_file", "fax_token_file", "text_token_file", "mail_password_file", "mllp_certificate", "mllp_key", "mllp_clients"):
        return Path(text).expanduser().resolve()
    if name == "log_level" and text.lower() not in _LEVELS:
        raise BadSetting(f"{variable} must be one of {', '.join(_LEVELS)}.")
    if name.endswith("_url") and not text.startswith(("postgresql://", "postgres://")):
        raise BadSetting(f"{variable} must begin with postgresql:// .")
    return text.lower() if name == "log_level" else text
