//! The words of the kubelet's events and reasons (v1.36).

/// Reasons.
pub(super) const BACK_OFF: &str = "BackOff";
pub(super) const CREATED: &str = "Created";
pub(super) const FAILED: &str = "Failed";
pub(super) const FAILED_MOUNT: &str = "FailedMount";
pub(super) const KILLING: &str = "Killing";
pub(super) const NODE_NOT_SCHEDULABLE: &str = "NodeNotSchedulable";
pub(super) const NODE_SCHEDULABLE: &str = "NodeSchedulable";
pub(super) const PULLED: &str = "Pulled";
pub(super) const PULLING: &str = "Pulling";
pub(super) const STARTED: &str = "Started";
pub(super) const UNHEALTHY: &str = "Unhealthy";

/// Waiting reasons.
pub(super) const CRASH_LOOP: &str = "CrashLoopBackOff";
pub(super) const CONFIG_ERROR: &str = "CreateContainerConfigError";
pub(super) const ERR_IMAGE_PULL: &str = "ErrImagePull";
pub(super) const IMAGE_PULL_BACK_OFF: &str = "ImagePullBackOff";
pub(super) const INVALID_IMAGE: &str = "InvalidImageName";
pub(super) const NEVER_PULL: &str = "ErrImageNeverPull";
pub(super) const POST_START: &str = "PostStartHookError";
pub(super) const RUN_ERROR: &str = "RunContainerError";

/// Before what the OCI runtime says of a process that cannot be started.
pub(super) const START_ERROR: &str = "failed to create containerd task: failed to create shim task: OCI runtime \
                                      create failed: runc create failed: unable to start container process: ";
/// Before what it says of a command that cannot be run in a container.
pub(super) const EXEC_ERROR: &str =
    "OCI runtime exec failed: exec failed: unable to start container process: ";
pub(super) const DEADLINE: &str = "Pod was active on the node longer than the specified deadline";

/// `Failed to pull image …`, without that beginning.
pub(super) fn no_such_image(full: &str) -> String {
    format!(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"{full}\": failed to resolve image: \
         {full}: not found"
    )
}
