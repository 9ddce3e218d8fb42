"""The channels that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.settings import BadSetting
from sojourn.doors.calling.mailing import Mailing
from sojourn.doors.calling.texting import Texting
from sojourn.gate.channels import EMAIL, SMS

if TYPE_CHECKING:
    from pathlib import Path

    from sojourn.base.settings import Settings
    from sojourn.gate.channels import Channel


def of(settings: Settings) -> dict[str, Channel]:
    """By the means that they serve; what is not named is not there. Raises BadSetting."""
    found: dict[str, Channel] = {}
    if settings.text_gateway:
        found[SMS] = Texting(settings.text_gateway, _secret("SOJOURN_TEXT_TOKEN_FILE", settings.text_token_file))
    if settings.mail_server:
        found[EMAIL] = Mailing(settings.mail_server, settings.mail_from, settings.mail_login, _secret("SOJOURN_MAIL_PASSWORD_FILE", settings.mail_password_file))
    return found


def _secret(variable: str, file: Path | None) -> str:
    try:
        return file.read_text("utf-8").strip() if file else ""
    except OSError:
        raise BadSetting(f"The file that {variable} names cannot be read.") from None
