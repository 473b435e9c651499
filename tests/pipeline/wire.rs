//! Messages in the binary form of protocol buffers, for the server of the tests.

/// A message: its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

/// An empty message, to be filled.
pub(crate) fn message() -> Message {
    Message::default()
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl Message {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    fn varint(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub(crate) fn with_number(self, field: u64, number: u64) -> Self {
        if number == 0 {
            return self;
        }
        self.varint(field << 3).varint(number)
    }

    pub(crate) fn with(self, field: u64, bytes: &[u8]) -> Self {
        let mut out = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        out.0.extend(bytes);
        out
    }

    /// The values of a field.
    fn values(&self, wanted: u64) -> Vec<Value<'_>> {
        let mut rest = &self.0[..];
        let mut out = Vec::new();
        while !rest.is_empty() {
            let tag = take(&mut rest);
            let value = match tag & 7 {
                0 => Value::Number(take(&mut rest)),
                2 => {
                    let length = take(&mut rest) as usize;
                    let (value, after) = rest.split_at(length);
                    rest = after;
                    Value::Bytes(value)
                }
                other => panic!("a client wrote a field of type {other}"),
            };
            if tag >> 3 == wanted {
                out.push(value);
            }
        }
        out
    }

    pub(crate) fn number(&self, field: u64) -> u64 {
        match self.values(field).pop() {
            Some(Value::Number(number)) => number,
            _ => 0,
        }
    }

    pub(crate) fn bytes(&self, field: u64) -> Vec<u8> {
        match self.values(field).pop() {
            Some(Value::Bytes(bytes)) => bytes.to_vec(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn text(&self, field: u64) -> String {
        String::from_utf8(self.bytes(field)).expect("it is text")
    }

    pub(crate) fn message(&self, field: u64) -> Self {
        Self(self.bytes(field))
    }

    pub(crate) fn all(&self, field: u64) -> Vec<Self> {
        let values = self.values(field).into_iter();
        values
            .filter_map(|value| match value {
                Value::Bytes(bytes) => Some(Self::read(bytes)),
                Value::Number(_) => None,
            })
            .collect()
    }
}

fn take(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}
