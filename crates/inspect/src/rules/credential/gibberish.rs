// SPDX-License-Identifier: Apache-2.0
//! Whether letters read like words: pairs of letters of source code and prose against those of
//! random strings.

/// Mean bits of a pair above which letters are random. Of random strings of 24 letters and digits
/// 99 in 100 lie above, names in source code below.
const RANDOM: f32 = 5.0;

/// Information of neighbouring letters, in sixteenths of a bit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Letters {
    pairs: u32,
    as_is: u32,
    /// Turned by thirteen letters.
    turned: u32,
    /// Read backwards.
    backwards: u32,
}

impl Letters {
    /// Counts the pairs of a text.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut sums = Self::default();
        let mut before = PLACES[usize::from(text.first().copied().unwrap_or(b' '))];
        for byte in text.iter().skip(1) {
            let next = PLACES[usize::from(*byte)];
            if before < 26 && next < 26 {
                let (first, second) = (usize::from(before), usize::from(next));
                sums.pairs += 1;
                sums.as_is += u32::from(PAIRS[first][second]);
                sums.turned += u32::from(PAIRS[(first + 13) % 26][(second + 13) % 26]);
                sums.backwards += u32::from(PAIRS[second][first]);
            }
            before = next;
        }
        sums
    }

    fn mean(self, sum: u32) -> Option<f32> {
        (self.pairs > 0).then(|| sum as f32 / self.pairs as f32 / 16.0)
    }

    /// Mean bits of a pair; none without two letters side by side.
    pub(crate) fn bits(self) -> Option<f32> {
        self.mean(self.as_is)
    }

    /// The same read backwards.
    pub(crate) fn bits_backwards(self) -> Option<f32> {
        self.mean(self.backwards)
    }

    /// Bits that a word gains by being turned by thirteen letters.
    pub(crate) fn gain(self) -> f32 {
        (self.as_is as f32 - self.turned as f32) / 16.0
    }
}

/// The place of a letter in the alphabet; 255 for all else.
const PLACES: [u8; 256] = {
    let mut places = [255; 256];
    let mut letter = 0;
    while letter < 26 {
        places[(b'a' + letter) as usize] = letter;
        places[(b'A' + letter) as usize] = letter;
        letter += 1;
    }
    places
};

/// Whether a text reads like words and not like something random.
pub(super) fn is_wordlike(text: &str) -> bool {
    Letters::of(text.as_bytes())
        .bits()
        .is_some_and(|bits| bits < RANDOM)
}

/// Sixteenths of a bit of the second letter after the first, counted in this project's sources and
/// documents and in the development data.
#[rustfmt::skip]
const PAIRS: [[u8; 26]; 26] = [
    [165, 85, 66, 74, 164, 116, 87, 170, 74, 162, 99, 51, 73, 39, 168, 78, 172, 54, 55, 42, 101, 98, 118, 124, 85, 141],
    [53, 121, 135, 176, 33, 163, 150, 112, 67, 103, 218, 44, 147, 173, 41, 127, 211, 66, 93, 132, 62, 167, 169, 198, 52, 218],
    [50, 182, 88, 166, 46, 177, 190, 48, 66, 251, 69, 73, 158, 197, 37, 148, 200, 63, 112, 47, 78, 193, 206, 184, 99, 206],
    [53, 140, 152, 77, 24, 133, 86, 103, 41, 167, 166, 92, 114, 136, 53, 123, 191, 79, 68, 133, 78, 109, 154, 125, 82, 239],
    [65, 127, 65, 60, 90, 94, 109, 142, 105, 158, 142, 68, 77, 48, 126, 99, 102, 39, 45, 61, 143, 86, 100, 76, 93, 166],
    [56, 200, 153, 175, 64, 74, 159, 121, 36, 155, 211, 88, 138, 65, 29, 203, 223, 51, 102, 84, 62, 232, 166, 193, 102, 203],
    [54, 168, 151, 145, 30, 150, 96, 63, 49, 127, 130, 89, 105, 64, 69, 75, 160, 57, 77, 98, 60, 198, 168, 175, 96, 202],
    [37, 145, 174, 149, 19, 161, 181, 189, 48, 200, 183, 129, 131, 111, 48, 185, 226, 93, 128, 77, 87, 204, 191, 255, 107, 237],
    [88, 110, 62, 72, 76, 83, 81, 187, 144, 198, 112, 67, 74, 31, 57, 92, 144, 82, 55, 49, 165, 85, 199, 124, 182, 93],
    [55, 113, 201, 175, 22, 201, 175, 164, 80, 201, 125, 169, 169, 129, 40, 107, 169, 201, 38, 169, 54, 175, 132, 201, 164, 175],
    [84, 162, 180, 144, 16, 138, 126, 101, 35, 228, 130, 100, 160, 63, 107, 83, 196, 122, 62, 122, 84, 178, 127, 203, 116, 166],
    [56, 132, 137, 70, 31, 72, 153, 180, 47, 237, 136, 48, 132, 146, 53, 112, 201, 159, 78, 75, 79, 125, 115, 202, 66, 216],
    [35, 79, 130, 129, 30, 137, 155, 135, 52, 255, 178, 120, 79, 140, 51, 53, 189, 132, 91, 127, 67, 181, 209, 213, 83, 220],
    [65, 157, 70, 42, 49, 93, 45, 146, 76, 149, 119, 113, 142, 98, 61, 126, 183, 147, 54, 44, 100, 111, 106, 202, 87, 153],
    [126, 104, 85, 77, 115, 68, 96, 145, 102, 118, 88, 71, 62, 37, 81, 78, 180, 42, 85, 70, 47, 92, 72, 151, 144, 181],
    [51, 161, 154, 108, 42, 171, 167, 90, 72, 191, 193, 51, 139, 135, 46, 77, 185, 43, 79, 58, 61, 185, 180, 195, 91, 235],
    [109, 176, 151, 169, 124, 185, 151, 176, 125, 160, 176, 81, 169, 169, 136, 164, 201, 129, 201, 153, 2, 185, 160, 185, 201, 201],
    [52, 140, 93, 81, 28, 129, 103, 169, 53, 213, 107, 104, 79, 95, 47, 126, 183, 81, 67, 67, 82, 96, 146, 210, 76, 186],
    [77, 162, 80, 142, 32, 133, 156, 69, 58, 191, 100, 111, 116, 127, 62, 68, 144, 142, 60, 33, 72, 165, 92, 236, 96, 220],
    [61, 166, 108, 121, 38, 155, 125, 32, 46, 220, 173, 109, 144, 136, 51, 102, 255, 62, 70, 90, 86, 193, 114, 136, 86, 194],
    [83, 73, 75, 91, 58, 126, 94, 165, 88, 227, 142, 53, 70, 49, 129, 77, 184, 44, 44, 46, 211, 169, 219, 148, 160, 154],
    [47, 151, 170, 190, 12, 196, 163, 201, 35, 238, 161, 183, 201, 175, 76, 206, 196, 124, 164, 212, 141, 170, 169, 238, 156, 196],
    [47, 163, 143, 145, 43, 177, 174, 42, 33, 208, 136, 109, 184, 70, 49, 172, 245, 57, 86, 131, 176, 197, 115, 178, 188, 245],
    [55, 154, 81, 142, 68, 139, 148, 127, 66, 189, 178, 155, 164, 141, 135, 38, 162, 167, 167, 16, 69, 199, 167, 142, 111, 189],
    [96, 122, 110, 114, 71, 134, 148, 126, 82, 161, 157, 101, 83, 82, 22, 62, 234, 101, 43, 45, 147, 160, 121, 121, 209, 87],
    [51, 169, 144, 148, 12, 201, 164, 140, 50, 201, 164, 128, 153, 185, 79, 160, 169, 169, 146, 139, 64, 156, 132, 142, 101, 78],
];
