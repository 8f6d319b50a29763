//! What the file system under a store can do.

use std::fs::File;
use std::io;
use std::path::Path;

/// What kind of file system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Space that was given to a file can be written: a full disk is noticed when it is asked for.
    Allocates,
    /// Of this kind nothing is known, or that a write may need space anew: copy on write.
    Other,
    /// Other machines may have the file too. Neither locks nor shared memory are the same for them.
    Network(&'static str),
}

impl Disk {
    /// That of a folder.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        kind(folder)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn kind(folder: &Path) -> io::Result<Disk> {
    // linux/magic.h, and the file systems' own headers.
    Ok(match rustix::fs::statfs(folder)?.f_type.cast_unsigned() & 0xffff_ffff {
        0xef53 | 0x5846_5342 | 0x0102_1994 => Disk::Allocates,
        0x6969 => Disk::Network("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Disk::Network("SMB"),
        0x0102_1997 => Disk::Network("9P"),
        0x00c3_6400 => Disk::Network("Ceph"),
        0x5346_414f | 0x6b41_4653 => Disk::Network("AFS"),
        0x0bd0_0bd0 => Disk::Network("Lustre"),
        0x0116_1970 => Disk::Network("GFS2"),
        0x7461_636f => Disk::Network("OCFS2"),
        _ => Disk::Other,
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn kind(folder: &Path) -> io::Result<Disk> {
    let kind = rustix::fs::statfs(folder)?.f_fstypename;
    let name: Vec<u8> = kind.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
    Ok(match &name[..] {
        b"nfs" => Disk::Network("NFS"),
        b"smbfs" => Disk::Network("SMB"),
        b"afpfs" => Disk::Network("AFP"),
        b"webdav" => Disk::Network("WebDAV"),
        _ => Disk::Other,
    })
}

/// Makes a file as long as this, and gives it the space for all of it if the system can.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn allocate(file: &File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => lengthen(file, length),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn allocate(file: &File, length: u64) -> io::Result<()> {
    lengthen(file, length)
}

fn lengthen(file: &File, length: u64) -> io::Result<()> {
    if file.metadata()?.len() < length { file.set_len(length) } else { Ok(()) }
}

/// Names the time since the machine was started: another text after each start.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().into())
}

#[cfg(target_vendor = "apple")]
#[allow(unsafe_code)]
pub(crate) fn boot() -> io::Result<String> {
    let mut text = [0_u8; 64];
    let mut length = text.len();
    let name = c"kern.bootsessionuuid";
    // SAFETY: the name ends with a zero byte, and the length is that of the buffer.
    let code = unsafe {
        libc::sysctlbyname(name.as_ptr(), text.as_mut_ptr().cast(), &raw mut length, std::ptr::null_mut(), 0)
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(text[..length].iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn boot() -> io::Result<String> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system does not say when it was started"))
}
