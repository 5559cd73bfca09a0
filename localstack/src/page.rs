//! Pages of a listing: opaque tokens that survive deletions between two pages.

use model::Api;
use serde_json::{Value, json};

use crate::document::{Document, text};
use crate::failure::Failure;
use crate::identifier::hex;
use crate::session::Session;
use crate::state::Kind;
use crate::wire::Service;

/// Answers one page of `items`, each with its place in the order. The model names the members; `default` is the size of a page
/// when the request says nothing.
pub(crate) fn page(
    session: &Session<'_>,
    operation: &str,
    input: &Document,
    items: impl IntoIterator<Item = (u64, Value)>,
    default: usize,
) -> Result<Value, Failure> {
    let api: &Api = session.service.api();
    let paginator = api.paginators.get(operation);
    let names = paginator.and_then(|paginator| {
        Some((paginator.limit_key.as_deref()?, paginator.input_token.as_str(), paginator.result_key.as_str()?))
    });
    let Some((limit, token, result)) = names else {
        return Err(Failure::invalid(format!("{operation} does not page")));
    };
    let asked = input.get(limit).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let size = asked.unwrap_or(default).min(session.config.page_size.unwrap_or(usize::MAX)).max(1);
    let scope = scope(session, operation, input, [limit, token]);
    let after = match input.get(token) {
        None => 0,
        Some(_) => place(text(input, token), &scope).ok_or_else(|| wrong_token(session.service, token))?,
    };
    // What was just created is not listed yet. Only pages of objects have their places.
    let of_objects = Kind::read_by(operation).is_some();
    let is_listed = |place| !of_objects || session.state.is_listed(place);
    let mut items = items.into_iter().filter(|(place, _)| *place > after && is_listed(*place));
    let shown: Vec<(u64, Value)> = items.by_ref().take(size).collect();
    let more = items.next().is_some();
    let last = shown.last().map(|(place, _)| *place);
    let mut answer = Document::new();
    answer.insert(result.to_owned(), shown.into_iter().map(|(_, item)| item).collect());
    if let Some(last) = last.filter(|_| more) {
        answer.insert(token.to_owned(), json!(format!("{last:x}{scope}")));
    }
    Ok(Value::Object(answer))
}

/// What a token is good for: one operation on one parent with one filter.
fn scope(session: &Session<'_>, operation: &str, input: &Document, of_the_page: [&str; 2]) -> String {
    let mut asked = input.clone();
    asked.retain(|member, _| !of_the_page.contains(&member.as_str()));
    let mut asked = Value::Object(asked);
    asked.sort_all_objects();
    let digest = hex(format!("{}/{operation}/{asked}", session.config.seed).as_bytes());
    digest.get(..24).unwrap_or_default().to_owned()
}

fn place(token: &str, scope: &str) -> Option<u64> {
    u64::from_str_radix(token.strip_suffix(scope)?, 16).ok()
}

fn wrong_token(service: Service, member: &str) -> Failure {
    match service {
        Service::AgentCore => Failure::invalid_field(member, "The pagination token is not valid for this request"),
        _ => Failure::parameter("Invalid pagination token."),
    }
}
