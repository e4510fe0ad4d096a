"""The identity provider that the settings name."""

from importlib.util import find_spec

from holdfast.config import Config, ConfigError
from holdfast_console.http.provider_sign_in import CALLBACK
from holdfast_console.identity_provider import IdentityProvider, ProviderSettings
from holdfast_web.credentials import Role


def identity_provider(config: Config) -> IdentityProvider | None:
    """The provider, None without one; raises ConfigError when the settings do not fit together."""
    if config.oidc_issuer is None:
        return None
    if not config.oidc_issuer.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ConfigError("oidc_issuer has to be an https:// address")
    if config.oidc_client_id is None:
        raise ConfigError("oidc_issuer needs oidc_client_id")
    if find_spec("authlib") is None or find_spec("httpx2") is None:
        raise ConfigError("oidc_issuer needs the extra oidc: pip install 'holdfast[oidc]'")
    origin = (config.console_url or config.public_url or "").rstrip("/")
    return IdentityProvider(
        ProviderSettings(
            issuer=config.oidc_issuer,
            client_id=config.oidc_client_id,
            client_secret=config.oidc_client_secret,
            redirect_uri=f"{origin}{CALLBACK}",
            groups_claim=config.oidc_groups_claim,
            roles=dict(_role(entry) for entry in config.oidc_roles),
        )
    )


def _role(entry: str) -> tuple[str, int]:
    """The group and the role of `group=role`."""
    group, _, role = entry.rpartition("=")
    if not group or role.upper() not in Role.__members__:
        raise ConfigError(f"oidc_roles: {entry!r} is not group=viewer, =platform or =operator")
    return group.strip(), Role[role.strip().upper()].value
