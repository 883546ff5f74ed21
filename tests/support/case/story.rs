//! A case file: read, and written again with what came out.

/// What a case file says.
pub(super) struct Story {
    /// The sentence.
    title: Vec<String>,
    /// The words of each command, in order.
    pub(super) args: Vec<Vec<String>>,
    /// The lines of the commands as they stand.
    typed: Vec<String>,
    /// The exit code of the last command.
    pub(super) exit: i32,
    /// Why values stand on standard output.
    pub(super) plain: Option<String>,
    /// What follows, in order.
    pub(super) sections: Vec<Section>,
}

/// `--- NAME WHAT [escaped]` and the lines below it.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) what: String,
    escaped: bool,
    pub(super) body: Vec<u8>,
}

const NAMES: [&str; 11] =
    ["after", "copy", "env", "file", "folder", "gone", "link", "sealing", "stderr", "stdin", "stdout"];

impl Story {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut story = Self { title: vec![], args: vec![], typed: vec![], exit: -1, plain: None, sections: vec![] };
        let mut bodies: Vec<String> = vec![];
        for line in text.split_inclusive('\n') {
            if let Some(section) = head(line.trim_end_matches('\n')) {
                story.sections.push(section);
                bodies.push(String::new());
            } else if let Some(body) = bodies.last_mut() {
                body.push_str(line);
            } else {
                story.said(line.trim_end())?;
            }
        }
        for (section, body) in story.sections.iter_mut().zip(bodies) {
            section.body = if section.escaped { unescaped(&body)? } else { body.into_bytes() };
        }
        match story {
            Self { ref title, .. } if title.is_empty() => Err("no sentence: # What holds.".into()),
            Self { ref args, .. } if args.is_empty() => Err("no args:".into()),
            Self { exit: -1, .. } => Err("no exit:".into()),
            _ => Ok(story),
        }
    }

    fn said(&mut self, line: &str) -> Result<(), String> {
        match line.split_once(": ").unwrap_or((line, "")) {
            _ if line.starts_with('#') => self.title.push(line.to_owned()),
            ("args", words) => {
                self.args.push(split(words));
                self.typed.push(line.to_owned());
            }
            ("exit", code) => self.exit = code.parse().map_err(|_| format!("exit: {code}"))?,
            ("plain", why) => self.plain = Some(why.to_owned()),
            _ if line.is_empty() => {}
            _ => return Err(format!("not understood: {line}")),
        }
        Ok(())
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub(super) fn write(&self) -> String {
        let mut out = format!("{}\n{}\nexit: {}\n", self.title.join("\n"), self.typed.join("\n"), self.exit);
        if let Some(why) = &self.plain {
            out.push_str(&format!("plain: {why}\n"));
        }
        for Section { name, what, escaped, body } in &self.sections {
            let plain = std::str::from_utf8(body).ok();
            let whole =
                |text: &&str| text.is_empty() || text.ends_with('\n') && !text.contains(['\r', '\0', '\u{feff}']);
            let heads = [Some(name.as_str()), Some(what), None];
            let mut heads: Vec<&str> = heads.into_iter().flatten().filter(|word| !word.is_empty()).collect();
            let body = match plain.filter(whole) {
                Some(text) if !escaped => text.to_owned(),
                _ => {
                    heads.push("escaped");
                    self::escaped(body)
                }
            };
            out.push_str(&format!("--- {}\n{body}", heads.join(" ")));
        }
        out
    }
}

/// None for a line that is content: YAML has lines that begin alike.
fn head(line: &str) -> Option<Section> {
    let rest = line.strip_prefix("--- ")?;
    let (rest, escaped) = rest.strip_suffix(" escaped").map_or((rest, false), |rest| (rest, true));
    let (name, what) = rest.split_once(' ').unwrap_or((rest, ""));
    let known = NAMES.contains(&name);
    known.then(|| Section { name: name.to_owned(), what: what.to_owned(), escaped, body: vec![] })
}

/// Words as a shell splits them: single and double quotes, and no more.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c == ' ' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// `\r`, `\t`, `\0`, `\\`, `\xNN` for a byte, `\u{N}` for a character; a backslash before a line's end
/// takes the line's end away.
fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let (mut bytes, mut rest) = (vec![], text);
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend(before.as_bytes());
        let wrong = || format!("not an escape: {}", behind.chars().take(4).collect::<String>());
        let sign = behind.chars().next().ok_or_else(wrong)?;
        rest = behind.get(sign.len_utf8()..).unwrap_or_default();
        match sign {
            '\n' => {}
            '\\' => bytes.push(b'\\'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            '0' => bytes.push(0),
            'x' => {
                let (digits, behind) = rest.split_at_checked(2).ok_or_else(wrong)?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
                rest = behind;
            }
            'u' => {
                let (digits, behind) = rest.strip_prefix('{').and_then(|r| r.split_once('}')).ok_or_else(wrong)?;
                let number = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
                bytes.extend(char::from_u32(number).ok_or_else(wrong)?.to_string().as_bytes());
                rest = behind;
            }
            _ => return Err(wrong()),
        }
    }
    bytes.extend(rest.as_bytes());
    Ok(bytes)
}

fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\0' => out.push_str("\\0"),
                '\n' => out.push('\n'),
                c if c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}') => {
                    out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
                }
                c => out.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str("\\\n");
    }
    out
}
