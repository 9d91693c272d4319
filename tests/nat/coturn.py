"""coturn (Debian package `coturn`): STUN with RFC 5780's tests, and TURN with a static long-term credential."""

from __future__ import annotations

from pathlib import Path

PORT = 3478
REALM_USER = "probe"
SECRET = "secret"  # of a server that nobody outside of the test's namespaces can reach


def command(addresses: tuple[str, str], folder: Path) -> tuple[str, ...]:
    """To run it on two addresses, the second for RFC 5780 alone; what it keeps goes to the folder."""
    return (
        "turnserver", "-n", "--no-tls", "--no-dtls", "--no-cli", "--no-software-attribute",
        *(f"--listening-ip={address}" for address in addresses), f"--relay-ip={addresses[0]}",
        f"--listening-port={PORT}", "--min-port=50000", "--max-port=50999",
        "--lt-cred-mech", f"--user={REALM_USER}:{SECRET}", "--realm=nat.test",
        "--log-file=stdout", "--simple-log", f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}",
    )  # fmt: skip
