//! The filter of a listing of users: one attribute that is equal to a text or begins with it.

use crate::cognito::user_attribute;
use crate::document::text;
use crate::failure::Failure;
use crate::state::Object;

/// What can be searched for.
const SEARCHABLE: [&str; 10] = [
    "username",
    "email",
    "phone_number",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "cognito:user_status",
    "status",
    "sub",
];

/// Which users a listing has.
pub(crate) struct Filter {
    /// The attribute, the text, and whether it is only the beginning; none takes everybody.
    wanted: Option<(String, String, bool)>,
}

impl Filter {
    /// Reads `name = "text"` or `name ^= "text"`; an empty filter takes everybody.
    pub(crate) fn read(filter: &str) -> Result<Self, Failure> {
        if filter.trim().is_empty() {
            return Ok(Self { wanted: None });
        }
        let wrong = || Failure::parameter("Error while parsing filter");
        let (name, value) = filter.split_once('=').ok_or_else(wrong)?;
        let (name, begins) = match name.trim().strip_suffix('^') {
            Some(name) => (name.trim(), true),
            None => (name.trim(), false),
        };
        let name = name.trim_matches('"');
        let value = value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"')).ok_or_else(wrong)?;
        if !SEARCHABLE.contains(&name) {
            return Err(Failure::parameter(format!("Invalid search attribute: {name}")));
        }
        Ok(Self { wanted: Some((name.to_owned(), value.replace("\\\"", "\""), begins)) })
    }

    /// Whether the listing has this user.
    pub(crate) fn takes(&self, user: &Object) -> bool {
        let Some((name, wanted, begins)) = &self.wanted else { return true };
        let found = match name.as_str() {
            "username" => user.id.as_str(),
            "cognito:user_status" => text(&user.document, "UserStatus"),
            "status" if user.document.get("Enabled") == Some(&true.into()) => "Enabled",
            "status" => "Disabled",
            name => user_attribute::value(user, name),
        };
        // Whoever has no such attribute is not found by an empty one.
        if found.is_empty() {
            return false;
        }
        if *begins { found.starts_with(wanted) } else { found == wanted }
    }
}
