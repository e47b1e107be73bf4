//! The S3 server's certificate: a chain of root, intermediate and leaf, all RSA-2048, as S3 has it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::TLS13;
use rustls::{ServerConfig, SignatureScheme};

/// What servers and their clients need.
pub(crate) struct Chain {
    issuer: Issuer<'static, KeyPair>,
    intermediate: CertificateDer<'static>,
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    /// PEM file with the root.
    pub(crate) root: PathBuf,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

impl Chain {
    /// Makes the chain; the root is written into `directory`. The keys are the same every time, so that
    /// runs can be compared.
    pub(crate) fn new(directory: &Path) -> Result<Self, Error> {
        let root_key = key(1)?;
        let root_params = authority("dojang bench root");
        let root = root_params.self_signed(&root_key)?;
        let root_pem = root.pem();
        let root = Issuer::new(root_params, root_key);
        let intermediate_key = key(2)?;
        let intermediate_params = authority("dojang bench intermediate");
        let intermediate = intermediate_params.signed_by(&intermediate_key, &root)?;
        let issuer = Issuer::new(intermediate_params, intermediate_key);
        let key = key(3)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        warm_up(&provider, &private_key(&key))?;
        let path = directory.join("root.pem");
        std::fs::write(&path, root_pem)?;
        Ok(Self {
            issuer,
            intermediate: intermediate.der().clone(),
            key,
            provider,
            root: path,
        })
    }

    /// What the server of that name needs, with a certificate of its own.
    pub(crate) fn server(&self, name: &str) -> Result<Arc<ServerConfig>, Error> {
        let mut leaf = CertificateParams::new(vec![name.to_owned()])?;
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = validity();
        let leaf = leaf.signed_by(&self.key, &self.issuer)?;
        let chain = vec![leaf.der().clone(), self.intermediate.clone()];
        let server = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(chain, private_key(&self.key))?;
        Ok(Arc::new(server))
    }
}

fn private_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(key.serialize_der().into())
}

/// A first signature: aws-lc fills its random generator before it, which takes some 30 ms.
fn warm_up(provider: &CryptoProvider, key: &PrivateKeyDer<'_>) -> Result<(), Error> {
    let key = provider.key_provider.load_private_key(key.clone_key())?;
    let scheme = SignatureScheme::RSA_PSS_SHA256;
    let signer = key
        .choose_scheme(&[scheme])
        .ok_or("a key that signs with RSA")?;
    signer.sign(&[])?;
    Ok(())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity();
    params
}

fn validity() -> (time::OffsetDateTime, time::OffsetDateTime) {
    (date_time_ymd(2026, 1, 1), date_time_ymd(2126, 1, 1))
}

fn key(seed: u64) -> Result<KeyPair, Error> {
    let key = RsaPrivateKey::new(&mut StdRng::seed_from_u64(seed), 2048)?;
    let der = key.to_pkcs8_der()?;
    Ok(KeyPair::try_from(&PrivatePkcs8KeyDer::from(
        der.as_bytes(),
    ))?)
}
