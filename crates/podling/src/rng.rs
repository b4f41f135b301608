//! The cluster's only source of chance, seeded: UIDs, generated names, jitter.

use std::time::Duration;

/// The characters that Kubernetes takes for generated names: no vowels and nothing that looks like another
/// character (`k8s.io/apimachinery/pkg/util/rand`).
const NAME_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A seeded random generator (SplitMix64): the same seed gives the same sequence on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator that begins at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator that a text alone decides (FNV-1a), for what belongs to the text and is not drawn.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        }))
    }

    /// The generator of the part of a cluster that has that name: another one for each name, so that a part that draws
    /// more or less often, or is not there, does not change what the others do.
    pub(crate) fn named(name: &str, seed: u64) -> Self {
        let Self(of_name) = Self::of_text(name);
        Self(seed ^ of_name)
    }

    /// The next 64 random bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero if `bound` is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// A duration from `least` (included) to `most` (excluded), to the microsecond.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX);
        least + Duration::from_micros(self.below(span))
    }

    /// `length` characters of the alphabet of generated names.
    pub fn name_suffix(&mut self, length: usize) -> String {
        let bound = NAME_ALPHABET.len() as u64;
        (0..length)
            .map(|_| char::from(NAME_ALPHABET[self.below(bound) as usize]))
            .collect()
    }

    /// A random (version 4) UUID in its usual form.
    pub fn uuid(&mut self) -> String {
        let high = self.next_u64() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000;
        let low = self.next_u64() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }

    /// `digits` lower-case hexadecimal digits, as container IDs and image digests have them.
    pub fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[self.below(16) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_names() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_eq!(a.name_suffix(5), b.name_suffix(5));
    }

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        let uuid = Rng::new(1).uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
