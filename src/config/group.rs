//! Declares a group of settings: the values, the options, and the entries of the table.

/// Declares the following from one entry per setting:
/// - the struct of the values, with its defaults;
/// - the struct of the options, in which every value is optional;
/// - `fill`, which resolves options with the defaults and checks each value, and `options`, its inverse;
/// - `TABLE`, the entries for [`Setting`](super::Setting).
///
/// An entry is `field ("key"): Type = default, check => { columns }`; the check is optional. The columns are
/// fields of `Setting`.
macro_rules! settings {
    // Settings whose values are stored with a run.
    (
        $(#[doc = $doc:literal])+
        $(#[derive($($derive:ident),+)])?
        pub struct $group:ident at $at:ident, $options:ident, $heading:ident {
            $(
                $(#[doc = $help:literal])+
                $(#[serde($($serde:tt)+)])?
                $field:ident ($key:literal): $type:ty = $default:expr $(, $check:expr)? => { $($columns:tt)* }
            )+
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize $($(, $derive)+)?)]
        #[serde(default)]
        pub struct $group {
            $($(#[doc = $help])+ $(#[serde($($serde)+)])? pub $field: $type,)+
        }

        impl Default for $group {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $group {
            /// Resolves the options: missing values get their defaults, and every value is checked.
            ///
            /// # Errors
            /// If a value is out of its range; the error names its key.
            pub fn fill(options: $options) -> Result<Self, $crate::config::Error> {
                Ok(Self {
                    $($field: match options.$field {
                        Some(given) => {
                            $(($check)(&$key.replace('_', "-"), &given)?;)?
                            <$type as $crate::config::value::Resolve>::resolve(given)?
                        }
                        None => $default,
                    },)+
                })
            }

            /// Options that resolve to these values.
            pub fn options(&self) -> $options {
                $options { $($field: $crate::config::value::Resolve::given(&self.$field),)+ }
            }
        }

        settings! {
            @options $at $options $heading [$($($derive),+)?]
            $($field $key ($type) [$($help),+] [|settings| given(&settings.$at.$field)] [$($columns)*])+
        }
    };

    // Settings whose values are in a struct of another module. A value is parsed and checked as `Type`, then
    // converted to the field's type.
    (
        pub values of $group:ident at $at:ident, $options:ident, $heading:ident {
            $(
                $(#[doc = $help:literal])+
                $field:ident ($key:literal): $type:ty $(, $check:expr)? => { $($columns:tt)* }
            )+
        }
    ) => {
        impl $group {
            /// Resolves the options: missing values get their defaults, and every value is checked.
            ///
            /// # Errors
            /// If a value is out of its range; the error names its key.
            pub fn fill(options: $options) -> Result<Self, $crate::config::Error> {
                let default = Self::default();
                Ok(Self {
                    $($field: match options.$field {
                        Some(given) => {
                            $(($check)(&$key.replace('_', "-"), &given)?;)?
                            <$type as $crate::config::value::Resolve>::resolve(given)?.into()
                        }
                        None => default.$field,
                    },)+
                })
            }

            /// Options that resolve to these values.
            pub fn options(&self) -> $options {
                $options {
                    $($field: $crate::config::value::Resolve::given(&<$type>::from(self.$field.clone())),)+
                }
            }
        }

        settings! {
            @options $at $options $heading []
            $(
                $field $key ($type) [$($help),+]
                [|settings| given(&<$type>::from(settings.$at.$field.clone()))] [$($columns)*]
            )+
        }
    };

    // Options of a single invocation, which are not part of the settings.
    (
        $(#[doc = $doc:literal])+
        pub options $options:ident at $at:ident, $heading:ident {
            $(
                $(#[doc = $help:literal])+
                $field:ident ($key:literal): $type:ty => { $($columns:tt)* }
            )+
        }
    ) => {
        settings! {
            @options $at $options $heading []
            $($field $key ($type) [$($help),+] [|_| None] [$($columns)*])+
        }
    };

    (
        @options $at:ident $options:ident $heading:ident [$($derive:ident),*]
        $($field:ident $key:literal ($type:ty) [$($help:literal),+] [$write:expr] [$($columns:tt)*])+
    ) => {
        /// The given settings of this group. Missing ones come from a weaker source or are the default.
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize $(, $derive)*)]
        #[serde(default)]
        pub struct $options {
            $(
                $(#[doc = $help])+
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<<$type as $crate::config::value::Resolve>::Given>,
            )+
        }

        impl $options {
            /// The entries of the table.
            pub const TABLE: &'static [$crate::config::Setting] = {
                #[allow(unused_imports)] // Not every group has its own form or scope.
                use $crate::config::{
                    setting::{FormField, Heading, Scope, Setting, SettingsForm},
                    value::{Resolve, Value, given},
                };
                &[$(Setting {
                    help: concat!($($help),+).trim_ascii(),
                    read: |options, given| {
                        options.$at.$field = Some(<<$type as Resolve>::Given as Value>::read(given)?);
                        Ok(())
                    },
                    write: $write,
                    is_given: |options| options.$at.$field.is_some(),
                    clear: |options| options.$at.$field = None,
                    $($columns)*
                    ..Setting::new::<$type>($key, Heading::$heading)
                },)+]
            };

            /// These options; missing values are taken from `weaker`.
            pub fn or(self, weaker: Self) -> Self {
                Self { $($field: self.$field.or(weaker.$field),)+ }
            }
        }
    };
}
pub(super) use settings;
