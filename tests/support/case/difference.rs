//! What was expected and what came, line by line.

/// Lines of `expected` that are missing behind `-`, lines that came instead behind `+`.
pub(super) fn difference(expected: &[u8], found: &[u8]) -> String {
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (expected.split_inclusive('\n').collect(), found.split_inclusive('\n').collect());
    if old.len().saturating_mul(new.len()) > 4_000_000 {
        return format!("    too long to compare: {} lines expected, {} came\n", old.len(), new.len());
    }
    // common[i][j]: the longest common sequence of old[i..] and new[j..]
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    let mut tell = |sign: char, line: &str| {
        let visible: String = line.trim_end_matches('\n').chars().flat_map(shown).collect();
        let end = if line.ends_with('\n') { "" } else { " (no line end)" };
        out.push_str(&format!("    {sign} {visible}{end}\n"));
    };
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            tell(' ', old[i]);
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[i + 1][j] >= common[i][j + 1]) {
            tell('-', old[i]);
            i += 1;
        } else {
            tell('+', new[j]);
            j += 1;
        }
    }
    out
}

fn shown(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}
