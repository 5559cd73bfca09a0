//! Room for tags: what would need more of them than a resource holds is said before anything is written.

use std::collections::BTreeMap;

use super::PlanDiagnostic;
use super::item::Item;
use crate::ownership::{APPLIED, TAGS_PER_RESOURCE};

/// Holds back an item whose object would need more tags than a resource holds; nothing if it has room.
pub(super) fn too_many_tags(item: &mut Item) -> Option<PlanDiagnostic> {
    item.kind.tags_member?;
    let live = item.live.as_ref().map(|live| &live.tags);
    let more = item.tags.keys().map(String::as_str).chain([APPLIED]);
    let held = live.map_or(0, BTreeMap::len);
    let needed = held + more.filter(|key| live.is_none_or(|live| !live.contains_key(*key))).count();
    if needed <= TAGS_PER_RESOURCE || item.blocked.is_some() || !item.changes() {
        return None;
    }
    let what = format!("it would need {needed} tags, and a resource holds {TAGS_PER_RESOURCE}");
    item.blocked = Some(what.clone());
    Some(PlanDiagnostic {
        code: "plan::too-many-tags".into(),
        address: Some(item.address.to_string()),
        message: format!("`{}`: {what}", item.address),
        help: Some("remove tags of your own: those that Gatewright needs begin with `gatewright:`".into()),
    })
}
