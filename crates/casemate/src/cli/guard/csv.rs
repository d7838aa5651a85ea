// SPDX-License-Identifier: Apache-2.0
//! Comma-separated values (RFC 4180): cells in quotation marks may have separators, line ends and
//! doubled quotation marks.

/// A cell whose quotation mark nobody closes: what follows cannot be told from it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quotation mark in line {0} is not closed")]
pub(super) struct Unclosed(usize);

/// Rows of a text, one after the other; blank lines are none.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    rest: &'a str,
    separator: char,
    /// The line that the next row begins with, from 1.
    line: usize,
}

/// A row, and the line it begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) cells: Vec<String>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a str, separator: char) -> Self {
        Self {
            // What some programs write in front of UTF-8.
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            separator,
            line: 1,
        }
    }

    /// Takes a cell that is in quotation marks, whose first was taken.
    fn quoted(&mut self) -> Result<String, Unclosed> {
        let begin = self.line;
        let mut cell = String::new();
        while let Some((inside, behind)) = self.rest.split_once('"') {
            cell.push_str(inside);
            self.line += inside.matches('\n').count();
            self.rest = behind;
            match behind.strip_prefix('"') {
                Some(more) => {
                    cell.push('"');
                    self.rest = more;
                }
                None => return Ok(cell),
            }
        }
        self.rest = "";
        Err(Unclosed(begin))
    }

    /// Takes a cell, up to the sign that ends it.
    fn cell(&mut self) -> Result<String, Unclosed> {
        let mut cell = match self.rest.strip_prefix('"') {
            Some(rest) => {
                self.rest = rest;
                self.quoted()?
            }
            None => String::new(),
        };
        let end = self.rest.find([self.separator, '\n']);
        let (more, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        cell.push_str(more.strip_suffix('\r').unwrap_or(more));
        self.rest = rest;
        Ok(cell)
    }

    fn skip_blank_lines(&mut self) {
        while let Some(rest) = self
            .rest
            .strip_prefix('\n')
            .or_else(|| self.rest.strip_prefix("\r\n"))
        {
            self.rest = rest;
            self.line += 1;
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Unclosed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blank_lines();
        if self.rest.is_empty() {
            return None;
        }
        let mut row = Row {
            line: self.line,
            cells: Vec::new(),
        };
        loop {
            match self.cell() {
                Ok(cell) => row.cells.push(cell),
                Err(unclosed) => return Some(Err(unclosed)),
            }
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => break,
            }
        }
        self.rest = self.rest.strip_prefix('\n').unwrap_or(self.rest);
        self.line += 1;
        Some(Ok(row))
    }
}

#[cfg(test)]
mod tests {
    use super::{Rows, Unclosed};

    #[test]
    fn cells_and_rows() {
        for (text, expected) in [
            ("", vec![]),
            ("a,b\n", vec![(1, vec!["a", "b"])]),
            ("\u{feff}a\r\nb", vec![(1, vec!["a"]), (2, vec!["b"])]),
            (
                "\"a,\"\"b\"\"\nc\",d\n,\n",
                vec![(1, vec!["a,\"b\"\nc", "d"]), (3, vec!["", ""])],
            ),
            ("\"a\"b,c", vec![(1, vec!["ab", "c"])]),
            ("\n\r\nx\n\n", vec![(3, vec!["x"])]),
        ] {
            let rows: Vec<_> = Rows::new(text, ',')
                .map(|row| row.map(|row| (row.line, row.cells)).unwrap())
                .collect();
            let rows: Vec<_> = rows
                .iter()
                .map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect()))
                .collect();
            assert_eq!(rows, expected, "{text:?}");
        }
    }

    #[test]
    fn a_quotation_mark_that_nobody_closes_ends_it() {
        let mut rows = Rows::new("a,b\nc,\"open, and\nmore\nmore", ',');
        assert!(rows.next().unwrap().is_ok());
        assert_eq!(rows.next().unwrap(), Err(Unclosed(2)));
        assert!(rows.next().is_none());
    }
}
