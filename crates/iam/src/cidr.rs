// SPDX-License-Identifier: Apache-2.0
//! Networks a key may be used from.

use std::{fmt, net::IpAddr, str::FromStr};

/// An address range, `10.0.0.0/8` or `2001:db8::/32`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Whether an address is in the range. An IPv4 address in IPv6 form counts as what it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.holds(&Self::one(address.to_canonical()))
    }

    /// Whether every address of another range is in this one.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        let same = match (self.address, other.address) {
            (IpAddr::V4(outer), IpAddr::V4(inner)) => {
                let shift = 32 - u32::from(self.bits);
                outer.to_bits().checked_shr(shift) == inner.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(outer), IpAddr::V6(inner)) => {
                let shift = 128 - u32::from(self.bits);
                outer.to_bits().checked_shr(shift) == inner.to_bits().checked_shr(shift)
            }
            _ => false,
        };
        same && self.bits <= other.bits
    }

    const fn one(address: IpAddr) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Self { address, bits }
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address range such as `10.0.0.0/8`");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = Self::one(address).bits;
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > most {
            Err(wrong())
        } else {
            Ok(Self { address, bits })
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_say() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("10.0.0.0/8", "::ffff:10.1.1.1", "::ffff:11.1.1.1"),
            ("::/0", "fe80::1", "1.2.3.4"),
        ] {
            let range: Cidr = range.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(
                !range.contains(outside.parse().unwrap()),
                "{range} {outside}"
            );
        }
        for (outer, inner, held) in [
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.0.0.0/8", "10.0.0.0/7", false),
            ("10.0.0.0/8", "11.0.0.0/16", false),
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("0.0.0.0/0", "::/0", false),
            ("::/0", "0.0.0.0/0", false),
            // A range of IPv6 that begins in what stands for IPv4.
            ("10.0.0.0/8", "::ffff:10.0.0.0/9", false),
            ("2001:db8::/32", "2001:db8:1::/48", true),
        ] {
            let range: Cidr = outer.parse().unwrap();
            assert_eq!(
                range.holds(&inner.parse().unwrap()),
                held,
                "{outer} {inner}"
            );
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "a/8",
            "10.0.0.0/-1",
        ] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }
}
