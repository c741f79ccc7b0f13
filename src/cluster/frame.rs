//! Messages in frames: a message longer than the limit of a transport is cut, and put together again.

/// Bytes of the header of a message's first frame: operation, kind and length.
const HEADER: usize = 8 + 1 + 8;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Part of an exchange.
    Data,
    /// A command of the first rank. The byte says which work it is.
    Command,
    /// The rank cannot continue the operation. The message is the reason.
    Failed,
    /// The operation was cancelled.
    Cancelled,
    /// The rank has finished the operation.
    Done,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Data, Self::Command, Self::Failed, Self::Cancelled, Self::Done];

    fn byte(self) -> u8 {
        self as u8
    }

    fn of_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A message between two ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number of the operation that the message belongs to.
    pub operation: u64,
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

impl Message {
    /// The frames of the message, each at most `limit` bytes long; `limit` exceeds the length of a header.
    pub fn frames(self, limit: usize) -> Vec<Vec<u8>> {
        let Self { operation, kind, bytes } = self;
        let first = bytes.len().min(limit.saturating_sub(HEADER));
        let mut head = Vec::with_capacity(HEADER + first);
        head.extend_from_slice(&operation.to_le_bytes());
        head.push(kind.byte());
        head.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        head.extend_from_slice(&bytes[..first]);
        let rest = bytes[first..].chunks(limit.max(1)).map(<[u8]>::to_vec);
        std::iter::once(head).chain(rest).collect()
    }
}

/// Puts the frames of one rank together.
#[derive(Default)]
pub struct Assembly(Option<(Message, usize)>);

impl Assembly {
    /// Adds the next frame. Returns the message after its last frame.
    ///
    /// # Errors
    /// A description of a frame that does not fit.
    pub fn add(&mut self, frame: &[u8]) -> Result<Option<Message>, String> {
        let (message, length) = match &mut self.0 {
            Some((message, length)) => {
                message.bytes.extend_from_slice(frame);
                (message, *length)
            }
            None => {
                let (message, length) = begun(frame).ok_or("it has no header")?;
                let (message, length) = self.0.insert((message, length));
                (message, *length)
            }
        };
        if message.bytes.len() > length {
            return Err(format!("it has {} bytes more than its header says", message.bytes.len() - length));
        }
        let complete = message.bytes.len() == length;
        Ok(self.0.take_if(|_| complete).map(|(message, _)| message))
    }
}

/// The message that begins with this frame, and its whole length.
fn begun(frame: &[u8]) -> Option<(Message, usize)> {
    let (operation, rest) = frame.split_first_chunk()?;
    let (&kind, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(rest);
    Some((Message { operation: u64::from_le_bytes(*operation), kind: Kind::of_byte(kind)?, bytes }, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_at_the_limit_and_put_together_again() {
        for length in [0, 1, 3, 4, 40, 101] {
            let bytes: Vec<u8> = (0..length).collect();
            let message = Message { operation: 7, kind: Kind::Done, bytes };
            for limit in [HEADER + 1, HEADER + 4, 64, 1000] {
                let frames = message.clone().frames(limit);
                assert!(frames.iter().all(|frame| frame.len() <= limit));
                let mut assembly = Assembly::default();
                let (last, others) = frames.split_last().unwrap();
                for frame in others {
                    assert_eq!(assembly.add(frame), Ok(None));
                }
                assert_eq!(assembly.add(last), Ok(Some(message.clone())));
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(Assembly::default().add(&[1, 2, 3]).is_err());
        let message = Message { operation: 1, kind: Kind::Data, bytes: vec![1, 2] };
        let [mut frame] = message.frames(100).try_into().unwrap();
        frame.push(3);
        assert!(Assembly::default().add(&frame).is_err());
    }
}
