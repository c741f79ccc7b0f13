//! A parser of the pickles that PyTorch writes. Objects are parsed, never created, and each is stored once, however often
//! it is used.

use std::collections::HashMap;

/// The index of an object in its [`Pickle`].
pub type Id = usize;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object<'p> {
    /// A number beyond 64 bits, a float or None.
    Other,
    Bool(bool),
    Int(i64),
    Text(&'p str),
    Class(&'p str, &'p str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// Keys and values in the order of insertion.
    Dict(Vec<(Id, Id)>),
    /// An object that the file stores outside the pickle.
    Persistent(Id),
    /// The call of a class or function.
    Call {
        callable: Id,
        arguments: Id,
    },
}

/// The objects of a pickle.
#[derive(Debug)]
pub struct Pickle<'p> {
    objects: Vec<Object<'p>>,
    root: Id,
}

impl<'p> Pickle<'p> {
    /// Parses a pickle.
    ///
    /// # Errors
    /// If an opcode is unknown, or the pickle ends before its last opcode. The text gives the reason.
    pub fn parse(bytes: &'p [u8]) -> Result<Self, String> {
        let mut machine = Machine { rest: bytes, ..Machine::default() };
        loop {
            let place = bytes.len() - machine.rest.len();
            match machine.step() {
                Some(Step::More) => {}
                Some(Step::Done(root)) => return Ok(Self { objects: machine.objects, root }),
                Some(Step::Unknown(opcode)) => {
                    return Err(format!(
                        "opcode {opcode:#04x} at byte {place} of the pickle is not supported"
                    ));
                }
                None => return Err(format!("the pickle is damaged at byte {place}")),
            }
        }
    }

    /// The object that the pickle describes.
    pub fn root(&self) -> &Object<'p> {
        &self.objects[self.root]
    }

    /// The object of an index.
    pub fn get(&self, id: Id) -> &Object<'p> {
        &self.objects[id]
    }
}

enum Step {
    More,
    Done(Id),
    Unknown(u8),
}

#[derive(Default)]
struct Machine<'p> {
    rest: &'p [u8],
    objects: Vec<Object<'p>>,
    stack: Vec<Id>,
    /// Heights of the stack at the marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'p> Machine<'p> {
    /// Executes one opcode; None if the pickle is damaged there.
    fn step(&mut self) -> Option<Step> {
        let [opcode] = self.numbers()?;
        match opcode {
            // Protocol, frame.
            0x80 => drop(self.bytes(1)?),
            0x95 => drop(self.bytes(8)?),
            b'.' => return Some(Step::Done(self.pop()?)),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Object::Other),
            0x88 => self.push(Object::Bool(true)),
            0x89 => self.push(Object::Bool(false)),
            b'K' => {
                let [number] = self.numbers()?;
                self.push(Object::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.numbers()?);
                self.push(Object::Int(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(self.numbers()?);
                self.push(Object::Int(number.into()));
            }
            0x8a => self.long()?,
            b'G' => {
                self.bytes(8)?;
                self.push(Object::Other);
            }
            b'X' => {
                let length = u32::from_le_bytes(self.numbers()?);
                self.text(length as usize)?;
            }
            0x8c => {
                let [length] = self.numbers()?;
                self.text(length.into())?;
            }
            b'c' => {
                let class = Object::Class(self.line()?, self.line()?);
                self.push(class);
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Object::Text(module), Object::Text(name)) = (&self.objects[module], &self.objects[name])
                else {
                    return None;
                };
                self.push(Object::Class(module, name));
            }
            b')' => self.push(Object::Tuple(Vec::new())),
            b']' => self.push(Object::List(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Object::Tuple(items));
            }
            0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(opcode - 0x84))?;
                let items = self.stack.split_off(first);
                self.push(Object::Tuple(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(vec![item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.extend_list(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend_dict(&items)?;
            }
            b'Q' => {
                let id = self.pop()?;
                self.push(Object::Persistent(id));
            }
            b'R' | 0x81 => self.call()?,
            // The state of an object: attributes of a dictionary, which are no entries of it.
            b'b' => drop(self.pop()?),
            b'q' => {
                let [slot] = self.numbers()?;
                self.remember(slot.into())?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.numbers()?);
                self.remember(slot)?;
            }
            0x94 => self.remember(u32::try_from(self.memo.len()).ok()?)?,
            b'h' => {
                let [slot] = self.numbers()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.numbers()?);
                self.recall(slot)?;
            }
            unknown => return Some(Step::Unknown(unknown)),
        }
        Some(Step::More)
    }

    fn push(&mut self, object: Object<'p>) {
        self.stack.push(self.objects.len());
        self.objects.push(object);
    }

    /// Objects before the last mark are not visible.
    fn pop(&mut self) -> Option<Id> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() > bottom { self.stack.pop() } else { None }
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn bytes(&mut self, count: usize) -> Option<&'p [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn numbers<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.bytes(COUNT)?.try_into().ok()
    }

    /// A little-endian number with its length in bytes before it.
    fn long(&mut self) -> Option<()> {
        let [length] = self.numbers()?;
        let bytes = self.bytes(length.into())?;
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        self.push(if bytes.len() <= whole.len() {
            whole[..bytes.len()].copy_from_slice(bytes);
            Object::Int(i64::from_le_bytes(whole))
        } else {
            Object::Other
        });
        Some(())
    }

    fn text(&mut self, length: usize) -> Option<()> {
        let text = str::from_utf8(self.bytes(length)?).ok()?;
        self.push(Object::Text(text));
        Some(())
    }

    fn line(&mut self) -> Option<&'p str> {
        let length = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = self.bytes(length)?;
        self.bytes(1)?;
        str::from_utf8(line).ok()
    }

    fn extend_list(&mut self, items: Vec<Id>) -> Option<()> {
        match &mut self.objects[*self.stack.last()?] {
            Object::List(list) => list.extend(items),
            _ => return None,
        }
        Some(())
    }

    fn extend_dict(&mut self, items: &[Id]) -> Option<()> {
        let (pairs, []) = items.as_chunks() else { return None };
        match &mut self.objects[*self.stack.last()?] {
            Object::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            _ => return None,
        }
        Some(())
    }

    fn call(&mut self) -> Option<()> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        self.push(match self.objects[callable] {
            Object::Class("collections", "OrderedDict" | "defaultdict") => Object::Dict(Vec::new()),
            _ => Object::Call { callable, arguments },
        });
        Some(())
    }

    fn remember(&mut self, slot: u32) -> Option<()> {
        self.memo.insert(slot, *self.stack.last()?);
        Some(())
    }

    fn recall(&mut self, slot: u32) -> Option<()> {
        self.stack.push(*self.memo.get(&slot)?);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_used_often_is_stored_once() {
        // A tuple of two equal tuples, 60 levels deep, would be 2⁶⁰ objects.
        let mut bytes = b")q\x00".to_vec();
        for _ in 0..60 {
            bytes.extend(b"h\x00h\x00\x86q\x00");
        }
        bytes.push(b'.');
        let pickle = Pickle::parse(&bytes).unwrap();
        assert!(matches!(pickle.root(), Object::Tuple(items) if items.len() == 2));
        assert!(pickle.objects.len() < 100);
    }

    #[test]
    fn lengths_beyond_the_end_and_deep_nesting_are_harmless() {
        assert!(Pickle::parse(b"X\xff\xff\xff\xffabc.").is_err());
        assert!(Pickle::parse(b"\x8a\xff\x01.").is_err());
        assert!(Pickle::parse(&[[b')'].as_slice(), &[0x85; 300_000], b"."].concat()).is_ok());
        assert!(Pickle::parse(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.").is_ok());
    }

    #[test]
    fn numbers_have_their_signs() {
        for (bytes, expected) in [
            (&b"\x8a\x01\xff."[..], Object::Int(-1)),
            (b"\x8a\x02\x00\x80.", Object::Int(-32768)),
            (b"\x8a\x05\x00\x00\x00\x00\x01.", Object::Int(1 << 32)),
            (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", Object::Other),
            (b"J\xfe\xff\xff\xff.", Object::Int(-2)),
        ] {
            assert_eq!(Pickle::parse(bytes).unwrap().root(), &expected);
        }
    }

    #[test]
    fn an_unknown_opcode_is_named_with_its_place() {
        let found = Pickle::parse(b"\x80\x02}\xfe.").unwrap_err();
        assert_eq!(found, "opcode 0xfe at byte 3 of the pickle is not supported");
    }
}
