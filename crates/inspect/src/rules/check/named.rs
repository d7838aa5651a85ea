// SPDX-License-Identifier: Apache-2.0
//! Checks of single issuers, by the name that `rules/personal.rules` gives and defines.

mod national;

use super::{
    Value, coin,
    date::{is_date, is_of_life},
    decimal, digit_value, luhn,
    tables::{CARDS, COUNTRIES, IBANS},
    value, weighted,
};
use national::{
    at_svnr, au_abn, bg_vat10, br_cnh, cn_uscc, cy_tic, cz_dic, cz_rc, de_kvnr, de_svnr,
    de_tax_repeat, es_ccc, es_cif, es_nuss, fi_hetu, fr_nir, fr_siret, fr_vat, hkid, ie_pps,
    ie_vat_old, it_cf, jp_corp, kr_brn, lu_verhoeff, lv_pk, mx_curp, nz_ird, nz_nhi, pt_cc, ramq,
    ro_cui, ru_snils, sg_nric, sg_uen, tr_vkn, tw_id, tw_ubn, uk_utr, uk_vat,
};

type Named = fn(&Value<'_>) -> Option<bool>;

/// The check of a name.
pub(super) fn find(name: &str) -> Option<Named> {
    let (_, check) = ALL.iter().find(|(known, _)| *known == name)?;
    Some(*check)
}

const ALL: &[(&str, Named)] = &[
    ("at_svnr", at_svnr),
    ("au_abn", au_abn),
    ("bch", |v| coin::bitcoin_cash(v.raw)),
    ("bg_vat10", bg_vat10),
    ("br_cnh", br_cnh),
    ("card", card),
    ("cn_uscc", cn_uscc),
    ("cy_tic", cy_tic),
    ("cz_dic", cz_dic),
    ("cz_rc", |v| cz_rc(v.bare)),
    ("de_kvnr", de_kvnr),
    ("de_svnr", de_svnr),
    ("de_tax_repeat", de_tax_repeat),
    ("dmy_or_mdy", dmy_or_mdy),
    ("eip55", |v| coin::ethereum(v.raw)),
    ("es_ccc", es_ccc),
    ("es_cif", es_cif),
    ("es_nuss", es_nuss),
    ("fi_hetu", fi_hetu),
    ("fr_nir", fr_nir),
    ("fr_siret", fr_siret),
    ("fr_vat", fr_vat),
    ("has_digit", |v| Some(v.bare.iter().any(u8::is_ascii_digit))),
    ("hkid", hkid),
    ("iban", iban),
    ("ie_pps", ie_pps),
    ("ie_vat_old", ie_vat_old),
    ("iso7064_11_10", iso7064_11_10),
    ("iso7064_11_2", iso7064_11_2),
    ("it_cf", it_cf),
    ("jp_corp", jp_corp),
    ("kr_brn", kr_brn),
    ("kr_rrn", |v| {
        last_of(v.bare, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
    }),
    ("lu_verhoeff", lu_verhoeff),
    ("luhn36", luhn36),
    ("luhn_left", |v| luhn(v.bare.iter())),
    ("luhn_mod36", luhn_mod36),
    ("lv_pk", lv_pk),
    ("mac", mac),
    ("mod97_10", |v| mod97(v.bare.iter())),
    ("mrz_name", mrz_name),
    ("mrz_td1", |v| Some(*v.bare.get(2)? != b'<')),
    ("mx_curp", mx_curp),
    ("not_palindrome", |v| {
        Some(!v.bare.iter().eq(v.bare.iter().rev()))
    }),
    ("notsame", |v| {
        Some(v.bare.iter().any(|byte| Some(byte) != v.bare.first()))
    }),
    ("nz_ird", nz_ird),
    ("nz_nhi", nz_nhi),
    ("pe_ruc", |v| {
        last_of(v.bare, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])
    }),
    ("phone", phone),
    ("plate_mix", |v| {
        let digit = v.bare.iter().any(u8::is_ascii_digit);
        Some(digit && v.bare.iter().any(u8::is_ascii_alphabetic))
    }),
    ("pt_cc", pt_cc),
    ("ramq", ramq),
    ("ro_cui", ro_cui),
    ("ru_snils", ru_snils),
    ("sg_nric", sg_nric),
    ("sg_uen", sg_uen),
    ("ssn", ssn),
    ("th_pin", |v| {
        last_of(v.bare, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
    }),
    ("tr_vkn", tr_vkn),
    ("tw_id", tw_id),
    ("tw_ubn", tw_ubn),
    ("uk_utr", uk_utr),
    ("uk_vat", uk_vat),
    ("verhoeff", |v| verhoeff(v.bare.iter())),
    ("vin", vin),
    ("vin_serial", vin_serial),
    ("xmr", |v| coin::monero(v.bare)),
    ("xrp", |v| coin::base58_check(v.bare, coin::RIPPLE, &[0])),
];

fn digit(bytes: &[u8], at: usize) -> Option<i64> {
    digit_value(*bytes.get(at)?)
}

fn two(bytes: &[u8], at: usize) -> Option<u64> {
    decimal(bytes.get(at..at + 2)?)
}

/// The place of a byte in an alphabet.
fn place(alphabet: &[u8], byte: u8) -> Option<i64> {
    let at = alphabet.iter().position(|known| *known == byte)?;
    i64::try_from(at).ok()
}

/// The byte of an alphabet at a place.
fn letter(alphabet: &[u8], at: i64) -> Option<u8> {
    alphabet.get(usize::try_from(at).ok()?).copied()
}

/// The place of a capital in the alphabet, A = 1.
fn capital(byte: u8) -> Option<i64> {
    byte.is_ascii_uppercase()
        .then(|| i64::from(byte - b'A') + 1)
}

/// Whether the last digit is (11 - sum mod 11) mod 10.
fn last_of(bytes: &[u8], weights: &[i64]) -> Option<bool> {
    let sum = weighted(bytes.get(..weights.len())?, weights)?;
    Some(digit(bytes, weights.len())? == (11 - sum % 11) % 10)
}

/// Whether a date exists in 1900 or 2000 and the years after.
fn in_some_century(year: u64, month: u64, day: u64) -> bool {
    is_date(1900 + year, month, day) || is_date(2000 + year, month, day)
}

pub(super) fn is_country(code: &[u8]) -> bool {
    COUNTRIES.split(' ').any(|known| known.as_bytes() == code)
}

fn verhoeff<'a>(digits: impl DoubleEndedIterator<Item = &'a u8>) -> Option<bool> {
    const PRODUCT: [&[u8; 10]; 10] = [
        b"0123456789",
        b"1234067895",
        b"2340178956",
        b"3401289567",
        b"4012395678",
        b"5987604321",
        b"6598710432",
        b"7659821043",
        b"8765932104",
        b"9876543210",
    ];
    const PERMUTED: [&[u8; 10]; 8] = [
        b"0123456789",
        b"1576283094",
        b"5803796142",
        b"8916043527",
        b"9453126870",
        b"4286573901",
        b"2793806415",
        b"7046913258",
    ];
    let mut check = 0;
    for (at, byte) in digits.rev().enumerate() {
        let digit = usize::try_from(digit_value(*byte)?).ok()?;
        let permuted = usize::from(PERMUTED[at % 8][digit] - b'0');
        check = usize::from(PRODUCT[check][permuted] - b'0');
    }
    Some(check == 0)
}

fn mod97<'a>(characters: impl Iterator<Item = &'a u8>) -> Option<bool> {
    let mut rest = 0;
    for byte in characters {
        let value = value(*byte)?;
        rest = (rest * if value > 9 { 100 } else { 10 } + value) % 97;
    }
    Some(rest == 1)
}

fn iso7064_11_10(v: &Value<'_>) -> Option<bool> {
    let (last, body) = v.bare.split_last()?;
    let mut product = 10;
    for byte in body {
        product = (product + digit_value(*byte)?) % 10;
        if product == 0 {
            product = 10;
        }
        product = product * 2 % 11;
    }
    Some((product + digit_value(*last)?) % 10 == 1)
}

fn iso7064_11_2(v: &Value<'_>) -> Option<bool> {
    let (last, body) = v.bare.split_last()?;
    let mut product = 0;
    for byte in body {
        product = (product + digit_value(*byte)?) * 2 % 11;
    }
    let check = (12 - product) % 11;
    Some(match check {
        10 => *last == b'X',
        check => digit_value(*last) == Some(check),
    })
}

fn luhn36(v: &Value<'_>) -> Option<bool> {
    let mut digits = Vec::with_capacity(24);
    for byte in v.bare {
        digits.extend_from_slice(value(*byte)?.to_string().as_bytes());
    }
    luhn(digits.iter())
}

fn luhn_mod36(v: &Value<'_>) -> Option<bool> {
    let (last, body) = v.bare.split_last()?;
    let mut sum = 0;
    for (at, byte) in body.iter().enumerate() {
        let product = value(*byte)? * if at % 2 == 1 { 2 } else { 1 };
        sum += product / 36 + product % 36;
    }
    Some(value(*last)? == (36 - sum % 36) % 36)
}

fn card(v: &Value<'_>) -> Option<bool> {
    let number = std::str::from_utf8(v.bare).ok()?;
    let known = CARDS.iter().any(|(first, last, lengths)| {
        number
            .get(..first.len())
            .is_some_and(|head| (*first..=*last).contains(&head) && lengths.contains(&number.len()))
    });
    Some(known && luhn(v.bare.iter())?)
}

fn iban(v: &Value<'_>) -> Option<bool> {
    let text = v.bare.to_ascii_uppercase();
    let (head, body) = text.split_at_checked(4)?;
    let country = std::str::from_utf8(&head[..2]).ok()?;
    let (_, structure) = IBANS.iter().find(|(known, _)| *known == country)?;
    let mut rest = body;
    let mut count = 0;
    for byte in structure.bytes() {
        if byte.is_ascii_digit() {
            count = count * 10 + usize::from(byte - b'0');
            continue;
        }
        let (part, tail) = rest.split_at_checked(count)?;
        let fits = part.iter().all(|known| match byte {
            b'n' => known.is_ascii_digit(),
            b'a' => known.is_ascii_uppercase(),
            _ => known.is_ascii_digit() || known.is_ascii_uppercase(),
        });
        if !fits {
            return Some(false);
        }
        (rest, count) = (tail, 0);
    }
    Some(rest.is_empty() && mod97(body.iter().chain(head))?)
}

fn ssn(v: &Value<'_>) -> Option<bool> {
    // Numbers printed in advertisements and forms.
    const PRINTED: [&[u8]; 3] = [b"078051120", b"219099999", b"457555462"];
    let b = v.bare;
    let area = b.get(..3)?;
    Some(
        area != b"000"
            && area != b"666"
            && b[0] != b'9'
            && b.get(3..5)? != b"00"
            && b.get(5..)? != b"0000"
            && !PRINTED.contains(&b),
    )
}

fn phone(v: &Value<'_>) -> Option<bool> {
    let digits: Vec<u8> = v.raw.iter().copied().filter(u8::is_ascii_digit).collect();
    let mut kinds = digits.clone();
    kinds.sort_unstable();
    kinds.dedup();
    Some((8..=15).contains(&digits.len()) && kinds.len() > 2 && digits[0] != b'0')
}

fn mac(v: &Value<'_>) -> Option<bool> {
    let text = v.bare.to_ascii_lowercase();
    Some(text.iter().any(|byte| Some(byte) != text.first()))
}

fn mrz_name(v: &Value<'_>) -> Option<bool> {
    let name = v.bare.get(5..)?;
    let parted = name.windows(2).any(|pair| pair == b"<<");
    Some(parted && name.first() != Some(&b'<') && v.bare[2] != b'<')
}

fn vin(v: &Value<'_>) -> Option<bool> {
    const WEIGHTS: [i64; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |byte: u8| match byte {
        b'0'..=b'9' => Some(i64::from(byte - b'0')),
        b'A'..=b'H' => Some(i64::from(byte - b'A') + 1),
        b'J'..=b'N' => Some(i64::from(byte - b'J') + 1),
        b'P' => Some(7),
        b'R' => Some(9),
        b'S'..=b'Z' => Some(i64::from(byte - b'S') + 2),
        _ => None,
    };
    let mut sum = 0;
    for (byte, weight) in v.bare.iter().zip(WEIGHTS) {
        sum += value(*byte)? * weight;
    }
    let check = *v.bare.get(8)?;
    Some(match sum % 11 {
        10 => check == b'X',
        rest => digit_value(check) == Some(rest),
    })
}

fn vin_serial(v: &Value<'_>) -> Option<bool> {
    let serial = v.bare.get(v.bare.len().checked_sub(4)?..)?;
    let letter = v.bare.iter().any(u8::is_ascii_alphabetic);
    Some(letter && serial.iter().all(u8::is_ascii_digit))
}

fn dmy_or_mdy(v: &Value<'_>) -> Option<bool> {
    let mut parts = v
        .raw
        .split(|byte| !byte.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let (a, b, year) = (
        decimal(parts.next()?)?,
        decimal(parts.next()?)?,
        decimal(parts.next()?)?,
    );
    let date = is_date(year, b, a) || is_date(year, a, b);
    Some(parts.next().is_none() && is_of_life(year) && date)
}
