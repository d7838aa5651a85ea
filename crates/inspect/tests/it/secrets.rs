// SPDX-License-Identifier: Apache-2.0
//! Secrets by prefix. No token stands in this file: they are put together when the test runs.

use casemate_types::FindingKind::{self, CloudKey, PrivateKey, ProviderKey};

use crate::common::{ALNUM, BASE64, HEX, INSPECTOR, UPPER, URL, found, jwt, letters, pem};

/// Prefix, letters of the rest, least and most of them, kind, rule.
const FORMS: &[(&str, &str, usize, usize, FindingKind, &str)] = &[
    ("AKIA", UPPER, 16, 16, CloudKey, "secret.aws_access_key"),
    ("ASIA", UPPER, 16, 16, CloudKey, "secret.aws_session_key"),
    ("AIza", URL, 35, 35, CloudKey, "secret.google_api_key"),
    ("ya29.", URL, 20, 512, CloudKey, "secret.google_oauth"),
    (
        "GOCSPX-",
        URL,
        28,
        28,
        CloudKey,
        "secret.google_client_secret",
    ),
    (
        "AccountKey=",
        BASE64,
        86,
        90,
        CloudKey,
        "secret.azure_storage_key",
    ),
    (
        "SharedAccessKey=",
        BASE64,
        43,
        45,
        CloudKey,
        "secret.azure_bus_key",
    ),
    ("dop_v1_", HEX, 64, 64, CloudKey, "secret.digitalocean"),
    ("LTAI", ALNUM, 12, 24, CloudKey, "secret.alibaba"),
    ("ghp_", ALNUM, 36, 36, ProviderKey, "secret.github_token"),
    ("gho_", ALNUM, 36, 36, ProviderKey, "secret.github_token"),
    ("ghu_", ALNUM, 36, 36, ProviderKey, "secret.github_token"),
    ("ghs_", ALNUM, 36, 36, ProviderKey, "secret.github_token"),
    ("ghr_", ALNUM, 36, 76, ProviderKey, "secret.github_token"),
    ("github_pat_", URL, 82, 82, ProviderKey, "secret.github_pat"),
    ("glpat-", URL, 20, 64, ProviderKey, "secret.gitlab_token"),
    ("sk-ant-", URL, 32, 200, ProviderKey, "secret.anthropic_key"),
    ("sk-proj-", URL, 32, 256, ProviderKey, "secret.openai_key"),
    (
        "sk-svcacct-",
        URL,
        32,
        256,
        ProviderKey,
        "secret.openai_key",
    ),
    (
        "sk-or-v1-",
        HEX,
        64,
        64,
        ProviderKey,
        "secret.openrouter_key",
    ),
    ("sk-", ALNUM, 32, 64, ProviderKey, "secret.openai_key"),
    (
        "hf_",
        ALNUM,
        34,
        40,
        ProviderKey,
        "secret.huggingface_token",
    ),
    ("gsk_", ALNUM, 40, 64, ProviderKey, "secret.groq_key"),
    ("r8_", ALNUM, 37, 40, ProviderKey, "secret.replicate_token"),
    ("xoxb-", URL, 24, 96, ProviderKey, "secret.slack_token"),
    ("xoxp-", URL, 24, 96, ProviderKey, "secret.slack_token"),
    ("xoxa-", URL, 24, 96, ProviderKey, "secret.slack_token"),
    ("xoxs-", URL, 24, 96, ProviderKey, "secret.slack_token"),
    ("xapp-", URL, 24, 128, ProviderKey, "secret.slack_token"),
    ("sk_live_", ALNUM, 24, 128, ProviderKey, "secret.stripe_key"),
    ("rk_live_", ALNUM, 24, 128, ProviderKey, "secret.stripe_key"),
    (
        "sk_test_",
        ALNUM,
        24,
        128,
        ProviderKey,
        "secret.stripe_test_key",
    ),
    (
        "whsec_",
        BASE64,
        32,
        64,
        ProviderKey,
        "secret.stripe_webhook",
    ),
    ("SG.", URL, 64, 68, ProviderKey, "secret.sendgrid_key"),
    ("npm_", ALNUM, 36, 36, ProviderKey, "secret.npm_token"),
    (
        "pypi-AgEIcHlwaS5vcmc",
        URL,
        50,
        256,
        ProviderKey,
        "secret.pypi_token",
    ),
    ("shpat_", HEX, 32, 32, ProviderKey, "secret.shopify_token"),
    ("shpss_", HEX, 32, 32, ProviderKey, "secret.shopify_secret"),
    ("dckr_pat_", URL, 27, 40, ProviderKey, "secret.docker_token"),
    ("hvs.", URL, 24, 128, ProviderKey, "secret.vault_token"),
    (
        "AGE-SECRET-KEY-1",
        UPPER,
        58,
        58,
        PrivateKey,
        "secret.age_key",
    ),
    ("cm_", ALNUM, 38, 38, ProviderKey, "secret.casemate_key"),
];

#[test]
fn every_prefix_with_the_right_form() {
    for &(prefix, alphabet, least, most, kind, rule) in FORMS {
        for count in [least, most] {
            let token = format!("{prefix}{}", letters(alphabet, count));
            for (before, after) in [
                ("", ""),
                ("key: ", " keep it"),
                ("KEY=", "\n"),
                ("\"", "\","),
                ("(", ")"),
                ("é", "é"),
                ("Bearer ", ";"),
                ("https://h/?t=", "&x=1"),
                ("-", " "),
            ] {
                let text = format!("{before}{token}{after}");
                let findings = INSPECTOR.inspect_exact(&text);
                let [one] = findings.as_slice() else {
                    panic!("{findings:?} in `{text}`");
                };
                assert_eq!((one.kind, one.rule), (kind, rule), "{text}");
                assert_eq!(&text[one.span.clone()], token);
            }
        }
    }
}

#[test]
fn every_prefix_with_a_wrong_form() {
    for &(prefix, alphabet, least, most, kind, _) in FORMS {
        let token = |count| format!("{prefix}{}", letters(alphabet, count));
        for text in [
            prefix.to_owned(),
            token(least - 1),
            token(most + 1),
            format!("x{}", token(least)),
            format!("9{}", token(least)),
            format!("_{}", token(least)),
            prefix.to_owned() + &"!".repeat(least),
        ] {
            let findings = INSPECTOR.inspect_exact(&text);
            assert!(
                findings.iter().all(|f| f.kind != kind),
                "{findings:?} in `{text}`"
            );
        }
    }
}

#[test]
fn the_longer_prefix_wins() {
    let token = format!("sk-ant-{}", letters(ALNUM, 40));
    let findings = INSPECTOR.inspect_exact(&token);
    assert_eq!(findings[0].rule, "secret.anthropic_key");
}

#[test]
fn aws_secrets_by_the_word_before_them() {
    let secret = letters(BASE64, 40);
    for before in [
        "aws_secret_access_key = ",
        "AWS_SECRET_ACCESS_KEY=",
        "secretAccessKey\": \"",
        "Secret Access Key:\n",
        "aws secret is ",
    ] {
        let text = format!("{before}{secret}");
        assert_eq!(found(&text), [format!("cloud_key {secret}")], "{text}");
    }
    for text in [
        secret.clone(),
        format!("commit {secret}"),
        format!("aws_secret_access_key = {secret}x"),
        format!("aws_secret_access_key = {}", &secret[1..]),
        format!("aws_secret_access_key is what you need, then {secret}"),
        format!("my_aws_secret_access_key_name {secret}"),
    ] {
        assert!(found(&text).is_empty(), "{:?} in `{text}`", found(&text));
    }
}

#[test]
fn json_web_tokens() {
    let token = jwt();
    for text in [
        token.clone(),
        format!("Authorization: Bearer {token}"),
        format!("jwt={token};"),
    ] {
        assert_eq!(found(&text), [format!("provider_key {token}")], "{text}");
    }
    let parts: Vec<_> = token.split('.').collect();
    for text in [
        parts[0].to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..15]),
        format!("eyJ.{}.{}", parts[1], parts[2]),
        format!("x{token}"),
        format!(
            "eyJ{}.{}.{}",
            letters(ALNUM, 2000),
            letters(ALNUM, 2000),
            letters(ALNUM, 200)
        ),
    ] {
        assert!(found(&text).is_empty(), "{:?} in `{text}`", found(&text));
    }
    let longest = format!(
        "eyJ{}.{}.{}",
        letters(ALNUM, 997),
        letters(ALNUM, 3000),
        letters(ALNUM, 94)
    );
    assert_eq!((longest.len(), found(&longest).len()), (4096, 1));
    assert!(found(&(longest + "a")).is_empty());
}

#[test]
fn private_key_blocks() {
    let whole = pem();
    assert_eq!(
        found(&format!("a {whole} b")),
        [format!("private_key {whole}")]
    );
    for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "] {
        let text = format!("x-----BEGIN {kind}PRIVATE KEY-----\nMIIE 4111 1111 1111 1111");
        assert_eq!(
            found(&text),
            [format!("private_key {}", &text[1..])],
            "a block without end"
        );
    }
    let twice = format!("{whole}\n{whole}");
    assert_eq!(found(&twice).len(), 2);
    for text in [
        "-----BEGIN PRIVATE KEY----",
        "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "----BEGIN PRIVATE KEY-----",
        "-----begin private key-----",
        "-----BEGIN RSA\nPRIVATE KEY-----",
        "-----BEGIN a PRIVATE KEY-----",
        "PRIVATE KEY-----",
    ] {
        assert!(found(text).is_empty(), "{:?} in `{text}`", found(text));
    }
}

#[test]
fn a_canary_does_not_hide_the_key_around_it() {
    let block = pem();
    let (head, tail) = block.split_at(50);
    let text = format!("{head}CANARY-7f3a9c{tail} ada@example.org");
    let expected = [
        format!("private_key {head}"),
        "canary CANARY-7f3a9c".to_owned(),
        format!("private_key {tail}"),
        "email ada@example.org".to_owned(),
    ];
    assert_eq!(found(&text), expected);
}

#[test]
fn canaries_are_found_anywhere() {
    for text in [
        "xCANARY-7f3a9cx",
        "the heron flies at noon",
        "…the heron flies at noon…",
    ] {
        assert_eq!(found(text).len(), 1, "{text}");
    }
    assert!(found("canary-7f3a9c the heron flies at  noon").is_empty());
    let short = casemate_inspect::Inspector::new(&["short".to_owned()]).unwrap_err();
    assert_eq!(
        short.to_string(),
        "the detectors cannot be built: the canary `short` is shorter than eight bytes"
    );
}
