use std::io;

use rustix::io::Errno;

/// The lines that the parent of this process writes to its standard input.
#[derive(Default)]
pub struct Commands {
    partial: Vec<u8>,
}

impl Commands {
    /// Takes the lines that came, once the input is readable. `None`: there will be no more, and the process ends.
    ///
    /// # Errors
    /// Those of the input.
    pub fn read(&mut self) -> io::Result<Option<Vec<String>>> {
        let mut buffer = [0; 4096];
        let length = match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
            Ok(0) => return Ok(None),
            Ok(length) => length,
            Err(Errno::INTR | Errno::AGAIN) => 0,
            Err(error) => return Err(error.into()),
        };
        self.partial.extend_from_slice(&buffer[..length]);
        let complete = self.partial.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.partial.drain(..complete).collect();
        Ok(Some(String::from_utf8_lossy(&lines).lines().map(Into::into).collect()))
    }
}
