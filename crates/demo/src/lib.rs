// SPDX-License-Identifier: Apache-2.0
//! Stand-in providers that speak the wire formats of OpenAI and Anthropic.
//!
//! Deterministic and on loopback: they answer with what they were told, in small pieces when asked
//! to stream, and keep every body they received, so that a demonstration or a test can show what
//! really left the house.

mod anthropic;
mod openai;
mod server;

pub use server::StandIn;

/// Bytes of text in one event of a stream. Small and odd, so that words are split everywhere.
const PIECE: usize = 7;

/// The answer to a text: polite, short, and holding all of it, so that what went in comes out.
fn reply(text: &str) -> String {
    let words = text.trim();
    if words.is_empty() {
        return "I am a stand-in model; ask me something.".to_owned();
    }
    format!("You wrote: {words}\nI am a stand-in model and that is all I know.")
}

/// A text in pieces at character borders.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let cut = (1..=rest.len().min(PIECE))
            .rev()
            .find(|at| rest.is_char_boundary(*at));
        let (head, tail) = rest.split_at(cut.unwrap_or(rest.len()));
        out.push(head);
        rest = tail;
    }
    out
}

/// Tokens as this provider counts them: four bytes make one.
fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}
