// SPDX-License-Identifier: Apache-2.0
//! What goes over the wire in every run: prompts, answers, and how an answer is judged.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use serde_json::Value;

/// The request of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Load {
    /// A chat of 16 KB that was seen before, with a new question of 100 bytes; a plain answer.
    History,
    /// A prompt of 16 KB, a plain answer.
    Long,
    /// A prompt of 1 KB, a plain answer.
    Plain,
    /// A prompt of 1 KB, the answer as server-sent events.
    Stream,
}

impl Load {
    /// The body of the request with this number. No two have the same question, so that nothing
    /// that was asked before spares any work, but for what [`Load::History`] repeats.
    pub(crate) fn request(self, number: u64) -> Bytes {
        let sentences = match self {
            Self::History => 1,
            Self::Long => 180,
            Self::Plain | Self::Stream => 10,
        };
        let prompt = format!("{number:016x} {}", PROMPT_SENTENCE.repeat(sentences));
        let history = match self {
            Self::History => history(),
            _ => String::new(),
        };
        // The mock sends usage in any case; a gateway may keep it from callers who did not ask.
        let stream = match self {
            Self::Stream => r#""stream":true,"stream_options":{"include_usage":true},"#,
            Self::History | Self::Long | Self::Plain => "",
        };
        Bytes::from(format!(
            r#"{{"model":"{MODEL}","messages":[{{"role":"system","content":"{SYSTEM}"}},{history}{{"role":"user","content":"{prompt}"}}],{stream}"max_tokens":256}}"#
        ))
    }

    /// Fails unless `body` says what the mock said, however it is framed.
    pub(crate) fn judge(self, body: &[u8]) -> Result<()> {
        if self == Self::Stream {
            judge_stream(body)
        } else {
            judge_plain(body)
        }
    }
}

/// Questions and answers of 16 KB, as the messages before the last.
fn history() -> String {
    const TURNS: usize = 9;
    let mut all = String::new();
    for turn in 0..TURNS {
        let text = PROMPT_SENTENCE.repeat(10);
        let (asked, said) = (format!("{turn} {text}"), format!("Answer {turn}. {text}"));
        let _ = write!(
            all,
            r#"{{"role":"user","content":"{asked}"}},{{"role":"assistant","content":"{said}"}},"#
        );
    }
    all
}

fn judge_plain(body: &[u8]) -> Result<()> {
    let answer: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
    let text = answer
        .pointer("/choices/0/message/content")
        .and_then(Value::as_str);
    ensure!(
        text == Some(answer_text().as_str()),
        "the answer's text is not the mock's"
    );
    let tokens = answer
        .pointer("/usage/total_tokens")
        .and_then(Value::as_u64);
    ensure!(
        tokens == Some(TOTAL_TOKENS),
        "the answer's usage is not the mock's"
    );
    Ok(())
}

fn judge_stream(body: &[u8]) -> Result<()> {
    let body = std::str::from_utf8(body).context("the stream is not UTF-8")?;
    let (mut text, mut finished, mut tokens, mut done) = (String::new(), false, None, false);
    for event in body.split_terminator("\n\n") {
        ensure!(!done, "the stream goes on after its end");
        let Some(data) = event.strip_prefix("data: ") else {
            continue;
        };
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(data).context("a frame is no JSON")?;
        if let Some(delta) = chunk
            .pointer("/choices/0/delta/content")
            .and_then(Value::as_str)
        {
            text.push_str(delta);
        }
        finished |= chunk
            .pointer("/choices/0/finish_reason")
            .is_some_and(Value::is_string);
        tokens = tokens.or(chunk.pointer("/usage/total_tokens").and_then(Value::as_u64));
    }
    ensure!(text == stream_text(), "the stream's text is not the mock's");
    ensure!(
        finished && tokens == Some(TOTAL_TOKENS) && done,
        "the stream is not complete"
    );
    Ok(())
}

/// The plain answer, about 1.1 KB.
pub(crate) fn plain_answer() -> Bytes {
    let text = answer_text();
    Bytes::from(format!(
        r#"{{"id":"{ID}","object":"chat.completion","created":{CREATED},"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{USAGE},"service_tier":"default","system_fingerprint":"fp_bench"}}"#
    ))
}

/// The streamed answer: role, words, finish, usage, end; [`FRAMES`] in all.
pub(crate) fn stream_answer() -> Vec<Bytes> {
    let frame = |rest: &str| {
        Bytes::from(format!(
            "data: {{\"id\":\"{ID}\",\"object\":\"chat.completion.chunk\",\"created\":{CREATED},\
             \"model\":\"{MODEL}\",\"system_fingerprint\":\"fp_bench\",{rest}}}\n\n"
        ))
    };
    let choice = |delta: &str, finish: &str| {
        frame(&format!(
            r#""choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]"#
        ))
    };
    let mut frames = vec![choice(r#"{"role":"assistant","content":""}"#, "null")];
    frames.extend(words().map(|word| choice(&format!(r#"{{"content":" {word}"}}"#), "null")));
    frames.push(choice("{}", r#""stop""#));
    frames.push(frame(&format!(r#""choices":[],"usage":{USAGE}"#)));
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

fn answer_text() -> String {
    ANSWER_SENTENCE.chars().cycle().take(640).collect()
}

fn stream_text() -> String {
    words().fold(String::new(), |mut text, word| {
        // Writing to a string does not fail.
        let _ = write!(text, " {word}");
        text
    })
}

fn words() -> impl Iterator<Item = &'static str> {
    ANSWER_SENTENCE.split_whitespace().cycle().take(FRAMES - 4)
}

/// The model that is asked for.
pub(crate) const MODEL: &str = "bench-model";
/// The frames of a streamed answer.
pub(crate) const FRAMES: usize = 54;

const ANSWER_SENTENCE: &str = "Every opening in the wall is narrow and watched, so whoever stands \
                               inside may act, and what passes is written in the book. ";
const CREATED: u64 = 1_700_000_000;
const ID: &str = "chatcmpl-bench000000000000000000001";
const PROMPT_SENTENCE: &str = "Compare the opening balance of every branch with the ledger and \
                               explain what is still missing. ";
const SYSTEM: &str = "You answer briefly and precisely.";
const TOTAL_TOKENS: u64 = 192;
const USAGE: &str = r#"{"prompt_tokens":64,"completion_tokens":128,"total_tokens":192,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}"#;

#[cfg(test)]
mod tests {
    use super::{FRAMES, Load, plain_answer, stream_answer};

    #[test]
    fn answers_are_as_large_as_described_and_judged_fine() {
        assert!(
            (1_000..1_250).contains(&plain_answer().len()),
            "{}",
            plain_answer().len()
        );
        assert!((900..1_200).contains(&Load::Plain.request(1).len()));
        assert!((15_500..17_500).contains(&Load::Long.request(1).len()));
        assert!((15_500..19_500).contains(&Load::History.request(1).len()));
        assert_ne!(Load::Plain.request(1), Load::Plain.request(2));
        assert_eq!(stream_answer().len(), FRAMES);
        for load in [Load::Long, Load::Plain] {
            load.judge(&plain_answer()).unwrap();
        }
        Load::Stream.judge(&stream_answer().concat()).unwrap();
    }

    #[test]
    fn what_is_not_the_mocks_answer_is_refused() {
        let (plain, stream) = (plain_answer(), stream_answer());
        let refused = |load: Load, body: &[u8]| assert!(load.judge(body).is_err(), "{load:?}");
        refused(Load::Plain, b"");
        refused(Load::Plain, br#"{"error":{"message":"denied"}}"#);
        refused(Load::Plain, &plain[..plain.len() - 1]);
        refused(Load::Plain, &stream.concat());
        refused(Load::Stream, &plain);
        for left_out in [1, 20, FRAMES - 3, FRAMES - 2, FRAMES - 1] {
            let mut frames = stream.clone();
            frames.remove(left_out);
            refused(Load::Stream, &frames.concat());
        }
    }
}
