//! States and their order.

/// The states of a kind. One that takes no time for a change has no state for it, and one without a status has none at all.
#[derive(Clone, Copy)]
pub(crate) struct States {
    pub(crate) creating: Option<&'static str>,
    pub(crate) create_failed: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) updating: Option<&'static str>,
    pub(crate) update_failed: &'static str,
    pub(crate) deleting: Option<&'static str>,
    pub(crate) delete_failed: &'static str,
}

/// Every change takes time and can fail.
pub(crate) const READY: States = States {
    creating: Some("CREATING"),
    create_failed: "CREATE_FAILED",
    ready: "READY",
    updating: Some("UPDATING"),
    update_failed: "UPDATE_FAILED",
    deleting: Some("DELETING"),
    delete_failed: "DELETE_FAILED",
};

/// The same under another name.
pub(crate) const ACTIVE: States = States { ready: "ACTIVE", ..READY };

/// Every change takes time and none can fail.
pub(crate) const NEVER_FAILS: States =
    States { create_failed: "ACTIVE", update_failed: "ACTIVE", delete_failed: "ACTIVE", ..ACTIVE };

/// Without a status.
pub(crate) const NONE: States = States {
    creating: None,
    create_failed: "",
    ready: "",
    updating: None,
    update_failed: "",
    deleting: None,
    delete_failed: "",
};
