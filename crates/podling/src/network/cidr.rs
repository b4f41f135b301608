//! Address ranges such as `10.0.0.0/8`.

use std::net::IpAddr;

/// An address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Cidr {
    address: IpAddr,
    bits: u32,
}

impl Cidr {
    /// Reads `address/bits`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        (bits <= width(address)).then_some(Self { address, bits })
    }

    /// How many leading bits count.
    pub(crate) const fn bits(self) -> u32 {
        self.bits
    }

    /// The address as it was written.
    pub(crate) const fn address(self) -> IpAddr {
        self.address
    }

    /// Whether an address lies in the range.
    ///
    /// Example: 10.1.2.3 lies in 10.0.0.0/8: both have 10 left after their last 24 bits are cut off.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && prefix(address, self.bits) == prefix(self.address, self.bits)
    }

    /// The range as it should be written, with zeros where nothing counts; `None` if it is so already.
    ///
    /// Example: 10.1.2.3/8 should be 10.0.0.0/8.
    pub(crate) fn masked(self) -> Option<String> {
        let cut = width(self.address) - self.bits;
        let kept = prefix(self.address, self.bits).checked_shl(cut).unwrap_or(0);
        let address = match self.address {
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(kept).unwrap_or(0).into()),
            IpAddr::V6(_) => IpAddr::V6(kept.into()),
        };
        (address != self.address).then(|| format!("{address}/{}", self.bits))
    }
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The leading bits as a number.
fn prefix(address: IpAddr, bits: u32) -> u128 {
    let number = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    number.checked_shr(width(address) - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_addresses_with_its_prefix() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::/0", "8.8.8.8", false),
            ("192.168.1.7/32", "192.168.1.7", true),
            ("fd00::/8", "fd12::1", true),
        ];
        for (range, address, expected) in cases {
            let range = Cidr::parse(range).unwrap();
            assert_eq!(
                range.contains(address.parse().unwrap()),
                expected,
                "{range:?} {address}"
            );
        }
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "::/129"] {
            assert_eq!(Cidr::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bits_that_do_not_count_should_be_zero() {
        let masked = |text: &str| Cidr::parse(text).and_then(Cidr::masked);
        assert_eq!(masked("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(masked("10.0.0.0/8"), None);
        assert_eq!(masked("0.0.0.0/0"), None);
    }
}
