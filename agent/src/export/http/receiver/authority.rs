//! An authority that tests believe in, and what it signs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Signs certificates.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Two of them need different names.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes its own certificate.
    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, self.0.pem()).unwrap();
    }

    /// Writes a new certificate and its key as a rotation does: each in one step. Returns the certificate, DER.
    pub(crate) fn issue(&self, name: &str, certificate: &Path, key: &Path) -> Vec<u8> {
        let (issued, secret) = self.sign(name);
        replace(certificate, &issued.pem());
        replace(key, &secret.serialize_pem());
        issued.der().to_vec()
    }

    /// A server at 127.0.0.1; with `clients`, only for those that this authority has signed.
    pub(crate) fn server(&self, clients: Option<&Self>) -> ServerConfig {
        let (issued, secret) = self.sign("127.0.0.1");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.0.der().clone()).unwrap();
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(secret.serialize_der()).unwrap();
        builder
            .with_single_cert(vec![issued.der().clone()], key)
            .unwrap()
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, path).unwrap();
}
