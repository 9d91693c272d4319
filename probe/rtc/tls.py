"""TLS as every connection to the platform uses it: verified, unless the user said otherwise."""

from __future__ import annotations

import ssl
from functools import lru_cache

from probe.model.errors import ConfigError
from probe.model.platform import Tls


@lru_cache(maxsize=8)
def tls_context(tls: Tls) -> ssl.SSLContext:
    """The context for a client. Raises ConfigError for a file of authorities that can't be read."""
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca is not None else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"can't read certificates of authorities there: {error.strerror or error}",
            who=f"--ca {tls.ca}",
            hint="give a PEM file with the CA's certificate",
        ) from error
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
