//! The completions of each shell, in its language. Words without a dash are paths, as every
//! shell completes them by itself.

use std::fmt::Write;

use super::completions::{Choice, Value};

/// Adds lines; writing to a string cannot fail.
macro_rules! say {
    ($text:expr, $($argument:tt)*) => { let _ = writeln!($text, $($argument)*); };
}

/// In single quotes, which a shell spells so within them.
fn quoted(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}

fn names(words: &[(String, String)]) -> String {
    words.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
}

pub(super) fn bash(choices: &[Choice]) -> String {
    let (mut cases, mut others) = (String::new(), Vec::new());
    for choice in choices {
        let Some(value) = &choice.value else { continue };
        // Behind a value that can only be joined, the next word is one of its own.
        let longs = choice.spellings.iter().filter(|spelling| spelling.starts_with("--"));
        let joined = longs.map(|spelling| format!("{spelling}="));
        let apart = choice.spellings.iter().filter(|_| !choice.is_joined).cloned();
        let patterns: Vec<_> = apart.chain(joined).collect();
        let action = match value {
            Value::Words(words) => format!("words='{}'", names(words)),
            Value::Paths => ":".to_owned(),
            Value::Folders => "compopt -o dirnames +o default +o bashdefault 2>/dev/null".to_owned(),
            Value::Users => "words=$(compgen -u)".to_owned(),
            Value::Other => {
                others.extend(patterns);
                continue;
            }
        };
        say!(cases, "        {}) {action} ;;", patterns.join(" | "));
    }
    // No files: nothing is better than what is wrong.
    say!(cases, "        {})", others.join(" | "));
    say!(cases, "            compopt +o default +o bashdefault 2>/dev/null ;;");
    let all: Vec<&str> = choices.iter().flat_map(|choice| &choice.spellings).map(String::as_str).collect();
    format!(
        r#"# Completions of serve for bash.
_serve() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} words= at
    COMPREPLY=()
    # Behind -- there are paths only.
    for ((at = 1; at < COMP_CWORD; at++)); do
        [[ ${{COMP_WORDS[at]}} == -- ]] && return
    done
    # Bash takes --log=json for three words.
    if [[ $word == = ]]; then
        word= before+==
    elif [[ $before == = ]] && ((COMP_CWORD > 1)); then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}=
    fi
    COMPREPLY=()
    case $before in
{cases}        *) [[ $word == -* ]] && words='{all}' ;;
    esac
    [[ -z $words ]] || COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _serve -o bashdefault -o default serve"#,
        all = all.join(" ")
    )
}

pub(super) fn zsh(choices: &[Choice]) -> String {
    let plain = |text: &str| {
        let escaped = text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        escaped.replace('\'', "'\\''")
    };
    let mut text =
        "#compdef serve\n# Completions of serve for zsh.\n_serve() {\n    _arguments -s -S \\\n".to_owned();
    for choice in choices {
        let others = choice.spellings.join(" ");
        let once = if choice.repeats { "*".to_owned() } else { format!("({others})") };
        for spelling in &choice.spellings {
            let is_long = spelling.starts_with("--");
            let (end, optional) = match (&choice.value, is_long) {
                (None, _) => ("", ""),
                (Some(_), false) if choice.is_joined => ("", ""),
                (Some(_), true) if choice.is_joined => ("=-", "::value:"),
                (Some(_), true) => ("=", ":value:"),
                (Some(_), false) => ("+", ":value:"),
            };
            let action = match choice.value.as_ref().filter(|_| !optional.is_empty()) {
                Some(Value::Words(words)) => {
                    let word = |(name, help): &(String, String)| match help.as_str() {
                        "" => name.clone(),
                        help => format!("{name}\\:\"{}\"", plain(help)),
                    };
                    let words: Vec<_> = words.iter().map(word).collect();
                    let has_help = words.iter().any(|word| word.contains(':'));
                    let (open, close) = if has_help { ("((", "))") } else { ("(", ")") };
                    format!("{open}{}{close}", words.join(" "))
                }
                Some(Value::Paths) => "_files".to_owned(),
                Some(Value::Folders) => "_files -/".to_owned(),
                Some(Value::Users) => "_users".to_owned(),
                // A space: nothing is offered, and no message is shown.
                Some(Value::Other) => " ".to_owned(),
                None => String::new(),
            };
            say!(text, "        '{once}{spelling}{end}[{}]{optional}{action}' \\", plain(&choice.help));
        }
    }
    text + "        ':path:_files' \\\n        ':port: '\n}\n\
            if [ \"$funcstack[1]\" = _serve ]; then\n    _serve \"$@\"\nelse\n    compdef _serve serve\nfi"
}

pub(super) fn fish(choices: &[Choice]) -> String {
    let quote = |text: &str| quoted(&text.replace('\\', "\\\\"), "\\'");
    let mut text = "# Completions of serve for fish.\n".to_owned();
    for choice in choices {
        let mut line = "complete -c serve".to_owned();
        for spelling in &choice.spellings {
            match spelling.strip_prefix("--") {
                Some(long) => line += &format!(" -l {long}"),
                None => line += &format!(" -s {}", spelling.trim_start_matches('-')),
            }
        }
        line += &format!(" -d {}", quote(&choice.help));
        // Without -r the value is one behind `=` only.
        if choice.value.is_some() && !(choice.is_joined || choice.is_optional) {
            line += " -r";
        }
        match &choice.value {
            None | Some(Value::Paths) => {}
            Some(Value::Words(words)) => {
                let word = |(name, help): &(String, String)| match help.as_str() {
                    "" => name.clone(),
                    help => format!("{name}\\t{}", quote(help)),
                };
                let words: Vec<_> = words.iter().map(word).collect();
                let words = words.join("\n").replace('"', "\\\"").replace('$', "\\$");
                line += &format!(" -f -a \"{words}\"");
            }
            Some(Value::Folders) => line += " -f -a '(__fish_complete_directories)'",
            Some(Value::Users) => line += " -f -a '(__fish_complete_users)'",
            Some(Value::Other) => line += " -f",
        }
        say!(text, "{line}");
    }
    text.trim_end().to_owned()
}

/// In full: PowerShell takes `using` only before any other statement, and this is a part of a
/// profile.
const RESULT: &str = "[System.Management.Automation.CompletionResult]";

pub(super) fn powershell(choices: &[Choice]) -> String {
    let quote = |text: &str| quoted(text, "''");
    let (mut values, mut options) = (String::new(), String::new());
    for choice in choices {
        for spelling in &choice.spellings {
            // Its keys know no capitals.
            if let (Some(Value::Words(words)), true) = (&choice.value, spelling.starts_with("--")) {
                let words: Vec<_> = words.iter().map(|(name, _)| quote(name)).collect();
                say!(values, "        {} = @({})", quote(spelling), words.join(", "));
            }
            // It does not tell -v from -V unless what it lists differs.
            let is_capital = spelling.ends_with(|c: char| c.is_ascii_uppercase());
            let listed = format!("{spelling}{}", if is_capital { " " } else { "" });
            let (spelling, listed, help) = (quote(spelling), quote(&listed), quote(&choice.help));
            say!(options, "        {RESULT}::new({spelling}, {listed}, 'ParameterName', {help})");
        }
    }
    format!(
        r#"# Completions of serve for PowerShell.
Register-ArgumentCompleter -Native -CommandName 'serve' -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
    $values = @{{
{values}    }}
    $options = @(
{options}    )
    $earlier = $commandAst.CommandElements |
        Where-Object {{ $_.Extent.EndOffset -lt $cursorPosition }}
    # Behind -- there are paths only.
    if ($earlier | Where-Object {{ $_.Extent.Text -eq '--' }}) {{ return }}
    $before = $earlier | Select-Object -Last 1
    if ($before -and $values.ContainsKey($before.Extent.Text)) {{
        $values[$before.Extent.Text] |
            Where-Object {{ $_.StartsWith($wordToComplete) }} |
            ForEach-Object {{ {RESULT}::new($_, $_, 'ParameterValue', $_) }}
    }} elseif ($wordToComplete.StartsWith('-')) {{
        $options | Where-Object {{ $_.CompletionText.StartsWith($wordToComplete) }}
    }}
}}"#
    )
}

pub(super) fn elvish(choices: &[Choice]) -> String {
    let quote = |text: &str| quoted(text, "''");
    let (mut values, mut options) = (String::new(), String::new());
    for choice in choices {
        for spelling in &choice.spellings {
            if let Some(Value::Words(words)) = &choice.value {
                let words: Vec<_> = words.iter().map(|(name, _)| quote(name)).collect();
                say!(values, "        &{}=[{}]", quote(spelling), words.join(" "));
            }
            let shown = quote(&format!("{spelling}  {}", choice.help));
            say!(options, "        edit:complex-candidate {} &display={shown}", quote(spelling));
        }
    }
    format!(
        r#"# Completions of serve for Elvish.
use str
set edit:completion:arg-completer[serve] = {{|@words|
    var values = [
{values}    ]
    if (has-value $words[1..-1] '--') {{
        # Behind it there are paths only.
        edit:complete-filename $words[-1]
    }} elif (has-key $values $words[-2]) {{
        all $values[$words[-2]]
    }} elif (str:has-prefix $words[-1] '-') {{
{options}    }} else {{
        edit:complete-filename $words[-1]
    }}
}}"#
    )
}
