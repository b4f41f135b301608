//! What an applier is told who would change fields that others own.
//!
//! Source: `k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go`, v1.36.

use super::entries::Owner;
use super::set::{Path, Set};
use crate::status::{Cause, Details, Status};

/// 409 if there is a conflict, with one cause for each field.
pub(super) fn refuse(conflicts: &[(&Owner, Set)]) -> Result<(), Status> {
    let all: Vec<(&Owner, Path)> = conflicts
        .iter()
        .flat_map(|(owner, set)| set.paths().into_iter().map(|path| (*owner, path)))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let mut status = Status::new(409, "Conflict", message(conflicts, &all));
    let causes = all.iter().map(|(owner, path)| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {}", described(owner)),
        field: path.to_string(),
    });
    status.details = Some(Box::new(Details {
        causes: causes.collect(),
        ..Details::default()
    }));
    Err(status)
}

fn message(conflicts: &[(&Owner, Set)], all: &[(&Owner, Path)]) -> String {
    if let [(owner, path)] = all {
        return format!(
            "Apply failed with 1 conflict: conflict with {}: {path}",
            described(owner)
        );
    }
    let mut lines = Vec::new();
    for (owner, set) in conflicts {
        lines.push(format!("conflicts with {}:", described(owner)));
        lines.extend(set.paths().iter().map(|path| format!("- {path}")));
    }
    format!("Apply failed with {} conflicts: {}", all.len(), lines.join("\n"))
}

fn described(owner: &Owner) -> String {
    let mut text = format!("{:?}", owner.manager);
    if !owner.subresource.is_empty() {
        text = format!("{text} with subresource {:?}", owner.subresource);
    }
    if owner.applies {
        text
    } else {
        format!("{text} using {}", owner.version)
    }
}
