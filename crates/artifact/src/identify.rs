// SPDX-License-Identifier: Apache-2.0
//! What bytes are by their content. Names and extensions are never asked.

/// The kind of native program that bytes begin as.
pub(crate) fn native(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, length: usize| bytes.get(from..from + length);
    if bytes.starts_with(b"\x7fELF") && bytes.len() >= 52 {
        return Some("elf");
    }
    if bytes.starts_with(b"MZ") {
        let offset = at(0x3c, 4).map(|b| crate::bytes::little(b) as usize);
        let is_pe = offset.is_some_and(|offset| at(offset, 4) == Some(b"PE\0\0"));
        // Actually portable executables, which llamafiles are, say what they are at once.
        if is_pe || bytes.starts_with(b"MZqFpD") {
            return Some("pe");
        }
    }
    if matches!(
        at(0, 4),
        Some(b"\xfe\xed\xfa\xce" | b"\xfe\xed\xfa\xcf" | b"\xce\xfa\xed\xfe" | b"\xcf\xfa\xed\xfe")
    ) && bytes.len() >= 28
    {
        return Some("mach-o");
    }
    // Java classes share this number; both are code.
    if bytes.starts_with(b"\xca\xfe\xba\xbe") && bytes.len() >= 8 {
        return Some("mach-o");
    }
    if bytes.starts_with(b"\0asm") {
        return Some("wasm");
    }
    if bytes.starts_with(b"!<arch>\n") {
        return Some("object-archive");
    }
    if bytes.starts_with(b"#!") && is_text(bytes.get(..256).unwrap_or(bytes)) {
        return Some("script");
    }
    is_python_bytecode(bytes).then_some("python-bytecode")
}

/// Compiled Python: a version, two bytes that end lines, flags of at most 3, a code object.
fn is_python_bytecode(bytes: &[u8]) -> bool {
    let Some(header) = bytes.get(..17) else {
        return false;
    };
    matches!(
        header,
        [
            _,
            0x0c..=0x0e,
            b'\r',
            b'\n',
            0..=3,
            0,
            0,
            0,
            ..,
            0xe3 | 0x63
        ]
    )
}

/// Whether all of it is UTF-8 text, as people and programs write it.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let allowed = |byte: u8| byte >= 0x20 && byte != 0x7f || b"\t\n\r\x0c\x1b".contains(&byte);
    // Cut in the middle of a character is fine when only a part was given.
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && bytes.len() <= 256,
    };
    whole && bytes.iter().all(|byte| allowed(*byte))
}

/// The first bytes, for people.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    let first = bytes.get(..8).unwrap_or(bytes);
    let hex: Vec<_> = first.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("begins with {}", hex.join(" "))
}
