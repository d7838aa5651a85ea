// SPDX-License-Identifier: Apache-2.0
//! What can stand in a text, where the text came from, and what a guard does about it.

use std::ops::Range;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that policies, records and configuration use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value of a word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The classes of data that policies speak about.
    DataClass {
        /// What runs or acts where an answer is shown unescaped.
        Active = "active",
        /// An instruction that tries to take the model over.
        Attack = "attack",
        /// A planted marker that must never appear anywhere.
        Canary = "canary",
        /// What the operator's own word lists, tables and documents hold.
        Custom = "custom",
        /// Data about a person's health (GDPR article 9).
        Health = "health",
        /// The operator's instructions, said back.
        Leak = "leak",
        /// A link to a host that is not listed.
        Link = "link",
        /// An image, file or audio part that text detectors cannot read.
        Opaque = "opaque",
        /// Payment cards and bank accounts.
        Payment = "payment",
        /// Names and addresses of people.
        Person = "person",
        /// Data that points at a person: numbers, addresses of the net, devices.
        Personal = "personal",
        /// Keys, tokens and passwords.
        Secret = "secret",
        /// What somebody believes, is or belongs to: the categories of GDPR article 9 but health.
        Special = "special",
    }
}

words! {
    /// What exactly was found.
    FindingKind {
        /// An element, handler, address or terminal sequence that runs something.
        ActiveContent = "active_content",
        /// The postal address of a place.
        Address = "address",
        /// A bank account other than by IBAN.
        BankAccount = "bank_account",
        /// A body's trait that tells one person from others, said of somebody.
        Biometric = "biometric",
        /// A date of birth.
        BirthDate = "birth_date",
        /// A planted canary string.
        Canary = "canary",
        /// A payment card number with a valid Luhn digit.
        Card = "card",
        /// A credential of a cloud platform.
        CloudKey = "cloud_key",
        /// A password, or a secret without a form of its own.
        Credential = "credential",
        /// The number of a device or vehicle.
        Device = "device",
        /// A word or phrase of a word list of the operator's.
        Dictionary = "dictionary",
        /// An e-mail address.
        Email = "email",
        /// A place, organisation, nationality, age or day: no personal data alone.
        Entity = "entity",
        /// The ethnic origin of somebody.
        Ethnicity = "ethnicity",
        /// Columns of one row of a table of the operator's.
        Exact = "exact",
        /// A stretch of a document of the operator's.
        Fingerprint = "fingerprint",
        /// A record about someone's health.
        Health = "health",
        /// An IBAN with a valid check.
        Iban = "iban",
        /// A number that an authority or insurer gave to a person or firm.
        Identifier = "identifier",
        /// An attempt to instruct the model against its operator.
        Injection = "injection",
        /// An IPv4 or IPv6 address.
        Ip = "ip",
        /// The beginning of a link to a host that is not listed.
        Link = "link",
        /// The sexual orientation of somebody.
        Orientation = "orientation",
        /// The name of a person.
        Person = "person",
        /// A telephone number.
        Phone = "phone",
        /// A political opinion of somebody.
        Politics = "politics",
        /// A PEM private key block.
        PrivateKey = "private_key",
        /// The operator's instructions, word for word.
        PromptLeak = "prompt_leak",
        /// A token of a well-known provider.
        ProviderKey = "provider_key",
        /// What somebody believes.
        Religion = "religion",
        /// Membership of somebody in a trade union.
        Union = "union",
        /// A United States social security number.
        UsSsn = "us_ssn",
        /// An address of a cryptocurrency.
        Wallet = "wallet",
    }
}

impl FindingKind {
    /// The class a finding of this kind belongs to.
    #[must_use]
    pub const fn class(self) -> DataClass {
        match self {
            Self::ActiveContent => DataClass::Active,
            Self::Canary => DataClass::Canary,
            Self::Link => DataClass::Link,
            Self::PromptLeak => DataClass::Leak,
            Self::BankAccount | Self::Card | Self::Iban | Self::Wallet => DataClass::Payment,
            Self::CloudKey | Self::Credential | Self::PrivateKey | Self::ProviderKey => {
                DataClass::Secret
            }
            Self::Address | Self::Entity | Self::Person => DataClass::Person,
            Self::BirthDate
            | Self::Device
            | Self::Email
            | Self::Identifier
            | Self::Ip
            | Self::Phone
            | Self::UsSsn => DataClass::Personal,
            Self::Health => DataClass::Health,
            Self::Injection => DataClass::Attack,
            Self::Dictionary | Self::Exact | Self::Fingerprint => DataClass::Custom,
            Self::Biometric
            | Self::Ethnicity
            | Self::Orientation
            | Self::Politics
            | Self::Religion
            | Self::Union => DataClass::Special,
        }
    }
}

words! {
    /// Which way a text travels.
    Direction {
        /// From the caller to the model.
        Input = "input",
        /// From the model to the caller.
        Output = "output",
    }
}

words! {
    /// Whether the operator stands behind a text.
    Trust {
        /// Written by the operator or the calling application.
        Trusted = "trusted",
        /// Written by anyone: an end user, a tool's answer, a retrieved document, the model.
        Untrusted = "untrusted",
    }
}

words! {
    /// Who speaks in a segment.
    Role {
        /// The model.
        Assistant = "assistant",
        /// A field of the request that no dialect rule knows.
        Other = "other",
        /// The operator's instructions.
        System = "system",
        /// What a tool answered.
        Tool = "tool",
        /// The person or program that asks.
        User = "user",
    }
}

impl Role {
    /// The trust a segment of this role starts with.
    #[must_use]
    pub const fn trust(self) -> Trust {
        match self {
            Self::System => Trust::Trusted,
            Self::Assistant | Self::Other | Self::Tool | Self::User => Trust::Untrusted,
        }
    }
}

words! {
    /// Where in a message a text stands; also the columns of the content matrix.
    Channel {
        /// Ordinary text.
        Content = "content",
        /// The model's reasoning or thinking.
        Reasoning = "reasoning",
        /// A refusal.
        Refusal = "refusal",
        /// Names, descriptions and schemas of tools, metadata and unknown fields.
        Structure = "structure",
        /// Arguments of a tool call.
        ToolArguments = "tool_arguments",
        /// The answer of a tool.
        ToolResult = "tool_result",
    }
}

words! {
    /// What a guard does with a finding. The order is the order of severity.
    GuardAction {
        /// Nothing.
        Allow = "allow",
        /// Record it.
        Flag = "flag",
        /// Put a reversible surrogate in its place.
        Pseudonymise = "pseudonymise",
        /// Put a mark in its place for good.
        Redact = "redact",
        /// Refuse the request or cut the answer.
        Block = "block",
    }
}

words! {
    /// How strongly a caller has proved who it is.
    Strength {
        /// Not at all.
        Anonymous = "anonymous",
        /// With a secret that can be copied, such as an API key.
        Secret = "secret",
        /// With a secret bound to a channel or device, such as a client certificate.
        Bound = "bound",
        /// As the operating-system user that runs Casemate.
        Local = "local",
    }
}

/// Something a detector saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Bytes of the segment's text.
    pub span: Range<usize>,
    /// Which rule saw it, e.g. `secret.github_token`.
    pub rule: &'static str,
    /// Certainty between 0 and 1.
    pub score: f32,
}
