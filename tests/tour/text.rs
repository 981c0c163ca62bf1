//! docs/tour.md: the code that it shows is that of the examples, and what it points at is
//! where it points.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = top().join(path);
    read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).replace("\r\n", "\n")
}

fn tour() -> String {
    read("docs/tour.md")
}

/// The blocks of Rust: the example that stands in a comment before each, and the code.
fn blocks(text: &str) -> Vec<(String, String)> {
    let (mut blocks, mut before) = (Vec::new(), "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```rust") {
            let example = before.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->"));
            let example = example.unwrap_or_else(|| panic!("which file is the block after {before:?} from?"));
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((example.to_owned(), code.join("\n") + "\n"));
        }
        before = line;
    }
    blocks
}

#[test]
fn the_code_that_is_shown_is_in_the_files() {
    let blocks = blocks(&tour());
    assert!(blocks.len() > 8, "only {} blocks found: does this test still read them?", blocks.len());
    for (path, code) in blocks {
        let text = format!("\n{}", read(&path));
        let is_there = [0, 4, 8, 12].iter().any(|indentation| {
            let indent = |line: &str| match line {
                "" => "\n".to_owned(),
                line => format!("{}{line}\n", " ".repeat(*indentation)),
            };
            text.contains(&format!("\n{}", code.lines().map(indent).collect::<String>()))
        });
        assert!(is_there, "{path} does not have\n{code}");
    }
}

/// What stands behind the name in a line that defines it.
fn defines(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let rest = line.rsplit_once(name).map(|_| line).unwrap_or_default();
    let mut words = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let is_item =
        |word: &str| matches!(word, "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "mod");
    let first: Vec<&str> = words.by_ref().take(6).collect();
    let is_defined = first.windows(2).any(|pair| is_item(pair[0]) && pair[1] == name);
    // A variant or a field.
    let is_member =
        rest.strip_prefix("pub ").unwrap_or(rest).strip_prefix(name).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with([',', '(', ':']) || rest.starts_with(" {")
        });
    is_defined || is_member
}

/// All links: the text, and where they lead.
fn links(text: &str) -> Vec<(&str, &str)> {
    let targets = text.match_indices("](").filter_map(|(at, _)| {
        let name = text[..at].rsplit_once('[')?.1;
        Some((name, text[at + 2..].split_once(')')?.0))
    });
    targets.collect()
}

/// `[`net::connection::answer`](../src/net/connection.rs)`: the file is there, and has the item.
#[test]
fn what_the_tour_points_at_is_there() {
    let text = tour();
    let (mut items, mut files) = (0, 0);
    for (name, target) in links(&text).into_iter().filter(|(_, target)| !target.starts_with("https://")) {
        let Some(path) = target.split('#').next().filter(|path| !path.is_empty()) else {
            let anchor = &target[1..];
            assert!(text.lines().any(|line| anchor_of(line) == anchor), "no heading #{anchor}");
            continue;
        };
        let path: PathBuf = top().join("docs").join(path);
        assert!(path.exists(), "{target} is not there");
        files += 1;
        let Some(code) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
        if path.is_file() && !code.contains(['/', '.']) {
            let item = code.rsplit("::").next().unwrap();
            let source = read_to_string(&path).unwrap();
            // A module is its file.
            let is_module = path.file_stem().is_some_and(|stem| stem == item);
            let is_defined = is_module || source.lines().any(|line| defines(line, item));
            assert!(is_defined, "{target} does not define {code}");
            items += 1;
        }
    }
    assert!(items > 20 && files > items, "only {items} items found: does this test still read the links?");
}

/// The anchor that a heading has.
fn anchor_of(line: &str) -> String {
    let Some(heading) = line.strip_prefix('#') else { return String::new() };
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_commands_start_examples_that_exist() {
    let text = tour();
    let names = text.match_indices("--example ").map(|(at, word)| {
        let rest = &text[at + word.len()..];
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap()
    });
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    for name in &names {
        assert!(top().join(format!("examples/{name}.rs")).is_file(), "no example {name}");
    }
    let steps = std::fs::read_dir(top().join("examples")).unwrap();
    let steps = steps.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for step in steps.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())) {
        let is_told = !step.starts_with("tour_") || names.contains(&&*step);
        assert!(is_told, "the tour does not start {step}");
    }
}

/// In the table, and wherever else it is said.
#[test]
fn the_steps_have_as_many_lines_as_is_said() {
    let text = tour();
    let rows = text.lines().filter(|line| line.starts_with("| [") && line.contains("(../examples/"));
    let mut count = 0;
    for row in rows {
        let path = row.split_once("(../").unwrap().1.split_once(')').unwrap().0;
        let lines = read(path).lines().count();
        assert_eq!(row.split('|').nth(3).unwrap().trim(), lines.to_string(), "{path}");
        count += 1;
    }
    assert_eq!(count, 5);
    let lines = read("examples/tour_3_files.rs").lines().count();
    assert!(text.contains(&format!("Step 3 is {lines} lines")), "step 3 has {lines} lines");
}

/// The tour says so, and a reader of step 3 need not read it again.
#[test]
fn the_loop_is_the_same_in_three_steps() {
    let loops = ["1_echo", "2_page", "3_files"].map(|step| {
        let text = read(format!("examples/tour_{step}.rs"));
        text.split_once("// From here on the file is the same").unwrap().1.to_owned()
    });
    assert!(loops[0].lines().count() > 60);
    assert!(loops[0] == loops[1] && loops[1] == loops[2]);
}
