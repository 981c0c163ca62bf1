//! The query of a target (RFC 3986 §3.4), as forms write it: `name=value&name=value`, with
//! `+` for a space and `%` before two hexadecimal digits.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// The values of a parameter, decoded, in their order; a name without `=` has an empty one.
/// What is not properly encoded stands for itself.
///
/// ```
/// use serve::http::query::values;
/// let values: Vec<_> = values("a=1&b=x+y&a=%C3%A4&a", "a").collect();
/// assert_eq!(values, ["1".as_bytes(), "ä".as_bytes(), b""]);
/// ```
pub fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = Cow<'a, [u8]>> {
    let pairs = query.split('&').map(name_and_value);
    pairs.filter(move |(known, _)| *known == name).map(|(_, value)| decode(value))
}

/// A parameter, as it stands and decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// As it stands.
    pub text: &'a str,
    /// What is before the first `=`, decoded.
    pub name: Cow<'a, [u8]>,
    /// What is behind it, decoded.
    pub value: Cow<'a, [u8]>,
}

/// All parameters, in their order.
///
/// ```
/// use serve::http::query::parameters;
/// let names: Vec<_> = parameters("a=1&%62+c").map(|parameter| parameter.name).collect();
/// assert_eq!(names, [&b"a"[..], b"b c"]);
/// ```
pub fn parameters(query: &str) -> impl Iterator<Item = Parameter<'_>> {
    query.split('&').map(|text| {
        let (name, value) = name_and_value(text);
        Parameter { text, name: decode(name), value: decode(value) }
    })
}

fn name_and_value(text: &str) -> (&str, &str) {
    text.split_once('=').unwrap_or((text, ""))
}

fn decode(value: &str) -> Cow<'_, [u8]> {
    if !value.contains(['+', '%']) {
        return Cow::Borrowed(value.as_bytes());
    }
    let spaced = value.replace('+', " ");
    Cow::Owned(percent_decode(spaced.as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_very_name_counts() {
        assert_eq!(values("aa=1&=2&A=3&b=a=4", "a").count(), 0);
        assert_eq!(values("", "a").count(), 0);
        for (query, expected) in
            [("a&a=", &[&b""[..], b""][..]), ("a=b=c", &[b"b=c"]), ("a=%zz%4", &[b"%zz%4"])]
        {
            assert_eq!(values(query, "a").collect::<Vec<_>>(), expected, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes: Vec<u8>) {
            let encoded = percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC);
            let query = format!("x=1&a={encoded}");
            let read: Vec<_> = values(&query, "a").collect();
            prop_assert_eq!(read, [bytes]);
        }
    }
}
