//! The image of kind's nodes: one pinned image for each Kubernetes minor version, as kind v0.32 published them.
//!
//! An image that came from an archive has lost its digest, so what is used is the pinned name with the digest where docker
//! has that, without it where docker has only the tag, and with it again where it has to be fetched.

/// The pinned images, newest first. The first is the default: it is the version that podling speaks.
pub const PINNED: [(&str, &str); 3] = [
    (
        "1.36",
        "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5",
    ),
    (
        "1.35",
        "kindest/node:v1.35.5@sha256:ce977ae6d65918d0b58a5f8b5e940429c2ce42fa3a5619ec2bbc60b949c0ac95",
    ),
    (
        "1.34",
        "kindest/node:v1.34.8@sha256:02722c2dedddcfc00febf5d27fbeb9b7b2c14294c82109ff4a85d89ac9ba3256",
    ),
];

/// The image that `--node-image` means: a Kubernetes minor version (`1.35`) means the pinned one of it.
pub fn meant(asked: Option<&str>) -> String {
    let (_, default) = PINNED[0];
    let Some(asked) = asked else {
        return default.to_owned();
    };
    let minor = asked.trim_start_matches('v');
    let pinned = PINNED.iter().find(|(version, _)| *version == minor);
    pinned.map_or_else(|| asked.to_owned(), |(_, image)| (*image).to_owned())
}

/// Whether it is one of the pinned images, with its digest or without.
pub(super) fn is_pinned(image: &str) -> bool {
    PINNED.iter().any(|(_, pinned)| tag(pinned) == tag(image))
}

/// The image without its digest.
pub fn tag(image: &str) -> &str {
    image.split_once('@').map_or(image, |(tag, _)| tag)
}

/// Under which name to use the image, given which names docker has.
pub(super) fn usable(image: &str, there: impl Fn(&str) -> bool) -> &str {
    if !there(image) && there(tag(image)) {
        tag(image)
    } else {
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_means_its_pinned_image() {
        for (asked, meant) in [
            (None, PINNED[0].1),
            (Some("1.35"), PINNED[1].1),
            (Some("v1.34"), PINNED[2].1),
            (Some("kindest/node:v1.33.0"), "kindest/node:v1.33.0"),
        ] {
            assert_eq!(super::meant(asked), meant);
        }
        assert!(
            PINNED
                .iter()
                .all(|(version, image)| image.starts_with(&format!("kindest/node:v{version}.")))
        );
    }

    #[test]
    fn an_image_from_an_archive_is_used_by_its_tag() {
        for (there, expected) in [
            (vec!["a:1@sha256:x", "a:1"], "a:1@sha256:x"),
            (vec!["a:1"], "a:1"),
            (vec![], "a:1@sha256:x"),
        ] {
            assert_eq!(usable("a:1@sha256:x", |name| there.contains(&name)), expected);
        }
    }
}
