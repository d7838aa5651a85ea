// SPDX-License-Identifier: Apache-2.0
//! An answer in pieces quotes what the whole answer quotes.
#![no_main]

use casemate_inspect::{Escape, Instructions, QuoteWatch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [size, rest @ ..] = bytes else { return };
    let text = String::from_utf8_lossy(rest);
    let Some((instructions, answer)) = text.split_once('\0') else {
        return;
    };
    let Some(instructions) = Instructions::new([instructions]) else {
        return;
    };
    for escape in [Escape::None, Escape::Json] {
        let quoted = |pieces: &mut dyn Iterator<Item = String>| {
            let mut watch = QuoteWatch::new(escape);
            pieces.for_each(|piece| {
                watch.push(&instructions, &piece);
            });
            watch.end(&instructions)
        };
        let whole = quoted(&mut std::iter::once(answer.to_owned()));
        let chars: Vec<char> = answer.chars().collect();
        let mut pieces = chars
            .chunks(usize::from(*size).max(1))
            .map(|piece| piece.iter().collect());
        assert_eq!(quoted(&mut pieces), whole);
    }
});
