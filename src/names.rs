//! Enums with a name per variant, used on the command line, in settings files, in JSON and in forms.

/// An enum whose variants have names.
pub trait Named: Copy + PartialEq + 'static {
    /// All variants, in the order of their declaration.
    const ALL: &'static [Self];

    /// The name used by people and in files.
    fn name(self) -> &'static str;

    /// One sentence about the variant.
    fn help(self) -> &'static str;

    /// The variant with this name.
    ///
    /// # Errors
    /// If the text is not a name; the error lists all names.
    fn named(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|variant| variant.name() == text);
        found.copied().ok_or_else(|| format!("expected {}, found \"{text}\"", listed(Self::ALL)))
    }
}

/// A list such as `a, b or c`.
fn listed<T: Named>(variants: &[T]) -> String {
    let names: Vec<&str> = variants.iter().map(|variant| variant.name()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).into(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Declares an enum with the name and the help of every variant, and implements `Display`, `FromStr` and
/// serde from them.
macro_rules! names {
    (
        $(#[doc = $doc:literal])+
        pub enum $enum:ident $(, default $default:ident)? {
            $($(#[doc = $help:literal])+ $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum {
            $($(#[doc = $help])+ $variant,)+
        }

        impl $crate::names::Named for $enum {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($help),+).trim(),)+
                }
            }
        }

        $(
            impl Default for $enum {
                fn default() -> Self {
                    Self::$default
                }
            }
        )?

        impl ::std::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad($crate::names::Named::name(*self))
            }
        }

        impl ::std::str::FromStr for $enum {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $crate::names::Named::named(text)
            }
        }

        impl ::serde::Serialize for $enum {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::names::Named::name(*self))
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $enum {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <String as ::serde::Deserialize>::deserialize(deserializer)?;
                $crate::names::Named::named(&name).map_err(::serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use names;

#[cfg(test)]
mod tests {
    use super::*;

    names! {
        /// An enum for the tests.
        pub enum Side, default Left {
            /// The near one.
            Left = "left",
            /// The far one.
            Right = "right-hand",
        }
    }

    #[test]
    fn a_variant_is_written_and_read_by_its_name() {
        for side in Side::ALL {
            let json = serde_json::to_string(side).unwrap();
            assert_eq!(json, format!("\"{side}\""));
            assert_eq!(serde_json::from_str::<Side>(&json).unwrap(), *side);
        }
        assert_eq!("right-hand".parse(), Ok(Side::Right));
        assert_eq!((Side::default(), Side::Right.help()), (Side::Left, "The far one."));
    }

    #[test]
    fn an_unknown_name_is_refused_with_all_names() {
        assert_eq!("up".parse::<Side>(), Err("expected left or right-hand, found \"up\"".to_string()));
    }
}
