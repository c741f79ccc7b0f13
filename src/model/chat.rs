//! The chat template of a model: writes messages in the format of its training.

use std::io;

use jiff::{ZonedDateTime, civil::Date};
use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context, escape_formatter,
    syntax::SyntaxConfig, value::Kwargs,
};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde::Serialize;

use super::{Result, Source, tokenizer};

const NAME: &str = "chat template";
/// The date for texts that must be equal on every day.
const FIXED_DATE: Date = Date::constant(2024, 7, 26);
/// Special tokens available to a template.
const SPECIAL_TOKENS: [&str; 4] = ["bos_token", "eos_token", "unk_token", "pad_token"];
/// Maximum number of steps of a template for one conversation, so every template ends.
const MOST_STEPS: u64 = 50_000_000;

/// Today's date for a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Today {
    /// The date of the clock.
    Now,
    /// 26 July 2024: equal texts give equal tokens on every day.
    Fixed,
}

/// A chat template in Jinja, with the functions and filters of transformers.
#[derive(Debug)]
pub struct ChatTemplate {
    /// The template named [`NAME`], or the reason why it cannot be used.
    environment: std::result::Result<Environment<'static>, String>,
    /// Names and texts of special tokens.
    special: Vec<(&'static str, String)>,
}

impl ChatTemplate {
    /// The template of a checkpoint; None if it has none. An invalid template gives an error at its first use.
    ///
    /// # Errors
    /// If a file of the tokenizer is damaged.
    pub fn of(source: &Source, today: Today) -> Result<Option<Self>> {
        let Some(template) = tokenizer::chat_template(source)? else { return Ok(None) };
        let mut special = Vec::new();
        for name in SPECIAL_TOKENS {
            special.extend(tokenizer::special_token(source, name)?.map(|text| (name, text)));
        }
        Ok(Some(Self::new(&template, special, today)))
    }

    /// A template and its special tokens.
    pub fn new(template: &str, special: Vec<(&'static str, String)>, today: Today) -> Self {
        Self { environment: environment(template, today).map_err(|error| told(&error)), special }
    }

    /// The text of one message of a user, with the start of the answer.
    ///
    /// # Errors
    /// As for [`ChatTemplate::write`].
    pub fn ask(&self, message: &str) -> std::result::Result<String, String> {
        self.write(Value::from(vec![context! { role => "user", content => message }]), true)
    }

    /// The text of these messages, a list of `{role, content}`; if `answer`, followed by the start of the model's answer.
    ///
    /// # Errors
    /// If the template is invalid or refuses the messages; the text gives the reason.
    pub fn write(&self, messages: Value, answer: bool) -> std::result::Result<String, String> {
        let environment = self.environment.as_ref().map_err(Clone::clone)?;
        let special = Value::from_pairs(self.special.iter().map(|(name, text)| (*name, text.as_str())));
        let none = Value::from(());
        let values = context! {
            messages, add_generation_prompt => answer, tools => none.clone(), documents => none, ..special
        };
        let template = environment.get_template(NAME).map_err(|error| told(&error))?;
        template.render(values).map_err(|error| told(&error))
    }
}

fn environment(template: &str, today: Today) -> std::result::Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.set_formatter(as_in_python);
    environment.set_fuel(Some(MOST_STEPS));
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", move |format: &str| strftime(format, today));
    environment.add_template_owned(NAME, without_generation_tags(template))?;
    Ok(environment)
}

/// Replaces `{% generation %}` tags, which mark the training targets and do not change the text.
fn without_generation_tags(template: &str) -> String {
    let mut rest = template;
    let mut text = String::with_capacity(template.len());
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(end);
        text += before;
        match tag.trim_matches(['{', '%', '}', '-', '+', ' ', '\n']) {
            "generation" => text += &tag.replacen("generation", "if true", 1),
            "endgeneration" => text += &tag.replacen("endgeneration", "endif", 1),
            _ => text += tag,
        }
        rest = after;
    }
    text + rest
}

fn told(error: &Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("{detail}, in line {line} of the template"),
        None => detail,
    }
}

/// Python's spelling of constants.
fn as_in_python(out: &mut Output, state: &mut State, value: &Value) -> std::result::Result<(), Error> {
    let spelled = match (value.is_none(), bool::try_from(value.clone())) {
        (true, _) => Some("None"),
        (false, Ok(true)) if value.kind() == minijinja::value::ValueKind::Bool => Some("True"),
        (false, Ok(false)) if value.kind() == minijinja::value::ValueKind::Bool => Some("False"),
        (false, Ok(_) | Err(_)) => None,
    };
    match spelled {
        Some(text) => out.write_str(text).map_err(|_| Error::from(ErrorKind::WriteFailure)),
        None => escape_formatter(out, state, value),
    }
}

fn raise_exception(message: String) -> std::result::Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

fn strftime(format: &str, today: Today) -> std::result::Result<String, Error> {
    let text = match today {
        Today::Now => jiff::fmt::strtime::format(format, &ZonedDateTime::now()),
        Today::Fixed => jiff::fmt::strtime::format(format, FIXED_DATE.at(0, 0, 0, 0)),
    };
    text.map_err(|cause| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {cause}")))
}

/// `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn to_json(value: &Value, options: Kwargs) -> std::result::Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    for ignored in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(ignored)?;
    }
    options.assert_all_used()?;
    let mut json = Vec::new();
    let written = match indent {
        Some(indent) => {
            let spaces = " ".repeat(indent.min(16));
            let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, formatter))
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, Spaced)),
    };
    let failed = |cause: String| Error::new(ErrorKind::BadSerialization, cause);
    written.map_err(|cause| failed(cause.to_string()))?;
    String::from_utf8(json).map_err(|cause| failed(cause.to_string()))
}

/// JSON on one line with a space after each comma and colon.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Value {
        let user = context! { role => "user", content => " Hi <b> " };
        let assistant = context! { role => "assistant", content => "Hello." };
        Value::from(vec![user, assistant])
    }

    fn write(template: &str) -> std::result::Result<String, String> {
        let special = vec![("bos_token", "<s>".to_owned()), ("eos_token", "</s>".to_owned())];
        ChatTemplate::new(template, special, Today::Fixed).write(messages(), true)
    }

    #[test]
    fn a_template_has_the_special_tokens_and_python_methods() {
        let template = "{{ bos_token }}{% for m in messages %}\n[{{ m['role'].upper() }}]{{ m.content.strip() }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}>{% endif %}{{ pad_token }}";
        assert_eq!(write(template).unwrap(), "<s>[USER]Hi <b></s>\n[ASSISTANT]Hello.</s>\n>");
    }

    #[test]
    fn loop_controls_namespaces_and_slices_work() {
        let template = "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% if loop.first %}{% continue %}{% endif %}{% set ns.n = ns.n + 1 %}{{ m.role }}{% endfor %}{{ ns.n }}";
        assert_eq!(write(template).unwrap(), "user1");
    }

    #[test]
    fn json_and_constants_are_spelled_as_in_python() {
        let template = "{{ messages[0] | tojson }}{{ none }}{{ true }}{{ {'a': [1]} | tojson(indent=2) }}";
        let expected = "{\"role\": \"user\", \"content\": \" Hi <b> \"}NoneTrue{\n  \"a\": [\n    1\n  ]\n}";
        assert_eq!(write(template).unwrap(), expected);
    }

    #[test]
    fn the_date_is_fixed_so_that_equal_texts_stay_equal() {
        assert_eq!(write("{{ strftime_now('%d %b %Y') }}").unwrap(), "26 Jul 2024");
    }

    #[test]
    fn generation_tags_change_no_text() {
        let template = "a{%- generation %} b {% endgeneration -%} c";
        assert_eq!(write(template).unwrap(), "a b c");
    }

    #[test]
    fn a_template_that_refuses_or_is_damaged_gives_the_reason() {
        let refused = write("\n{{ raise_exception('roles must alternate') }}").unwrap_err();
        assert_eq!(refused, "roles must alternate, in line 2 of the template");
        assert!(write("{% for m in messages %}").unwrap_err().contains("line 1"));
        assert!(
            write("{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}")
                .is_err()
        );
    }
}
