// SPDX-License-Identifier: Apache-2.0
//! XML models (PMML, OpenVINO): declarations that reach out, and whether tags match.

use crate::{place::Place, rule, scan::Scan};

/// Elements within one another.
const DEPTH: usize = 1_000;

/// Reads a document; whether it was one.
pub(super) fn scan(scan: &mut Scan<'_>, text: &str, place: &Place) -> bool {
    let body = text.trim_start_matches('\u{feff}').trim_start();
    let is_xml = body.starts_with("<?xml")
        || body.starts_with("<!DOCTYPE")
        || body.starts_with("<!--")
        || begins_as_element(body);
    if !is_xml {
        return false;
    }
    // Pages in HTML have a doctype and tags that nobody closes.
    let is_page = begins_as_page(body);
    scan.format(if is_page { "html" } else { "xml" });
    let mut reader = Elements {
        rest: body,
        open: Vec::new(),
        root: None,
    };
    if !is_known_encoding(body) {
        let why = "an encoding in which other readers would see something else".to_owned();
        scan.found(&rule::XML_MALFORMED, place.whole(), why);
    }
    let result = reader.read(scan, place, is_page);
    match reader.root.as_deref() {
        Some("PMML") => scan.format("pmml"),
        Some("net") => scan.format("openvino"),
        _ => {}
    }
    if let Err(why) = result
        && !is_page
    {
        scan.found(
            &rule::XML_MALFORMED,
            place.at(text.len() - reader.rest.len()),
            why.to_owned(),
        );
    }
    true
}

/// Whether the first thing behind comments is what a page in HTML begins with.
fn begins_as_page(body: &str) -> bool {
    let mut rest = body;
    while let Some((_, behind)) =
        ["<!--", "<?"]
            .iter()
            .zip(["-->", "?>"])
            .find_map(|(open, close)| {
                rest.strip_prefix(open)
                    .and_then(|inside| inside.split_once(close))
            })
    {
        rest = behind.trim_start();
    }
    let begins = |word: &str| {
        rest.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    begins("<!doctype html") || begins("<html")
}

/// Whether a text begins with an element, and not with one of the words that vocabularies begin with.
fn begins_as_element(body: &str) -> bool {
    const WORDS: &[&str] = &["bos", "cls", "eos", "mask", "pad", "s", "sep", "unk"];
    let tag = body
        .strip_prefix('<')
        .and_then(|rest| rest.split('>').next());
    let is_name = |tag: &str| tag.starts_with(char::is_alphabetic) && !WORDS.contains(&tag);
    tag.is_some_and(is_name)
}

struct Elements<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    root: Option<String>,
}

impl<'a> Elements<'a> {
    fn read(
        &mut self,
        scan: &mut Scan<'_>,
        place: &Place,
        is_page: bool,
    ) -> Result<(), &'static str> {
        while let Some(at) = self.rest.find('<') {
            self.rest = self.rest.get(at..).unwrap_or_default();
            if self.skip("<!--", "-->")? || self.skip("<![CDATA[", "]]>")? {
                continue;
            }
            if self.rest.starts_with("<?") {
                let inner = self.until("?>")?;
                if inner.starts_with("<?xml-stylesheet") {
                    let why = "a style sheet that transforms it".to_owned();
                    scan.found(&rule::XML_EXTENSION, place.whole(), why);
                }
                continue;
            }
            if self.rest.starts_with("<!") {
                self.declaration(scan, place, is_page)?;
                continue;
            }
            let tag = self.until(">")?;
            self.element(scan, place, tag, is_page)?;
        }
        match self.open.is_empty() && self.root.is_some() || is_page {
            true => Ok(()),
            false => Err("an element that does not end"),
        }
    }

    fn skip(&mut self, open: &str, close: &str) -> Result<bool, &'static str> {
        if !self.rest.starts_with(open) {
            return Ok(false);
        }
        self.until(close).map(|_| true)
    }

    /// What stands up to an end, which is passed. Quotes hide the end of a tag.
    fn until(&mut self, close: &str) -> Result<&'a str, &'static str> {
        let mut quote = None;
        let bytes = self.rest.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if open == *byte => quote = None,
                (None, b'"' | b'\'') if close == ">" => quote = Some(*byte),
                (None, _)
                    if bytes
                        .get(at..)
                        .is_some_and(|rest| rest.starts_with(close.as_bytes())) =>
                {
                    let whole = self.rest.get(..at).unwrap_or_default();
                    self.rest = self.rest.get(at + close.len()..).unwrap_or_default();
                    return Ok(whole);
                }
                _ => {}
            }
        }
        Err("something that does not end")
    }

    fn declaration(
        &mut self,
        scan: &mut Scan<'_>,
        place: &Place,
        is_page: bool,
    ) -> Result<(), &'static str> {
        // The inner part of a document type is judged as it stands.
        let broken = "a declaration that does not end";
        let close = self.rest.find('>').ok_or(broken)?;
        let has_inner = self
            .rest
            .get(..close)
            .is_some_and(|part| part.contains('['));
        let end = match has_inner {
            true => {
                let ends = ["]>", "] >", "]\n>"].iter();
                let ends = ends.filter_map(|end| Some(self.rest.find(end)? + end.len()));
                ends.min().ok_or(broken)?
            }
            false => close + 1,
        };
        let declared = self.rest.get(..end).unwrap_or_default();
        self.rest = self.rest.get(end..).unwrap_or_default();
        let outer = declared.contains("SYSTEM") || declared.contains("PUBLIC");
        if declared.contains("<!ENTITY") {
            let what = if outer {
                "an entity from elsewhere"
            } else {
                "an entity of its own"
            };
            scan.found(&rule::XML_ENTITY, place.whole(), what.to_owned());
        } else if outer && !is_page {
            let why = "a document type from elsewhere".to_owned();
            scan.found(&rule::XML_ENTITY, place.whole(), why);
        }
        Ok(())
    }

    fn element(
        &mut self,
        scan: &mut Scan<'_>,
        place: &Place,
        tag: &'a str,
        is_page: bool,
    ) -> Result<(), &'static str> {
        let inner = tag.trim_start_matches('<');
        if let Some(name) = inner.strip_prefix('/') {
            return match self.open.pop() {
                Some(open) if open == name.trim() => Ok(()),
                _ if is_page => Ok(()),
                _ => Err("an end that has no beginning"),
            };
        }
        let is_whole = inner.ends_with('/');
        let name = inner
            .split(|c: char| c.is_whitespace() || c == '/')
            .next()
            .unwrap_or_default();
        self.root
            .get_or_insert_with(|| name.rsplit(':').next().unwrap_or_default().to_owned());
        if name.ends_with(":include") && inner.contains("href") {
            scan.found(
                &rule::XML_ENTITY,
                place.whole(),
                "an inclusion of another file".to_owned(),
            );
        }
        if let Some(why) = runs(name, inner, self.root.as_deref()) {
            scan.found(&rule::XML_EXTENSION, place.whole(), why);
        }
        if self.root.as_deref() == Some("net") && name == "layer" {
            let version = attribute(inner, "version").unwrap_or("opset1");
            if !version.starts_with("opset") && version != "experimental" {
                let kind = attribute(inner, "type").unwrap_or_default();
                let why = format!("the layer `{kind}` of `{version}`");
                scan.found(&rule::XML_EXTENSION, place.whole(), why);
            }
        }
        if !is_whole && !is_page {
            self.open.push(name);
            if self.open.len() > DEPTH {
                return Err("elements too deep within one another");
            }
        }
        Ok(())
    }
}

/// What an element has that runs, or that stands outside of the model.
fn runs(name: &str, tag: &str, root: Option<&str>) -> Option<String> {
    if name.eq_ignore_ascii_case("script") || name.ends_with(":script") {
        return Some("a script".to_owned());
    }
    if name.ends_with(":stylesheet") {
        return Some("a style sheet, which is a program".to_owned());
    }
    if tag
        .split_whitespace()
        .any(|word| word.starts_with("onload=") || word.starts_with("onerror="))
    {
        return Some("a handler of events".to_owned());
    }
    match root? {
        "net" => {
            let path = attribute(tag, "path")?;
            let is_outside = name == "library"
                || path.starts_with('/')
                || path.split(['/', '\\']).any(|part| part == "..");
            is_outside.then(|| format!("`{name}` of `{path}`"))
        }
        "PMML" => {
            let function = attribute(tag, "function").or_else(|| attribute(tag, "value"))?;
            let is_java = ["java.", "javax.", "jdk.", "sun."];
            let is_java = is_java.iter().any(|start| function.starts_with(start));
            is_java.then(|| format!("`{name}` names `{function}`"))
        }
        _ => None,
    }
}

/// Whether a declared encoding is one that everybody reads as it stands.
fn is_known_encoding(body: &str) -> bool {
    let declared = body
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"));
    let Some(encoding) = declared.and_then(|(inner, _)| attribute(inner, "encoding")) else {
        return true;
    };
    let encoding = encoding.to_ascii_lowercase();
    [
        "utf-8",
        "utf8",
        "utf-16",
        "us-ascii",
        "ascii",
        "iso-8859-",
        "windows-125",
        "gb",
        "shift_jis",
        "euc-",
    ]
    .iter()
    .any(|known| encoding.starts_with(known))
}

/// The value of an attribute, with blanks of any kind around its parts.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.match_indices(name).find_map(|(at, _)| {
        let (before, rest) = (tag.get(..at)?, tag.get(at + name.len()..)?);
        let begins = before.ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        begins.then(|| value.get(1..)?.split(quote).next())?
    })
}
