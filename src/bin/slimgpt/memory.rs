//! The settings of the memory allocator.

/// Lets all threads of glibc allocate from one heap. Otherwise each thread has heaps of 64 MiB, and hidden states and activations
/// leave gaps in them: the program then needs up to a fifth more memory than it uses. It must be called before any other work.
pub fn use_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: the call changes one parameter of the allocator, and no other thread runs yet.
        #[allow(unsafe_code)]
        let accepted = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
        // An allocator in its place that ignores the parameter has its own limits.
        debug_assert!(accepted == 0 || accepted == 1);
    }
}
