// SPDX-License-Identifier: Apache-2.0
//! Which principals one person may have led: whoever makes a service or a key holds its secret.

use std::collections::{BTreeMap, BTreeSet};

use casemate_types::PrincipalId;

/// Who made whom, by what was made: a principal, or a key of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Makers(BTreeMap<PrincipalId, BTreeSet<PrincipalId>>);

impl Makers {
    /// Notes that somebody made a principal, or a key of it. A key that somebody makes for itself
    /// puts it into no other hand.
    pub(crate) fn put(&mut self, made: PrincipalId, maker: Option<PrincipalId>) {
        if let Some(maker) = maker.filter(|maker| *maker != made) {
            self.0.entry(made).or_default().insert(maker);
        }
    }

    /// Whether one of the two made the other, or somebody made both, at any remove. `counts` says
    /// whose making counts.
    pub(crate) fn one_hand(
        &self,
        one: PrincipalId,
        other: PrincipalId,
        counts: impl Fn(PrincipalId) -> bool,
    ) -> bool {
        let other = self.hands(other, &counts);
        !self.hands(one, &counts).is_disjoint(&other)
    }

    /// A principal and all that may have led it. Each is looked at once.
    fn hands(
        &self,
        of: PrincipalId,
        counts: impl Fn(PrincipalId) -> bool,
    ) -> BTreeSet<PrincipalId> {
        let mut hands = BTreeSet::from([of]);
        let mut waiting = vec![of];
        while let Some(next) = waiting.pop() {
            let makers = self.0.get(&next).into_iter().flatten();
            for maker in makers.filter(|maker| counts(**maker)) {
                if hands.insert(*maker) {
                    waiting.push(*maker);
                }
            }
        }
        hands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> PrincipalId {
        PrincipalId::from_bytes([number; 16])
    }

    #[test]
    fn hands_are_followed_all_the_way() {
        let mut makers = Makers::default();
        // 1 made 2 and 3, 3 made 4; 5 made 6; 9 is a root that made 1 and 5. 7 and 8 made keys for
        // one another.
        for (made, maker) in [
            (2, 1),
            (3, 1),
            (4, 3),
            (6, 5),
            (1, 9),
            (5, 9),
            (7, 8),
            (8, 7),
        ] {
            makers.put(id(made), Some(id(maker)));
        }
        makers.put(id(6), Some(id(6)));
        makers.put(id(6), None);
        for (one, other, expected) in [
            (1, 1, true),
            (1, 2, true),
            (2, 3, true),
            (2, 4, true),
            (1, 4, true),
            (2, 6, false),
            (1, 5, false),
            (1, 9, false),
            (7, 8, true),
            (7, 1, false),
            (42, 43, false),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                let found = makers.one_hand(id(one), id(other), |maker| maker != id(9));
                assert_eq!(found, expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_long_chain_ends() {
        let mut makers = Makers::default();
        let numbered = |number: u64| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            PrincipalId::from_bytes(bytes)
        };
        for number in 1..10_000 {
            makers.put(numbered(number), Some(numbered(number - 1)));
        }
        makers.put(numbered(0), Some(numbered(9_999)));
        assert!(makers.one_hand(numbered(0), numbered(5_000), |_| true));
        assert!(!makers.one_hand(numbered(0), numbered(20_000), |_| true));
    }
}
