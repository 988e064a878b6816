"""Which addresses a fetch for a caller may reach."""

from __future__ import annotations

import pytest

from litellm_fallback_router.adapters.image_fetch import is_public

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",  # 1.1.1.1 behind NAT64
]
PRIVATE_V4 = [
    "0.0.0.0",  # noqa: S104 - an address to be refused
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
PRIVATE_V6 = [
    "::",
    "::1",
    "::1.1.1.1",
    "::ffff:0:1.1.1.1",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::1.1.1.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:0101:0101::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::5efe:a00:1",
    "2606:4700::200:5efe:7f00:1",
    "2606:4700:4700::1111%eth0",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [*PRIVATE_V4, *PRIVATE_V6, "", "localhost", "127.1", "0x7f000001", "2130706433"])
def test_nothing_else_is(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PRIVATE_V4)
@pytest.mark.parametrize(
    "form", ["::ffff:{}", "64:ff9b::{}", "2606:4700::5efe:{}", "::{}", "2002:{hex}::1", "64:ff9b:1::{}"]
)
def test_nor_in_any_form_that_leads_to_an_ipv4_address(address: str, form: str) -> None:
    numbers = [int(part) for part in address.split(".")]
    dashed = f"{numbers[0]:02x}{numbers[1]:02x}:{numbers[2]:02x}{numbers[3]:02x}"
    assert not is_public(form.format(address, hex=dashed))
