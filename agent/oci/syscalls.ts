/**
 * System calls that a worker may make, whatever their arguments, by what they are for. A name that the kernel or
 * libseccomp doesn't know is skipped by the runtime. Not here: what needs a capability (a worker has none), io_uring,
 * kexec, keyrings, userfaultfd, bpf, perf, and whatever exists only in 32-bit instruction sets.
 */
const byPurpose = {
  files: `
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2
    pwritev2 lseek stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 truncate ftruncate
    fallocate fadvise64 readahead sync syncfs fsync fdatasync sync_file_range sendfile splice tee vmsplice
    copy_file_range flock fcntl ioctl dup dup2 dup3 umask cachestat`,
  directories: `
    getcwd chdir fchdir getdents getdents64 mkdir mkdirat mknod mknodat rmdir link linkat symlink symlinkat readlink
    readlinkat rename renameat renameat2 unlink unlinkat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat
    utime utimes utimensat futimesat getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr
    flistxattr removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat removexattrat
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark`,
  waiting: `
    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait
    epoll_pwait2 eventfd eventfd2 pipe pipe2 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents`,
  memory: `
    brk mmap munmap mremap mprotect madvise msync mincore mlock mlock2 munlock mlockall munlockall remap_file_pages
    memfd_create memfd_secret membarrier pkey_alloc pkey_free pkey_mprotect map_shadow_stack mseal`,
  processes: `
    fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid setpgid getpgrp getsid setsid
    prctl ptrace seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self pidfd_open pidfd_send_signal
    process_mrelease set_tid_address set_robust_list get_robust_list set_thread_area get_thread_area rseq futex
    futex_waitv futex_wait futex_wake futex_requeue restart_syscall uname sysinfo getrandom getcpu`,
  users: `
    getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid setgroups setreuid setregid setresuid
    setresgid setfsuid setfsgid capget capset`,
  signals: `
    kill tkill tgkill pause alarm rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack signalfd signalfd4`,
  time: `
    time times gettimeofday nanosleep clock_gettime clock_getres clock_nanosleep clock_adjtime adjtimex getitimer
    setitimer timer_create timer_delete timer_settime timer_gettime timer_getoverrun timerfd_create timerfd_settime
    timerfd_gettime`,
  scheduling: `
    sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam
    sched_getscheduler sched_setscheduler sched_get_priority_min sched_get_priority_max sched_rr_get_interval
    getpriority setpriority ioprio_get ioprio_set getrlimit setrlimit prlimit64 getrusage`,
  sockets: `
    socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt sendto
    recvfrom sendmsg recvmsg sendmmsg recvmmsg`,
  interprocess: `
    shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink
    mq_timedsend mq_timedreceive mq_notify mq_getsetattr`,
};

export const allowedSyscalls: readonly string[] = Object.values(byPurpose).flatMap((names) =>
  names.trim().split(/\s+/),
);
