//! Numbers with names: what a finding about many flows, or an incident, comes to, for programs to read.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::net::Endpoint;
use crate::survey::Party;
use crate::time::{TimeDelta, Timestamp};

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fact {
    /// How many, or a number of a flow or record.
    Count(u64),
    /// How long, in seconds.
    Span(TimeDelta),
    /// When.
    Time(Timestamp),
    /// A share of 1, or a rate.
    Number(f64),
    /// Whether.
    Is(bool),
    /// In words.
    Text(String),
    /// Several.
    List(Vec<Self>),
    /// Several with names.
    Record(Facts),
}

/// Values by name, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Vec<(&'static str, Fact)>);

impl Facts {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    #[must_use]
    pub fn and(mut self, name: &'static str, fact: impl Into<Fact>) -> Self {
        self.0.push((name, fact.into()));
        self
    }

    /// Adds a value, if there is one.
    #[must_use]
    pub fn and_maybe(self, name: &'static str, fact: Option<impl Into<Fact>>) -> Self {
        match fact {
            Some(fact) => self.and(name, fact),
            None => self,
        }
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(&'static str, Fact)> {
        self.0.iter()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An object.
impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, fact) in &self.0 {
            map.serialize_entry(name, fact)?;
        }
        map.end()
    }
}

macro_rules! facts_from {
    ($($type:ty => $make:expr),+ $(,)?) => {
        $(impl From<$type> for Fact {
            fn from(value: $type) -> Self {
                $make(value)
            }
        })+
    };
}

facts_from! {
    u64 => Fact::Count,
    u16 => |number| Fact::Count(u64::from(number)),
    usize => |number| Fact::Count(number as u64),
    f64 => Fact::Number,
    bool => Fact::Is,
    TimeDelta => Fact::Span,
    Timestamp => Fact::Time,
    String => Fact::Text,
    &str => |text: &str| Fact::Text(text.to_owned()),
    Endpoint => |endpoint: Endpoint| Fact::Text(endpoint.to_string()),
    Party => |party: Party| Fact::Text(party.to_string()),
    Facts => Fact::Record,
}

impl<T: Into<Self>> From<Vec<T>> for Fact {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}
