//! Who the cluster is and who may use it: a certificate authority made for this one cluster, the server's
//! certificate and key, and the learner's credentials.
//!
//! An identity outlives its process: a cluster that is brought back with the identity it had accepts the
//! kubeconfig that a terminal already has.
//!
//! Differs from Kubernetes: the owner has a bearer token and no certificate; see `docs/adr/0002`. Other users are the
//! cluster's affair.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::private_file::{set_aside, write_private};

/// The names under which a client may reach the server.
const SERVER_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Bytes of chance in the bearer token: 256 bits.
const TOKEN_BYTES: usize = 32;

/// The version of the saved form.
const FORMAT: u32 = 1;

/// The keys and credentials of one cluster.
///
/// Whoever has the saved form can be the cluster and use it; it is for the owner's eyes only.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    format: u32,
    /// PEM. Its key was forgotten as soon as it had signed the server's certificate.
    authority: String,
    /// PEM.
    certificate: String,
    /// PEM, PKCS #8.
    key: String,
    token: String,
}

/// Why there is no identity to serve with.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file could not be read or written.
    #[error("the cluster's keys in {} can't be used: {source}", path.display())]
    File {
        /// The identity's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not an identity.
    #[error("the cluster's keys in {} are damaged: {why}", path.display())]
    Damaged {
        /// The identity's file.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// Keys or certificates could not be made.
    #[error("failed to make the cluster's keys: {0}")]
    Making(String),
}

impl Identity {
    /// Makes a new identity: fresh keys, valid on 127.0.0.1, ::1 and localhost.
    ///
    /// # Errors
    /// When the system has no random numbers to give.
    pub fn create() -> Result<Self, IdentityError> {
        let authority = authority().map_err(making)?;
        let key = KeyPair::generate().map_err(making)?;
        let certificate = server_params()
            .and_then(|params| params.signed_by(&key, &authority))
            .map_err(making)?;
        Ok(Self {
            format: FORMAT,
            authority: authority.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            token: token()?,
        })
    }

    /// Reads a saved identity.
    ///
    /// # Errors
    /// When the file can't be read, or what is in it is not an identity that a server can use.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let text = fs::read_to_string(path).map_err(|source| at(path, source))?;
        let identity: Self = serde_json::from_str(&text).map_err(|why| damaged(path, &why))?;
        if identity.format != FORMAT {
            let why = format!("format {} is not known", identity.format);
            return Err(damaged(path, &why));
        }
        match identity.tls() {
            Ok(_) => Ok(identity),
            Err(why) => Err(damaged(path, &why)),
        }
    }

    /// Saves the identity, readable by the owner only, replacing what was there in one step.
    ///
    /// # Errors
    /// When the folder is missing, read-only or full.
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        let text = serde_json::to_string_pretty(self).map_err(making)?;
        write_private(path, &text).map_err(|source| at(path, source))
    }

    /// Reads the saved identity; makes and saves one if there is none. A damaged file is renamed to
    /// `<path>.damaged-<n>` first; kubeconfigs that were made from it are no longer accepted then.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match Self::load(path) {
            Ok(identity) => return Ok(identity),
            Err(IdentityError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(IdentityError::Damaged { .. }) => {
                let aside = set_aside(path).map_err(|source| at(path, source))?;
                tracing::warn!(aside = %aside.display(), "the cluster's keys were damaged; making new ones");
            }
            Err(error) => return Err(error),
        }
        let identity = Self::create()?;
        identity.save(path)?;
        Ok(identity)
    }

    /// The certificate that clients must trust, PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// What clients must show.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Whether `authorization`, the header of that name, is this cluster's user. Takes the same time for each
    /// wrong token of the right length, so that it can't be guessed byte by byte.
    pub(crate) fn admits(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked("Bearer ".len()) else {
            return false;
        };
        let expected = self.token.as_bytes();
        let difference = token.iter().zip(expected).fold(0, |seen, (a, b)| seen | (a ^ b));
        scheme.eq_ignore_ascii_case(b"Bearer ") && token.len() == expected.len() && difference == 0
    }

    /// The server's side of TLS, speaking HTTP/1.1 only.
    pub(crate) fn tls(&self) -> Result<ServerConfig, String> {
        let text = |error: &dyn fmt::Display| error.to_string();
        let certificate =
            CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(|e| text(&e))?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|e| text(&e))?;
        // The provider is named here so that a program with several, or none installed, works just as well.
        let mut tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate], key)
            })
            .map_err(|e| text(&e))?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(tls)
    }
}

impl fmt::Debug for Identity {
    /// Says nothing secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The certificate authority. rcgen's own term of validity (1975 to 4096) stays: a learner's laptop whose clock is
/// wrong is no reason to refuse, and the authority dies with its cluster.
fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = named("podling-ca", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = named("podling", SERVER_NAMES.map(str::to_owned).to_vec())?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn named(common_name: &str, alternative_names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(alternative_names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

fn token() -> Result<String, IdentityError> {
    let mut bytes = [0; TOKEN_BYTES];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| making("the system has no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn making(why: impl fmt::Display) -> IdentityError {
    IdentityError::Making(why.to_string())
}

fn at(path: &Path, source: io::Error) -> IdentityError {
    let path = path.to_owned();
    IdentityError::File { path, source }
}

fn damaged(path: &Path, why: &impl fmt::Display) -> IdentityError {
    IdentityError::Damaged {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn only_this_clusters_token_is_admitted() {
        let identity = Identity::create().unwrap();
        let other = Identity::create().unwrap();
        let cases = [
            (format!("Bearer {}", identity.token), true),
            (format!("bearer {}", identity.token), true),
            (format!("Bearer {}", other.token), false),
            (format!("Bearer {}x", identity.token), false),
            (format!("Basic {}", identity.token), false),
            ("Bearer ".to_owned(), false),
            ("Bear".to_owned(), false),
            (String::new(), false),
        ];
        for (header, admitted) in cases {
            assert_eq!(identity.admits(header.as_bytes()), admitted, "{header:?}");
        }
    }

    #[test]
    fn a_saved_identity_is_the_same_when_it_is_loaded() {
        let scratch = Scratch::new("identity");
        let path = scratch.join("identity.json");
        let made = Identity::load_or_create(&path).unwrap();
        let loaded = Identity::load_or_create(&path).unwrap();
        assert_eq!(made.token, loaded.token);
        assert_eq!(made.authority, loaded.authority);
    }

    #[test]
    fn a_damaged_identity_is_kept_aside_and_replaced() {
        let scratch = Scratch::new("identity-damaged");
        let path = scratch.join("identity.json");
        for text in [
            "",
            "{",
            r#"{"format":2,"authority":"","certificate":"","key":"","token":""}"#,
        ] {
            fs::write(&path, text).unwrap();
            assert!(
                matches!(Identity::load(&path), Err(IdentityError::Damaged { .. })),
                "{text}"
            );
        }
        let identity = Identity::load_or_create(&path).unwrap();
        assert!(scratch.join("identity.json.damaged-1").exists());
        assert_eq!(Identity::load(&path).unwrap().token, identity.token);
    }

    #[test]
    fn printing_an_identity_tells_no_secret() {
        let identity = Identity::create().unwrap();
        assert_eq!(format!("{identity:?}"), "Identity { .. }");
    }
}
