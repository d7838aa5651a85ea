// SPDX-License-Identifier: Apache-2.0
//! Typed ids: 48 bits of time and 80 bits of randomness, shown as a prefix and 26 letters.
//!
//! The layout is that of a ULID, so ids sort by time and a record can be found in the ledger from
//! the time it carries, without an index row per record.

use std::{fmt, str::FromStr};

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An id did not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{input}` is not an id of the form `{prefix}_` and 26 letters or digits")]
pub struct ParseIdError {
    /// What was given, cut to 64 characters.
    pub input: String,
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn encode(raw: [u8; 16]) -> [u8; 26] {
    let mut value = u128::from_be_bytes(raw);
    let mut out = [0_u8; 26];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    out
}

fn decode(text: &str) -> Option<[u8; 16]> {
    // INVARIANT: 26 * 5 = 130 bits, so the first letter may only carry three.
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |acc, byte| {
            let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
            Some(acc << 5 | digit as u128)
        })
        .map(u128::to_be_bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The letters before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from the instant it is made at and ten random bytes.
            #[must_use]
            pub fn from_parts(at: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.as_millis()).unwrap_or(0).to_be_bytes();
                let mut raw = [0; 16];
                raw[..6].copy_from_slice(&millis[2..]);
                raw[6..].copy_from_slice(&random);
                Self(raw)
            }

            /// The 16 bytes as they stand in storage.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// An id from its 16 bytes.
            #[must_use]
            pub const fn from_bytes(raw: [u8; 16]) -> Self {
                Self(raw)
            }

            /// The instant in the id, to the millisecond.
            #[must_use]
            pub fn time(&self) -> Timestamp {
                let mut millis = [0; 8];
                millis[2..].copy_from_slice(&self.0[..6]);
                Timestamp::from_millis(i64::from_be_bytes(millis))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let letters = encode(self.0);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&letters).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| ParseIdError {
                        input: text.chars().take(64).collect(),
                        prefix: $prefix,
                    })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A signed checkpoint of the ledger.
    CheckpointId, "ckp"
);
id!(
    /// An API key; the id is public, the secret is not.
    KeyId, "key"
);
id!(
    /// A natural person with an account.
    PersonId, "usr"
);
id!(
    /// One version of the policy set.
    PolicySetId, "pol"
);
id!(
    /// Anybody or anything that can ask: the pseudonymous id that the ledger holds in clear.
    PrincipalId, "pri"
);
id!(
    /// A project: the border between tenants.
    ProjectId, "prj"
);
id!(
    /// A record of the ledger; a decision's id is the request id the client sees.
    RecordId, "req"
);
id!(
    /// A service: a program that calls models with API keys.
    ServiceId, "svc"
);
id!(
    /// A data key of one subject; destroying it erases the subject's text everywhere.
    SubjectKeyId, "sbk"
);

impl From<PersonId> for PrincipalId {
    fn from(id: PersonId) -> Self {
        Self(id.0)
    }
}

impl From<ServiceId> for PrincipalId {
    fn from(id: ServiceId) -> Self {
        Self(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_text() {
        let early = RecordId::from_parts(Timestamp::from_millis(1), [255; 10]);
        let late = RecordId::from_parts(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.to_string().parse::<RecordId>(), Ok(late));
        assert_eq!(late.time(), Timestamp::from_millis(2));
    }

    #[test]
    fn foreign_text_is_refused() {
        for bad in [
            "",
            "req_",
            "key_00000000000000000000000000",
            "req_80000000000000000000000000",
            "req_0000000000000000000000000u",
            "req_000000000000000000000000000",
            "req_é",
        ] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }
}
