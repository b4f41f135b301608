//! Image references: `nginx`, `blux2/hello-server:1.0`, `ghcr.io/a/b@sha256:…`.

use std::fmt;

/// A reference with all that Docker leaves to be understood filled in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Reference {
    /// The registry, `docker.io` unless another is named.
    pub(crate) registry: String,
    /// The repository; `library/` stands before an official one.
    pub(crate) repository: String,
    /// The tag, `latest` unless another is named; empty beside a digest.
    pub(crate) tag: String,
    /// The digest, if one is given.
    pub(crate) digest: Option<String>,
}

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// Why it is none, in the words of `distribution/reference`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag.to_owned()),
            _ => (
                rest,
                if digest.is_some() {
                    String::new()
                } else {
                    "latest".to_owned()
                },
            ),
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, path.to_owned())
            }
            _ if name.contains('/') => ("docker.io", name.to_owned()),
            _ => ("docker.io", format!("library/{name}")),
        };
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(format!(
                "invalid reference format: repository name ({path}) must be lowercase"
            ));
        }
        let is_name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        let is_tag_char = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let parts_are_named = path
            .split('/')
            .all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if !parts_are_named || !path.chars().all(is_name_char) || !tag.chars().all(is_tag_char) {
            return Err("invalid reference format".to_owned());
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: path,
            tag,
            digest,
        })
    }

    /// Registry and repository.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => write!(f, ":{}", self.tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (text, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("blux2/hello-server:1.0", "docker.io/blux2/hello-server:1.0"),
            ("localhost:5000/a:b", "localhost:5000/a:b"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
        ] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), full);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        let message = "invalid reference format: repository name (library/UPPER) must be lowercase";
        assert_eq!(Reference::parse("UPPER:1"), Err(message.to_owned()));
        assert_eq!(
            Reference::parse("a b"),
            Err("invalid reference format".to_owned())
        );
        assert_eq!(Reference::parse(""), Err("invalid reference format".to_owned()));
    }
}
