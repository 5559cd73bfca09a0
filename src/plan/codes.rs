//! Codes: what the diagnostics of a plan are called, and what each means.

/// Every code of a plan's diagnostics with what it means; `explain` prints these.
pub const CODES: &[(&str, &str)] = &[
    (
        "plan::accept-done",
        "An `[[accept]]` is about a risk that this plan does not have, and there is nothing left to do at its address: most often the change was applied. The entry has done its work. Take it out, so that nobody takes it for a standing permission.",
    ),
    (
        "plan::accept-expired",
        "The last day of an `[[accept]]` is over, so the risk is refused again. Decide again: give the entry a new `until` where reviewers see it, or take the risky change back.",
    ),
    (
        "plan::accept-unused",
        "An `[[accept]]` names a risk that the plan does not have, though something changes or the address is unknown. It accepts nothing. Correct `risk` and `address` as the plan shows them, or take the entry out.",
    ),
    (
        "plan::close",
        "A step would narrow access, and `--close` cannot take it: it would also let somebody through, which the token and the input show, or nobody has proved that it does not, or it would be a risk of its own. What can be taken without that is taken. With the solver cvc5 (`apt install cvc5`, or its path in `CVC5`) more can be proved. Look at the step, then apply it without `--close`.",
    ),
    (
        "plan::adopt",
        "`adopt` names an object that cannot be taken over: there is none with this id, it belongs to another stack or to another resource of this one, or the resource has an object already. Nothing is taken from another stack in this way: a line of `[moved]` does that, `\"stack:NAME/INSTANCE/KIND.NAME\" = \"KIND.NAME\"`.",
    ),
    (
        "plan::cycle",
        "Resources wait for each other, so that no order of calls could make them: most often a `depends_on` stands against what the service demands, as a target that waits for a policy which needs the target's tools. Take that `depends_on` away.",
    ),
    (
        "plan::duplicate",
        "Two live objects carry the same address in their tags, so nobody can tell which one the manifest means. Look at both, and take the tag `gatewright:address` off the one that is not meant.",
    ),
    (
        "plan::engine-replacement",
        "The change needs a new policy engine of the same name, so the old one has to go first. A gateway that takes tokens is locked meanwhile; any other would be open. Give the engine a new name in the same change: then the new one stands before the old one goes.",
    ),
    (
        "plan::existing",
        "The manifest names an object with `existing`, and there is none, or more than one. What needs it is held back; such an object is never created. Look at the id, the account and the region; for `stack:…` apply the other stack first.",
    ),
    (
        "plan::foreign",
        "The live name that the manifest wants is taken by an object that this stack did not make. It is never changed or deleted. Choose another name, or remove the object if nobody needs it.",
    ),
    (
        "plan::foreign-child",
        "A resource would be deleted that holds something which this stack did not make: deleting it would delete that as well, or the service would refuse. Remove the child where it was made, or keep the parent.",
    ),
    (
        "plan::interceptors",
        "The service lists a gateway's tools through its interceptors, and policies cannot be created or changed while they are in place. A JWT gateway is locked meanwhile; no other gateway can be, and taking its interceptors away would open it. Take the interceptors out of the manifest and apply while callers are kept away, then put them back.",
    ),
    (
        "plan::membership",
        "The tags of a parent that name the children of each stack do not tell whose a child is: somebody edited them, or two children fit. What is not clear is never deleted. Put the tag back as it was or take it off, and delete by hand what nobody needs.",
    ),
    (
        "plan::moved",
        "A line of `[moved]` does not fit what is live. If both its addresses are live, nobody can tell which object is meant, and neither is touched: remove the line, or look at which of the two should go. If the old address is nowhere live, the line does nothing any more, and can be removed once every environment was applied.",
    ),
    (
        "plan::only",
        "What `--only` names would open something while a step that restrains callers is left out: a forbid, a narrower allow-list, an interceptor. Nothing is done. Name that step too, or apply everything.",
    ),
    (
        "plan::pool-replacement",
        "Some members of a user pool can only be given at creation, and a new pool would be without the users of the old one. A pool is never replaced. Take the change back, or declare a second pool and move to it.",
    ),
    (
        "plan::protected",
        "The live object is marked as protected (tag `gatewright:protect`, or the parent's membership): no command deletes or replaces it. Apply once with `protect = false` on it, then plan again.",
    ),
    (
        "plan::secret-missing",
        "A step has to send a secret variable, and nobody gave its value. Put it in `GATEWRIGHT_VAR_NAME` (the variable's name in capitals), in a `--var-file`, or on standard input with `--var name=-`, and plan again. The other steps go on without it. Where a live value is there and the manifest is the one last applied, a secret counts as unchanged without its value.",
    ),
    (
        "plan::solver",
        "The solver that proves who can call what crashed, gave no answer in time, or answered wrong. What it leaves open was tried with tokens and inputs instead, and the plan says so. Look at the program that `CVC5` names, or at `cvc5` on the `PATH`: version 1.0.3 or a later one.",
    ),
    (
        "plan::too-many-tags",
        "A resource holds 50 tags, and the object would need more: its own, those of the manifest, and those in which Gatewright keeps what it has to remember, the names of children that cannot be tagged among them (25 in a tag). Remove tags that nobody needs, or give some of the children another parent. Nothing is begun meanwhile.",
    ),
    (
        "plan::unread",
        "Something could not be read, most often because the caller lacks the permission. What is not seen is not counted as unchanged: steps that depend on it are held back. Give the caller the permission, or look at the endpoint.",
    ),
];
