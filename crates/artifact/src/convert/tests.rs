// SPDX-License-Identifier: Apache-2.0
//! What is kept once, however often it is referred to.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::Arc;

use super::*;

/// Arrays over bytes that were made of one text.
fn arrays(count: usize) -> Vec<u8> {
    let array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x04\x85cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbI00\nh\0tb";
    [
        b"\x80\x02c_codecs\nencode\nX\x04\0\0\0aaaaU\x06latin1\x86Rq\x000](",
        &array.repeat(count)[..],
        b"e.",
    ]
    .concat()
}

#[test]
fn bytes_that_were_made_are_kept_once() {
    for count in [2, 4, 200] {
        let options = ConvertOptions::default();
        let plan = plan(&Scanner::default(), &arrays(count), &options).unwrap();
        let mut kept: Vec<_> = plan
            .tensors
            .iter()
            .map(|(_, tensor)| match &tensor.storage.origin {
                Origin::Memory(bytes, _) => Arc::as_ptr(bytes).cast::<u8>(),
                Origin::File(_) => panic!("they are not in the file"),
            })
            .collect();
        assert_eq!(kept.len(), count);
        kept.dedup();
        assert_eq!(kept.len(), 1, "copies of the same bytes");
    }
}
