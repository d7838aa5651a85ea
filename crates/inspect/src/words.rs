// SPDX-License-Identifier: Apache-2.0
//! The words that give context: one case-insensitive automaton for all lists.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

/// What a word points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sense {
    /// To ignore, forget, bypass.
    Override,
    /// Instructions, rules, prompt.
    Rules,
    /// A persona without limits.
    Persona,
    /// To reveal, print, repeat.
    Reveal,
    /// The system prompt by name.
    SystemPrompt,
    /// Chat-template tokens.
    Template,
    /// Addressing the model inside a document.
    Addressed,
    /// To keep something from the user.
    Conceal,
    /// Attacks as a topic.
    Topic,
    /// To send somewhere.
    Send,
    /// A telephone is near.
    Phone,
    /// A social security number is near.
    Ssn,
    /// A secret of AWS is near.
    AwsSecret,
    /// A patient.
    Patient,
    /// A medical fact.
    Medical,
}

/// A word that was found, whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) sense: Sense,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const LISTS: &[(Sense, &[&str])] = &[
    (
        Sense::Override,
        &[
            "ignore",
            "ignoring",
            "disregard",
            "disregarding",
            "forget",
            "override",
            "overrule",
            "bypass",
            "circumvent",
            "neglect",
            "do not follow",
            "don't follow",
            "stop following",
            "ignoriere",
            "ignorieren",
            "vergiss",
            "missachte",
            "ignorez",
            "ignore toutes",
            "oubliez",
            "oublie",
            "ignora",
            "ignorar",
            "olvida",
            "olvide",
            "dimentica",
            "ignori",
            "esqueça",
            "negeer",
            "vergeet",
            "zignoruj",
            "игнорируй",
            "забудь",
            "忽略",
            "無視",
            "무시",
        ],
    ),
    (
        Sense::Rules,
        &[
            "instructions",
            "instruction",
            "rules",
            "guidelines",
            "directives",
            "directive",
            "prompt",
            "prompts",
            "restrictions",
            "constraints",
            "safety",
            "policies",
            "guardrails",
            "filters",
            "context",
            "commands",
            "programming",
            "everything above",
            "everything you",
            "anweisungen",
            "anweisung",
            "regeln",
            "vorgaben",
            "consignes",
            "règles",
            "instrucciones",
            "reglas",
            "istruzioni",
            "regole",
            "instruções",
            "regras",
            "instructies",
            "instrukcje",
            "инструкции",
            "指令",
            "指示",
            "지시",
        ],
    ),
    (
        Sense::Persona,
        &[
            "you are now dan",
            "do anything now",
            "developer mode",
            "jailbreak",
            "jailbroken",
            "dan mode",
            "god mode",
            "unrestricted ai",
            "without any restrictions",
            "no restrictions",
            "no ethical",
            "without ethical",
            "unfiltered",
            "amoral",
            "evil twin",
            "sudo mode",
            "pretend you have no",
            "act as if you have no",
            "stay in character no matter",
        ],
    ),
    (
        Sense::Reveal,
        &[
            "reveal",
            "print",
            "repeat",
            "output",
            "show me",
            "show",
            "display",
            "tell me",
            "leak",
            "disclose",
            "what is",
            "what are",
            "what were",
            "write out",
            "dump",
            "recite",
            "give me",
            "verrate",
            "zeige",
            "wiederhole",
            "révèle",
            "affiche",
            "répète",
            "muestra",
            "revela",
        ],
    ),
    (
        Sense::SystemPrompt,
        &[
            "system prompt",
            "initial prompt",
            "hidden prompt",
            "system message",
            "hidden instructions",
            "secret instructions",
            "your instructions",
            "initial instructions",
            "system instructions",
            "developer message",
            "text above",
            "words above",
            "systemprompt",
            "prompt système",
            "prompt del sistema",
        ],
    ),
    (
        Sense::Template,
        &[
            "<|im_start|>",
            "<|im_end|>",
            "<|system|>",
            "<|endoftext|>",
            "[inst]",
            "[/inst]",
            "<<sys>>",
            "<</sys>>",
            "### system:",
            "### instruction:",
            "<|start_header_id|>",
            "<system>",
            "</system>",
            "begin system prompt",
            "end of system prompt",
        ],
    ),
    (
        Sense::Addressed,
        &[
            "ai assistant",
            "ai model",
            "language model",
            "ai agent",
            "assistant:",
            "as an ai",
            "attention ai",
            "dear ai",
            "note to ai",
            "instructions for the ai",
            "if you are an ai",
            "hey assistant",
            "important instruction",
            "important instructions",
            "new instructions",
            "new task",
            "your new task",
            "your task is now",
            "before you continue",
            "chatbot",
        ],
    ),
    (
        Sense::Conceal,
        &[
            "do not tell the user",
            "don't tell the user",
            "without telling the user",
            "do not mention this",
            "don't mention this",
            "do not inform the user",
            "keep this secret",
            "without informing",
            "do not reveal this",
            "silently",
        ],
    ),
    (
        Sense::Topic,
        &[
            "prompt injection",
            "prompt-injection",
            "prompt injections",
            "injection attack",
            "injection attacks",
            "jailbreak attempt",
            "jailbreak attempts",
        ],
    ),
    (
        Sense::Send,
        &[
            "send",
            "forward",
            "post",
            "upload",
            "email",
            "e-mail",
            "exfiltrate",
            "transfer",
            "transmit",
            "deliver",
            "share",
        ],
    ),
    (
        Sense::Phone,
        &[
            "phone",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "call",
            "fax",
            "whatsapp",
            "telefon",
            "handy",
            "mobil",
            "rufnummer",
            "téléphone",
            "tél",
            "portable",
            "teléfono",
            "móvil",
            "telefono",
            "cellulare",
            "telefoon",
            "telefone",
        ],
    ),
    (Sense::Ssn, &["ssn", "social security", "social-security"]),
    (
        Sense::AwsSecret,
        &[
            "aws_secret_access_key",
            "secret access key",
            "secretaccesskey",
            "aws secret",
        ],
    ),
    (
        Sense::Patient,
        &[
            "patient",
            "patients",
            "patient's",
            "patientin",
            "dob",
            "date of birth",
            "mrn",
            "mr.",
            "mrs.",
            "ms.",
            "resident",
            "geburtsdatum",
        ],
    ),
    (
        Sense::Medical,
        &[
            "diagnosis",
            "diagnosed",
            "diagnoses",
            "icd-10",
            "prescribed",
            "prescription",
            "medication",
            "symptoms",
            "treatment",
            "allergies",
            "blood pressure",
            "hba1c",
            "oncology",
            "chemotherapy",
            "diabetes",
            "hypertension",
            "hiv",
            "hepatitis",
            "depression",
            "asthma",
            "cancer",
            "tumour",
            "tumor",
            "insulin",
            "metformin",
            "pregnancy",
            "surgery",
            "medical record",
            "medical history",
            "discharge summary",
            "lab results",
            "diagnose",
            "befund",
            "medikation",
            "krankheit",
            "diagnostic",
            "traitement",
            "diagnóstico",
            "tratamiento",
        ],
    ),
];

/// Words that say which instructions are meant. Too frequent for the automaton; they are looked for
/// only where it has found something already.
const WHICH: &[&str] = &[
    "previous",
    "prior",
    "above",
    "earlier",
    "preceding",
    "former",
    "all",
    "any",
    "your",
    "existing",
    "original",
    "initial",
    "system",
    "vorherigen",
    "bisherigen",
    "obigen",
    "précédentes",
    "antérieures",
    "anteriores",
    "previas",
    "precedenti",
    "vorige",
];

/// Whether a part of a text says which instructions are meant.
pub(crate) fn says_which(part: &str) -> bool {
    part.split(|c: char| !c.is_alphanumeric())
        .any(|word| WHICH.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

#[derive(Debug)]
pub(crate) struct Lexicon {
    automaton: AhoCorasick,
    senses: Vec<Sense>,
}

impl Lexicon {
    pub(crate) fn new() -> Result<Self, BuildError> {
        let all = LISTS
            .iter()
            .flat_map(|(sense, words)| words.iter().map(move |w| (*sense, *w)));
        let (senses, words): (Vec<_>, Vec<_>) = all.unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .ascii_case_insensitive(true)
            .build(words)?;
        Ok(Self { automaton, senses })
    }

    /// Whole words of the lists. Part of a longer word is none: `lic` in `public` says nothing.
    pub(crate) fn hits(&self, text: &str) -> Vec<Hit> {
        self.automaton
            .find_iter(text)
            .filter(|hit| is_whole(text.as_bytes(), hit.start(), hit.end()))
            .map(|hit| Hit {
                sense: self.senses[hit.pattern().as_usize()],
                start: hit.start(),
                end: hit.end(),
            })
            .collect()
    }
}

fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let joins =
        |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let first = text.get(start).is_some_and(u8::is_ascii_alphanumeric);
    let last = end
        .checked_sub(1)
        .and_then(|at| text.get(at))
        .is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    !(first && joins(before) || last && joins(text.get(end)))
}

/// Whether a word of a sense stands within `reach` bytes before `at`.
pub(crate) fn near(hits: &[Hit], sense: Sense, at: usize, reach: usize) -> bool {
    let upto = hits.partition_point(|hit| hit.end <= at);
    hits[..upto]
        .iter()
        .rev()
        .take_while(|hit| hit.end + reach >= at)
        .any(|hit| hit.sense == sense)
}
