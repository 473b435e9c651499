//! `bq.sign`: signatures by Ed25519 (RFC 8032), as hexadecimal digits.

use mlua::{Lua, LuaString, Table};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::error::{Error, Result};
use crate::lua::module::Module;
use crate::tree::digest::hex;

/// Bytes of a secret key: the seed from which RFC 8032 makes all else.
const SECRET: usize = 32;
const PUBLIC: usize = 32;
const SIGNATURE: usize = 64;

pub(crate) fn module(lua: &Lua) -> mlua::Result<Table> {
    Module::new(lua, "sign")
        .function("generate", generate)
        .function("public", public)
        .function("sign", sign)
        .function("verify", verify)
        .build()
}

fn generate(_: &Lua, (): ()) -> Result<String> {
    let mut secret = [0; SECRET];
    SystemRandom::new().fill(&mut secret).map_err(|_| {
        Error::new(
            "sign.generate",
            "random",
            "the system gives no random bytes",
        )
    })?;
    Ok(hex(&secret))
}

fn public(_: &Lua, secret: LuaString) -> Result<String> {
    Ok(hex(pair("sign.public", &secret)?.public_key().as_ref()))
}

fn sign(_: &Lua, (secret, data): (LuaString, LuaString)) -> Result<String> {
    Ok(hex(pair("sign.sign", &secret)?
        .sign(&data.as_bytes())
        .as_ref()))
}

/// What is no signature at all does not fit either.
fn verify(_: &Lua, (public, data, signature): (LuaString, LuaString, LuaString)) -> Result<bool> {
    let public = bytes::<PUBLIC>(&public)
        .ok_or_else(|| Error::argument("sign.verify", "the public key is not 64 digits"))?;
    let Some(signature) = bytes::<SIGNATURE>(&signature) else {
        return Ok(false);
    };
    let key = UnparsedPublicKey::new(&ED25519, public);
    Ok(key.verify(&data.as_bytes(), &signature).is_ok())
}

/// The error does not show the key.
fn pair(op: &str, secret: &LuaString) -> Result<Ed25519KeyPair> {
    bytes::<SECRET>(secret)
        .and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&seed).ok())
        .ok_or_else(|| Error::argument(op, "the secret key is not 64 hexadecimal digits"))
}

/// Bytes from hexadecimal digits.
fn bytes<const SIZE: usize>(text: &LuaString) -> Option<[u8; SIZE]> {
    let digits = text.as_bytes();
    let mut out = [0; SIZE];
    if digits.len() != 2 * SIZE {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |one: u8| char::from(one).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(out)
}
