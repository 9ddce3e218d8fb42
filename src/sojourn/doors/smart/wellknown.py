"""What clients need to know first: smart-configuration, openid-configuration, keys, a style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sojourn.base.errors import NotFound
from sojourn.gate.apps import keys, sound

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.caller import Tenant

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect",
    "context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient", "permission-offline", "permission-patient",
    "permission-user", "permission-v1", "permission-v2",
)  # fmt: skip
SCOPES = ("openid", "fhirUser", "launch", "launch/patient", "launch/encounter", "offline_access", "patient/*.rs", "user/*.rs", "user/*.cruds", "system/*.rs", "patient/*.read", "user/*.read")
METHODS = ("client_secret_basic", "private_key_jwt")


def root(request: Request) -> str:
    """The address before our paths, as it is written in what we sign and publish."""
    base: str = request.app.state.gate.house.base
    return base.removesuffix("/fhir")


def tenant_of(request: Request) -> Tenant:
    """The organization whose host name this is. Raises NotFound."""
    found: Tenant | None = request.app.state.gate.tenant_of(request.url.hostname or "")
    if found is None:
        raise NotFound
    return found


def _shared(request: Request) -> dict[str, Any]:
    here = root(request)
    return {
        "issuer": here + "/fhir",
        "jwks_uri": here + "/oauth/jwks",
        "authorization_endpoint": here + "/oauth/authorize",
        "token_endpoint": here + "/oauth/token",
        "introspection_endpoint": here + "/oauth/introspect",
        "revocation_endpoint": here + "/oauth/revoke",
        "registration_endpoint": here + "/oauth/register",
        "token_endpoint_auth_methods_supported": [*METHODS, "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(sound.ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [*METHODS, "none"],
        "revocation_endpoint_auth_methods_supported": [*METHODS, "none"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


async def smart(request: Request) -> JSONResponse:
    """GET [base]/.well-known/smart-configuration (SMART App Launch 2.2)."""
    return JSONResponse({**_shared(request), "management_endpoint": root(request) + "/oauth/apps", "capabilities": list(CAPABILITIES)})


async def openid(request: Request) -> JSONResponse:
    """GET [base]/.well-known/openid-configuration (OpenID Connect Discovery 1.0)."""
    more = {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [keys.ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser"],
    }
    return JSONResponse({**_shared(request), **more})


async def jwks(request: Request) -> JSONResponse:
    """GET /oauth/jwks: the keys that identity tokens are signed with."""
    return JSONResponse({"keys": await keys.offered(request.app.state.gate.house, tenant_of(request))}, headers={"cache-control": "public, max-age=3600"})


async def style(request: Request) -> JSONResponse:  # noqa: ARG001 - the same for everybody
    """GET /oauth/style.json: how an app can look at home here (smart_style_url)."""
    look = {
        "color_background": "#fcfcfd", "color_error": "#ce2c31", "color_highlight": "#0d74ce", "color_modal_backdrop": "", "color_success": "#008573", "color_text": "#1c2024",
        "dim_border_radius": "6px", "dim_font_size": "15px", "dim_spacing_size": "16px", "font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
    }  # fmt: skip
    return JSONResponse(look, headers={"cache-control": "public, max-age=3600"})
