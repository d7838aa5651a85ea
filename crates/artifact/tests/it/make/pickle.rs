// SPDX-License-Identifier: Apache-2.0
//! Pickles that call something, in all the ways in which a pickle can.

/// A way to call `module.name` with one text.
pub(crate) type Style = (&'static str, fn(&str, &str) -> Vec<u8>);

/// All ways.
pub(crate) const STYLES: &[Style] = &[
    ("protocol 0", |m, n| {
        text(&format!("c{m}\n{n}\n(S'true'\ntR."))
    }),
    ("protocol 0 with memo", |m, n| {
        text(&format!("c{m}\n{n}\np0\n(Vtrue\np1\ntp2\nRp3\n."))
    }),
    ("protocol 1", |m, n| {
        [
            &text(&format!("c{m}\n{n}\n"))[..],
            b"q\0(U\x04trueq\x01tq\x02Rq\x03.",
        ]
        .concat()
    }),
    ("protocol 2", |m, n| {
        [
            b"\x80\x02c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nX\x04\0\0\0true\x85R.",
        ]
        .concat()
    }),
    ("protocol 3", |m, n| {
        [
            b"\x80\x03c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nC\x04true\x85R.",
        ]
        .concat()
    }),
    ("protocol 4", |m, n| {
        [b"\x80\x04", &framed(&stack_global(m, n, &arguments()))[..]].concat()
    }),
    ("protocol 5", |m, n| {
        [b"\x80\x05", &framed(&stack_global(m, n, &arguments()))[..]].concat()
    }),
    ("no protocol", |m, n| stack_global(m, n, &arguments())),
    ("INST", |m, n| text(&format!("(S'true'\ni{m}\n{n}\n."))),
    ("OBJ", |m, n| text(&format!("(c{m}\n{n}\nS'true'\no."))),
    ("NEWOBJ", |m, n| {
        [
            b"\x80\x02c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nX\x04\0\0\0true\x85\x81.",
        ]
        .concat()
    }),
    ("NEWOBJ_EX", |m, n| {
        [
            b"\x80\x04",
            &name(m)[..],
            &name(n),
            b"\x93\x8c\x04true\x85}\x92.",
        ]
        .concat()
    }),
    ("names from the memo", |m, n| {
        [
            b"\x80\x04",
            &name(m)[..],
            b"q\x05",
            &name(n),
            b"r\x06\0\0\x7f00h\x05j\x06\0\0\x7f\x93",
            b"\x8c\x04true\x85R.",
        ]
        .concat()
    }),
    ("a name with escapes", |m, n| {
        let escaped: String = m.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
        [
            format!("S'{escaped}'\n").as_bytes(),
            &name(n),
            b"\x93\x8c\x04true\x85R.",
        ]
        .concat()
    }),
    ("a name in unicode escapes", |m, n| {
        let escaped: String = n.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        [
            &name(m)[..],
            format!("V{escaped}\n").as_bytes(),
            b"\x93\x8c\x04true\x85R.",
        ]
        .concat()
    }),
    ("names in bytes of protocol 1", |m, n| {
        [
            b"U",
            &[m.len() as u8][..],
            m.as_bytes(),
            b"U",
            &[n.len() as u8],
            n.as_bytes(),
            b"\x93U\x04true\x85R.",
        ]
        .concat()
    }),
    ("twice, by DUP", |m, n| {
        [
            b"c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\n2U\x04true\x85R0.",
        ]
        .concat()
    }),
    ("thrown away", |m, n| {
        [
            b"\x80\x02]c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nU\x04true\x85R0.",
        ]
        .concat()
    }),
    ("within a mark that goes", |m, n| {
        [
            b"(c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nU\x04true\x85R1N.",
        ]
        .concat()
    }),
    ("in a list in a dict", |m, n| {
        [
            b"\x80\x02}U\x01a](c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nU\x04true\x85Res.",
        ]
        .concat()
    }),
    ("behind another pickle", |m, n| {
        [
            b"\x80\x02}.\x80\x02c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nU\x04true\x85R.",
        ]
        .concat()
    }),
    ("before a break", |m, n| {
        [
            b"\x80\x04",
            &name(m)[..],
            &name(n),
            b"\x93\x8c\x04true\x85R\xff",
        ]
        .concat()
    }),
    ("before the end", |m, n| {
        [
            b"\x80\x04",
            &name(m)[..],
            &name(n),
            b"\x93\x8c\x04true\x85R",
        ]
        .concat()
    }),
    ("before a missing memo", |m, n| {
        [
            b"\x80\x04",
            &name(m)[..],
            &name(n),
            b"\x93\x8c\x04true\x85Rh\x63.",
        ]
        .concat()
    }),
    ("in a constant", |m, n| {
        let inner = stack_global(m, n, &arguments());
        let inner = [b"\x80\x04", &inner[..]].concat();
        [
            b"\x80\x03B",
            &(inner.len() as u32).to_le_bytes()[..],
            &inner,
            b".",
        ]
        .concat()
    }),
    ("without its call", |m, n| {
        [b"\x80\x04", &name(m)[..], &name(n), b"\x93."].concat()
    }),
    ("through functools.partial", |m, n| {
        [
            b"cfunctools\npartial\nc",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\nU\x04true\x86R.",
        ]
        .concat()
    }),
    ("through a default", |m, n| {
        [
            b"ccollections\ndefaultdict\nc",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\n\x85R.",
        ]
        .concat()
    }),
    ("through copyreg", |m, n| {
        [
            b"ccopyreg\n_reconstructor\n(c",
            m.as_bytes(),
            b"\n",
            n.as_bytes(),
            b"\ncbuiltins\nobject\nNtR.",
        ]
        .concat()
    }),
];

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// A short text of protocol 4.
pub(crate) fn name(text: &str) -> Vec<u8> {
    [b"\x8c", &[text.len() as u8][..], text.as_bytes()].concat()
}

fn arguments() -> Vec<u8> {
    b"\x8c\x04true\x94\x85\x94R\x94.".to_vec()
}

fn stack_global(module: &str, member: &str, rest: &[u8]) -> Vec<u8> {
    [
        &name(module)[..],
        b"\x94",
        &name(member),
        b"\x94\x93\x94",
        rest,
    ]
    .concat()
}

/// With a frame around it.
pub(crate) fn framed(bytes: &[u8]) -> Vec<u8> {
    [b"\x95", &(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}
