"""All checks of an adapter, in the order in which its author would want to know."""

from __future__ import annotations

from collections.abc import Callable

from probe.adapter_check.company import company
from probe.adapter_check.failing import failing, loopback_url
from probe.adapter_check.finding import Finding
from probe.adapter_check.media import media
from probe.adapter_check.shape import before_connecting, shape
from probe.model.platform import Platform
from probe.signalling.adapters import adapter

Tell = Callable[[Finding], None]


async def check(name: str, platform: Platform | None, tell: Tell) -> list[Finding]:
    """Of the adapter of that name, at a real platform too where one is given. `tell` hears of each as it is found. Raises
    ConfigError when there is no such adapter."""
    found, checked = adapter(name), list[Finding]()

    def keep(findings: list[Finding]) -> None:
        for finding in findings:
            checked.append(finding)
            tell(finding)

    keep(list(shape(found)))
    if any(finding.fault for finding in checked):
        return checked  # nothing else can work
    url = loopback_url(found) or f"{found.schemes[0]}://127.0.0.1:{{port}}/check"
    keep([await before_connecting(found, url.format(port=9))])
    keep(await failing(found))
    if platform is not None:
        keep(await company(platform))
        keep(await media(platform))
    return checked
