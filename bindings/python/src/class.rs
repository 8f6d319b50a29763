//! Classes that can't be changed.

use std::ffi::c_ulong;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The flag of a class that refuses assignments. The limited API has it since Python 3.14, and it means the same since
/// 3.10. A class that has had its `__new__` replaced would make objects whose fields were never written.
pub(crate) const IMMUTABLE: c_ulong = 1 << 8;

/// Sets the flag of a class, whose `pyo3` can't until 3.14 is the oldest Python. A Python whose classes look otherwise in
/// memory than they do in 3.11 to 3.14 leaves them as they are.
pub(crate) fn seal(class: &Bound<'_, PyType>) {
    /// The words before `tp_flags` in a `PyTypeObject`.
    const BEFORE: usize = 21;
    let class = class.as_type_ptr();
    // SAFETY: the thread is attached, and it is a class that nothing else knows yet. A `PyTypeObject` has more words than
    // these. That the word is `tp_flags` is seen from its value before it is written.
    unsafe {
        let flags = class.cast::<c_ulong>().add(BEFORE);
        if flags.read() == ffi::PyType_GetFlags(class) {
            flags.write(flags.read() | IMMUTABLE);
            ffi::PyType_Modified(class);
        }
    }
}
