//! The rules on transforms (MST).

use super::{Judged, Rule};

/// In the order of the document.
pub const RULES: &[Rule] = &[
    Rule {
        name: "damaged",
        judged: Judged::Error,
        warning: "",
        finds: "a table or stream that cannot be read",
        remedy: "make the transform again, or fetch it again",
        like: "",
    },
    Rule {
        name: "transform-validation",
        judged: Judged::Error,
        warning: "",
        finds: "nothing is compared before it is applied: it changes any product's package",
        remedy: "have at least the upgrade code compared (MSITRANSFORM_VALIDATE_UPGRADECODE)",
        like: "",
    },
    Rule {
        name: "transform-forces",
        judged: Judged::Warning,
        warning: "",
        finds: "rows of public properties: as if given on the command line, at every repair and upgrade again",
        remedy: "keep it where that is meant (forced of a site file); else change the value of an action that sets a default",
        like: "",
    },
    Rule {
        name: "transform-secret",
        judged: Judged::Error,
        warning: "",
        finds: "secrets that everybody reads in it",
        remedy: "hand the secret over in a file on the endpoint",
        like: "",
    },
    Rule {
        name: "transform-identity",
        judged: Judged::Warning,
        warning: "",
        finds: "another product code, upgrade code or version",
        remedy: "build a package of its own for another product",
        like: "",
    },
    Rule {
        name: "action-script",
        judged: Judged::Error,
        warning: "",
        finds: "actions in VBScript or JScript, which many systems forbid",
        remedy: "write the action as a native DLL",
        like: "",
    },
];
