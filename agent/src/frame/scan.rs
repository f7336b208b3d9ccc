//! Finds the frames in a file's bytes.

use zerocopy::FromBytes as _;

use super::{About, Damage, Frame, HEAD, Head, MAGIC, MAX_BYTES, Reason};

/// The frame at this offset, or what is there in its place up to the next whole one; `None` at the end of the bytes.
/// What follows begins at [`Frame::end`], or where the damage ends.
pub fn next(bytes: &[u8], offset: usize) -> Option<Result<Frame<'_>, Damage>> {
    let rest = bytes.get(offset..).filter(|rest| !rest.is_empty())?;
    let wrong = match parse(rest, offset) {
        Ok(frame) => return Some(Ok(frame)),
        Err(wrong) => wrong,
    };
    let end = following(bytes, offset + wrong.skip);
    Some(Err(Damage {
        offset,
        bytes: end - offset,
        reason: wrong.reason,
    }))
}

/// Where the next whole frame begins; the end of the bytes if there is none.
fn following(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = memchr::memmem::find(rest, &MAGIC) else {
            break;
        };
        match parse(&rest[found..], at + found) {
            Ok(_) => return at + found,
            // Not every byte of it: heads inside each other, each with a long wrong content, would be summed again and
            // again.
            Err(wrong) => at += found + wrong.skip,
        }
    }
    bytes.len()
}

/// What is wrong, and so many bytes in which no other frame can begin.
struct Wrong {
    reason: Reason,
    skip: usize,
}

fn parse(rest: &[u8], offset: usize) -> Result<Frame<'_>, Wrong> {
    let wrong = |reason, skip| Wrong { reason, skip };
    let Ok((head, contents)) = Head::read_from_prefix(rest) else {
        let begins = rest.starts_with(&MAGIC) || MAGIC.starts_with(rest);
        let reason = if begins {
            Reason::Torn
        } else {
            Reason::NoFrame
        };
        return Err(wrong(reason, 1));
    };
    if head.magic != MAGIC {
        return Err(wrong(Reason::NoFrame, 1));
    }
    let (stored, length) = (head.stored.get() as usize, head.length.get());
    if head.check.get() != head.sum() || length as usize > MAX_BYTES {
        return Err(wrong(Reason::Head, 1));
    }
    let contents = contents
        .get(..stored)
        .ok_or_else(|| wrong(Reason::Torn, 1))?;
    if crc32fast::hash(contents) != head.contents.get() {
        return Err(wrong(Reason::Contents, HEAD + stored));
    }
    Ok(Frame {
        offset,
        about: About {
            entries: head.entries.get(),
            earliest: head.earliest.get(),
            latest: head.latest.get(),
            run: head.run.get(),
        },
        length,
        contents,
    })
}
