//! A lab that is played in another namespace than `default`: its manifests, its fixes and its texts name the other one.

use super::{Fix, Lab, ManifestFile, Section, Texts};

impl Lab {
    /// The lab as it is played in `namespace`.
    #[must_use]
    pub fn rehomed(&self, namespace: &str) -> Self {
        if namespace.is_empty() || namespace == "default" {
            return self.clone();
        }
        let fixes = |fixes: &[Fix]| -> Vec<Fix> {
            let moved = |fix: &Fix| Fix {
                text: rehome(&fix.text, namespace),
                ..fix.clone()
            };
            fixes.iter().map(moved).collect()
        };
        let section = |section: &Section| Section {
            body: rehome(&section.body, namespace),
            ..section.clone()
        };
        let texts = |texts: &Texts| Texts {
            title: texts.title.clone(),
            sections: texts.sections.iter().map(section).collect(),
        };
        let manifest = |file: &ManifestFile| ManifestFile {
            path: file.path.clone(),
            text: rehome(&file.text, namespace),
        };
        Self {
            manifests: self.manifests.iter().map(manifest).collect(),
            texts: self
                .texts
                .iter()
                .map(|(language, it)| (*language, texts(it)))
                .collect(),
            solutions: fixes(&self.solutions),
            wrong: fixes(&self.wrong),
            ..self.clone()
        }
    }
}

/// How `default` is named as a namespace: what stands before it, and what may stand behind it.
const NAMED: [(&str, &[char]); 6] = [
    ("--namespace default", &[' ', '\n', '`', '\'', '"', ')', ',']),
    ("--namespace=default", &[' ', '\n', '`', '\'', '"', ')', ',']),
    (" -n default", &[' ', '\n', '`', '\'', '"', ')', ',']),
    ("namespace: default", &[' ', '\n', ',', '}']),
    ("namespaces/default", &['/', ' ', '\n', '`']),
    (
        ".default.svc",
        &['.', ':', '/', ' ', '\n', '`', '\'', '"', ')', ','],
    ),
];

/// The text with `namespace` wherever it names the namespace `default`.
fn rehome(text: &str, namespace: &str) -> String {
    NAMED.iter().fold(text.to_owned(), |text, (named, behind)| {
        let mut moved = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(named) {
            let (before, from) = rest.split_at(at);
            let after = &from[named.len()..];
            moved.push_str(before);
            if after.is_empty() || after.starts_with(*behind) {
                moved.push_str(&named.replace("default", namespace));
            } else {
                moved.push_str(named);
            }
            rest = after;
        }
        moved.push_str(rest);
        moved
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Catalogue, Language};

    #[test]
    fn the_namespace_default_is_renamed_and_nothing_else() {
        for (text, moved) in [
            (
                "kubectl get pods --namespace default",
                "kubectl get pods --namespace n",
            ),
            ("kubectl -n default get pods", "kubectl -n n get pods"),
            ("  namespace: default\n", "  namespace: n\n"),
            ("{name: a, namespace: default}", "{name: a, namespace: n}"),
            ("  namespace: default-backend\n", "  namespace: default-backend\n"),
            (
                "curl http://web.default.svc.cluster.local",
                "curl http://web.n.svc.cluster.local",
            ),
            ("/api/v1/namespaces/default/pods", "/api/v1/namespaces/n/pods"),
            ("3 by default", "3 by default"),
            ("serviceAccountName: default", "serviceAccountName: default"),
        ] {
            assert_eq!(rehome(text, "n"), moved);
        }
    }

    #[test]
    fn a_lab_at_home_is_what_it_was() {
        let lab = Catalogue::builtin().find("ch07-readiness").unwrap().clone();
        assert_eq!(lab.rehomed("default"), lab);
        assert_eq!(lab.rehomed("n").texts(Language::En), lab.texts(Language::En));
    }
}
