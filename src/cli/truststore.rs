//! A truststore for Java in PKCS #12, its default format.
//!
//! Certificates are public, so the file has no encryption and no MAC: Java reads it with any password and with none.

/// PKCS #7 `data`.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// PKCS #12 `certBag`.
const CERT_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];

/// PKCS #9 `x509Certificate`.
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// PKCS #9 `friendlyName`, the alias of an entry.
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];

/// Oracle's `trustedKeyUsage`: without it, Java does not trust the certificate.
const TRUSTED_KEY_USAGE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];

/// X.509 `anyExtendedKeyUsage`.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT: u8 = 0xa0;

/// A truststore with these certificates, which are in DER.
pub fn to_pkcs12(certificates: &[Vec<u8>]) -> Vec<u8> {
    let bags = certificates.iter().enumerate().map(|(index, der)| certificate_bag(index, der));
    let safe = content_info(&tagged(SEQUENCE, &bags.collect::<Vec<_>>()));
    let version = tagged(INTEGER, &[[3]]);
    tagged(SEQUENCE, &[version, content_info(&tagged(SEQUENCE, &[safe]))])
}

/// One trusted certificate, with a unique alias.
fn certificate_bag(index: usize, der: &[u8]) -> Vec<u8> {
    let certificate = tagged(SEQUENCE, &[object_id(X509), explicit(&tagged(OCTETS, &[der]))]);
    let name: Vec<u8> = format!("yotpo-mock-{index}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    let name = attribute(FRIENDLY_NAME, &tagged(BMP_STRING, &[name]));
    let trusted = attribute(TRUSTED_KEY_USAGE, &object_id(ANY_USAGE));
    let attributes = tagged(SET, &[name, trusted]);
    tagged(SEQUENCE, &[object_id(CERT_BAG), explicit(&certificate), attributes])
}

fn content_info(der: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[object_id(DATA), explicit(&tagged(OCTETS, &[der]))])
}

fn attribute(id: &[u8], value: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[object_id(id), tagged(SET, &[value])])
}

fn object_id(id: &[u8]) -> Vec<u8> {
    tagged(OBJECT_ID, &[id])
}

fn explicit(der: &[u8]) -> Vec<u8> {
    tagged(EXPLICIT, &[der])
}

/// A DER value: tag, length, and the concatenated parts.
fn tagged(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => der.push(length),
        _ => {
            let bytes = length.to_be_bytes();
            let leading_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let digits = &bytes[leading_zeros..];
            der.push(0x80 | u8::try_from(digits.len()).expect("a length has at most eight bytes"));
            der.extend_from_slice(digits);
        }
    }
    for part in parts {
        der.extend_from_slice(part.as_ref());
    }
    der
}
