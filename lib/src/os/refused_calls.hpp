// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/syscall.h>

#include <array>

// Which system calls a strict sandbox refuses whatever their arguments are. Everything else that a
// worker does goes on: memory, threads, clocks, and reading, writing and passing on the descriptors
// that it has.

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "shoal's sandbox knows x86-64 and aarch64"
#endif

namespace shoal::os {

/// Numbers from 424 up are those of every architecture; older headers lack the names.
inline constexpr std::array kRefusedCalls = {
    // Other programs.
    SYS_execve, SYS_execveat,
    // Sockets: those that are here may be used, others not be made.
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
    // Files by their names.
    SYS_openat, 437 /* openat2 */, SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_truncate,
    SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_linkat, SYS_symlinkat, SYS_renameat2, SYS_fchmodat,
    452 /* fchmodat2 */, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_removexattr,
    SYS_lremovexattr, 463 /* setxattrat */, 466 /* removexattrat */, 469 /* file_setattr */,
    SYS_inotify_add_watch, SYS_fanotify_init, SYS_fanotify_mark,
    // Memory that others find by a name or a key.
    SYS_mq_open, SYS_mq_unlink, SYS_shmget, SYS_shmat, SYS_shmctl, SYS_semget, SYS_semctl,
    SYS_semop, SYS_semtimedop, SYS_msgget, SYS_msgctl, SYS_msgsnd, SYS_msgrcv,
    // Other processes.
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_tkill,
    424 /* pidfd_send_signal */, 438 /* pidfd_getfd */, 440 /* process_madvise */,
    448 /* process_mrelease */, SYS_move_pages, SYS_migrate_pages,
    // Namespaces, mounts and roots.
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, 428 /* open_tree */,
    429 /* move_mount */, 430 /* fsopen */, 431 /* fsconfig */, 432 /* fsmount */, 433 /* fspick */,
    442 /* mount_setattr */, 467 /* open_tree_attr */,
    // Doors past this filter, and parts of the kernel that are often broken into.
    425 /* io_uring_setup */, 426 /* io_uring_enter */, 427 /* io_uring_register */, SYS_bpf,
    SYS_perf_event_open, SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_personality,
    // The machine.
    SYS_reboot, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
    SYS_kexec_file_load, SYS_swapon, SYS_swapoff, SYS_acct, SYS_syslog,
    SYS_quotactl, 443 /* quotactl_fd */, SYS_sethostname, SYS_setdomainname, SYS_settimeofday,
    SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_vhangup,
#ifdef __x86_64__
    // What only this architecture has.
    SYS_open, SYS_creat, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_unlink, SYS_link, SYS_symlink,
    SYS_rename, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_iopl,
    SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
    SYS_renameat,
};

/// The newest call that was looked at for the list.
inline constexpr long kNewestKnownCall = 469;

}  // namespace shoal::os
