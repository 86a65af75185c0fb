//! A truststore for Java: PKCS #12, the type that it expects unless told otherwise, without a password.
//!
//! Nothing in it is secret, so that nothing is encrypted and nothing has a check sum: Java reads it with any password and with
//! none.

/// Of PKCS #7: what follows is data as it is.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/// Of PKCS #12: what follows is a certificate.
const CERT_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x03];

/// Of PKCS #9: the certificate is an X.509 one.
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];

/// Of PKCS #9: the name of an entry.
const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x14];

/// Of Oracle: the entry is trusted. Without it Java sees a certificate, and trusts nobody for it.
const TRUSTED_KEY_USAGE: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01];

/// Of X.509: for any purpose.
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const BMP_STRING: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const EXPLICIT: u8 = 0xa0;

/// A truststore that trusts certificates, which are given in DER.
pub fn pkcs12(certificates: &[Vec<u8>]) -> Vec<u8> {
    let bags = certificates.iter().enumerate().map(|(at, der)| bag(at, der));
    let safe = content(&tagged(SEQUENCE, &bags.collect::<Vec<_>>()));
    let version = tagged(INTEGER, &[[3]]);
    tagged(SEQUENCE, &[version, content(&tagged(SEQUENCE, &[safe]))])
}

/// One trusted certificate, by a name that no other has.
fn bag(at: usize, der: &[u8]) -> Vec<u8> {
    let certificate = tagged(SEQUENCE, &[object(X509), explicit(&tagged(OCTETS, &[der]))]);
    let name: Vec<u8> = format!("yotpo-mock-{at}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let name = attribute(FRIENDLY_NAME, &tagged(BMP_STRING, &[name]));
    let trusted = attribute(TRUSTED_KEY_USAGE, &object(ANY_USAGE));
    let attributes = tagged(SET, &[name, trusted]);
    tagged(SEQUENCE, &[object(CERT_BAG), explicit(&certificate), attributes])
}

fn content(der: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[object(DATA), explicit(&tagged(OCTETS, &[der]))])
}

fn attribute(id: &[u8], value: &[u8]) -> Vec<u8> {
    tagged(SEQUENCE, &[object(id), tagged(SET, &[value])])
}

fn object(id: &[u8]) -> Vec<u8> {
    tagged(OBJECT_ID, &[id])
}

fn explicit(der: &[u8]) -> Vec<u8> {
    tagged(EXPLICIT, &[der])
}

/// A value of DER: its tag, its length, and its parts one after the other.
fn tagged(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => der.push(length),
        _ => {
            let bytes = length.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let digits = &bytes[zeros..];
            der.push(0x80 | u8::try_from(digits.len()).expect("a length has eight bytes at most"));
            der.extend_from_slice(digits);
        }
    }
    for part in parts {
        der.extend_from_slice(part.as_ref());
    }
    der
}
