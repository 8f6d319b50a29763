use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Makes the strings of a stream.
///
/// Where text is not ASCII, Python's decoder of UTF-8 begins with an array of bytes and moves to wider ones as it meets what
/// does not fit; to give it the code points is quicker by half, and slower for ASCII. A stream is taken to go on in the
/// script of its last text, as a look at each byte would cost more than an error now and then.
#[derive(Default)]
pub(crate) struct Texts {
    /// Whether the last text was not ASCII.
    wide: bool,
    code_points: Vec<u32>,
}

impl Texts {
    /// The most bytes of a text that is taken apart here.
    const LONGEST: usize = 64 << 10;

    #[inline]
    pub(crate) fn string<'py>(&mut self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        // A `wchar_t` is a code point on every Unix, and nowhere else.
        let wide = self.wide && text.len() <= Self::LONGEST && cfg!(unix);
        let string = if wide { self.of_code_points(py, text) } else { PyString::new(py, text) };
        // SAFETY: it is a string.
        self.wide = unsafe { ffi::PyUnicode_GetLength(string.as_ptr()) }.cast_unsigned() != text.len();
        string
    }

    fn of_code_points<'py>(&mut self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        if self.code_points.len() < text.len() {
            self.code_points.resize(text.len(), 0);
        }
        let mut len = 0;
        for (code_point, character) in self.code_points.iter_mut().zip(text.chars()) {
            *code_point = character.into();
            len += 1;
        }
        // SAFETY: so many code points are there. What comes is a string; or null without memory, which is a panic as it is
        // for pyo3's strings.
        unsafe {
            let string = ffi::PyUnicode_FromWideChar(self.code_points.as_ptr().cast(), len);
            Bound::from_owned_ptr(py, string).cast_into_unchecked()
        }
    }
}
