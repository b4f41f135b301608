//! The wire format of protobuf: tags, varints, lengths, and what to skip.
//!
//! Source: the `Unmarshal` methods and `skipGenerated` that Kubernetes' generator writes.

const OVERFLOW: &str = "proto: integer overflow";
const SHORT: &str = "unexpected EOF";
const NEGATIVE: &str = "proto: negative length found during unmarshaling";

/// Reads a message's fields one after the other.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    /// What Go calls the message's struct, for its errors.
    name: &'a str,
}

/// One field as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireField<'a> {
    pub(super) number: u32,
    payload: Payload<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Payload<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
    /// A group, long out of use; only ever skipped.
    Group,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8], name: &'a str) -> Self {
        Self { rest: message, name }
    }

    /// The next field; `None` at the end of the message.
    ///
    /// # Errors
    /// Go's words for bytes that are no field.
    pub(super) fn next_field(&mut self) -> Result<Option<WireField<'a>>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire_type = tag & 7;
        // Go keeps 32 bits of the number.
        let number = (tag >> 3) as u32;
        if wire_type == 4 {
            return Err(format!("proto: {}: wiretype end group for non-group", self.name));
        }
        if number == 0 || number > i32::MAX as u32 {
            let number = number as i32;
            return Err(format!(
                "proto: {}: illegal tag {number} (wire type {wire_type})",
                self.name
            ));
        }
        let payload = self.payload(wire_type)?;
        Ok(Some(WireField { number, payload }))
    }

    fn payload(&mut self, wire_type: u64) -> Result<Payload<'a>, String> {
        match wire_type {
            0 => self.varint().map(Payload::Varint),
            1 => self.fixed64().map(Payload::Fixed64),
            2 => self.bytes().map(Payload::Bytes),
            3 => self.skip_group().map(|()| Payload::Group),
            5 => self.take(4).map(|_| Payload::Fixed32),
            other => Err(format!("proto: illegal wireType {other}")),
        }
    }

    /// At most ten bytes of seven bits each, the lowest first: `0xac 0x02` is 0x2c + (2 << 7) = 300.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(SHORT)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(OVERFLOW.to_owned())
    }

    fn fixed64(&mut self) -> Result<u64, String> {
        let bytes = self.take(8)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.varint()?;
        // A length is a signed 64-bit integer in Go.
        let length = i64::try_from(length).map_err(|_| NEGATIVE)?;
        self.take(usize::try_from(length).map_err(|_| SHORT)?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Goes behind the end of the group that has just begun; groups may be nested in it.
    fn skip_group(&mut self) -> Result<(), String> {
        let mut depth = 1;
        while depth > 0 {
            match self.varint()? & 7 {
                3 => depth += 1,
                4 => depth -= 1,
                flat => {
                    self.payload(flat)?;
                }
            }
        }
        Ok(())
    }
}

impl<'a> WireField<'a> {
    /// The payload of a text, a message or bytes; `go` is the field's name in Go.
    ///
    /// # Errors
    /// Go's words for a payload of another type; so for all that follow.
    pub(super) fn bytes(&self, go: &str) -> Result<&'a [u8], String> {
        match self.payload {
            Payload::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong_type(go)),
        }
    }

    /// A text. What is no UTF-8 is replaced, as Go does when it writes JSON.
    pub(super) fn text(&self, go: &str) -> Result<String, String> {
        self.bytes(go)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// An integer or a boolean.
    pub(super) fn varint(&self, go: &str) -> Result<u64, String> {
        match self.payload {
            Payload::Varint(value) => Ok(value),
            _ => Err(self.wrong_type(go)),
        }
    }

    /// A `double`.
    pub(super) fn double(&self, go: &str) -> Result<f64, String> {
        match self.payload {
            Payload::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.wrong_type(go)),
        }
    }

    /// The integers of a packed list; `None` if the field is a single one.
    pub(super) fn packed(&self) -> Result<Option<Vec<u64>>, String> {
        let Payload::Bytes(bytes) = self.payload else {
            return Ok(None);
        };
        let mut reader = Reader::new(bytes, "");
        let mut values = Vec::new();
        while !reader.rest.is_empty() {
            values.push(reader.varint()?);
        }
        Ok(Some(values))
    }

    fn wrong_type(&self, go: &str) -> String {
        let wire_type = match self.payload {
            Payload::Varint(_) => 0,
            Payload::Fixed64(_) => 1,
            Payload::Bytes(_) => 2,
            Payload::Group => 3,
            Payload::Fixed32 => 5,
        };
        format!("proto: wrong wireType = {wire_type} for field {go}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<u32>, String> {
        let mut reader = Reader::new(message, "Pod");
        let mut numbers = Vec::new();
        while let Some(field) = reader.next_field()? {
            numbers.push(field.number);
        }
        Ok(numbers)
    }

    #[test]
    fn fields_of_every_wire_type_are_read_or_skipped() {
        let message = b"\x08\xac\x02\x11\0\0\0\0\0\0\xf0\x3f\x1a\x02hi\x25\0\0\0\0\x2b\x08\x01\x2c\x30\x01";
        assert_eq!(all(message).unwrap(), [1, 2, 3, 4, 5, 6]);
        let mut reader = Reader::new(message, "Pod");
        let mut next = || reader.next_field().unwrap().unwrap();
        assert_eq!(next().varint("A").unwrap(), 300);
        assert_eq!(next().double("B").unwrap().to_bits(), 1f64.to_bits());
        assert_eq!(next().text("C").unwrap(), "hi");
        assert_eq!(
            next().varint("D").unwrap_err(),
            "proto: wrong wireType = 5 for field D"
        );
    }

    #[test]
    fn broken_bytes_are_refused_in_the_words_of_go() {
        let cases: [(&[u8], &str); 8] = [
            (b"\x08", "unexpected EOF"),
            (b"\x0a\x05hi", "unexpected EOF"),
            (b"\x11\0\0", "unexpected EOF"),
            (b"\x2b\x08\x01", "unexpected EOF"),
            (
                b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                "proto: negative length found during unmarshaling",
            ),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                "proto: integer overflow",
            ),
            (b"\x0c", "proto: Pod: wiretype end group for non-group"),
            (b"\x0f", "proto: illegal wireType 7"),
        ];
        for (message, expected) in cases {
            assert_eq!(all(message).unwrap_err(), expected, "{message:?}");
        }
    }
}
