# Runs a program under a umask and a seccomp filter: confine.pl <umask> <file with the filter> <system call's number>
# <program> [arguments]. systemd does the same as the last thing before it starts a service.
use strict;
use warnings;

my ($umask, $path, $seccomp, @command) = @ARGV;
open(my $file, '<:raw', $path) or die "$path: $!\n";
my $filter = do { local $/; <$file> };
close($file);
umask(oct($umask));
# struct sock_fprog: length, padding, pointer.
my $program = pack('S x6 P', length($filter) / 8, $filter);
# SECCOMP_SET_MODE_FILTER (1)
syscall($seccomp, 1, 0, $program) == 0 or die "seccomp: $!\n";
exec(@command) or die "$command[0]: $!\n";
